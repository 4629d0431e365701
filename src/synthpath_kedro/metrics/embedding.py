"""Where synthetic images lie among real ones in a classifier's feature space: a picture and numbers beside it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from openTSNE import TSNE
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.initialization import pca
from openTSNE.nearest_neighbors import PrecomputedNeighbors

from synthpath_kedro.metrics.neighbors import nearest_neighbors


def joint_tsne(
    sets: Sequence[Float[np.ndarray, "images dimensions"]],
    perplexity: float,
    seed: int,
    n_jobs: int = 1,
) -> list[Float[np.ndarray, "images 2"]]:
    """Embeds several sets of features together in the plane (t-SNE; openTSNE, PCA start, exact neighbors).

    Args:
        sets: penultimate features of the same network, such as of real and of synthetic images.
        perplexity: lowered to (images - 1) / 3 where there are fewer images than it needs.
        seed: of the PCA's randomized solver.
        n_jobs: threads of the optimization.

    Returns:
        Each set's coordinates; all 0 where the features do not vary.

    Raises:
        ValueError: fewer than 4 images in all, or features that are not finite.
    """
    features = np.concatenate(list(sets)).astype(np.float64)
    if len(features) < 4 or not np.isfinite(features).all():
        raise ValueError(f"t-SNE needs at least 4 rows of finite features, got {features.shape}")
    if (features == features[0]).all():
        xy = np.zeros((len(features), 2))
    else:
        xy = _tsne(features, min(perplexity, (len(features) - 1) / 3), seed, n_jobs)
    return np.split(xy, np.cumsum([len(one) for one in sets])[:-1])


def knn_mixing(
    real: Float[np.ndarray, "real dimensions"],
    synthetic: Float[np.ndarray, "synthetic dimensions"],
    real_labels: Int[np.ndarray, " real"],
    synthetic_labels: Int[np.ndarray, " synthetic"],
    k: int,
) -> pd.DataFrame:
    """Of each synthetic image's ``k`` nearest images, the share that is real and the share of its own class.

    Neighbors are sought among all real and all other synthetic images in feature space. Where synthetic images are
    indistinguishable from real ones, ``real_share`` is near ``expected_real_share``, the share of real images in the
    pool; 0 means that they keep to themselves.

    Returns:
        Columns ``class, n, k, real_share, expected_real_share, class_agreement, real_class_agreement``; one row
        per class that has synthetic images, then one row with class -1 over all. ``class_agreement`` counts all
        neighbors, ``real_class_agreement`` only the real ones (nan where there are none).

    Raises:
        ValueError: no synthetic images, or ``k`` is not below the number of images.
    """
    pool, labels = np.concatenate([synthetic, real]), np.concatenate([synthetic_labels, real_labels])
    indices = nearest_neighbors(pool, k=k).indices[: len(synthetic)]
    is_real = indices >= len(synthetic)
    agrees = labels[indices] == synthetic_labels[:, None]
    groups = [(int(c), synthetic_labels == c) for c in np.unique(synthetic_labels)]
    rows = [
        {
            "class": c,
            "n": int(members.sum()),
            "k": k,
            "real_share": is_real[members].mean(),
            "expected_real_share": len(real) / (len(pool) - 1),
            "class_agreement": agrees[members].mean(),
            "real_class_agreement": _mean_where(is_real[members], agrees[members]),
        }
        for c, members in [*groups, (-1, np.full(len(synthetic), True))]
    ]
    return pd.DataFrame(rows)


def _tsne(features: np.ndarray, perplexity: float, seed: int, n_jobs: int) -> np.ndarray:
    found = nearest_neighbors(features, k=min(len(features) - 1, max(1, int(3 * perplexity))))
    index = PrecomputedNeighbors(found.indices, found.distances.astype(np.float64))
    affinities = PerplexityBasedNN(knn_index=index, perplexity=perplexity, n_jobs=n_jobs)
    start = pca(features, random_state=seed)
    return np.asarray(TSNE(n_jobs=n_jobs, random_state=seed).fit(affinities=affinities, initialization=start))


def _mean_where(chosen: np.ndarray, values: np.ndarray) -> float:
    return float(values[chosen].mean()) if chosen.any() else float("nan")
