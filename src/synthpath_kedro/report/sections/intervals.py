"""Every cell's metrics with their intervals."""

from synthpath_kedro.report.labels import cells_of, model_label
from synthpath_kedro.report.section import Evidence, Section, SectionContent

METRICS = {"accuracy": "accuracy", "macro_f1": "macro F1", "auc": "AUC", "balanced_accuracy": "balanced", "mcc": "MCC"}
CAPTION = "Mean over replicates; bootstrap intervals over test {unit}, which leave out the variance of training seeds."


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Interval

    rows = []
    for model, training, cell in cells_of(evidence["intervals"]):
        values = cell.set_index("metric")[["mean", "ci_low", "ci_high"]]
        metrics = {label: Interval(*values.loc[metric]) for metric, label in METRICS.items()}
        rows.append({"model": model_label(model), "trained on": training.label} | metrics)
    unit = "patients (or slides)" if evidence["data_card"].groups_known else "images"
    table = plain_table(rows, caption=CAPTION.format(unit=unit), folded=True)
    return SectionContent(tables=[table] if rows else [])


SECTION = Section(
    name="intervals",
    title="Metrics with 95 % intervals",
    question="help",
    needs=("data_card", "intervals"),
    build=_build,
    absent="No intervals: no cell has been evaluated.",
)
