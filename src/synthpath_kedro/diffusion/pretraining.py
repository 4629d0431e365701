"""Trains a denoiser on endless tiles of the digital phantom, for other trainings to start from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from synthpath_kedro.data.artifact import Artifact, digest_arrays
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.phantom.variation import MANY_CENTERS
from synthpath_kedro.data.sources.phantom import PRETRAINING
from synthpath_kedro.diffusion.batches import Batch, to_denoiser_range
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.parameters import DiffusionParameters

VALIDATION_TILES = 180
_STEPS_PER_EPOCH = 64


def pretrain_on_phantom(params: DiffusionParameters, image_size: int, seed: int, steps: int, scratch: Path) -> Artifact:
    """A denoiser that has seen no tile twice, in half precision; a killed training resumes from its last epoch.

    Args:
        params: the block ``diffusion``; its length, start, replicates, patience and sample grids do not count.
        image_size: height and width in pixels.
        seed: decides everything; no tile is one of a study's phantom of the same seed.
        steps: optimizer steps, rounded up to whole epochs of 64.
        scratch: folder of the checkpoint; the caller removes it when the result is safe.

    Raises:
        InputError: the image size does not fit the network, or the training diverges.
    """
    changes = {"max_steps": steps, "start_from": None, "replicates": 1, "patience": None, "sample_every": steps}
    steps_per_epoch = min(steps, _STEPS_PER_EPOCH)
    stream = FreshTiles(steps_per_epoch * params.batch_size, image_size, seed)
    trained = train_denoiser(
        stream.of_epoch(0),
        render_many_centers(VALIDATION_TILES, image_size, seed, 0),
        params.model_copy(update=changes),
        seed,
        scratch,
        batches=DataLoader(
            stream,
            sampler=_SlicesOfEpoch(steps_per_epoch, params.batch_size),
            batch_size=None,
            generator=torch.Generator(),
        ),
    ).checkpoint
    tensors = {name: array.astype(np.float16) for name, array in trained.tensors.items()}
    return Artifact(tensors, trained.card | {"digest": digest_arrays(tensors)})


def render_many_centers(n_images: int, image_size: int, seed: int, number: int) -> LabeledImages:
    """Tiles of every class in turn, of widely varied stain, light and magnification.

    Args:
        n_images: how many.
        image_size: height and width in pixels.
        seed: of the whole series.
        number: which set of the series this is; no two share a tile.
    """
    labels = np.arange(n_images) % len(TISSUES)
    images = render_tiles(labels, image_size, (seed, PRETRAINING, number), 0.0, MANY_CENTERS)
    card = {"name": "digital phantom, many centers", "phantom": True}
    return LabeledImages(images, labels, tuple(TISSUES), card=card)


class FreshTiles(Dataset):
    """Other tiles in every epoch; an item is a batch: the tiles of an epoch in a slice."""

    def __init__(self, n_images: int, image_size: int, seed: int) -> None:
        self._n_images, self._image_size, self._seed = n_images, image_size, seed
        self._epoch, self._tiles = 0, self._render(0)

    def __getitem__(self, key: tuple[int, slice]) -> Batch:
        epoch, rows = key
        tiles = self.of_epoch(epoch)
        return to_denoiser_range(tiles.images[rows]), torch.from_numpy(tiles.labels[rows])

    def of_epoch(self, epoch: int) -> LabeledImages:
        """All tiles of ``epoch``, from 0."""
        if epoch != self._epoch:
            self._epoch, self._tiles = epoch, self._render(epoch)
        return self._tiles

    def _render(self, epoch: int) -> LabeledImages:
        # The first set of the series is that of validation.
        return render_many_centers(self._n_images, self._image_size, self._seed, epoch + 1)


class _SlicesOfEpoch(Sampler):
    """Keys of ``FreshTiles``; Lightning sets the epoch, also after a resume."""

    def __init__(self, n_batches: int, batch_size: int) -> None:
        self._n_batches, self._batch_size, self._epoch = n_batches, batch_size, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[tuple[int, slice]]:
        for start in range(0, self._n_batches * self._batch_size, self._batch_size):
            yield self._epoch, slice(start, start + self._batch_size)
