"""What the replicates gain as an ensemble, and what abstaining from the least confident images gains."""

from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import cells_of, model_label
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Errors among the most confident images"
CAPTION = (
    "On the real test set. Mean of the single replicates → their ensemble (the mean of their probabilities). AURC: "
    "area under the risk-coverage curve; 0 is best, and a confidence that tells nothing of errors gives the error "
    "rate. Error at 90 %: of the ensemble, among the 90 % of the test images that it is most confident of, with 95 % "
    "intervals over test {unit} for the networks at hand. The share is taken among the test images: a threshold of "
    "confidence chosen in one center accepts another share in the next."
)
CURVES = (
    "Share of errors of the ensemble of the replicates against the share of the test images that are classified, the "
    "most confident first. Where a curve falls steeply to the left, errors are among the least confident images, which "
    "can be passed on to a person; where it is flat, the classifier is as confident of its errors as of the rest. "
    "Each panel has its own scale."
)
ALT = "Risk against coverage of every classifier, a line for each regime"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.risk_coverage import risk_coverage
    from synthpath_kedro.report.tables import plain_table

    table = evidence["selective"]
    if table.empty:
        return SectionContent()
    coverages = evidence["parameters"].evaluation.selective_coverages
    rows = [
        {"model": model_label(model), "trained on": training.label} | _row(cell, coverages)
        for model, training, cell in cells_of(table)
    ]
    unit = "patients (or slides)" if evidence["data_card"].groups_known else "images"
    image = risk_coverage(evidence["risk_coverage"], note=source_note(phantom=evidence["data_card"].phantom))
    return SectionContent(
        [plain_table(rows, caption=CAPTION.format(unit=unit), folded=True)],
        {"risk_coverage": ReportFigure("Risk against coverage", CURVES, ALT, image)},
    )


def _row(cell: "pd.DataFrame", coverages: tuple[float, ...]) -> dict[str, Any]:
    from synthpath_kedro.evaluation.ensemble import ENSEMBLE
    from synthpath_kedro.evaluation.selective_tables import risk_column
    from synthpath_kedro.report.values import Arrow, Interval

    is_ensemble = cell["replicate"].astype(str) == ENSEMBLE
    singles, together = cell[~is_ensemble], cell[is_ensemble].iloc[0]
    scores = {"accuracy": "accuracy", "Brier score": "brier", "NLL": "nll", "AURC": "aurc"}
    risks = {f"error at {100 * coverage:.4g} %": risk_column(coverage) for coverage in coverages}
    return {label: Arrow(singles[name].mean(), together[name]) for label, name in scores.items()} | {
        label: Interval(together[name], together[f"{name}_low"], together[f"{name}_high"])
        for label, name in risks.items()
    }


SECTION = Section(
    name="selective",
    title=TITLE,
    question="calibration",
    needs=("parameters", "data_card", "selective", "risk_coverage"),
    build=_build,
    absent="No ensembles: no cell has been evaluated.",
)
