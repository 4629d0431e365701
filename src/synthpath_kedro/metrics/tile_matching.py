"""How alike two tiles are, however one was turned, stained, lit, moved or cropped.

Tiles are compared as thumbnails of at most 32 pixels of optical density, in all eight positions of a square. Each color
is centered and scaled to standard deviation 1, which takes out brightness, contrast and most of the stain.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from torch import Tensor
from torch.nn import functional

from synthpath_kedro.data.sharded import ShardedImages

THUMBNAIL = 32
POSITIONS = 8

_BLOCK = 1024
_PAIRS = 64
_PART = 0.75
_SCALES = (1.0, 0.9, 0.8, 0.7)
_BLUR = 2.0
_SMALLEST = 1e-6
_FLAT = 1e-4
"""Of optical density: a gray level is 40 times as much."""

Images = UInt8[np.ndarray, "images size size 3"] | ShardedImages


@dataclass(frozen=True)
class Matches:
    """The best match of every image.

    Attributes:
        index: row of the match; 0 where there is none.
        distance: 0 for a copy, about sqrt(2) for tiles that have nothing in common; nan without a match: an image of
            one color looks like nothing.
        position: which of the eight positions, as ``turned`` numbers them, the image is found in.
    """

    index: Int[np.ndarray, " images"]
    distance: Float[np.ndarray, " images"]
    position: Int[np.ndarray, " images"]


def turned(images: np.ndarray, position: int, axes: tuple[int, int] = (-3, -2)) -> np.ndarray:
    """Images [..., H, W, 3] in one of the eight positions of a square: 4 and above are mirrored, then turned."""
    mirrored = np.flip(images, axes[1]) if position >= POSITIONS // 2 else images
    return np.rot90(mirrored, position % (POSITIONS // 2), axes)


def turned_back(images: np.ndarray, positions: Int[np.ndarray, " images"]) -> np.ndarray:
    """Each image [H, W, 3] of ``images`` in the position from which ``turned`` moved it to its ``positions``."""
    back = np.empty_like(images)
    for row, position in enumerate(positions.tolist()):
        unturned = np.rot90(images[row], -(position % (POSITIONS // 2)))
        back[row] = np.flip(unturned, 1) if position >= POSITIONS // 2 else unturned
    return back


def match_whole(images: Images, train: Images, excluded: Int[np.ndarray, " images"] | None = None) -> Matches:
    """The nearest of all of ``train`` to each image: Euclidean distance of standardized optical density.

    Args:
        images: uint8 [N, H, W, 3].
        train: uint8 [M, H, W, 3].
        excluded: a row of ``train`` for each image that is not its match: the image itself.
    """
    best = np.full(len(images), -np.inf, np.float32)
    index, position = np.zeros(len(images), np.int64), np.zeros(len(images), np.int64)
    for first in range(0, len(train), _BLOCK):
        towards = _standardized(train[first : first + _BLOCK])
        blank = ~towards.any(1)
        for start in range(0, len(images), _BLOCK):
            rows = slice(start, min(start + _BLOCK, len(images)))
            thumbnails = _density(images[rows])
            for place in range(POSITIONS):
                own = _unit(turned(thumbnails, place).copy())
                alike = (torch.from_numpy(own) @ torch.from_numpy(towards.T)).numpy()
                alike[:, blank] = -np.inf
                alike[~own.any(1)] = -np.inf
                if excluded is not None:
                    _exclude(alike, excluded[rows] - first)
                found = alike.argmax(1)
                likeness = alike[np.arange(len(alike)), found]
                better = likeness > best[rows]
                best[rows] = np.where(better, likeness, best[rows])
                index[rows] = np.where(better, first + found, index[rows])
                position[rows] = np.where(better, place, position[rows])
    return Matches(index, _distance(best), position)


def match_parts(images: Images, train: Images, candidates: Int[np.ndarray, "images k"]) -> Matches:
    """The best of each image's ``candidates``: the middle of the image, shrunk or not, is sought anywhere in them.

    A normalized cross-correlation of optical density less its local mean; it finds tiles that were moved or cropped.

    Args:
        images: uint8 [N, H, W, 3].
        train: uint8 [M, H, W, 3].
        candidates: rows of ``train`` that each image is compared with.
    """
    n, k = candidates.shape
    pairs = np.arange(n).repeat(k)
    likeness, position = _likeness_of_parts(images, train, pairs, candidates.ravel())
    likeness, position = likeness.reshape(n, k), position.reshape(n, k)
    best = likeness.argmax(1)
    rows = np.arange(n)
    return Matches(candidates[rows, best], _distance(likeness[rows, best]), position[rows, best])


def own_distances_of_parts(
    train: Images, rows: Int[np.ndarray, " rows"], candidates: Int[np.ndarray, "rows k"]
) -> Float[np.ndarray, " rows"]:
    """How near the nearest of its ``candidates`` comes to each training image, when these are sought in it."""
    n, k = candidates.shape
    likeness, _ = _likeness_of_parts(train, train, candidates.ravel(), rows.repeat(k))
    return _distance(likeness.reshape(n, k).max(1))


def _likeness_of_parts(
    images: Images, searched: Images, of: np.ndarray, within: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Largest correlation of each pair, and the position it is reached in."""
    likeness, position = np.empty(len(of), np.float32), np.empty(len(of), np.int64)
    for start in range(0, len(of), _PAIRS):
        rows = slice(start, start + _PAIRS)
        pictures = _band(images[of[rows]])
        found = _correlate(_middles(pictures), _band(searched[within[rows]]))
        best, place = found.max(dim=1)
        likeness[rows], position[rows] = best.numpy(), place.numpy()
        likeness[rows][(pictures.abs().amax((1, 2, 3)) < _FLAT).numpy()] = -np.inf
    return likeness, position


def _middles(pictures: Float32[Tensor, "pairs 3 size size"]) -> list[Float32[Tensor, "pairs 8 3 part part"]]:
    """The middle of each picture at every scale, centered and of length 1, in the eight positions."""
    size = pictures.shape[-1]
    part = max(2, round(_PART * size))
    low = (size - part) // 2
    middle = pictures[..., low : low + part, low : low + part]
    made = []
    for scale in _SCALES:
        side = max(2, round(scale * part))
        one = functional.interpolate(middle, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        one = one - one.mean((2, 3), keepdim=True)
        one = one / (one.square().sum((2, 3), keepdim=True).sqrt() + _SMALLEST)
        places = [torch.rot90(one.flip(3) if place >= 4 else one, place % 4, (2, 3)) for place in range(POSITIONS)]
        made.append(torch.stack(places, dim=1))
    return made


def _correlate(parts: list[Tensor], pictures: Float32[Tensor, "pairs 3 size size"]) -> Float32[Tensor, "pairs 8"]:
    """The largest normalized cross-correlation, a mean over colors, of any scale and place, by position."""
    n = len(pictures)
    best = torch.full((n, POSITIONS), -torch.inf)
    for part in parts:
        side = part.shape[-1]
        window = torch.ones(3, 1, side, side)
        total = functional.conv2d(pictures, window, groups=3)
        squares = functional.conv2d(pictures.square(), window, groups=3)
        length = (squares - total.square() / side**2).clamp_min(1e-4).sqrt()
        weights = part.transpose(1, 2).reshape(n * 3 * POSITIONS, 1, side, side)
        found = functional.conv2d(pictures.reshape(1, n * 3, *pictures.shape[2:]), weights, groups=n * 3)
        found = found.reshape(n, 3, POSITIONS, *length.shape[2:]) / length[:, :, None]
        best = torch.maximum(best, found.mean(1).flatten(2).amax(2))
    return best


def _band(images: np.ndarray) -> Float32[Tensor, "images 3 size size"]:
    """Optical density less its local mean."""
    density = torch.from_numpy(_density(images)).permute(0, 3, 1, 2)
    reach = min(round(3 * _BLUR), density.shape[-1] - 1)
    weights = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * _BLUR**2))
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(density, (reach,) * 4, mode="reflect")
    low = functional.conv2d(functional.conv2d(padded, weights, groups=3), weights.transpose(2, 3), groups=3)
    return density - low


def _density(images: np.ndarray) -> Float32[np.ndarray, "images size size 3"]:
    """Natural optical density of the thumbnails."""
    pixels = np.ascontiguousarray(images, np.float32)
    if pixels.shape[1] > THUMBNAIL:
        channels_first = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        small = functional.interpolate(channels_first, size=(THUMBNAIL, THUMBNAIL), mode="area")
        pixels = np.ascontiguousarray(small.permute(0, 2, 3, 1).numpy())
    return -np.log((pixels + 1) / 256)


def _standardized(images: np.ndarray) -> Float32[np.ndarray, "images dimensions"]:
    return _unit(_density(images))


def _unit(density: np.ndarray) -> Float32[np.ndarray, "images dimensions"]:
    """Rows of length 1, each color centered and as long as the others; 0 for an image of one color."""
    colors = density.reshape(len(density), -1, 3)
    colors = colors - colors.mean(1, keepdims=True)
    spread = np.sqrt((colors**2).mean(1, keepdims=True))
    rows = np.where(spread > _SMALLEST, colors / np.maximum(spread, _SMALLEST), 0).reshape(len(density), -1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(length, _SMALLEST)).astype(np.float32)


def _exclude(alike: np.ndarray, columns: np.ndarray) -> None:
    inside = np.flatnonzero((columns >= 0) & (columns < alike.shape[1]))
    alike[inside, columns[inside]] = -np.inf


def _distance(likeness: np.ndarray) -> np.ndarray:
    """Between points of length 1; nan where nothing was found."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(likeness), np.nan, np.sqrt(np.clip(2 - 2 * likeness, 0, None)))
