"""Small things that many of these tests need."""

import numpy as np
import pytest

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.parameters import DiffusionParameters, SynthesisParameters

CLASS_NAMES = ("adipose", "debris", "mucus")


@pytest.fixture
def diffusion_parameters():
    """Builds the block ``diffusion``: a network of a few thousand weights, changed where a test says so."""

    def build(**changes) -> DiffusionParameters:
        denoiser = {
            "base_channels": 8,
            "channel_multipliers": (1, 2),
            "residual_blocks": 1,
            "attention_resolutions": (4,),
            "dropout": 0.1,
        }
        block = {
            "denoiser": {**denoiser, **changes.pop("denoiser", {})},
            "parameterization": "edm",
            "noise_schedule": {"name": "linear", "timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02},
            "max_epochs": 3,
            "max_minutes": None,
            "patience": None,
            "batch_size": 6,
            "learning_rate": 2e-3,
            "weight_decay": 1e-4,
            "ema_decay": 0.999,
            "gradient_clip": 1.0,
            "class_dropout_prob": 0.1,
            "augment": True,
            "precision": "32-true",
            "compile": False,
            "sample_every": 2,
        }
        return DiffusionParameters(**{**block, **changes})

    return build


@pytest.fixture
def synthesis_parameters():
    """Builds the block ``synthesis``, changed where a test says so."""

    def build(**changes) -> SynthesisParameters:
        block = {
            "source": "diffusion",
            "path": None,
            "sets": {},
            "oracle_models": (),
            "duplicates": "keep",
            "n_images": 10,
            "allocation": "balanced",
            "counts": None,
            "sampler": "dpmpp_2m",
            "num_steps": 2,
            "guidance_scale": 1.0,
            "eta": 0.0,
            "churn": 0.0,
            "clip_denoised": True,
            "precision": "auto",
            "compile": "auto",
            "batch_size": 3,
            "shard_size": 4,
            "export": "none",
        }
        return SynthesisParameters(**{**block, **changes})

    return build


@pytest.fixture
def tiles():
    """Twenty 8x8 images of three classes, each class of its own shade."""
    random = np.random.default_rng(0)
    labels = np.arange(20) % 3
    images = (60 * labels[:, None, None, None] + random.integers(0, 60, (20, 8, 8, 3))).astype(np.uint8)
    return LabeledImages(images, labels.astype(np.int64), CLASS_NAMES, card={"name": "shades", "phantom": True})
