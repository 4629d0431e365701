"""The study's report: which results it shows, in which order, and what it says about each."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Card, package_versions
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.report import generator_tables, supplementary_tables
from synthpath_kedro.report.answer import mean_differences, sensitivity_sentence
from synthpath_kedro.report.content import ReportContent, ReportFigure
from synthpath_kedro.report.figure_texts import AFTER_MODELS, BEFORE_MODELS, FigureText
from synthpath_kedro.report.labels import model_label, ordered_regimes
from synthpath_kedro.report.page import render_report
from synthpath_kedro.report.table_captions import CAPTIONS, READER_STUDY
from synthpath_kedro.report.tables import TRAINED_FROM_SCRATCH

QUESTION = "Does diffusion-generated synthetic data help these image classifiers on this data?"

Tables = Mapping[str, pd.DataFrame]
Figures = Mapping[str, Figure | bytes]


def render_study_report(
    parameters: Parameters,
    data_card: Card,
    manifest: Card,
    tables: Tables,
    figures: Figures,
    recorded: Mapping[str, Any],
) -> str:
    """The report as one page of HTML.

    Args:
        parameters: all of conf's.
        data_card: ``Splits.card()``.
        manifest: of the synthetic shards.
        tables: the long tables by name (classification, comparison, ...), "table_4_1" to "table_4_3" laid out, ``cost``
            and ``class_distribution``.
        figures: by the name of its dataset; "confusion_<model>_figure" for a model's confusion matrices,
            "tsne_<model>_<regime>_figure" for a cell's t-SNE.
        recorded: the parameters that all of this was made with, as plain nested values.
    """
    classification, comparison = tables["classification"], tables["comparison"]
    study = parameters.classification
    trained = set(zip(classification["model"], classification["regime"], strict=True))
    cells = [(model, regime) for model in study.models for regime in study.regimes]
    content = ReportContent(
        title=parameters.report.title,
        question=QUESTION,
        data_card=data_card,
        phantom=bool(data_card.get("phantom")),
        tables={number: tables[f"table_{number}"] for number in ("4_1", "4_2", "4_3")} | _supplementary_tables(tables),
        figures=list(_figures(figures, tables["knn_mixing"], parameters)),
        parameters=recorded,
        versions=package_versions(),
        cost=tables["cost"],
        missing_cells=[cell for cell in cells if cell not in trained],
        groups_known=bool(data_card["groups_known"]),
        random_weights=_random_weights(classification),
        verdicts=supplementary_tables.verdict_table(comparison) if len(comparison) else None,
        differences=mean_differences(classification),
        sensitivity=sensitivity_sentence(comparison),
        captions=_captions(tables, data_card, manifest, parameters.report.embed_real_images),
        notes={
            "4_1": _zero_shot_sentence(classification),
            "4_3": supplementary_tables.control_sentence(tables["robustness"]),
        },
    )
    return render_report(content)


def _zero_shot_sentence(classification: pd.DataFrame) -> str:
    if "zero_shot_val_accuracy" not in classification or classification["zero_shot_val_accuracy"].isna().all():
        return ""
    row = classification.dropna(subset="zero_shot_val_accuracy").iloc[0]
    return (
        f"Free baseline: before any training {model_label(row['model'])} ({row['weights']} weights) matches the class "
        f"names with an accuracy of {row['zero_shot_val_accuracy']:.3f} on the validation images."
    )


def _supplementary_tables(tables: Tables) -> dict[str, pd.DataFrame]:
    found = {
        "Comparisons in full": supplementary_tables.differences(tables["comparison"]),
        "Metrics with 95 % intervals": supplementary_tables.intervals(tables["intervals"]),
        "F1 by class": supplementary_tables.f1_by_class(tables["per_class"]),
        "Calibration": supplementary_tables.calibration(tables["calibration"]),
        "Control of table 4.3": supplementary_tables.normalized_space(tables["robustness"]),
        "Feature space": supplementary_tables.feature_space(tables["knn_mixing"]),
        "Fidelity": generator_tables.fidelity(tables["fidelity"]),
        "Fidelity by class": generator_tables.fidelity_by_class(tables["fidelity_per_class"]),
        "Privacy": generator_tables.privacy(tables["privacy"]),
        "Class distribution": tables["class_distribution"],
    }
    return {name: table for name, table in found.items() if len(table)}


def _captions(tables: Tables, data_card: Card, manifest: Card, real_images: bool) -> dict[str, str]:
    regimes = " / ".join(ordered_regimes(tables["per_class"]["regime"]))
    fidelity_caption = generator_tables.fidelity_caption(tables["fidelity"])
    unit = "patients (or slides)" if data_card["groups_known"] else "images"
    tiles = " and the tile behind each" if real_images else " and the tile behind each synthetic one"
    return {name: caption.format(unit=unit, tiles=tiles) for name, caption in CAPTIONS.items()} | {
        "F1 by class": f"Mean over replicates on the real test set; in each column: trained on {regimes} images.",
        "Fidelity": f"{fidelity_caption} {READER_STUDY}" if real_images else fidelity_caption,
        "Privacy": generator_tables.privacy_caption(tables["privacy"], data_card, manifest),
        "Class distribution": f"{manifest['total']:,} synthetic images were generated beside these.",
    }


def _random_weights(classification: pd.DataFrame) -> list[str]:
    random = classification[classification["weights"] == "random"]["model"].unique()
    return [model for model in random if model not in TRAINED_FROM_SCRATCH]


def _figures(figures: Figures, mixing: pd.DataFrame, parameters: Parameters) -> Iterator[ReportFigure]:
    yield from _shown(figures, BEFORE_MODELS, parameters)
    for model in parameters.classification.models:
        yield from _of_model(figures, mixing, model, parameters.classification.regimes)
    yield from _shown(figures, AFTER_MODELS, parameters)


def _shown(figures: Figures, texts: Mapping[str, FigureText], parameters: Parameters) -> Iterator[ReportFigure]:
    real_images = parameters.report.embed_real_images
    for name, text in texts.items():
        if f"{name}_figure" in figures and (real_images or not text.shows_real_images):
            caption = text.caption if real_images else text.caption + text.without_real_images
            yield ReportFigure(text.title, caption, text.alt, figures[f"{name}_figure"])


def _of_model(figures: Figures, mixing: pd.DataFrame, model: str, regimes: tuple[str, ...]) -> Iterator[ReportFigure]:
    """Its confusion matrices; its t-SNE when trained on real images, or of the first regime that was trained."""
    label = model_label(model)
    if confusion := figures.get(f"confusion_{model}_figure"):
        caption = "Real test set, all replicates; percent of each true class, so that the diagonal is the recall."
        yield ReportFigure(f"Confusion matrices of {label}", caption, f"Confusion matrices of {label}", confusion)
    drawn = [regime for regime in regimes if f"tsne_{model}_{regime}_figure" in figures]
    if drawn:
        regime = "real" if "real" in drawn else drawn[0]
        caption = (
            f"Penultimate features of {label} trained on {regime} images, for real test images and synthetic ones, "
            "embedded jointly: colored by class, and by real or synthetic."
        )
        image = figures[f"tsne_{model}_{regime}_figure"]
        numbers = supplementary_tables.mixing_sentence(mixing, model, regime)
        yield ReportFigure(f"Feature space of {label}", f"{caption} {numbers}".strip(), caption, image)
