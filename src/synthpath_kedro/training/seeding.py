"""Random numbers that depend on nothing but what they are for."""

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """One number per purpose: it stands right after the seed in a key, so that no two purposes share random numbers.

    A key's trailing zeros do not count (NumPy's ``SeedSequence`` pads keys with zeros), so a purpose that is told apart
    by a later number only would share its first numbers with another.
    """

    DENOISER_STEP = 1
    DENOISER_VALIDATION = 2
    DENOISER_DROPOUT = 3
    SAMPLES_BY_EPOCH = 4
    DENOISER_WEIGHTS = 5
    SYNTHESIS = 6
    DENOISER_BATCHES = 8
    CLASSIFIER_DROPOUT = 9
    CLASSIFIER_AUGMENTATION = 10
    DENOISER_REPLICATE = 11
    FOLDS = 12
    DENOISER_TEXTURES = 13
    AUTOENCODER_WEIGHTS = 14
    AUTOENCODER_STEP = 15


def mixed_seed(*key: int) -> int:
    """One 64-bit seed from several whole numbers, such as (seed, stream, epoch); near keys give unrelated seeds."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def replicate_seed(seed: int, replicate: int) -> int:
    """The seed of denoiser ``replicate``, from 0; the first has the study's own, so that it does not know of others."""
    return mixed_seed(seed, Stream.DENOISER_REPLICATE, replicate) if replicate else seed


def seeded_generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded by ``mixed_seed(*key)``."""
    return torch.Generator(device).manual_seed(mixed_seed(*key))
