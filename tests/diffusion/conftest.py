"""Small things that many of these tests need."""

import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion.autoencoder_training import make_autoencoder
from synthpath_kedro.diffusion.training_module import DenoiserTraining
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
def latent_parameters(diffusion_parameters):
    """The same in latent space, with an autoencoder of a few thousand weights."""

    def build(**changes) -> DiffusionParameters:
        autoencoder = {
            "weights": "train",
            "revision": None,
            "latent_channels": 4,
            "downsample": 2,
            "base_channels": 8,
            "max_epochs": 1,
            "batch_size": 6,
            "learning_rate": 2e-3,
            "kl_weight": 1e-4,
        }
        network = {"channel_multipliers": (1,), "attention_resolutions": (), **changes.pop("denoiser", {})}
        own = {**autoencoder, **changes.pop("autoencoder", {})}
        return diffusion_parameters(space="latent", autoencoder=own, denoiser=network, **changes)

    return build


@pytest.fixture
def make_small_autoencoder(tiles, latent_parameters, tmp_path):
    """Trains an autoencoder for one epoch."""

    def make(seed: int = 0) -> Artifact:
        return make_autoencoder(tiles, tiles, latent_parameters(), seed, tmp_path / f"autoencoder_{seed}")

    return make


@pytest.fixture
def autoencoder(make_small_autoencoder):
    return make_small_autoencoder()


@pytest.fixture
def interrupt_training(monkeypatch):
    """Raises in the middle of the second step of an epoch (from 0) of a denoiser, once."""

    def interrupt(epoch: int) -> None:
        original = DenoiserTraining.training_step

        def step(self, batch, index):
            if self.current_epoch == epoch and index == 1:
                monkeypatch.setattr(DenoiserTraining, "training_step", original)
                raise InterruptedError
            return original(self, batch, index)

        monkeypatch.setattr(DenoiserTraining, "training_step", step)

    return interrupt


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
            "reject_copies": False,
            "n_images": 10,
            "allocation": "balanced",
            "counts": None,
            "sampler": "dpmpp_2m",
            "num_steps": 2,
            "guidance_scale": 1.0,
            "guidance_interval": None,
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
