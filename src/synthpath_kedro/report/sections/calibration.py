"""Whether each cell's confidence matches its accuracy."""

from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import cells_of, model_label
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

ERRORS = {"ece_width": "ECE", "ece_debiased": "ECE, debiased", "brier": "Brier score", "nll": "NLL"}
CAPTION = (
    "On the real test set, before → after temperature scaling on the validation images; means over replicates. 0 is "
    "best; a temperature above 1 lowers confidence. ECE: mean gap between confidence and accuracy in bins of equal "
    "width; it is above 0 by chance alone. Debiased: root mean square gap in bins of equal mass, without the part of "
    "chance. Where validation and test images come from different centers, a temperature that fits one need not fit "
    "the other: the numbers after the arrow say what it did in the test center."
)
VERDICTS = (
    "Change of the probabilities' errors against the baseline, as trained: less is better, so that a negative "
    "difference helps. 95 % intervals of each comparison by itself; Holm's adjustment runs over the claims and over "
    "the controls of one metric. Both depend on accuracy too: a classifier that is more often right has lower errors."
)
RELIABILITY = (
    "Accuracy against confidence on the real test set, over all replicates, in bins of equal width; a larger marker "
    "stands for more images. On the diagonal confidence equals accuracy, below it confidence exceeds accuracy. "
    "Lower row: after temperature scaling on the validation images."
)
ALT = "Reliability diagrams of every classifier, before and after temperature scaling"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.reliability import reliability
    from synthpath_kedro.report.sections.comparisons import verdicts_by_metric
    from synthpath_kedro.report.summary import in_reading_order
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Arrow, Fixed

    table, comparison = evidence["calibration"], in_reading_order(evidence["comparison"])
    if table.empty:
        return SectionContent()
    rows = [
        {"model": model_label(model), "trained on": training.label}
        | {label: Arrow(cell[name].mean(), cell[f"{name}_scaled"].mean()) for name, label in ERRORS.items()}
        | {"temperature": Fixed(cell["temperature"].mean())}
        for model, training, cell in cells_of(table)
    ]
    tables = [plain_table(rows, caption=CAPTION, folded=True)]
    if len(comparison):
        title = "Verdicts on Brier score and NLL"
        tables.append(verdicts_by_metric(comparison, errors=True, title=title, caption=VERDICTS))
    image = reliability(evidence["reliability"], note=source_note(phantom=evidence["data_card"].phantom))
    figure = ReportFigure("Reliability", RELIABILITY, ALT, image)
    return SectionContent(tables, {"reliability": figure}, [Note(temperature_sentence(table), "Temperature scaling:")])


def temperature_sentence(calibration: "pd.DataFrame") -> str:
    """What temperature scaling on validation images did to the test images' ECE and NLL, over cells."""
    cells = [cell for _, _, cell in cells_of(calibration)]
    better = {
        name: sum(cell[f"{name}_scaled"].mean() < cell[name].mean() for cell in cells)
        for name in ("ece_debiased", "nll")
    }
    return (
        f"fitted on validation images, it lowered the debiased ECE on the test images of {better['ece_debiased']} of "
        f"{len(cells)} cells, and the NLL of {better['nll']}."
    )


SECTION = Section(
    name="calibration",
    title="Calibration",
    question="calibration",
    needs=("data_card", "calibration", "reliability", "comparison"),
    build=_build,
    absent="No calibration: no cell has been evaluated.",
)
