"""Membership inference: whether a score of single images tells a model's training images from held-out ones.

Images are compared within their class alone: classes differ in how well a model fits them, so that another mix of
classes, or a class whose held-out images are easier, would otherwise pass for a leak. The images of a patient (or
slide) are one cluster. Both numbers are sums over images of two sets, and share one standard error: DeLong et al. 1988,
by cluster Obuchowski 1997 (Biometrics 53), by class as in any stratified estimate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

FALSE_POSITIVE_RATE = 0.01
"""At which true positives are counted (Carlini et al. 2022: what an attacker knows of some images for sure)."""


@dataclass(frozen=True)
class ScoredImages:
    """Single images and what an attacker measures of them.

    Attributes:
        scores: the lower, the more an image looks like one of the training set.
        labels: classes; images are compared with images of the same class.
        groups: patients or slides, the same codes in both sets; None: every image is taken to stand for itself.
    """

    scores: Float[np.ndarray, " images"]
    labels: Int[np.ndarray, " images"]
    groups: Int[np.ndarray, " images"] | None = None


@dataclass(frozen=True)
class Estimate:
    """A number and its interval, which is two-sided; all nan where it is undefined."""

    value: float
    low: float
    high: float


UNDEFINED = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class MembershipInference:
    """What an attacker learns who calls the images with the lowest scores members of the training set.

    Attributes:
        auc: probability that a training image scores lower than a held-out image of its class; 0.5 is no leak, nan
            where no images can be compared.
        tpr: share of training images that are recognized where one in a hundred held-out images is falsely accused;
            0.01 is no leak, nan where there are too few held-out images.
        n_train: training images compared: those of classes with at least two images (or patients) in each set.
        n_held_out: likewise.
        train_groups: patients or slides behind them; None where they are not known.
        held_out_groups: likewise.
    """

    auc: Estimate
    tpr: Estimate
    n_train: int
    n_held_out: int
    train_groups: int | None
    held_out_groups: int | None

    @property
    def leak(self) -> bool:
        """Whether either interval lies above what guessing gives."""
        return self.auc.low > 0.5 or self.tpr.low > FALSE_POSITIVE_RATE


def membership_inference(train: ScoredImages, held_out: ScoredImages, level: float = 0.95) -> MembershipInference:
    """AUC within classes, and the true positive rate at a false positive rate of 1 %, with their intervals.

    Args:
        train: images that the model was trained on.
        held_out: images of the same kind that it was not.
        level: of the intervals.
    """
    sides = _comparable(_Side.of(train, 0), _Side.of(held_out, len(train.scores)))
    n = [len(side.scores) for side in sides]
    groups = [side.n_units if side.grouped else None for side in sides]
    estimates = (_auc(*sides, level), _true_positive_rate(*sides, level)) if all(n) else (UNDEFINED, UNDEFINED)
    return MembershipInference(*estimates, *n, *groups)


@dataclass(frozen=True)
class _Side:
    """One of the two sets, ready for sums by class and by unit.

    Attributes:
        scores: of each image.
        labels: of each image.
        units: of each image, the patient or else the image itself; the same codes in both sets.
        grouped: patients are known.
    """

    scores: np.ndarray
    labels: np.ndarray
    units: np.ndarray
    grouped: bool

    @classmethod
    def of(cls, images: ScoredImages, first: int) -> "_Side":
        """Where patients are not known, each image is a unit; their codes go down from -1 - ``first``."""
        own = -1 - first - np.arange(len(images.scores))
        units = own if images.groups is None else images.groups
        return cls(images.scores, images.labels, units, images.groups is not None)

    def comparable_classes(self) -> np.ndarray:
        """Classes with at least two units: of a single one there is no variance."""
        classes, counts = np.unique(self._class_of_each_unit, return_counts=True)
        return classes[counts >= 2]

    def of_classes(self, classes: np.ndarray) -> "_Side":
        """The images of ``classes``, whose labels are their places there."""
        chosen = np.isin(self.labels, classes)
        labels = np.searchsorted(classes, self.labels[chosen])
        return _Side(self.scores[chosen], labels, self.units[chosen], self.grouped)

    @cached_property
    def counts(self) -> np.ndarray:
        """Images of each class."""
        return np.bincount(self.labels)

    @property
    def n_units(self) -> int:
        return len(np.unique(self.units))

    def mean_by_class(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.labels, values) / self.counts

    def influence(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What each image adds to the sum over classes of ``weights`` times the mean of ``values``.

        Less what is expected of it, and with the factor that makes a variance of few units unbiased.
        """
        units = np.bincount(self._class_of_each_unit)
        scale = weights / self.counts * np.sqrt(units / (units - 1))
        return scale[self.labels] * (values - self.mean_by_class(values)[self.labels])

    @property
    def _class_of_each_unit(self) -> np.ndarray:
        """Of a unit with images of several classes: each of them."""
        return np.unique(np.stack([self.labels, self.units]), axis=1)[0]


def _comparable(train: _Side, held_out: _Side) -> tuple[_Side, _Side]:
    """The images of classes with at least two units in either set."""
    classes = np.intersect1d(train.comparable_classes(), held_out.comparable_classes())
    return train.of_classes(classes), held_out.of_classes(classes)


def _auc(train: _Side, held_out: _Side, level: float) -> Estimate:
    """Over all pairs of a training and a held-out image of the same class; ties count half.

    Where every training image scores below (or above) every held-out one, the variance is 0; the interval then reaches
    to the exact binomial bound for as many units as the smaller set has.
    """
    wins, wins_of_held_out = np.empty(len(train.scores)), np.empty(len(held_out.scores))
    for label in range(len(train.counts)):
        a, b = train.labels == label, held_out.labels == label
        wins[a] = 1 - _share_below(held_out.scores[b], train.scores[a])
        wins_of_held_out[b] = _share_below(train.scores[a], held_out.scores[b])
    pairs = train.counts * held_out.counts / (train.counts @ held_out.counts)
    auc = float(pairs @ train.mean_by_class(wins))
    error, df = _error(train, train.influence(wins, pairs), held_out, held_out.influence(wins_of_held_out, pairs))
    if auc in (0.0, 1.0):
        margin = 1 - ((1 - level) / 2) ** (1 / min(train.n_units, held_out.n_units))
        return Estimate(auc, max(0.0, auc - margin), min(1.0, auc + margin))
    return _estimate(auc, error, df, level)


def _true_positive_rate(train: _Side, held_out: _Side, level: float) -> Estimate:
    """At one threshold for all classes, of scores that have mean 0 and variance 1 within each class of both sets.

    Held-out images are weighted to the class mix of the training images; the threshold is the highest score of theirs
    that at most 1 % of them reach down to. One in a hundred is too few to estimate an error from: it is that of a
    difference from held-out images of which as large a share is accused, which is what they are without a leak.
    """
    mix = train.counts / train.counts.sum()
    scores, others = _standardized(train, held_out)
    weights = (mix / held_out.counts)[held_out.labels]
    threshold = _quantile(others, weights, FALSE_POSITIVE_RATE)
    if np.isnan(threshold):
        return UNDEFINED
    hits = (scores <= threshold).astype(float)
    rate = float(hits.mean())
    false_hits = (others <= _quantile(others, weights, max(rate, FALSE_POSITIVE_RATE))).astype(float)
    error, df = _error(train, train.influence(hits, mix), held_out, held_out.influence(-false_hits, mix))
    return _estimate(rate, error, df, level)


def _standardized(train: _Side, held_out: _Side) -> tuple[np.ndarray, np.ndarray]:
    total = train.counts + held_out.counts
    mean = (np.bincount(train.labels, train.scores) + np.bincount(held_out.labels, held_out.scores)) / total
    centered = [side.scores - mean[side.labels] for side in (train, held_out)]
    squares = [np.bincount(side.labels, c**2) for side, c in zip((train, held_out), centered, strict=True)]
    scale = np.sqrt((squares[0] + squares[1]) / total)
    scale[scale == 0] = 1
    return centered[0] / scale[train.labels], centered[1] / scale[held_out.labels]


def _quantile(scores: np.ndarray, weights: np.ndarray, rate: float) -> float:
    """The highest of ``scores`` that at most ``rate`` of the weight reaches down to; nan: a single one is more."""
    values, back = np.unique(scores, return_inverse=True)
    reached = np.cumsum(np.bincount(back, weights)) <= rate + 1e-9
    return float(values[reached][-1]) if reached.any() else np.nan


def _error(train: _Side, of_train: np.ndarray, held_out: _Side, of_held_out: np.ndarray) -> tuple[float, float]:
    """Standard error of a sum of influences, by unit, and its degrees of freedom (Welch and Satterthwaite)."""
    alone = [
        (_squares_by_unit(side.units, influence), side.n_units)
        for side, influence in ((train, of_train), (held_out, of_held_out))
    ]
    units = np.concatenate([train.units, held_out.units])
    variance = _squares_by_unit(units, np.concatenate([of_train, of_held_out]))
    if variance == 0:
        return 0.0, 1.0
    df = sum(part for part, _ in alone) ** 2 / sum(part**2 / (n - 1) for part, n in alone)
    return float(np.sqrt(variance)), float(df)


def _squares_by_unit(units: np.ndarray, values: np.ndarray) -> float:
    sums = np.bincount(np.unique(units, return_inverse=True)[1], values)
    return float(sums @ sums)


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of ``values`` below each of ``others``, ties counted half."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, others, "left") + np.searchsorted(ordered, others, "right")) / (2 * len(values))


def _estimate(value: float, error: float, df: float, level: float) -> Estimate:
    margin = float(stats.t.ppf((1 + level) / 2, df)) * error
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin))
