import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.locks import LOCKS, made_by_one
from synthpath_kedro.data.missing import MISSING, Missing
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters, TrainingParameters
from synthpath_kedro.pipelines.shared import folder_of
from synthpath_kedro.study.grid import Cell

logger = logging.getLogger(__name__)


def cache_real_features(
    images: LabeledImages,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    folder: Path,
    *,
    model: str,
    name: str,
) -> Artifact:
    """What the frozen backbone of ``model`` computes for ``images``, called ``name``; once for runs side by side."""
    from synthpath_kedro.classifiers.cached_features import cache_features

    lock = scratch / LOCKS / "cached_features" / model / f"{name}.lock"
    with made_by_one(lock, f"cached features of {name} for {model}"):
        return cache_features(model, images, params, seed, folder / model / f"{name}.safetensors")


def cache_features_of_set(
    synthetic_sets: dict[str, SyntheticSet],
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    folder: Path,
    *,
    model: str,
    name: str,
) -> Artifact:
    """The same for the images of the synthetic set ``name``."""
    images = synthetic_sets[name].labeled()
    return cache_real_features(images, params, seed, scratch, folder, model=model, name=name)


def filter_synthetic(
    classifier: Artifact | Missing,
    synthetic_sets: dict[str, SyntheticSet],
    params: ClassificationParameters,
    cached: Artifact | None = None,
    *,
    name: str,
) -> tuple[Artifact, pd.DataFrame]:
    """Asks a cell trained on real images which images of the set ``name`` it assigns to their own class.

    Returns:
        The mask, and how many images of each class were dropped.
    """
    from synthpath_kedro.classifiers.confidence_filtering import filter_synthetic as filter_

    filtering = params.confidence_filtering
    if classifier is MISSING:
        raise InputError(
            f"classification.confidence_filtering.model is {filtering.model}, whose real cell has not been trained: "
            f"kedro run --pipeline=classification --params=model={filtering.model},regime=real"
        )
    synthetic = synthetic_sets[name].labeled()
    check_same_data({"classifier": classifier.card, "synthetic": synthetic.card})
    model = CellMetadata.of(classifier).model
    batch_size = params.backbone(model).batch_size
    filtered = filter_(classifier, synthetic, filtering.min_confidence, batch_size, cached)
    tensors = {"kept": filtered.kept, "predicted": filtered.predicted, "confidence": filtered.confidence}
    card = {
        "synthetic": synthetic.digest,
        "classifier": classifier.digest,
        "model": model,
        "min_confidence": filtering.min_confidence,
    }
    return Artifact(tensors, card), filtered.table(synthetic)


def train_classifier(
    real_train: LabeledImages,
    real_val: LabeledImages,
    params: ClassificationParameters,
    training: TrainingParameters,
    seed: int,
    scratch: Path,
    logs: Path,
    study_check: Card,
    synthetic_sets: Mapping[str, SyntheticSet] | None = None,
    mask: Artifact | None = None,
    *,
    cell: Cell,
    **cached: Artifact,
) -> tuple[Artifact, pd.DataFrame]:
    """Trains every replicate of ``cell``: its checkpoint and its history.

    Args:
        real_train: real training images.
        real_val: real validation images.
        params: the block ``classification``.
        training: names the logger.
        seed: the study's.
        scratch: the folder of unfinished work.
        logs: the folder of logs.
        study_check: the settings fit the data.
        synthetic_sets: the study's, by name; the cell's own is used.
        mask: which of its images to use; None for all.
        cell: model, regime and set.
        cached: what the model's frozen backbone computed, by ``cached_<name of the images>``.
    """
    from synthpath_kedro.classifiers.training import train_cell
    from synthpath_kedro.training.loggers import TrainingLog

    del study_check
    synthetic = synthetic_sets[cell.set].labeled() if synthetic_sets and cell.set else None
    cards = {"real_train": real_train.card, "real_val": real_val.card}
    check_same_data(cards if synthetic is None else cards | {"synthetic": synthetic.card})
    of_images = {name.removeprefix("cached_"): artifact for name, artifact in cached.items()}
    if cell.set in of_images:
        of_images["synthetic"] = of_images.pop(cell.set)
    trained = train_cell(
        cell.model,
        cell.regime,
        real_train,
        real_val,
        synthetic,
        params,
        seed,
        folder_of(cell.namespace, scratch / "classifiers"),
        of_images or None,
        None if mask is None or synthetic is None else _kept(mask, synthetic),
        set_name=cell.set,
        training_log=TrainingLog.of(training, logs),
        made_by=synthetic_sets[cell.set].made_by if synthetic_sets and cell.set else None,
    )
    return trained.checkpoint, trained.history


def _kept(mask: Artifact, synthetic: LabeledImages) -> np.ndarray:
    if mask.card["synthetic"] != synthetic.digest:
        raise InputError(
            "confidence_mask is about other synthetic images: run kedro run --pipeline=classification again"
        )
    return mask.tensors["kept"]


def train_at_ratio(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    synthetic_sets: Mapping[str, SyntheticSet],
    params: ClassificationParameters,
    training: TrainingParameters,
    seed: int,
    scratch: Path,
    logs: Path,
    study_check: Card,
    *,
    model: str,
    name: str,
    ratio: float,
    namespace: str,
    **cached: Artifact,
) -> pd.DataFrame:
    """Trains every replicate of ``model`` with the share ``ratio`` of the set ``name`` in every batch, and scores it.

    Returns:
        One row per replicate: model, set, ratio, replicate, weights, n, accuracy, macro_f1, auc, on the real test set.
    """
    from synthpath_kedro.classifiers.cached_features import stored_features
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.classifiers.prediction import predict_replicates
    from synthpath_kedro.metrics.classification import classification_metrics
    from synthpath_kedro.training.device import placed

    logger.info("%s: %g of every batch is synthetic", model, ratio)
    mixed = params.model_copy(update={"mixing_ratio": ratio})
    folder = folder_of(namespace, scratch)
    cached_real_test = cached.pop("cached_real_test", None)
    cell = Cell(model, "mixed", name)
    checkpoint, _ = train_classifier(
        real_train, real_val, mixed, training, seed, folder, logs, study_check, synthetic_sets, cell=cell, **cached
    )
    check_same_data({"classifier": checkpoint.card, "real_test": real_test.card})
    classifiers = [placed(one) for one in load_classifiers(checkpoint)]
    stored = stored_features(cached_real_test, "real_test", classifiers[0], real_test)
    inputs = real_test.images if stored is None else stored
    rows = []
    for replicate, predicted in enumerate(predict_replicates(classifiers, inputs, params.backbone(model).batch_size)):
        metrics = classification_metrics(predicted.probabilities, real_test.labels)
        identity = {"model": model, "set": name, "ratio": ratio, "replicate": replicate}
        facts = {"weights": classifiers[0].weights, "n": len(real_test)}
        rows.append(identity | facts | {metric: metrics[metric] for metric in ("accuracy", "macro_f1", "auc")})
    return pd.DataFrame(rows)


def tabulate_ratio_sweep(*scores: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(scores).sort_values(["model", "set", "ratio", "replicate"], ignore_index=True)


def draw_ratio_sweep(ratio_sweep: pd.DataFrame, card: DataCard) -> Figure:
    from synthpath_kedro.report.figures.accuracy_by_ratio import accuracy_by_ratio

    return accuracy_by_ratio(ratio_sweep, note=source_note(phantom=card.phantom))


def draw_training_history(history: pd.DataFrame, classifier: Artifact) -> Figure:
    from synthpath_kedro.report.figures.training_history import training_history

    return training_history(history, note=source_note(phantom=CellMetadata.of(classifier).phantom))
