"""Table 4.1: how well each cell classifies the real test set."""

from dataclasses import replace
from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import model_label, study_cells, study_trainings
from synthpath_kedro.report.limitations import uses_the_studys_data
from synthpath_kedro.report.section import Evidence, Note, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

OTHER_DATA = "The published study used other data than this run."


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.published_tables import table_4_1

    parameters, classification = evidence["parameters"], evidence["classification"]
    table = table_4_1(
        classification, parameters.classification.models, study_trainings(parameters), study_cells(parameters)
    )
    if not uses_the_studys_data(evidence["data_card"]):
        table = replace(table, caption=OTHER_DATA)
    sentence = _zero_shot_sentence(classification)
    return SectionContent(tables=[table], notes=[Note(sentence)] if sentence else [])


def _zero_shot_sentence(classification: "pd.DataFrame") -> str:
    if "zero_shot_val_accuracy" not in classification or classification["zero_shot_val_accuracy"].isna().all():
        return ""
    row = classification.dropna(subset="zero_shot_val_accuracy").iloc[0]
    return (
        f"Free baseline: before any training {model_label(row['model'])} ({row['weights']} weights) matches the class "
        f"names with an accuracy of {row['zero_shot_val_accuracy']:.3f} on the validation images."
    )


SECTION = Section(
    name="table_4_1",
    title="Table 4.1: accuracy / macro F1 / AUC on the real test set",
    question="help",
    needs=("parameters", "data_card", "classification"),
    build=_build,
    caption=(
        "By training data. AUC is one-vs-rest, averaged over classes. First line of a value: this run, the mean over "
        "replicates. ±: standard deviation over replicates, where there are several. Study: the number the original "
        "study published (single runs on PathMNIST at 64x64)."
    ),
    absent="No table 4.1: no cell has been evaluated.",
    lead=True,
)
