"""Table 4.1: how well each cell classifies the real test set."""

from dataclasses import replace
from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import RANDOM, cells_of, model_label, study_cells, study_trainings
from synthpath_kedro.report.section import Evidence, Note, Section, SectionContent
from synthpath_kedro.study.regimes import REGIMES

if TYPE_CHECKING:
    import pandas as pd

BESIDE = "Published: the number of the original study, a single run on PathMNIST at 64x64."
NOT_BESIDE = (
    "No published numbers are shown here: they are of PathMNIST at 64x64 with 89,996 training images, and of the "
    "published networks with their pretrained weights."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.report.published import models_as_published
    from synthpath_kedro.report.published_tables import table_4_1
    from synthpath_kedro.study.grid import Grid

    parameters, classification, colors = (evidence[name] for name in ("parameters", "classification", "color_baseline"))
    beside = models_as_published(evidence["data_card"], map(CellMetadata.of, evidence["predictions"]))
    table = table_4_1(
        classification,
        parameters.classification.models,
        study_trainings(parameters),
        cells=study_cells(parameters),
        color_baseline=colors,
        as_published=beside,
    )
    table = replace(table, caption=BESIDE if beside else NOT_BESIDE)
    reachable = classification[~classification["set"].isin(Grid.from_parameters(parameters).oracles)]
    sentences = color_sentence(colors, reachable), _zero_shot_sentence(classification)
    return SectionContent(tables=[table], notes=[Note(sentence) for sentence in sentences if sentence])


def color_sentence(colors: "pd.DataFrame", classification: "pd.DataFrame") -> str:
    """How far the best cell is above the mean color of real images; empty without cells.

    Args:
        colors: as ``color_baseline_table`` gives it.
        classification: as ``classification_table`` gives it, without the cells of a perfect generator.
    """
    from synthpath_kedro.report.values import number

    if classification.empty:
        return ""
    baseline = colors.loc[~colors["regime"].map(lambda name: REGIMES.find(name).uses_synthetic), "accuracy"].item()
    means = [(cell["accuracy"].mean(), model, training) for model, training, cell in cells_of(classification)]
    best, model, training = max(means, key=lambda found: found[0])
    return (
        "Color baseline: a logistic regression on three numbers per image, its mean red, green and blue, trained on "
        f"real images, has an accuracy of {number(baseline)}. The highest mean accuracy of a cell, {number(best)} "
        f"({model_label(model)}, trained on {training.label} images), is {number(abs(best - baseline))} "
        f"{'above' if best > baseline else 'below'} it."
    )


def _zero_shot_sentence(classification: "pd.DataFrame") -> str:
    """What pretrained weights know before any training; random ones know nothing, whatever their accuracy."""
    from synthpath_kedro.evaluation.rows import records

    if "zero_shot_val_accuracy" not in classification:
        return ""
    known = classification.dropna(subset="zero_shot_val_accuracy")
    known = known[known["weights"] != RANDOM].drop_duplicates("model")
    parts = [
        f"{model_label(row['model'])} ({row['weights']} weights) {row['zero_shot_val_accuracy']:.3f}"
        for row in records(known)
    ]
    if not parts:
        return ""
    return f"Accuracy on the validation images before any training, by matching class names: {'; '.join(parts)}."


SECTION = Section(
    name="table_4_1",
    title="Table 4.1: accuracy / macro F1 / AUC on the real test set",
    question="help",
    needs=("parameters", "data_card", "color_baseline", "predictions", "classification"),
    build=_build,
    caption=(
        "By training data. AUC is one-vs-rest, averaged over classes. First line of a value: this run, the mean over "
        "replicates. ±: standard deviation over replicates, where there are several."
    ),
    absent="No table 4.1: no cell has been evaluated.",
    lead=True,
)
