"""What the training data does to each class."""

from synthpath_kedro.report.labels import model_label, ordered_models, rows_of, trainings
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = (
    "On the real test set, mean over replicates; the class with the fewest training images first, classes that were "
    "subsampled on purpose marked."
)
ALT = "F1 of each class under every regime, for each classifier"


def _build(evidence: Evidence) -> SectionContent:
    import pandas as pd

    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.f1_by_class import f1_by_class
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Listed

    per_class, card = evidence["per_class"], evidence["data_card"]
    if per_class.empty:
        return SectionContent()
    shown = trainings(per_class)

    def f1(model: str, name: str) -> Listed:
        cells = [rows_of(per_class, model, training) for training in shown]
        return Listed(tuple(float(cell.loc[cell["class"] == name, "f1"].mean()) for cell in cells))

    models = ordered_models(per_class["model"])
    rows = [
        {"class": name} | {model_label(model): f1(model, name) for model in models}
        for name in per_class["class"].unique()
    ]
    names = " / ".join(training.label for training in shown)
    table = plain_table(
        rows,
        caption=f"Mean over replicates on the real test set; in each column: trained on {names} images.",
        folded=True,
    )
    subsampled = tuple(card.subsampled)
    in_training = pd.DataFrame(card.splits["train"].counts.items(), columns=["class", "train"])
    figure = f1_by_class(per_class, in_training, subsampled, note=source_note(phantom=card.phantom))
    return SectionContent([table], {"f1_by_class": ReportFigure("F1 by class", CAPTION, ALT, figure)})


SECTION = Section(
    name="f1_by_class",
    title="F1 by class",
    question="help",
    needs=("data_card", "per_class"),
    build=_build,
    absent="No F1 by class: no cell has been evaluated.",
)
