"""Latents of whole sets of images, computed once and stored; and images as the autoencoder gives them back."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float16, UInt8

from synthpath_kedro.data.artifact import Artifact, Card, atomic_path, read_artifact, safetensors_header
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion.batches import to_denoiser_range, to_uint8
from synthpath_kedro.diffusion.encoder import Encoder
from synthpath_kedro.training.augmentation import POSITIONS, dihedral
from synthpath_kedro.training.device import choose_device

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
    for found in (existing, read_artifact(path) if path.is_file() else None):
        if found is not None and found.card.get("key") == key:
            log.info("latents of %d images are up to date", len(images))
            return found
    channels, size = encoder.shape(images.image_size)
    shape = (len(images), positions, channels, size, size)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(safetensors_header({LATENTS: (shape, _DTYPE)}, card))
        for batch in _encoded(images, encoder, positions):
            stream.write(batch.tobytes())
    return read_artifact(path)


def _encoded(images: LabeledImages, encoder: Encoder, positions: int) -> Iterator[np.ndarray]:
    device = choose_device()
    for start in range(0, len(images), _BATCH):
        pixels = to_denoiser_range(images.images[start : start + _BATCH]).to(device)
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
        to_uint8(encoder.decode(encoder.encode(to_denoiser_range(images[start : start + _BATCH]).to(device))))
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
