"""Trains the replicates of a cell: one model under one regime."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from synthpath_kedro.classifiers.batches import EpochBatches, InOrder, Source
from synthpath_kedro.classifiers.best_weights import BestWeights
from synthpath_kedro.classifiers.checkpoint import Replicate, cell_checkpoint
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.lightning_module import ClassifierTraining
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.trunk import FEATURES, check_trunk
from synthpath_kedro.data.artefact import Artefact, Card, package_versions, read_artefact, write_artefact
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.regimes import regime_batches, synthetic_share
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import MODELS, ClassificationParameters
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.seeding import mixed_seed
from synthpath_kedro.training.trainer import Patience, make_trainer, remove_scratch, resumable_checkpoint

log = logging.getLogger(__name__)

METRICS = ("train_loss", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class TrainedCell:
    """What training a cell leaves.

    Attributes:
        checkpoint: every replicate's best weights and the frozen part; ``load_classifiers`` reads it.
        history: model, regime, replicate, epoch, train_loss, val_loss, val_accuracy, learning_rate, seconds,
            images_per_second; one row an epoch of a replicate.
    """

    checkpoint: Artefact
    history: pd.DataFrame


@dataclass(frozen=True)
class _Cell:
    """What every replicate of a cell shares."""

    model: str
    regime: str
    params: ClassificationParameters
    seed: int
    class_names: tuple[str, ...]
    image_size: int
    real_train: Source
    real_val: Source
    synthetic: Source | None
    class_weights: Tensor | None
    key: Card

    def classifier(self, replicate: int) -> Classifier:
        return build_classifier(self.model, self.class_names, self.params, self.seed, self.image_size, replicate)


def train_cell(
    model: str,
    regime: str,
    real_train: LabelledImages,
    real_val: LabelledImages,
    synthetic: LabelledImages | None,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    trunk: Mapping[str, Artefact] | None = None,
) -> TrainedCell:
    """Trains every replicate of the cell (``model``, ``regime``); goes on where a killed run left off.

    Replicate k starts from the same weights and walks the same permutation of the real images in every regime.

    Args:
        model: one of ``parameters.MODELS``.
        regime: real, synthetic or mixed.
        real_train: real training images.
        real_val: real validation images, which decide when to stop in every regime.
        synthetic: synthetic images; may be None under real.
        params: the block ``classification``.
        seed: the study's seed.
        scratch: folder of this cell's working files; removed when training ends well.
        trunk: stored trunk features of "real_train", "real_val" and "synthetic", as far as there are any.

    Raises:
        InputError: synthetic images are needed and missing, have other classes, or stored features are of other data.
    """
    needs_synthetic = synthetic_share(regime, params.mixing_ratio) > 0
    used = {"real_train": real_train, "real_val": real_val}
    if needs_synthetic:
        used["synthetic"] = _checked_synthetic(regime, real_train, synthetic)
    _check_trainable(real_train)
    first = build_classifier(model, real_train.class_names, params, seed, real_train.image_size)
    sources = _sources(used, trunk or {}, first)
    card = _card(model, regime, used, params, seed, first)
    cell = _Cell(
        model=model,
        regime=regime,
        params=params,
        seed=seed,
        class_names=real_train.class_names,
        image_size=real_train.image_size,
        real_train=sources["real_train"],
        real_val=sources["real_val"],
        synthetic=sources.get("synthetic"),
        class_weights=_class_weights(real_train) if params.class_weights == "balanced" else None,
        key=card,
    )
    replicates = [_train_replicate(cell, replicate, scratch) for replicate in range(params.replicates)]
    if model == "clip":
        card = {**card, "zero_shot_accuracy": _accuracy(first, real_val, params.clip.batch_size)}
    remove_scratch(scratch)
    history = pd.concat([replicate.history for replicate in replicates], ignore_index=True)
    return TrainedCell(cell_checkpoint(first, replicates, card), history)


def _checked_synthetic(regime: str, real_train: LabelledImages, synthetic: LabelledImages | None) -> LabelledImages:
    if synthetic is None or len(synthetic) == 0:
        raise InputError(f"regime {regime} needs synthetic images and there are none; run the synthesis pipeline first")
    if synthetic.class_names != real_train.class_names:
        raise InputError(
            f"real_train ({real_train.digest[:12]}) has classes {', '.join(real_train.class_names)}; "
            f"synthetic ({synthetic.digest[:12]}) has {', '.join(synthetic.class_names)}; "
            "run the pipelines diffusion and synthesis on this data first"
        )
    return synthetic


def _check_trainable(real_train: LabelledImages) -> None:
    if real_train.multi_label:
        raise InputError(
            f"data_prep.name: {real_train.card.get('name', 'this data set')} has several labels an image; "
            "classification takes one label an image: choose a single-label data set"
        )


def _sources(
    used: Mapping[str, LabelledImages], trunk: Mapping[str, Artefact], classifier: Classifier
) -> dict[str, Source]:
    """Stored trunk features where every set has them, else images: a batch holds one kind."""
    for name in used.keys() & trunk.keys():
        check_trunk(trunk[name], name, classifier, used[name])
    if all(name in trunk and FEATURES in trunk[name].tensors for name in used):
        return {name: Source(trunk[name].tensors[FEATURES], images.labels) for name, images in used.items()}
    return {name: Source(images.images, images.labels) for name, images in used.items()}


def _class_weights(real_train: LabelledImages) -> Tensor:
    """N / (classes x count): a mean of 1 over images; 0 for a class without images."""
    counts = torch.from_numpy(real_train.class_counts).double()
    weights = len(real_train) / (real_train.n_classes * counts.clamp(min=1))
    return torch.where(counts > 0, weights, 0.0).float()


def _card(
    model: str,
    regime: str,
    used: Mapping[str, LabelledImages],
    params: ClassificationParameters,
    seed: int,
    classifier: Classifier,
) -> Card:
    """Where the cell comes from: everything that decides its weights."""
    real = used["real_train"]
    others = {name for name in MODELS if name != model} | {"models", "regimes"}
    return {
        "model": model,
        "regime": regime,
        "variant": classifier.variant,
        "input_size": classifier.input_size,
        "weights": classifier.weights,
        "description": classifier.description,
        "architecture": classifier.architecture,
        "class_names": list(real.class_names),
        "image_digests": {name: images.digest for name, images in used.items()},
        "prepared": real.card.get("prepared"),
        "phantom": bool(real.card.get("phantom")),
        "parameters": params.model_dump(mode="json", exclude=others),
        "seed": seed,
        "versions": package_versions(),
    }


def _accuracy(classifier: Classifier, images: LabelledImages, batch_size: int) -> float:
    predicted = predict(classifier, images.images, batch_size).probabilities.argmax(axis=1)
    return float((predicted == images.labels).mean())


def _train_replicate(cell: _Cell, replicate: int, scratch: Path) -> Replicate:
    finished = scratch / f"replicate_{replicate}.safetensors"
    if finished.exists() and (artefact := read_artefact(finished)).card["key"] == cell.key:
        log.info("%s under %s, replicate %d: finished before the interruption", cell.model, cell.regime, replicate)
        return Replicate.from_artefact(artefact)
    trained = _fit(cell, replicate, scratch / f"replicate_{replicate}")
    write_artefact(finished, trained.to_artefact(cell.key))
    remove_scratch(scratch / f"replicate_{replicate}")
    return trained


def _fit(cell: _Cell, replicate: int, scratch: Path) -> Replicate:
    params, backbone = cell.params, cell.params.backbone(cell.model)
    seed = mixed_seed(cell.seed, replicate)
    module = ClassifierTraining(
        cell.classifier(replicate),
        params,
        backbone.learning_rate,
        cell.class_weights,
        batches=partial(_epoch_batches, cell, seed),
        validation=InOrder(cell.real_val, backbone.batch_size),
        seed=seed,
    )
    best = BestWeights()
    name = f"{cell.model} under {cell.regime}, replicate {replicate}"
    history = EpochHistory(name, len(cell.real_train), METRICS)
    trainer = make_trainer(
        scratch,
        params.max_epochs,
        params.precision,
        callbacks=[best, Patience(params.patience), history],
        reload_dataloaders_every_n_epochs=1,
    )
    resume_file = resumable_checkpoint(scratch, {**cell.key, "replicate": replicate})
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        trainer.fit(module, ckpt_path=resume_file)
    table = history.table
    table.insert(0, "replicate", replicate)
    table.insert(0, "regime", cell.regime)
    table.insert(0, "model", cell.model)
    return Replicate(best.state, {"replicate": replicate, "best_epoch": best.epoch, "val_loss": best.val_loss}, table)


def _epoch_batches(cell: _Cell, seed: int, epoch: int) -> EpochBatches:
    batches = regime_batches(
        cell.regime,
        len(cell.real_train),
        0 if cell.synthetic is None else len(cell.synthetic),
        cell.params.backbone(cell.model).batch_size,
        cell.params.mixing_ratio,
        seed,
        epoch,
    )
    return EpochBatches(cell.real_train, cell.synthetic, batches)
