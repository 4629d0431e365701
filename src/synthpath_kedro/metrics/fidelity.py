"""How near a set of images is to another, in features: of a named network, or statistics of the pixels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from synthpath_kedro.metrics.neighbors import nearest_neighbors

Distance = Callable[[np.ndarray, np.ndarray], float]
"""Of a candidate to a reference, both float [n, dimensions]."""

NEIGHBORS = 5

_JACKKNIFE_GROUPS = 10
_BLOCK_BYTES = 2**26


def frechet_distance(
    reference: Float[np.ndarray, "reference dimensions"], candidate: Float[np.ndarray, "candidate dimensions"]
) -> float:
    """Fréchet distance of Gaussians with the sets' means and covariances (Heusel et al. 2017, eq. 6).

    With Inception features this is the FID.

    Returns:
        nan where either set has no more images than the features have dimensions: its covariance is then singular.
    """
    if min(len(reference), len(candidate)) <= reference.shape[1]:
        return float("nan")
    a, b = reference.astype(np.float64), candidate.astype(np.float64)
    root = _root(np.atleast_2d(np.cov(a, rowvar=False)))
    covariance = np.atleast_2d(np.cov(b, rowvar=False))
    # tr sqrt(S1 S2) is the sum of roots of the eigenvalues of sqrt(S1) S2 sqrt(S1), which is symmetric.
    overlap = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root).clip(min=0)).sum()
    shift = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(shift + (root**2).sum() + np.trace(covariance) - 2 * overlap)


def kernel_distance(
    reference: Float[np.ndarray, "reference dimensions"], candidate: Float[np.ndarray, "candidate dimensions"]
) -> float:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3 over all images (Bińkowski et al. 2018, eq. 4).

    With Inception features this is the KID. It can fall below 0 where the sets do not differ.

    Returns:
        nan where either set has fewer than two images.
    """
    m, n = len(reference), len(candidate)
    if min(m, n) < 2:
        return float("nan")
    a, b = reference.astype(np.float64), candidate.astype(np.float64)
    within_a = (_kernel_sum(a, a) - _kernel_diagonal(a)) / (m * (m - 1))
    within_b = (_kernel_sum(b, b) - _kernel_diagonal(b)) / (n * (n - 1))
    return float(within_a + within_b - 2 * _kernel_sum(a, b) / (m * n))


def precision_recall_density_coverage(
    reference: Float[np.ndarray, "reference dimensions"],
    candidate: Float[np.ndarray, "candidate dimensions"],
    k: int = NEIGHBORS,
) -> dict[str, float]:
    """How much of the candidates lies among the reference images, and how much of these they cover.

    A ball around each image reaches to its k-th nearest neighbor in its own set. ``precision``: share of candidates in
    a reference ball; ``recall``: share of reference images in a candidate ball (Kynkäänniemi et al. 2019);
    ``density``: reference balls a candidate lies in, over k; ``coverage``: share of reference balls that hold a
    candidate (Naeem et al. 2020). Draws from one distribution have density 1 and, at equal n, coverage near 1 - 2^-k.

    Returns:
        ``precision, recall, density, coverage``; nan where either set has no k neighbors.
    """
    if min(len(reference), len(candidate)) <= k:
        return dict.fromkeys(("precision", "recall", "density", "coverage"), float("nan"))
    center = reference.mean(axis=0, dtype=np.float64)
    a, b = reference - center, candidate - center
    reference_radii, candidate_radii = (nearest_neighbors(x, k=k).distances[:, -1].astype(np.float64) for x in (a, b))
    holding, recalled, covered = np.empty(len(b)), np.zeros(len(a), bool), np.zeros(len(a), bool)
    block = max(1, _BLOCK_BYTES // (8 * len(a)))
    for start in range(0, len(b), block):
        rows = slice(start, start + block)
        distances = _distances(b[rows], a)
        inside = distances <= reference_radii
        holding[rows] = inside.sum(axis=1)
        covered |= inside.any(axis=0)
        recalled |= (distances <= candidate_radii[rows, None]).any(axis=0)
    return {
        "precision": float((holding > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(holding.mean() / k),
        "coverage": float(covered.mean()),
    }


def debiased_frechet_distance(
    reference: Float[np.ndarray, "reference dimensions"], candidate: Float[np.ndarray, "candidate dimensions"]
) -> float:
    """Fréchet distance without the share that small sets add to it, by the jackknife (Quenouille 1956).

    What a set adds falls with 1 / n and is estimated from how the distance changes as every tenth of the set is left
    out in turn, so that distances of unequal n may be compared. It can fall below 0 where the sets do not differ.

    Returns:
        nan where either set, without a tenth of it, has no more images than dimensions.
    """
    whole = frechet_distance(reference, candidate)
    if np.isnan(whole):
        return whole
    added = _jackknife_bias(lambda part: frechet_distance(part, candidate), reference, whole)
    return whole - added - _jackknife_bias(lambda part: frechet_distance(reference, part), candidate, whole)


class ClassDistances(NamedTuple):
    """A distance of each class of a set to the same class of another.

    Attributes:
        values: float [classes]; nan where either set has too few images of a class.
        mean: over the classes that the reference has enough images of.
        n_reference: int [classes], images.
        n_candidate: int [classes], images.
    """

    values: np.ndarray
    mean: float
    n_reference: np.ndarray
    n_candidate: np.ndarray


def class_distances(
    distance: Distance,
    reference: Float[np.ndarray, "reference dimensions"],
    candidate: Float[np.ndarray, "candidate dimensions"],
    reference_labels: Int[np.ndarray, " reference"],
    candidate_labels: Int[np.ndarray, " candidate"],
    n_classes: int,
) -> ClassDistances:
    """Each class against itself, and the mean in which a missing class counts.

    A class that the candidate has too few images of counts with the distance of the reference's class to *all* of the
    candidate's images, which is what there is in its place. A class that the reference has too few images of cannot be
    measured and does not count.

    Args:
        distance: does not depend on n, so that classes of unequal n may be averaged; nan where images are too few.
        reference: real images.
        candidate: those that are measured.
        reference_labels: 0 to ``n_classes`` - 1.
        candidate_labels: likewise.
        n_classes: of both.

    Returns:
        ``mean`` is nan where no class can be measured.
    """
    values, counted = np.full(n_classes, np.nan), np.full(n_classes, np.nan)
    for c in range(n_classes):
        real = reference[reference_labels == c]
        values[c] = distance(real, candidate[candidate_labels == c])
        counted[c] = distance(real, candidate) if np.isnan(values[c]) else values[c]
    measured = counted[~np.isnan(counted)]
    n = (np.bincount(labels, minlength=n_classes) for labels in (reference_labels, candidate_labels))
    return ClassDistances(values, float(measured.mean()) if len(measured) else float("nan"), *n)


def _jackknife_bias(distance: Callable[[np.ndarray], float], images: np.ndarray, whole: float) -> float:
    groups = min(_JACKKNIFE_GROUPS, len(images))
    order = np.arange(len(images)) % groups
    return (groups - 1) * (float(np.mean([distance(images[order != k]) for k in range(groups)])) - whole)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    block = max(1, _BLOCK_BYTES // (8 * len(y)))
    parts = (((x[start : start + block] @ y.T) / x.shape[1] + 1) ** 3 for start in range(0, len(x), block))
    return float(sum(part.sum() for part in parts))


def _kernel_diagonal(x: np.ndarray) -> float:
    return float((((x**2).sum(axis=1) / x.shape[1] + 1) ** 3).sum())


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return np.sqrt(squared.clip(min=0))
