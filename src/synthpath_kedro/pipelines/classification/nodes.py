import logging
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artefact import Artefact, Card, Recipe
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters

logger = logging.getLogger(__name__)


def store_trunk_features(model: str, images: LabelledImages, params: ClassificationParameters, seed: int) -> Recipe:
    """Says how the frozen part's features of training images are made; the catalog makes them unless it has them."""
    from synthpath_kedro.classifiers.trunk import trunk_recipe

    return trunk_recipe(model, images, params, seed)


def store_trunk_features_of_held_out(
    model: str, images: LabelledImages, params: ClassificationParameters, seed: int
) -> Recipe:
    """The same for images that are never trained on, which augmentation leaves as they are."""
    from synthpath_kedro.classifiers.trunk import trunk_recipe

    return trunk_recipe(model, images, params, seed, trained_on=False)


def store_trunk_features_of_synthetic(
    model: str, shards: dict[str, Artefact], manifest: Card, params: ClassificationParameters, seed: int
) -> Recipe:
    return store_trunk_features(model, open_synthetic(shards, manifest), params, seed)


def select_synthetic(
    classifier: Artefact | None,
    shards: dict[str, Artefact],
    manifest: Card,
    params: ClassificationParameters,
    trunk_synthetic: Artefact | None = None,
) -> tuple[Artefact, pd.DataFrame]:
    """Asks a cell trained on real images which synthetic ones it believes: a mask, and how many were dropped."""
    from synthpath_kedro.classifiers.selection import select_synthetic as select

    if classifier is None:
        raise InputError(
            f"classification.selection.model is {params.selection.model}, whose real cell has not been trained: "
            f"kedro run --pipeline=classification --params=model={params.selection.model},regime=real"
        )
    synthetic = open_synthetic(shards, manifest)
    check_same_data({"classifier": classifier.card, "synthetic": synthetic.card})
    batch_size = params.backbone(classifier.card["model"]).batch_size
    selection = select(classifier, synthetic, params.selection.min_confidence, batch_size, trunk_synthetic)
    tensors = {"kept": selection.kept, "predicted": selection.predicted, "confidence": selection.confidence}
    card = {
        "synthetic": synthetic.digest,
        "classifier": classifier.digest,
        "model": classifier.card["model"],
        "min_confidence": params.selection.min_confidence,
    }
    return Artefact(tensors, card), selection.table(synthetic)


def train_classifier(
    cell: tuple[str, str],
    real_train: LabelledImages,
    real_val: LabelledImages,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    shards: dict[str, Artefact] | None = None,
    manifest: Card | None = None,
    trunk_real_train: Artefact | None = None,
    trunk_real_val: Artefact | None = None,
    trunk_synthetic: Artefact | None = None,
    selection: Artefact | None = None,
) -> tuple[Artefact, pd.DataFrame]:
    """Trains every replicate of one cell (model, regime): its checkpoint and its history."""
    from synthpath_kedro.classifiers.training import train_cell

    model, regime = cell
    synthetic = None if shards is None or manifest is None else open_synthetic(shards, manifest)
    cards = {"real_train": real_train.card, "real_val": real_val.card}
    check_same_data(cards if synthetic is None else cards | {"synthetic": synthetic.card})
    trunks = {"real_train": trunk_real_train, "real_val": trunk_real_val, "synthetic": trunk_synthetic}
    stored = {name: trunk for name, trunk in trunks.items() if trunk is not None}
    trained = train_cell(
        model,
        regime,
        real_train,
        real_val,
        synthetic,
        params,
        seed,
        scratch / model / regime,
        stored or None,
        None if selection is None or synthetic is None else _mask(selection, synthetic),
    )
    return trained.checkpoint, trained.history


def _mask(selection: Artefact, synthetic: LabelledImages) -> np.ndarray:
    if selection.card["synthetic"] != synthetic.digest:
        raise InputError(
            "synthetic_selection is about other synthetic images: run the node select_synthetic again "
            "(kedro run --pipeline=classification)"
        )
    return selection.tensors["kept"]


def train_at_ratio(
    model: str,
    real_train: LabelledImages,
    real_val: LabelledImages,
    real_test: LabelledImages,
    shards: dict[str, Artefact],
    manifest: Card,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    *,
    ratio: float,
    trunk_real_test: Artefact | None = None,
    **trunks: Artefact,
) -> pd.DataFrame:
    """Trains every replicate with the share ``ratio`` of synthetic images in every batch, and scores it.

    Returns:
        One row a replicate: model, ratio, replicate, weights, n, accuracy, macro_f1, auc, on the real test set.
    """
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.classifiers.prediction import predict_replicates
    from synthpath_kedro.classifiers.trunk import stored_features
    from synthpath_kedro.metrics.classification import classification_metrics
    from synthpath_kedro.training.trainer import remove_scratch

    logger.info("%s: %g of every batch is synthetic", model, ratio)
    mixed = params.model_copy(update={"mixing_ratio": ratio})
    folder = scratch / "ratio_sweep" / f"{ratio:g}"
    checkpoint, _ = train_classifier(
        (model, "mixed"), real_train, real_val, mixed, seed, folder, shards, manifest, **trunks
    )
    check_same_data({"classifier": checkpoint.card, "real_test": real_test.card})
    classifiers = load_classifiers(checkpoint)
    stored = stored_features(trunk_real_test, "real_test", classifiers[0], real_test)
    inputs = real_test.images if stored is None else stored
    rows = []
    for replicate, predicted in enumerate(predict_replicates(classifiers, inputs, params.backbone(model).batch_size)):
        metrics = classification_metrics(predicted.probabilities, real_test.labels)
        cell = {"model": model, "ratio": ratio, "replicate": replicate, "weights": checkpoint.card["weights"]}
        rows.append(cell | {"n": len(real_test)} | {name: metrics[name] for name in ("accuracy", "macro_f1", "auc")})
    remove_scratch(folder)
    return pd.DataFrame(rows)


def tabulate_ratio_sweep(*scores: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(scores).sort_values(["model", "ratio", "replicate"], ignore_index=True)


def draw_ratio_sweep(ratio_sweep: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.reporting.figures.accuracy_by_ratio import accuracy_by_ratio

    return accuracy_by_ratio(ratio_sweep, note=source_note(card))


def draw_training_history(history: pd.DataFrame, classifier: Artefact) -> Figure:
    from synthpath_kedro.reporting.figures.training_history import training_history

    return training_history(history, note=source_note(classifier.card))
