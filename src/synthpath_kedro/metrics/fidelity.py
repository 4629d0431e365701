"""How near a set of images is to another, in the features of a named network."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from synthpath_kedro.metrics.neighbors import nearest_neighbors

NEIGHBORS = 5

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


def fidelity_table(
    references: Mapping[str, Float[np.ndarray, "_ dimensions"]],
    candidates: Mapping[str, Float[np.ndarray, "_ dimensions"]],
    seed: int,
    k: int = NEIGHBORS,
) -> pd.DataFrame:
    """Every candidate set against every reference set, all cut to the size of the smallest by a seeded draw.

    Args:
        references: features by name (real_val, real_test).
        candidates: features by name (synthetic, and real_train as the reference).
        seed: of the draw.
        k: neighbors that a ball reaches to.

    Returns:
        Columns ``reference, candidate, n, frechet_distance, kernel_distance, precision, recall, density, coverage``.
    """
    n = min(len(features) for features in (*references.values(), *candidates.values()))
    rng = np.random.default_rng(seed)
    drawn = {
        (role, name): features[np.sort(rng.choice(len(features), n, replace=False))]
        for role, sets in (("reference", references), ("candidate", candidates))
        for name, features in sets.items()
    }
    return pd.DataFrame(
        [
            {"reference": a, "candidate": b, "n": n, **_fidelity(drawn["reference", a], drawn["candidate", b], k)}
            for a in references
            for b in candidates
        ]
    )


def kernel_distance_per_class(
    reference: Float[np.ndarray, "reference dimensions"],
    candidate: Float[np.ndarray, "candidate dimensions"],
    reference_labels: Int[np.ndarray, " reference"],
    candidate_labels: Int[np.ndarray, " candidate"],
    n_classes: int,
) -> pd.DataFrame:
    """Kernel distance of each class to itself; unbiased, so that unequal n may be compared.

    Returns:
        Columns ``class, n_reference, n_candidate, kernel_distance``, one row per class.
    """
    rows = []
    for c in range(n_classes):
        a, b = reference[reference_labels == c], candidate[candidate_labels == c]
        row = {"class": c, "n_reference": len(a), "n_candidate": len(b)}
        rows.append({**row, "kernel_distance": kernel_distance(a, b)})
    return pd.DataFrame(rows)


def _fidelity(reference: np.ndarray, candidate: np.ndarray, k: int) -> dict[str, float]:
    return {
        "frechet_distance": frechet_distance(reference, candidate),
        "kernel_distance": kernel_distance(reference, candidate),
        **precision_recall_density_coverage(reference, candidate, k),
    }


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
