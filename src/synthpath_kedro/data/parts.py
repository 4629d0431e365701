"""Parts of the real data that generator and classifiers are separately trained on: fractions, and folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.sharded import ShardedImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.stratified import stratified_split
from synthpath_kedro.errors import InputError

_SMALLEST_TRAINING = 2  # images: batch norm needs as many


@dataclass(frozen=True)
class Part:
    """Which images are trained on, validated on and tested on.

    Attributes:
        train: int64 rows of all real images: training, validation and test images one after the other.
        val: likewise.
        test: likewise.
        share: training images per training image of the study.
        facts: what tables say of it, such as its fraction.
        seed: of everything that is trained on it.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    share: float
    facts: Card = field(default_factory=dict)
    seed: int = 0

    def of(self, real: Splits) -> Splits:
        """Its images, whose cards hold a digest of their own under "prepared": artifacts of two parts do not mix.

        The part that is everything has the digest of the prepared data itself.
        """
        merged = merge(real)
        made = Splits(*(merged.select(rows) for rows in (self.train, self.val, self.test)))
        return made.map(lambda images: images.with_card(prepared=made.digest, digest=images.digest))


def merge(real: Splits) -> LabeledImages:
    """All real images in one set, training images first; they are read as they are asked for."""
    sets = [images for _, images in real]
    groups = None if real.train.groups is None else np.concatenate([images.groups for images in sets])
    pixels = ShardedImages([images.images for images in sets])
    labels = np.concatenate([images.labels for images in sets])
    card = {key: value for key, value in real.train.card.items() if key != "digest"}
    return LabeledImages(pixels, labels, real.class_names, groups, card)  # type: ignore[arg-type]


def draw_fractions(real: Splits, fractions: Mapping[str, float], seed: int) -> dict[str, Part]:
    """Nested stratified parts of the training images, with the validation and test images of the study.

    Each is drawn from the next larger one, whole patients together where they are known, so that a larger fraction
    adds images and exchanges none.

    Args:
        real: the prepared images.
        fractions: above 0 to 1, by the part's name.
        seed: decides which images.

    Raises:
        InputError: a fraction has no image of some class, or too few images or patients to draw from.
    """
    n_train, n_val = len(real.train), len(real.val)
    held_out = np.arange(n_train, n_train + n_val), np.arange(n_train + n_val, n_train + n_val + len(real.test))
    parts, rows, larger = {}, np.arange(n_train), 1.0
    for name, fraction in sorted(fractions.items(), key=lambda item: -item[1]):
        _check_holds_each_class(real.train, fraction)
        if fraction < larger:
            rows = rows[_kept(real.train.select(rows), fraction / larger, fraction, seed)]
            larger = fraction
        _check_classes(real.train, rows, f"classification.learning_curve.fractions: {fraction:g} of {n_train} images")
        facts = {"fraction": fraction, "n_train": len(rows)}
        parts[name] = Part(rows, *held_out, share=len(rows) / n_train, facts=facts, seed=seed)
    return parts


def draw_folds(real: Splits, folds: Mapping[str, tuple[int, int]], seed: int) -> dict[str, Part]:
    """Stratified folds of all real images, whole patients together where they are known.

    In every fold the held-out images are the test set; of the others as large a share as in the study is the
    validation set. Everything that is trained in a fold has a seed of its own, so that the folds' scores vary with the
    seed as they do with the images.

    Args:
        real: the prepared images.
        folds: (repeat, fold), both from 0, by the part's name.
        seed: decides the folds, and their seeds.

    Raises:
        InputError: there are fewer patients, or images of a class, than folds, or a fold cannot be trained or tested.
    """
    from synthpath_kedro.training.seeding import Stream, mixed_seed

    merged, n_folds = merge(real), 1 + max(fold for _, fold in folds.values())
    _check_folds(merged, n_folds)
    splits = {repeat: _split(merged, n_folds, seed, repeat) for repeat, _ in folds.values()}
    val_share = len(real.val) / (len(real.train) + len(real.val))
    parts = {}
    for name, (repeat, fold) in folds.items():
        others, test = splits[repeat][fold]
        train, val = _with_validation(merged, others, val_share, seed)
        what = f"evaluation.cross_validation.folds is {n_folds}: the folds beside fold {fold} of repeat {repeat}"
        _check_classes(merged, train, what)
        if not len(val):
            raise InputError(f"{what} leave no image to validate on; raise data_prep.split.val")
        facts = {"repeat": repeat, "fold": fold, "n_train": len(train), "n_test": len(test)}
        own_seed = mixed_seed(seed, Stream.FOLDS, repeat, fold) >> 33  # of 31 bits, as the parameter seed
        parts[name] = Part(train, val, test, len(train) / len(real.train), facts, own_seed)
    return parts


def _with_validation(merged: LabeledImages, rows: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``rows`` in two: to train on and to validate on."""
    groups = None if merged.groups is None else merged.groups[rows]
    if groups is not None and len(np.unique(groups)) < 2:
        raise InputError(
            "evaluation.cross_validation: a fold leaves one patient (or slide), too few to train and to validate on; "
            "use more folds"
        )
    train, val, _ = stratified_split(merged.labels[rows], groups, share, 0.0, seed)
    return rows[train], rows[val]


def _kept(images: LabeledImages, share: float, fraction: float, seed: int) -> np.ndarray:
    """Rows of ``images`` that a smaller fraction keeps."""
    kept = np.arange(len(images))
    if images.groups is None or len(np.unique(images.groups)) > 1:
        kept = stratified_split(images.labels, images.groups, 0.0, 1 - share, seed)[0]
    if len(kept) == len(images):
        raise InputError(
            f"classification.learning_curve.fractions: {fraction:g} cannot be drawn: every patient (or slide) of the "
            f"next larger fraction, {len(images)} images, is needed for an image of each class; leave it out"
        )
    return kept


def _check_holds_each_class(train: LabeledImages, fraction: float) -> None:
    n, n_classes = round(fraction * len(train)), int((train.class_counts > 0).sum())
    if n < max(n_classes, _SMALLEST_TRAINING):
        raise InputError(
            f"classification.learning_curve.fractions: {fraction:g} of {len(train)} training images is {n}, too few "
            f"for {n_classes} classes; leave it out"
        )


def _check_classes(images: LabeledImages, rows: np.ndarray, what: str) -> None:
    counts = np.bincount(images.labels[rows], minlength=images.n_classes)
    needed = images.class_counts > 0
    if absent := [name for name, n, must in zip(images.class_names, counts, needed, strict=True) if must and not n]:
        raise InputError(f"{what} leave no image of {', '.join(absent)} to train on; every class needs one")


def _check_folds(merged: LabeledImages, n_folds: int) -> None:
    if merged.groups is not None and (n_groups := len(np.unique(merged.groups))) < n_folds:
        raise InputError(
            f"evaluation.cross_validation.folds is {n_folds}, but there are {n_groups} patients (or slides); "
            f"use at most {n_groups}"
        )
    for name, count in zip(merged.class_names, merged.class_counts.tolist(), strict=True):
        if 0 < count < n_folds:
            raise InputError(
                f"evaluation.cross_validation.folds is {n_folds}, but there are {count} images of {name}; "
                "use fewer folds"
            )


def _split(merged: LabeledImages, n_folds: int, seed: int, repeat: int) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    """Pairs (the other rows, the held-out rows), one per fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if merged.groups is None else StratifiedGroupKFold
    # scikit-learn takes seeds of 32 bits.
    state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence((seed, repeat))))
    folds = kind(n_folds, shuffle=True, random_state=state)
    return list(folds.split(np.empty(len(merged.labels)), merged.labels, merged.groups))
