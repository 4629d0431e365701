"""Trains the replicates of a cell: one model under one regime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthpath_kedro.classifiers.batches import Source
from synthpath_kedro.classifiers.cached_features import stored_features
from synthpath_kedro.classifiers.checkpoint import Replicate, cell_checkpoint
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.replicate import Cell, train_replicate
from synthpath_kedro.data.artifact import Artifact, digest_arrays, package_versions
from synthpath_kedro.data.cell_metadata import ClassifierMetadata
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.study.regimes import REGIMES, Regime
from synthpath_kedro.training.device import placed
from synthpath_kedro.training.loggers import TrainingLog


@dataclass(frozen=True)
class TrainedCell:
    """What training a cell leaves.

    Attributes:
        checkpoint: every replicate's best weights and the frozen part; ``load_classifiers`` reads it.
        history: model, regime, replicate, epoch, train_loss, val_loss, val_accuracy, learning_rate, seconds,
            images_per_second; one row per epoch of a replicate.
    """

    checkpoint: Artifact
    history: pd.DataFrame


def train_cell(
    model: str,
    regime: str,
    real_train: LabeledImages,
    real_val: LabeledImages,
    synthetic: LabeledImages | None,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    cached: Mapping[str, Artifact] | None = None,
    kept: np.ndarray | None = None,
    set_name: str = "",
    training_log: TrainingLog | None = None,
    made_by: np.ndarray | None = None,
) -> TrainedCell:
    """Trains every replicate of the cell (``model``, ``regime``); goes on where a killed run left off.

    Replicate k starts from the same weights and walks the same permutation of the real images in every regime.

    Args:
        model: a name in ``params.backbones``.
        regime: one of ``REGIMES``.
        real_train: real training images.
        real_val: real validation images, which decide when to stop in every regime.
        synthetic: synthetic images; may be None under real.
        params: the block ``classification``.
        seed: the study's seed.
        scratch: folder of this cell's working files, from which a finished cell comes back at once; the caller
            removes it when the result is safe.
        cached: stored cached features of "real_train", "real_val" and "synthetic", as far as there are any.
        kept: bool [N], the synthetic images to train on; None for all.
        set_name: of the synthetic set; "" where the regime uses none.
        training_log: where metrics are logged; decides nothing. None: nowhere.
        made_by: int64 [N], which of several generators made each synthetic image: replicate k trains on the images of
            generator k mod their number. None: there is one.

    Raises:
        InputError: the images have several labels, synthetic images are needed and missing or of other classes or
            another size, stored features are of other data, or training diverges.
    """
    _check_single_label(real_train)
    used = {"real_train": real_train, "real_val": real_val}
    if REGIMES.find(regime).share(params.mixing_ratio) > 0:
        used["synthetic"] = _checked_synthetic(regime, real_train, synthetic)
    first = build_classifier(model, real_train.class_names, params, seed)
    sources = _sources(used, cached or {}, first, REGIMES[regime].augment)
    if "synthetic" in sources and kept is not None:
        sources["synthetic"] = replace(sources["synthetic"], rows=_some(np.flatnonzero(kept)))
    metadata = _metadata(model, regime, set_name, used, sources, params, seed, first)
    sources = {name: source.resident for name, source in sources.items()}
    parts = _parts(sources["synthetic"], made_by) if "synthetic" in sources else []
    metadata = metadata.model_copy(update=_generators(parts, params.replicates_of(model)))
    cell = Cell(
        model=model,
        regime=regime,
        params=params,
        seed=seed,
        class_names=real_train.class_names,
        real_train=sources["real_train"],
        real_val=sources["real_val"],
        synthetic=sources.get("synthetic"),
        class_weights=_class_weights(REGIMES[regime], params, sources, real_train.n_classes),
        validation_weights=_class_weights(REGIMES["real"], params, sources, real_train.n_classes),
        key=metadata.to_json(),
        training_log=training_log,
    )
    replicates = [
        train_replicate(replace(cell, synthetic=parts[replicate % len(parts)]) if parts else cell, replicate, scratch)
        for replicate in range(params.replicates_of(model))
    ]
    if first.zero_shot:
        accuracy = _accuracy(placed(first), real_val, params.backbone(model).batch_size)
        metadata = metadata.model_copy(update={"zero_shot_val_accuracy": accuracy})
    return TrainedCell(cell_checkpoint(first, replicates, metadata), _history(model, regime, replicates))


def _check_single_label(real_train: LabeledImages) -> None:
    if real_train.multi_label:
        raise InputError(
            f"{real_train.name} is multi-label and training takes one label per image: "
            "choose another data_prep.name; kedro run --pipeline=data_prep gives its class distribution"
        )


def _checked_synthetic(regime: str, real_train: LabeledImages, synthetic: LabeledImages | None) -> LabeledImages:
    if synthetic is None or len(synthetic) == 0:
        raise InputError(f"regime {regime} needs synthetic images and there are none; run the synthesis pipeline first")
    described = [(", ".join(images.class_names), images.image_size) for images in (real_train, synthetic)]
    if described[0] != described[1]:
        (real_names, real_size), (names, size) = described
        raise InputError(
            f"real_train ({real_train.digest[:12]}) has classes {real_names} at {real_size} pixels; "
            f"synthetic ({synthetic.digest[:12]}) has {names} at {size} pixels; "
            "run the pipelines diffusion and synthesis on this data first"
        )
    return synthetic


def _sources(
    used: Mapping[str, LabeledImages], cached: Mapping[str, Artifact], classifier: Classifier, augment: bool
) -> dict[str, Source]:
    """Stored cached features where they can be used, else images; a batch holds one kind."""
    features = {name: stored_features(cached.get(name), name, classifier, images) for name, images in used.items()}
    trained_on = used.keys() - {"real_val"}
    if augment or any(features[name] is None for name in trained_on):
        features |= dict.fromkeys(trained_on)
    stored = {name: Source(array, used[name].labels) for name, array in features.items() if array is not None}
    return {name: Source(images.images, images.labels) for name, images in used.items()} | stored


def _some(rows: np.ndarray) -> np.ndarray:
    if len(rows) == 0:
        raise InputError(
            "confidence filtering keeps no synthetic image: lower "
            "classification.confidence_filtering.min_confidence, or "
            "set classification.confidence_filtering.model to null"
        )
    return rows


def _parts(synthetic: Source, made_by: np.ndarray | None) -> list[Source]:
    """The images of each generator; all of them where there is one."""
    if made_by is None or not made_by.any():
        return [synthetic]
    rows = np.arange(len(made_by)) if synthetic.rows is None else synthetic.rows
    return [replace(synthetic, rows=_some(rows[made_by[rows] == k])) for k in range(made_by.max() + 1)]


def _generators(parts: Sequence[Source], replicates: int) -> dict[str, Any]:
    """How many generators made the images, and on whose each replicate trains (of none without synthetic images)."""
    taken = [replicate % len(parts) for replicate in range(replicates)] if parts else []
    return {"denoiser_replicates": max(1, len(parts)), "denoiser_of_replicate": taken}


def _class_weights(
    regime: Regime, params: ClassificationParameters, sources: Mapping[str, Source], n_classes: int
) -> Tensor | None:
    """N / (classes x count) of the images in an epoch: a mean of 1 over them; 0 for a class without images."""
    if params.class_weights == "none":
        return None
    if regime.balanced:
        return torch.ones(n_classes)
    share, n_real = float(regime.share(params.mixing_ratio)), len(sources["real_train"])
    counts = (1 - share) * _class_counts(sources["real_train"], n_classes)
    if share > 0:
        counts += share * n_real / len(sources["synthetic"]) * _class_counts(sources["synthetic"], n_classes)
    return torch.where(counts > 0, n_real / (n_classes * counts.clamp(min=1e-12)), 0.0).float()


def _class_counts(source: Source, n_classes: int) -> Tensor:
    return torch.from_numpy(np.bincount(source.chosen_labels, minlength=n_classes)).double()


def _metadata(
    model: str,
    regime: str,
    set_name: str,
    used: Mapping[str, LabeledImages],
    sources: Mapping[str, Source],
    params: ClassificationParameters,
    seed: int,
    classifier: Classifier,
) -> ClassifierMetadata:
    """Where the cell comes from: everything that decides its weights."""
    real, backbone = used["real_train"], params.backbone(model)
    others = {"models", "regimes", "backbones", "learning_curve"}
    own = backbone.model_dump(mode="json", exclude={"regimes", "sets", "replicates", "min_steps"})
    return ClassifierMetadata(
        model=model,
        regime=regime,
        set=set_name,
        family="" if backbone.module else str(backbone.family),
        module=backbone.module or "",
        variant=classifier.variant,
        input_size=classifier.input_size,
        weights=classifier.weights,
        license=classifier.license,
        revision=classifier.revision,
        start_digest=classifier.digest,
        description=classifier.description,
        architecture=classifier.architecture,
        class_names=list(real.class_names),
        image_digests={name: images.digest for name, images in used.items()},
        n_images={name: len(source) for name, source in sources.items()},
        rows={
            name: digest_arrays({"rows": source.rows}) for name, source in sources.items() if source.rows is not None
        },
        inputs={name: str(source.inputs[:1].dtype) for name, source in sources.items()},
        prepared=real.prepared,
        synthetic=used["synthetic"].digest if "synthetic" in used else None,
        phantom=real.phantom,
        parameters=params.model_dump(mode="json", exclude=others)
        | {"replicates": params.replicates_of(model), "min_steps": params.min_steps_of(model), model: own},
        seed=seed,
        versions=package_versions(),
    )


def _accuracy(classifier: Classifier, images: LabeledImages, batch_size: int) -> float:
    predicted = predict(classifier, images.images, batch_size).probabilities.argmax(axis=1)
    return float((predicted == images.labels).mean())


def _history(model: str, regime: str, replicates: list[Replicate]) -> pd.DataFrame:
    tables = [replicate.history.assign(replicate=index) for index, replicate in enumerate(replicates)]
    table = pd.concat(tables, ignore_index=True).assign(model=model, regime=regime)
    return table[["model", "regime", "replicate", *replicates[0].history.columns]]
