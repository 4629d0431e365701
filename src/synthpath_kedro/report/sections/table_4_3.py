"""Table 4.3: robustness, with its figure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import attack_label, cells_of, ordered_attacks, study_cells, study_trainings
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

_ROUNDING = 1e-9
CAPTION = "Accuracy under each attack, for every attacked cell; a point is a replicate."
ALT = "Accuracy of each cell under every attack"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.robustness import robustness
    from synthpath_kedro.report.published import TABLE_4_3_WARNING, models_as_published
    from synthpath_kedro.report.published_tables import table_4_3

    parameters, table = evidence["parameters"], evidence["robustness"]
    attacked = table[~table["control"].astype(bool)] if "control" in table else table
    beside = models_as_published(evidence["data_card"], map(CellMetadata.of, evidence["predictions"]))
    image = robustness(attacked, note=source_note(phantom=evidence["data_card"].phantom))
    sentence = floor_sentence(attacked, evidence["data_card"].splits["test"].counts)
    notes = [Note(sentence, "At the floor.")] if sentence else []
    if beside:
        notes.append(Note(TABLE_4_3_WARNING, "A warning about the published table."))
    models, shown = parameters.classification.models, study_trainings(parameters)
    return SectionContent(
        [
            table_4_3(
                attacked,
                models,
                shown,
                cells=study_cells(parameters, parameters.evaluation.attack_cells),
                as_published=beside,
            )
        ],
        {"robustness": ReportFigure("Robustness", CAPTION, ALT, image)},
        notes,
    )


def floor_sentence(attacked: "pd.DataFrame", counts: Mapping[str, int]) -> str:
    """Under which attacks cells classify no better than without looking at the image; empty where none does.

    Args:
        attacked: as ``robustness_table`` gives it, in pixel space.
        counts: test images by class.
    """
    from synthpath_kedro.report.values import number

    chance = max(counts.values()) / sum(counts.values())
    parts = []
    for attack in ordered_attacks(attacked["attack"]) if len(attacked) else []:
        accuracies = [cell["accuracy"].mean() for _, _, cell in cells_of(attacked[attacked["attack"] == attack])]
        at_floor = sum(accuracy < chance + _ROUNDING for accuracy in accuracies)
        if at_floor:
            parts.append(f"{attack_label(attack)} {at_floor} of {len(accuracies)} cells")
    if not parts:
        return ""
    return (
        f"No better than naming the largest test class every time ({number(chance)}): {'; '.join(parts)}. There the "
        "change says how accurate a cell was before, and differences between cells are no differences in robustness."
    )


SECTION = Section(
    name="table_4_3",
    title="Table 4.3: robustness",
    question="robustness",
    needs=("parameters", "data_card", "predictions", "robustness"),
    build=_build,
    caption="Accuracy under attack. In brackets: change from the accuracy on the same images, not attacked.",
    absent="No table 4.3: no cell was attacked.",
)
