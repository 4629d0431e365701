"""Small things that many of these tests need."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.parameters import ClassificationParameters

CLASS_NAMES = ("adipose", "debris", "mucus")
PROMPT = "This is a pathology image of {class_name}"
BACKBONES = {
    "cnn": {"variant": "two_blocks", "input_size": 8},
    "resnet18": {"variant": "resnet18", "input_size": 32},
    "dinov2": {"variant": "small", "input_size": 28},
    "clip": {"variant": "small", "input_size": 32},
    "efficientnet_lite0": {"variant": "tf_efficientnet_lite0", "input_size": 32},
    "inception": {"variant": "inception_v3", "input_size": 75},
    "timm": {"variant": "vit_tiny_patch16_224", "input_size": 32, "model_args": {"depth": 2}},
}


@pytest.fixture
def classification_parameters():
    """Builds the block ``classification`` with small backbones and random weights, changed where a test says so."""

    def build(**changes) -> ClassificationParameters:
        common = {"weights": "random", "batch_size": 8, "learning_rate": 1e-3}
        backbones = {name: {**common, **block, **changes.pop(name, {})} for name, block in BACKBONES.items()}
        block = {
            "models": ["cnn"],
            "regimes": ["real"],
            "replicates": 1,
            "mixing_ratio": 0.5,
            "sweep_ratios": (0, 1),
            "learning_curve": {"fractions": (0.5, 1), "regimes": ("real", "mixed"), "synthetic_counts": ()},
            "confidence_filtering": {"model": None, "min_confidence": 0.0},
            "max_epochs": 3,
            "min_steps": 0,
            "patience": 3,
            "milestones": [2],
            "gamma": 0.1,
            "weight_decay": 0.01,
            "class_weights": "none",
            "precision": "32-true",
            "prompt": PROMPT,
            "cached_features_dtype": "float32",
            "cached_features_max_gb": 1,
        }
        return ClassificationParameters.model_validate({**block, "backbones": backbones, **changes})

    return build


@pytest.fixture(scope="session")
def study() -> ClassificationParameters:
    """The study's own parameters, but for the weights, which no test downloads."""
    path = Path(__file__).parents[2] / "conf" / "base" / "parameters_classification.yml"
    block = yaml.safe_load(path.read_text())["classification"]
    return ClassificationParameters.model_validate(
        block | {"backbones": {name: {**one, "weights": "random"} for name, one in block["backbones"].items()}}
    )


@pytest.fixture
def tiles():
    """Draws n 8x8 images of three classes, each class of its own shade, that differ with the seed."""

    def draw(n=24, seed=0, size=8) -> LabeledImages:
        labels = np.arange(n) % 3
        noise = np.random.default_rng(seed).integers(0, 80, (n, size, size, 3))
        pixels = (60 * labels[:, None, None, None] + noise).astype(np.uint8)
        return LabeledImages(pixels, labels, CLASS_NAMES, card={"name": "shades", "prepared": "0a1b"})

    return draw


@pytest.fixture
def train(tiles, tmp_path):
    """Trains a cell on 24 real images, validates on 9, with 30 synthetic ones."""

    def train(params, model="cnn", regime="real", scratch=None, seed=0, made_by=None, **images):
        sets = {"real_train": tiles(24), "real_val": tiles(9, seed=1), "synthetic": tiles(30, seed=2)} | images
        folder = scratch or tmp_path / "scratch"
        return train_cell(model, regime, *sets.values(), params, seed, folder, made_by=made_by)

    return train


@pytest.fixture
def double():
    """Everything in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def replicate():
    """The weights of one replicate of a trained cell, by name."""

    def weights(trained, index=0):
        prefix = f"replicate_{index}."
        tensors = trained.checkpoint.tensors
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    return weights


@pytest.fixture
def same():
    """Whether two sets of weights are equal to the last bit."""

    def compare(first, second):
        return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)

    return compare


class InSeveralFiles:
    """Images that are never in memory all at once."""

    def __init__(self, images, most):
        self.images, self.most, self.shape = images, most, images.shape

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        found = self.images[rows]
        assert len(found) <= self.most
        return found

    def __array__(self, *_, **__):
        raise AssertionError("all images were copied into memory")


@pytest.fixture
def lazily():
    """The same images, of which at most so many can be read at once."""

    def wrap(images, most):
        return replace(images, images=InSeveralFiles(images.images, most)).with_card(digest=images.digest)

    return wrap
