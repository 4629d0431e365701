"""Whether each cell's confidence matches its accuracy."""

from synthpath_kedro.report.labels import cells_of, model_label
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

ERRORS = {"ece_width": "ECE, equal width", "ece_mass": "ECE, equal mass", "brier": "Brier", "nll": "NLL"}
CAPTION = (
    "On the real test set, before → after temperature scaling on the validation images; means over replicates. 0 is "
    "best; a temperature above 1 lowers confidence."
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
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Arrow, Fixed

    table = evidence["calibration"]
    if table.empty:
        return SectionContent()
    rows = [
        {"model": model_label(model), "trained on": training.label}
        | {label: Arrow(cell[name].mean(), cell[f"{name}_scaled"].mean()) for name, label in ERRORS.items()}
        | {"temperature": Fixed(cell["temperature"].mean())}
        for model, training, cell in cells_of(table)
    ]
    image = reliability(evidence["reliability"], note=source_note(phantom=evidence["data_card"].phantom))
    return SectionContent(
        [plain_table(rows, caption=CAPTION, folded=True)],
        {"reliability": ReportFigure("Reliability", RELIABILITY, ALT, image)},
    )


SECTION = Section(
    name="calibration",
    title="Calibration",
    question="calibration",
    needs=("data_card", "calibration", "reliability"),
    build=_build,
    absent="No calibration: no cell has been evaluated.",
)
