"""Table 4.3: robustness, with its figure."""

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import (
    attack_label,
    cells_of,
    eps_label,
    model_label,
    ordered_attacks,
    study_cells,
    study_trainings,
)
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.report.tables import PlainTable

_ROUNDING = 1e-9
CAPTION = "Accuracy under each attack, for every attacked cell; a point is a replicate."
ALT = "Accuracy of each cell under every attack"
INTERVALS = (
    "Accuracy under attack with its 95 % interval over the n attacked images (Wilson; mean over replicates, for these "
    "networks), and the budget at which accuracy is half of that without attack, linear between the budgets of the "
    "curves below."
)
CHECKS = (
    "Gradient attacks measure robustness only where gradients lead to errors. On {n} images and the first replicate: "
    "accuracy after one step (FGSM), many (PGD-20), many with 32/255, and an attack without gradients (Square, 100 "
    "queries). Signs of masked gradients: 32/255 leaves more than 0.1, or one step or Square fools more images than "
    "PGD-20 (sign test)."
)
NO_SIGN = "no sign of masked gradients"
MASKED = "The accuracies of these cells under gradient attacks are too high by an unknown amount."


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
    masked = masking_sentence(evidence["masking"])
    if masked:
        notes.insert(0, Note(masked, "Gradients may be masked.", grave=True))
    models, shown = parameters.classification.models, study_trainings(parameters)
    return SectionContent(
        [
            table_4_3(
                attacked,
                models,
                shown,
                cells=study_cells(parameters, parameters.evaluation.attack_cells),
                as_published=beside,
            ),
            *_in_full(evidence["attack_summary"]),
            *_checks(evidence["masking"]),
        ],
        {"robustness": ReportFigure("Robustness", CAPTION, ALT, image)},
        notes,
    )


def masking_sentence(masking: "pd.DataFrame") -> str:
    """In which cells gradients may be masked, and why; empty where in none.

    Args:
        masking: see ``masking_table``.
    """
    parts = [
        f"{model_label(model)} {training.label}: {cell['signs'].iloc[0]}"
        for model, training, cell in cells_of(masking)
        if _is_masked(cell["signs"].iloc[0])
    ]
    return f"{'. '.join(parts)}. {MASKED}" if parts else ""


def _in_full(summary: "pd.DataFrame") -> "list[PlainTable]":
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Interval

    attacks, rows = ordered_attacks(summary["attack"]), []
    for model, training, cell in cells_of(summary):
        by_attack = cell.set_index("attack")
        row: dict[str, Any] = {"model": model_label(model), "trained on": training.label, "n": int(cell["n"].iloc[0])}
        for attack in attacks:
            row[attack_label(attack)] = Interval(*by_attack.loc[attack, ["accuracy", "ci_low", "ci_high"]])
        for attack in attacks:
            if by_attack["largest_eps"].notna()[attack]:
                halved, largest = by_attack["eps_halved"][attack], by_attack["largest_eps"][attack]
                row[f"halved by {attack_label(attack)}"] = halved_label(halved, largest)
        rows.append(row)
    return [plain_table(rows, title="Intervals and budgets", caption=INTERVALS)] if rows else []


def halved_label(eps: float, largest: float) -> str:
    """The budget that halves accuracy, in gray levels: "3.4/255", or "above 8/255" where the curve ends before."""
    from synthpath_kedro.report.values import DASH

    if eps != eps:
        return DASH
    return f"above {eps_label(largest)}" if eps == inf else f"{eps * 255:.1f}/255"


def _checks(masking: "pd.DataFrame") -> "list[PlainTable]":
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed, Warned

    columns = {"clean_accuracy": "clean", "one_step": "FGSM", "iterated": "PGD-20"}
    columns |= {"large": "PGD-20 at 32/255", "black_box": "Square"}
    rows = []
    for model, training, cell in cells_of(masking):
        one = cell.iloc[0]
        signs = NO_SIGN if not one["signs"] else one["signs"]
        rows.append(
            {"model": model_label(model), "trained on": training.label}
            | {label: Fixed(one[name]) for name, label in columns.items()}
            | {"finding": Warned(f"may be masked: {signs}") if _is_masked(one["signs"]) else signs}
        )
    if not rows:
        return []
    caption = CHECKS.format(n=f"{int(masking['n'].iloc[0]):,}")
    return [plain_table(rows, title="Checks for masked gradients", caption=caption, folded=True)]


def _is_masked(signs: str) -> bool:
    from synthpath_kedro.evaluation.robustness_tables import NO_BETTER

    return signs not in ("", NO_BETTER)


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
    needs=("parameters", "data_card", "predictions", "robustness", "attack_summary", "masking"),
    build=_build,
    caption="Accuracy under attack. In brackets: change from the accuracy on the same images, not attacked.",
    absent="No table 4.3: no cell was attacked.",
)
