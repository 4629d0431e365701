"""The study's report: which results it shows, in which order, and what it says about each."""

from collections.abc import Mapping

import pandas as pd

from synthpath_kedro.data.artefact import Card, package_versions
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.reporting.answer import mean_differences
from synthpath_kedro.reporting.content import ReportContent, ReportFigure
from synthpath_kedro.reporting.labels import model_label
from synthpath_kedro.reporting.report import render_report
from synthpath_kedro.reporting.tables import TRAINED_FROM_SCRATCH

QUESTION = "Does diffusion-generated synthetic data help these image classifiers on this data?"

_FIGURES = {
    "accuracy_by_regime": (
        "Accuracy by training data",
        "Accuracy on the real test set of every cell; a point is a replicate.",
        "Accuracy of each classifier trained on real, synthetic and mixed images",
    ),
    "real_and_synthetic": (
        "Real and synthetic images",
        "A column a class: real training images above, synthetic ones below.",
        "Real and synthetic images side by side, class by class",
    ),
    "sample_grid": ("Training images", "Nine images of each class.", "Nine real training images of each class"),
    "class_distribution_figure": (
        "Class distribution",
        "Images of each class in the training, validation and test set.",
        "Bar chart of images by class and set",
    ),
    "denoiser_loss": (
        "Training of the denoiser",
        "Loss by epoch; the validation loss is on the same noise in every epoch.",
        "Training and validation loss of the denoiser by epoch",
    ),
    "denoiser_samples": (
        "Samples during training",
        "Images sampled from the averaged weights as training went on; the same noise in every row.",
        "Sampled images of each class after several epochs",
    ),
    "robustness": (
        "Robustness",
        "Accuracy under each attack, for every cell.",
        "Accuracy of each cell under random noise, FGSM and BIM",
    ),
}
_SHOW_REAL_IMAGES = ("real_and_synthetic", "sample_grid")


def render_study_report(
    parameters: Parameters,
    data_card: Card,
    manifest: Card,
    tables: Mapping[str, pd.DataFrame],
    classification: pd.DataFrame,
    cost: pd.DataFrame,
    figures: Mapping[str, bytes],
    verdicts: pd.DataFrame | None = None,
) -> str:
    """The report as one page of HTML.

    Args:
        parameters: all of conf's.
        data_card: ``Splits.card()``.
        manifest: of the synthetic shards.
        tables: "4_1", "4_2", "4_3" laid out; any other by its heading.
        classification: one row a cell and replicate.
        cost: ``stage, seconds, images_per_second``.
        figures: PNG by the name of its node's output; "tsne_<model>_<regime>" for a cell's t-SNE.
        verdicts: see ``ReportContent``.
    """
    study = parameters.classification
    trained = set(zip(classification["model"], classification["regime"], strict=True))
    cells = [(model, regime) for model in study.models for regime in study.regimes]
    content = ReportContent(
        title=parameters.report.title,
        question=QUESTION,
        data_card=data_card,
        phantom=bool(data_card.get("phantom")),
        tables=tables,
        figures=_figures(figures, parameters),
        parameters=parameters.model_dump(mode="json"),
        versions=package_versions(),
        cost=cost,
        missing_cells=[cell for cell in cells if cell not in trained],
        groups_known=bool(data_card["groups_known"]),
        random_weights=_random_weights(classification),
        verdicts=verdicts,
        differences=mean_differences(classification),
        captions={"Class distribution": f"{manifest['total']:,} synthetic images were generated beside these."},
    )
    return render_report(content)


def _random_weights(classification: pd.DataFrame) -> list[str]:
    random = classification[classification["weights"] == "random"]["model"].unique()
    return [model for model in random if model not in TRAINED_FROM_SCRATCH]


def _figures(figures: Mapping[str, bytes], parameters: Parameters) -> list[ReportFigure]:
    hidden = () if parameters.report.embed_real_images else _SHOW_REAL_IMAGES
    shown = [ReportFigure(*text, figures[name]) for name, text in _FIGURES.items() if name in figures.keys() - hidden]
    return shown + _tsne_figures(figures, parameters)


def _tsne_figures(figures: Mapping[str, bytes], parameters: Parameters) -> list[ReportFigure]:
    """One a classifier: of the cell trained on real images, or of the first regime that was trained."""
    shown = []
    for model in parameters.classification.models:
        regimes = [name for name in parameters.classification.regimes if f"tsne_{model}_{name}" in figures]
        if regimes:
            regime = "real" if "real" in regimes else regimes[0]
            caption = (
                f"Penultimate features of {model_label(model)} trained on {regime} images, for real test images and "
                "synthetic ones, embedded jointly: coloured by class, and by real or synthetic."
            )
            image = figures[f"tsne_{model}_{regime}"]
            shown.append(ReportFigure(f"Feature space of {model_label(model)}", caption, caption, image))
    return shown
