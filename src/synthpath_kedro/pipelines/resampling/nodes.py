import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data
from synthpath_kedro.data.parts import Part
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.parameters import (
    ClassificationParameters,
    DiffusionParameters,
    EvaluationParameters,
    SynthesisParameters,
    TrainingParameters,
)
from synthpath_kedro.pipelines.shared import folder_of
from synthpath_kedro.study.grid import Cell

if TYPE_CHECKING:
    from synthpath_kedro.training.loggers import TrainingLog

logger = logging.getLogger(__name__)

Parts = Mapping[str, Part]


class Trial(NamedTuple):
    """What is trained on a part and scored on its test images.

    Attributes:
        cell: model, regime and set.
        per_real: synthetic images per real training image; None: the whole set.
    """

    cell: Cell
    per_real: float | None = None

    @property
    def name(self) -> str:
        """Of its results: "cnn/mixed", or "cnn/mixed/times_0_5"."""
        if self.per_real is None:
            return self.cell.name
        return f"{self.cell.name}/times_" + f"{self.per_real:g}".replace(".", "_")


class _Images(NamedTuple):
    """A synthetic set to train on.

    Attributes:
        labeled: the images.
        made_by: int64 [N], which of several generators made each; a replicate trains on the images of one.
    """

    labeled: LabeledImages
    made_by: np.ndarray

    @classmethod
    def of(cls, made: SyntheticSet) -> "_Images":
        return cls(made.labeled(), made.made_by)

    @property
    def per_training(self) -> int:
        """Images that a replicate can be trained on."""
        return int(np.bincount(self.made_by).min())

    def subset(self, n: int, seed: int) -> np.ndarray:
        """Bool [N]: ``n`` images of each generator, each class with its share."""
        from synthpath_kedro.data.stratified import stratified_subset

        kept = np.zeros(len(self.made_by), dtype=bool)
        for generator in np.unique(self.made_by):
            rows = np.flatnonzero(self.made_by == generator)
            kept[rows[stratified_subset(self.labeled.labels[rows], n, seed)]] = True
        return kept


def draw_fractions(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    seed: int,
    study_check: Card,
    cost: str,
    *,
    fractions: Mapping[str, float],
) -> dict[str, Part]:
    """The parts of the learning curve; refuses fractions that cannot be trained on."""
    from synthpath_kedro.data.parts import draw_fractions as draw

    del study_check, cost
    return draw(Splits(real_train, real_val, real_test), fractions, seed)


def draw_folds(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    seed: int,
    study_check: Card,
    cost: str,
    *,
    folds: Mapping[str, tuple[int, int]],
) -> dict[str, Part]:
    """The parts of the cross-validation; refuses folds that cannot be trained on or tested."""
    from synthpath_kedro.data.parts import draw_folds as draw

    del study_check, cost
    return draw(Splits(real_train, real_val, real_test), folds, seed)


def estimate_resampling_cost(
    data_card: DataCard,
    diffusion: DiffusionParameters,
    synthesis: SynthesisParameters,
    classification: ClassificationParameters,
    *,
    study: str,
    n_denoisers: int,
    trials_of: Mapping[str, int],
) -> str:
    """How much will be trained, logged before anything is."""
    from synthpath_kedro.planning.resampling import describe_cost

    n_classifiers = sum(n * classification.replicates_of(model) for model, n in trials_of.items())
    n_train = data_card.splits["train"].n
    cost = describe_cost(
        study, n_denoisers, n_classifiers, one_denoiser(diffusion), synthesis, n_train, data_card.image_size
    )
    logger.info(cost)
    return cost


def make_autoencoder_on_part(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    parts: Parts,
    params: DiffusionParameters,
    training: TrainingParameters,
    scratch: Path,
    logs: Path,
    *,
    part: str,
    namespace: str,
) -> Artifact:
    """The autoencoder of a part, after as many optimizer steps as the study's: it must not know held-out images."""
    from synthpath_kedro.diffusion.autoencoder_training import make_autoencoder
    from synthpath_kedro.training.loggers import TrainingLog

    one = parts[part]
    real = one.of(Splits(real_train, real_val, real_test))
    log = TrainingLog.of(training, folder_of(namespace, logs))
    own_params = params
    if params.autoencoder is not None:
        epochs = {"max_epochs": max(1, round(params.autoencoder.max_epochs / one.share))}
        own_params = params.model_copy(update={"autoencoder": params.autoencoder.model_copy(update=epochs)})
    return make_autoencoder(real.train, real.val, own_params, one.seed, folder_of(namespace, scratch), log)


def train_denoiser_on_part(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    parts: Parts,
    params: DiffusionParameters,
    training: TrainingParameters,
    scratch: Path,
    logs: Path,
    autoencoder: Artifact | None = None,
    *,
    part: str,
    namespace: str,
) -> Artifact:
    """The one denoiser of a part, after as many optimizer steps as each of the study's."""
    from synthpath_kedro.diffusion.autoencoder import load_encoder
    from synthpath_kedro.diffusion.latents import encode_both
    from synthpath_kedro.diffusion.replicates import train_replicates
    from synthpath_kedro.training.loggers import TrainingLog

    one = parts[part]
    real = one.of(Splits(real_train, real_val, real_test))
    logger.info("%s: the denoiser of %d training images", part, len(real.train))
    epochs = {name: max(1, round(getattr(params, name) / one.share)) for name in ("max_epochs", "sample_every")}
    log = TrainingLog.of(training, folder_of(namespace, logs))
    own_params = one_denoiser(params).model_copy(update=epochs)
    folder, encoder, latents = folder_of(namespace, scratch), load_encoder(autoencoder), None
    if autoencoder is not None:
        latents = encode_both(real.train, real.val, encoder, params.augment, folder / "latents")
    return train_replicates(real.train, real.val, own_params, one.seed, folder, log, encoder, latents).checkpoint


def make_set_of_part(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    parts: Parts,
    params: SynthesisParameters,
    evaluation: EvaluationParameters,
    scratch: Path,
    denoiser: Artifact | None = None,
    autoencoder: Artifact | None = None,
    *,
    part: str,
    name: str,
    namespace: str,
) -> SyntheticSet:
    """The synthetic set ``name`` of a part, with as many images per real training image as the study's."""
    from synthpath_kedro.evaluation.rejection import generate
    from synthpath_kedro.generators import Request

    one = parts[part]
    request = Request(
        name=name,
        source=params.synthetic_sets[name],
        params=_scaled(params, one.share),
        real=one.of(Splits(real_train, real_val, real_test)),
        seed=one.seed,
        scratch=folder_of(namespace, scratch),
        denoiser=denoiser,
        autoencoder=autoencoder,
    )
    return generate(request, evaluation)


def train_and_predict(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    parts: Parts,
    params: ClassificationParameters,
    training: TrainingParameters,
    scratch: Path,
    logs: Path,
    synthetic_sets: Mapping[str, SyntheticSet] | None = None,
    *,
    part: str,
    trials: Sequence[Trial],
    namespace: str,
    **own_sets: SyntheticSet,
) -> list[Artifact]:
    """Trains every replicate of all trials of one model on a part, and predicts the part's test images.

    Args:
        real_train: the study's real images, as the next two.
        real_val: validation images.
        real_test: test images.
        parts: by name.
        params: the block ``classification``.
        training: names the logger.
        scratch: the folder of unfinished work.
        logs: the folder of logs.
        synthetic_sets: the study's, for those that are the same in every part.
        part: which.
        trials: of one model.
        namespace: of the node.
        own_sets: the sets that were made for this part, by ``set_<name>``.

    Returns:
        For each trial ``real_test`` float32 [replicates, N, classes] and its labels; no replicates where the synthetic
        set has fewer images than the trial asks for.
    """
    from synthpath_kedro.training.loggers import TrainingLog

    one, whole = parts[part], Splits(real_train, real_val, real_test)
    real = one.of(whole)
    prepared = real.train.card["prepared"]
    sets = {name: _belonging_to(made, prepared) for name, made in (synthetic_sets or {}).items()}
    sets |= {name.removeprefix("set_"): made for name, made in own_sets.items()}
    used = {trial.cell.set: _Images.of(sets[trial.cell.set]) for trial in trials if trial.cell.set}
    check_same_data({"real_train": real.train.card, **{name: one.labeled.card for name, one in used.items()}})
    folder = folder_of(namespace, scratch)
    log = TrainingLog.of(training, folder_of(namespace, logs))
    cached = _cache_features(real, used, params, one.seed, folder, trials[0].cell.model)
    facts = {**one.facts, "prepared": whole.train.card.get("prepared")}
    return [_try(trial, real, used, params, one.seed, folder, log, cached, facts) for trial in trials]


def _try(
    trial: Trial,
    real: Splits,
    sets: Mapping[str, "_Images"],
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    log: "TrainingLog",
    cached: Mapping[str, Artifact],
    facts: Card,
) -> Artifact:
    from synthpath_kedro.classifiers.training import train_cell

    cell, synthetic = trial.cell, sets.get(trial.cell.set)
    facts = {**facts, "model": cell.model, "regime": cell.regime, "set": cell.set, "synthetic_per_real": trial.per_real}
    n_wanted = None if trial.per_real is None else round(trial.per_real * len(real.train))
    if synthetic is not None and n_wanted is not None and n_wanted > synthetic.per_training:
        have = synthetic.per_training
        logger.info("%s: left out, the set %s has %d images of %d", trial.name, cell.set, have, n_wanted)
        return Artifact({"real_test": np.empty((0, len(real.test), real.test.n_classes), np.float32)}, facts)
    logger.info("%s: %d real training images%s", trial.name, len(real.train), _beside(n_wanted))
    of_images = {name: cached[name] for name in ("real_train", "real_val") if name in cached}
    if cell.set in cached:
        of_images["synthetic"] = cached[cell.set]
    trained = train_cell(
        cell.model,
        cell.regime,
        real.train,
        real.val,
        None if synthetic is None else synthetic.labeled,
        params,
        seed,
        scratch.joinpath(*trial.name.split("/")),
        of_images or None,
        None if synthetic is None or n_wanted is None else synthetic.subset(n_wanted, seed),
        set_name=cell.set,
        training_log=log,
        made_by=None if synthetic is None else synthetic.made_by,
    )
    card = {key: trained.checkpoint.card[key] for key in ("weights", "variant", "class_names", "phantom", "parameters")}
    n_synthetic = 0 if synthetic is None else n_wanted or synthetic.per_training
    tensors = _predict(trained.checkpoint, real.test, params.backbone(cell.model).batch_size, cached.get("real_test"))
    return Artifact(tensors, {**card, **facts, "n_synthetic": n_synthetic})


def _predict(
    checkpoint: Artifact, test: LabeledImages, batch_size: int, cached: Artifact | None
) -> dict[str, np.ndarray]:
    from synthpath_kedro.classifiers.cached_features import stored_features
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.classifiers.prediction import predict_replicates
    from synthpath_kedro.training.device import placed

    classifiers = [placed(one) for one in load_classifiers(checkpoint)]
    stored = stored_features(cached, "real_test", classifiers[0], test)
    predicted = predict_replicates(classifiers, test.images if stored is None else stored, batch_size)
    tensors = {"real_test": np.stack([one.probabilities for one in predicted]), "real_test_labels": test.labels}
    return tensors if test.groups is None else tensors | {"real_test_groups": test.groups}


def _cache_features(
    real: Splits,
    sets: Mapping[str, "_Images"],
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    model: str,
) -> dict[str, Artifact]:
    """What the frozen backbone computes for the images of a part, once for all trials; nothing where none is frozen."""
    from synthpath_kedro.classifiers.cached_features import cache_features

    if not params.has_frozen_backbone(model):
        return {}
    images = {f"real_{name}": split for name, split in real} | {name: one.labeled for name, one in sets.items()}
    paths = {name: scratch / "cached_features" / f"{name}.safetensors" for name in images}
    return {name: cache_features(model, one, params, seed, paths[name]) for name, one in images.items()}


def _belonging_to(made: SyntheticSet, prepared: str) -> SyntheticSet:
    """A set that is the same in every part, as one of the part whose data is ``prepared``."""
    return replace(made, card=made.card.model_copy(update={"prepared": prepared}))


def _scaled(params: SynthesisParameters, share: float) -> SynthesisParameters:
    counts = params.counts and {name: round(n * share) for name, n in params.counts.items()}
    return params.model_copy(update={"n_images": max(1, round(params.n_images * share)), "counts": counts})


def one_denoiser(params: DiffusionParameters) -> DiffusionParameters:
    """A part has one denoiser, however many the study has: another part is another training anyway."""
    return params.model_copy(update={"replicates": 1})


def _beside(n_synthetic: int | None) -> str:
    return "" if n_synthetic is None else f", {n_synthetic} synthetic ones"
