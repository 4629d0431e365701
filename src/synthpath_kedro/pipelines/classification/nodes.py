import logging
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card, Recipe
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters

logger = logging.getLogger(__name__)


def cache_features(model: str, images: LabeledImages, params: ClassificationParameters, seed: int) -> Recipe:
    """Says how the frozen part's features of training images are made; the catalog makes them unless it has them."""
    from synthpath_kedro.classifiers.cached_features import cached_features_recipe

    return cached_features_recipe(model, images, params, seed)


def cache_features_of_synthetic(
    model: str, shards: dict[str, Artifact], manifest: Card, params: ClassificationParameters, seed: int
) -> Recipe:
    return cache_features(model, open_synthetic(shards, manifest), params, seed)


def filter_synthetic(
    classifier: Artifact | None,
    shards: dict[str, Artifact],
    manifest: Card,
    params: ClassificationParameters,
    cached_synthetic: Artifact | None = None,
) -> tuple[Artifact, pd.DataFrame]:
    """Asks a cell trained on real images which synthetic ones it believes: a mask, and how many were dropped."""
    from synthpath_kedro.classifiers.confidence_filtering import filter_synthetic as filter_

    if classifier is None:
        raise InputError(
            f"classification.confidence_filtering.model is {params.confidence_filtering.model}, whose real cell has "
            "not been trained: "
            f"kedro run --pipeline=classification --params=model={params.confidence_filtering.model},regime=real"
        )
    synthetic = open_synthetic(shards, manifest)
    check_same_data({"classifier": classifier.card, "synthetic": synthetic.card})
    batch_size = params.backbone(classifier.card["model"]).batch_size
    filtered = filter_(classifier, synthetic, params.confidence_filtering.min_confidence, batch_size, cached_synthetic)
    tensors = {"kept": filtered.kept, "predicted": filtered.predicted, "confidence": filtered.confidence}
    card = {
        "synthetic": synthetic.digest,
        "classifier": classifier.digest,
        "model": classifier.card["model"],
        "min_confidence": params.confidence_filtering.min_confidence,
    }
    return Artifact(tensors, card), filtered.table(synthetic)


def train_classifier(
    cell: tuple[str, str],
    real_train: LabeledImages,
    real_val: LabeledImages,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    shards: dict[str, Artifact] | None = None,
    manifest: Card | None = None,
    cached_real_train: Artifact | None = None,
    cached_real_val: Artifact | None = None,
    cached_synthetic: Artifact | None = None,
    mask: Artifact | None = None,
) -> tuple[Artifact, pd.DataFrame]:
    """Trains every replicate of one cell (model, regime): its checkpoint and its history."""
    from synthpath_kedro.classifiers.training import train_cell

    model, regime = cell
    synthetic = None if shards is None or manifest is None else open_synthetic(shards, manifest)
    cards = {"real_train": real_train.card, "real_val": real_val.card}
    check_same_data(cards if synthetic is None else cards | {"synthetic": synthetic.card})
    cached = {"real_train": cached_real_train, "real_val": cached_real_val, "synthetic": cached_synthetic}
    stored = {name: cached for name, cached in cached.items() if cached is not None}
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
        None if mask is None or synthetic is None else _kept(mask, synthetic),
    )
    return trained.checkpoint, trained.history


def _kept(mask: Artifact, synthetic: LabeledImages) -> np.ndarray:
    if mask.card["synthetic"] != synthetic.digest:
        raise InputError(
            "confidence_mask is about other synthetic images: run the node filter_synthetic again "
            "(kedro run --pipeline=classification)"
        )
    return mask.tensors["kept"]


def train_at_ratio(
    model: str,
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    shards: dict[str, Artifact],
    manifest: Card,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    *,
    ratio: float,
    cached_real_test: Artifact | None = None,
    **cached: Artifact,
) -> pd.DataFrame:
    """Trains every replicate with the share ``ratio`` of synthetic images in every batch, and scores it.

    Returns:
        One row per replicate: model, ratio, replicate, weights, n, accuracy, macro_f1, auc, on the real test set.
    """
    from synthpath_kedro.classifiers.cached_features import stored_features
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.classifiers.prediction import predict_replicates
    from synthpath_kedro.metrics.classification import classification_metrics
    from synthpath_kedro.training.trainer import remove_scratch

    logger.info("%s: %g of every batch is synthetic", model, ratio)
    mixed = params.model_copy(update={"mixing_ratio": ratio})
    folder = scratch / "ratio_sweep" / f"{ratio:g}"
    checkpoint, _ = train_classifier(
        (model, "mixed"), real_train, real_val, mixed, seed, folder, shards, manifest, **cached
    )
    check_same_data({"classifier": checkpoint.card, "real_test": real_test.card})
    classifiers = load_classifiers(checkpoint)
    stored = stored_features(cached_real_test, "real_test", classifiers[0], real_test)
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
    from synthpath_kedro.report.figures.accuracy_by_ratio import accuracy_by_ratio

    return accuracy_by_ratio(ratio_sweep, note=source_note(card))


def draw_training_history(history: pd.DataFrame, classifier: Artifact) -> Figure:
    from synthpath_kedro.report.figures.training_history import training_history

    return training_history(history, note=source_note(classifier.card))
