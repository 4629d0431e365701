"""Whether synthetic images give training images away: copies, authenticity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from scipy import stats

from synthpath_kedro.metrics.neighbors import Neighbors, nearest_neighbors


@dataclass(frozen=True)
class NearDuplicates:
    """How many synthetic images are nearer to a training image than held-out images are.

    Attributes:
        threshold: distance below which an image is a near-duplicate.
        held_out_share: of held-out images below it, near the tail it was set at.
        share: of synthetic images below it.
        p: one-sided; how often so many would lie below it if synthetic and held-out images were exchangeable.
    """

    threshold: float
    held_out_share: float
    share: float
    p: float

    def caught(self, level: float = 0.05) -> bool:
        """Whether there are more near-duplicates than chance gives."""
        return self.p <= level


@dataclass(frozen=True)
class ClosestPairs:
    """The synthetic images nearest to a training image, nearest first.

    Attributes:
        synthetic: rows of the synthetic set.
        train: rows of the training set.
        distances: between the two.
    """

    synthetic: Int[np.ndarray, " pairs"]
    train: Int[np.ndarray, " pairs"]
    distances: Float[np.ndarray, " pairs"]


def nearest_training_images(
    images: Num[np.ndarray, "images dimensions"], train: Num[np.ndarray, "train dimensions"]
) -> Neighbors:
    """Each image's nearest training image, in whatever space the rows are (pixels, flattened, or features)."""
    return nearest_neighbors(images, train)


def near_duplicates(
    synthetic_distances: Float[np.ndarray, " synthetic"],
    held_out_distances: Float[np.ndarray, " held_out"],
    tail: float = 0.01,
) -> NearDuplicates:
    """The share of near-duplicates at a threshold calibrated on held-out images.

    The threshold is the distance of the k-th nearest held-out image, k = ceil(``tail`` * held-out images), or of the
    nearest that is no copy itself where more held-out images than that have a copy in the training set. If c synthetic
    images lie below it, then among the c + k nearest of both sets together, less one, fewer than k are held out: under
    exchangeability a hypergeometric count, so that p is exact, at any sizes and however the threshold was estimated.

    Args:
        synthetic_distances: to each image's nearest training image.
        held_out_distances: likewise for real images that the denoiser was not trained on.
        tail: share of held-out images that the threshold cuts off.

    Raises:
        ValueError: either set is empty.
    """
    if not (len(synthetic_distances) and len(held_out_distances)):
        raise ValueError("near-duplicates need both synthetic and held-out distances")
    copied = int((held_out_distances == 0).sum())
    k = min(max(copied + 1, int(np.ceil(tail * len(held_out_distances)))), len(held_out_distances))
    threshold = float(np.partition(held_out_distances, k - 1)[k - 1])
    copies = int((synthetic_distances < threshold).sum())
    total = len(synthetic_distances) + len(held_out_distances)
    return NearDuplicates(
        threshold=threshold,
        held_out_share=float((held_out_distances < threshold).mean()),
        share=copies / len(synthetic_distances),
        p=float(stats.hypergeom.cdf(k - 1, total, len(held_out_distances), copies + k - 1)) if copies else 1.0,
    )


def authenticity(images: Num[np.ndarray, "images dimensions"], train: Num[np.ndarray, "train dimensions"]) -> float:
    """Share of images that are not copies by Alaa et al. (2022, section 3.3).

    An image is inauthentic if it is nearer to its nearest training image than that one's own nearest training image.
    Compare it with the figure of held-out images: where training images are sparse, it is far from 1 for these too.

    Args:
        images: synthetic, or held-out as the reference.
        train: two images or more.
    """
    return float(authentic(nearest_neighbors(images, train), train).mean())


def authentic(nearest: Neighbors, train: Num[np.ndarray, "train dimensions"]) -> Bool[np.ndarray, " images"]:
    """Which images are not copies by ``authenticity``, from their nearest training images."""
    neighbor, back = np.unique(nearest.indices[:, 0], return_inverse=True)
    return nearest.distances[:, 0] >= _nearest_other(train, neighbor)[back]


def closest_pairs(nearest: Neighbors, n: int) -> ClosestPairs:
    """The ``n`` synthetic images with the smallest distance to a training image, each training image shown once."""
    order = np.argsort(nearest.distances[:, 0], kind="stable")
    _, first = np.unique(nearest.indices[order, 0], return_index=True)
    chosen = order[np.sort(first)[:n]]
    return ClosestPairs(chosen, nearest.indices[chosen, 0], nearest.distances[chosen, 0])


def _nearest_other(train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Distance of the training images ``rows`` to their nearest other training image."""
    found = nearest_neighbors(train[rows], train, k=2)
    itself = found.indices == rows[:, None]
    return np.where(itself[:, 0], found.distances[:, 1], found.distances[:, 0])
