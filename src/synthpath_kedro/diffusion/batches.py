"""Batches of images for the denoiser, in an order that only the seed and the epoch decide."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError
from synthpath_kedro.training.distributed import rank, world_size
from synthpath_kedro.training.resident import resident, take
from synthpath_kedro.training.seeding import Stream, mixed_seed

Batch = tuple[Float[Tensor, "batch channels size size"], Int[Tensor, " batch"]]
Latents = Float16[np.ndarray, "images positions channels size size"]


def to_denoiser_range(images: np.ndarray | Tensor) -> Float[Tensor, "batch 3 size size"]:
    """uint8 [N, H, W, 3] to float in [-1, 1], channels last in memory."""
    pixels = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_uint8(images: Float[Tensor, "batch 3 height width"]) -> np.ndarray:
    """Float in [-1, 1] to uint8 [N, H, W, 3]; values outside are clipped."""
    pixels = images.float().add(1).mul(127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def training_batches(
    data: LabeledImages,
    batch_size: int,
    seed: int,
    parameter: str = "diffusion.batch_size",
    latents: Latents | None = None,
) -> DataLoader:
    """Shuffled in every epoch; images that do not fill a last batch are left to another epoch.

    Of several processes each takes an equal part of every batch.

    Args:
        data: the images.
        batch_size: images per optimizer step, of all processes.
        seed: decides the order, and the position in which stored latents are shown.
        parameter: the name of ``batch_size``, for errors.
        latents: of the images, stored; the batches then hold these.

    Raises:
        InputError: ``batch_size`` cannot be divided among the processes.
    """
    if batch_size % world_size():
        raise InputError(
            f"{parameter} is {batch_size}: it cannot be divided among {world_size()} processes; set it to a multiple"
        )
    positions = 1 if latents is None else latents.shape[1]
    order = _EpochOrder(len(data), min(batch_size, len(data) - len(data) % world_size()), seed, positions)
    # A generator of its own: otherwise a loader takes a number from the global one, which dropout uses.
    return DataLoader(_batches(data, latents), sampler=order, batch_size=None, generator=torch.Generator())


def validation_batches(data: LabeledImages, batch_size: int, latents: Latents | None = None) -> DataLoader:
    """Every image once, in order; where its ``latents`` are stored, these, in the image's own position."""
    starts = range(0, len(data), batch_size)
    order = [np.arange(i, min(i + batch_size, len(data))) for i in starts]
    own_positions = None if latents is None else latents[:, :1]
    return DataLoader(_batches(data, own_positions), sampler=order, batch_size=None, generator=torch.Generator())


def _batches(data: LabeledImages, latents: Latents | None) -> Dataset:
    return _Batches(data) if latents is None else _LatentBatches(latents, data.labels)


class _Batches(Dataset):
    """One batch per index array: one copy out of the images (memory-mapped, or on the GPU) instead of one per image."""

    def __init__(self, data: LabeledImages) -> None:
        self._images, self._labels = resident(data.images), data.labels

    def __getitem__(self, indices: np.ndarray) -> Batch:
        labels = torch.from_numpy(np.asarray(self._labels[indices], dtype=np.int64))
        return to_denoiser_range(take(self._images, indices)), labels


class _LatentBatches(Dataset):
    """The same of stored latents; row n * positions + p is image n in position p."""

    def __init__(self, latents: Latents, labels: np.ndarray) -> None:
        self._latents, self._labels = latents, labels

    def __getitem__(self, rows: np.ndarray) -> Batch:
        images, positions = np.divmod(rows, self._latents.shape[1])
        labels = torch.from_numpy(np.asarray(self._labels[images], dtype=np.int64))
        return torch.from_numpy(self._latents[images, positions].astype(np.float32)), labels


class _EpochOrder(Sampler):
    """Arrays of full batches' rows, each image in a random one of its positions; Lightning sets the epoch."""

    def __init__(self, n: int, batch_size: int, seed: int, positions: int = 1) -> None:
        self._n, self._batch_size, self._seed, self._positions, self._epoch = n, batch_size, seed, positions, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n // self._batch_size

    def __iter__(self) -> Iterator[np.ndarray]:
        # A generator, because a resumed Trainer calls this before set_epoch and iterates after.
        random = np.random.default_rng(mixed_seed(self._seed, Stream.DENOISER_BATCHES, self._epoch))
        order = random.permutation(self._n) * self._positions
        if self._positions > 1:
            order += random.integers(self._positions, size=self._n)
        batches = order[: len(self) * self._batch_size].reshape(len(self), self._batch_size)
        yield from batches[:, rank() :: world_size()]
