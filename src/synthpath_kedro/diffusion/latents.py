"""Latents of whole sets of images, computed once and stored; and images as the autoencoder gives them back."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float16, UInt8

from synthpath_kedro.data.artifact import Artifact, AtomicFile, Card, read_artifact, safetensors_header
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data
from synthpath_kedro.diffusion.batches import to_denoiser_range, to_uint8
from synthpath_kedro.diffusion.encoder import Encoder
from synthpath_kedro.training.augmentation import POSITIONS, dihedral
from synthpath_kedro.training.device import choose_device
from synthpath_kedro.training.distributed import rank, wait_for_all

log = logging.getLogger(__name__)

LATENTS = "latents"
_DTYPE = "float16"
_BATCH = 64


@dataclass(frozen=True)
class StoredLatents:
    """What a denoiser is trained on in latent space.

    Attributes:
        train: of the training images, in all eight positions of a square where they are augmented, else in their own.
        val: of the validation images, in their own position.
    """

    train: Float16[np.ndarray, "images positions channels size size"]
    val: Float16[np.ndarray, "images positions channels size size"]


def stored_latents(autoencoder: Artifact | None, train: Artifact | None, val: Artifact | None) -> StoredLatents | None:
    """The latents of training and validation images; None in pixel space.

    Raises:
        InputError: they are of another autoencoder.
    """
    if autoencoder is None or train is None or val is None:
        return None
    own = {"autoencoder": autoencoder.card["digest"], "prepared": autoencoder.card["prepared"]}
    check_same_data({"autoencoder": own, "latents of real_train": train.card, "latents of real_val": val.card})
    return StoredLatents(train.tensors[LATENTS], val.tensors[LATENTS])


def encode_images(
    images: LabeledImages,
    encoder: Encoder,
    augment: bool,
    path: Path,
    existing: Artifact | None = None,
) -> Artifact:
    """The latents of ``images``: float16 [N, positions, C, h, w] under "latents", memory-mapped.

    The latent of a flipped image is not the flipped latent, so that each position is encoded by itself.

    Args:
        images: the images.
        encoder: encodes them.
        augment: in all eight positions of a square.
        path: the file to write, by the batch and atomically.
        existing: latents of an earlier run, which are returned where they have the same key.
    """
    positions = POSITIONS if augment else 1
    key: Card = {"encoder": encoder.card, "images": images.digest, "positions": positions}
    card = {"key": key, "prepared": images.prepared, "autoencoder": encoder.card.get("autoencoder")}
    if existing is not None and existing.card.get("key") == key:
        log.info("latents of %d images are up to date", len(images))
        return existing
    if rank() == 0 and not (path.is_file() and read_artifact(path).card.get("key") == key):
        _write(path, images, encoder, positions, card)
    wait_for_all()
    written = read_artifact(path)
    wait_for_all()  # none removes it before all have it
    return written


def encode_both(
    train: LabeledImages, val: LabeledImages, encoder: Encoder, augment: bool, folder: Path
) -> StoredLatents:
    """What a denoiser is trained on, in two files of ``folder``."""
    of_train = encode_images(train, encoder, augment, folder / "train.safetensors")
    of_val = encode_images(val, encoder, False, folder / "val.safetensors")
    return StoredLatents(of_train.tensors[LATENTS], of_val.tensors[LATENTS])


def _write(path: Path, images: LabeledImages, encoder: Encoder, positions: int, card: Card) -> None:
    channels, size = encoder.shape(images.image_size)
    shape = (len(images), positions, channels, size, size)
    with AtomicFile(path) as stream:
        stream.write(safetensors_header({LATENTS: (shape, _DTYPE)}, card))
        for batch in _encoded(images, encoder, positions):
            stream.write(batch.tobytes())


def _encoded(images: LabeledImages, encoder: Encoder, positions: int) -> Iterator[np.ndarray]:
    device = choose_device()
    for start in range(0, len(images), _BATCH):
        pixels = to_denoiser_range(np.array(images.images[start : start + _BATCH])).to(device)
        each = [
            encoder.encode(dihedral(pixels, torch.full((len(pixels),), position, device=device)))
            for position in range(positions)
        ]
        yield torch.stack(each, dim=1).cpu().numpy().astype(_DTYPE)


def reconstruct(
    encoder: Encoder, images: UInt8[np.ndarray, "images height width 3"]
) -> UInt8[np.ndarray, "images height width 3"]:
    """``images`` encoded and decoded again."""
    device = choose_device()
    parts = [
        to_uint8(encoder.decode(encoder.encode(to_denoiser_range(np.array(images[start : start + _BATCH])).to(device))))
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)


def psnr(
    original: UInt8[np.ndarray, "images height width 3"], other: UInt8[np.ndarray, "images height width 3"]
) -> Float[np.ndarray, " images"]:
    """Peak signal-to-noise ratio of every image in dB: 10 log10(255^2 / mean squared error); inf for equal images."""
    difference = original.astype(np.float64) - other
    error = (difference**2).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / error)
