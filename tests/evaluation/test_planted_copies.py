"""Cases whose answer is known: planted copies, images that copy nothing, a denoiser that was trained far too long."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kedro.config import OmegaConfigLoader

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.evaluation.extractors import Extractor, load_extractor
from synthpath_kedro.evaluation.image_features import extract
from synthpath_kedro.evaluation.planted_copies import planted_copies_table
from synthpath_kedro.evaluation.training_search import Searched, count_suspects, search_training_images
from synthpath_kedro.metrics.copies import count_copies
from synthpath_kedro.metrics.disguises import DISGUISES, MOVED, disguised
from synthpath_kedro.parameters import DiffusionParameters, EvaluationParameters, SynthesisParameters
from synthpath_kedro.settings import CONFIG_LOADER_ARGS

NAMES = tuple(TISSUES)
REAL_SHARES = (0.10, 0.02, 0.12, 0.12, 0.09, 0.14, 0.09, 0.12, 0.20)
SYNTHETIC_SHARES = (0.11, 0.11, 0.11, 0.11, 0.12, 0.11, 0.11, 0.11, 0.11)
"""Of the classes; background is the second."""

Draw = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def params(evaluation_parameters: Callable) -> EvaluationParameters:
    base = evaluation_parameters()
    return base.model_copy(update={"features": base.features.model_copy(update={"input_size": 64})})


@pytest.fixture
def extractor(params: EvaluationParameters) -> Extractor:
    return load_extractor(params.features)


@pytest.fixture
def searched(extractor: Extractor) -> Callable[..., Searched]:
    def build(images: np.ndarray, labels: np.ndarray, features: np.ndarray | None = None) -> Searched:
        everything = np.arange(len(images))
        features = extract(extractor, images, everything, 64) if features is None else features
        return Searched(LabeledImages(images, labels, NAMES), Artifact({"features": features, "index": everything}))

    return build


def draw(n: int, *seed: int) -> Draw:
    labels = np.random.default_rng(seed).integers(0, 9, n)
    return render_tiles(labels, 32, seed, 0.0), labels


def real(folder: Path, split: str) -> Draw:
    with np.load(folder / "pathmnist_tiles_28.npz") as file:
        return file[f"{split}_images"], file[f"{split}_labels"].ravel().astype(np.int64)


@pytest.fixture(params=["phantom", "real tiles"])
def splits(request: pytest.FixtureRequest) -> tuple[Draw, Draw, Draw]:
    """Training images, held-out images, and images that copy nothing."""
    if request.param == "phantom":
        return draw(300, 3, 0), draw(120, 3, 1), draw(100, 3, 2)
    folder = request.getfixturevalue("real_tiles")
    train, val, test = (real(folder, split) for split in ("train", "val", "test"))
    return train, val, test


def test_copies_are_found_under_every_disguise_and_a_few_raise_the_alarm(
    splits: tuple[Draw, Draw, Draw], searched: Callable, extractor: Extractor, params: EvaluationParameters
) -> None:
    train, held_out, fair = (searched(*one) for one in splits)
    table = planted_copies_table(train, held_out, extractor, params, seed=0).set_index("disguise")
    assert (table["n"] == 60).all()
    in_place = [name for name in DISGUISES if name not in MOVED]
    assert (table.loc[in_place, "either"] >= 0.85).all(), table
    assert (table.loc[list(MOVED), "either"] >= 0.5).all(), table
    found = search_training_images(fair, held_out, train, params.privacy, seed=0)
    without = count_suspects(found)
    assert not without.alarm
    # Twenty copies among 540 images of which as many as here look like copies.
    others = round(520 * without.share)
    for disguise, share in table["either"].items():
        suspects = np.arange(540) < others + int(20 * share)
        assert count_copies(suspects, np.zeros(len(splits[1][0]), bool)).alarm, disguise


def test_each_image_is_disguised_by_itself_and_none_is_left_as_it_was() -> None:
    images, _ = draw(6, 4)
    for name in DISGUISES:
        changed = disguised(images, name, seed=1)
        assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
        assert np.array_equal(changed[:3], disguised(images[:3], name, seed=1))
        differs = [not np.array_equal(*pair) for pair in zip(changed, images, strict=True)]
        assert differs == [name != "none"] * 6


@pytest.mark.slow
def test_images_that_copy_nothing_seldom_raise_the_alarm_whatever_the_mix_of_classes(
    searched: Callable, extractor: Extractor, params: EvaluationParameters
) -> None:
    images, labels = draw(4000, 6)
    features = extract(extractor, images, np.arange(len(images)), 64)

    def pick(rng: np.random.Generator, n: int, shares: tuple[float, ...], left: np.ndarray) -> Searched:
        rows = rng.choice(np.flatnonzero(left), n, replace=False, p=_weights(labels[left], shares))
        left[rows] = False
        return searched(images[rows], labels[rows], features[rows])

    alarms = {}
    for mix, (of_real, of_synthetic) in {
        "equal": ((1 / 9,) * 9, (1 / 9,) * 9),
        "unequal": (REAL_SHARES, SYNTHETIC_SHARES),
    }.items():
        alarms[mix] = 0
        for seed in range(100):
            rng, left = np.random.default_rng(seed), np.ones(len(images), bool)
            train, held_out = (pick(rng, n, of_real, left) for n in (180, 90))
            synthetic = pick(rng, 270, of_synthetic, left)
            alarms[mix] += count_suspects(search_training_images(synthetic, held_out, train, params.privacy, 0)).alarm
    assert sum(alarms.values()) <= 0.08 * 200, alarms
    assert max(alarms.values()) <= 8, alarms


@pytest.mark.slow
def test_a_denoiser_that_was_trained_far_too_long_is_caught(
    searched: Callable, params: EvaluationParameters, project: Path, tmp_path: Path
) -> None:
    blocks = OmegaConfigLoader(str(project / "conf"), env="demo", **CONFIG_LOADER_ARGS)["parameters"]
    changes = {"max_minutes": None, "max_steps": None, "max_epochs": 100, "sample_every": 100, "textures": 0}
    diffusion = DiffusionParameters.model_validate(blocks["diffusion"] | changes | {"augment": False})
    sampling = {"n_images": 45, "shard_size": 45, "oracle_models": [], "allocation": "balanced"}
    synthesis = SynthesisParameters.model_validate(blocks["synthesis"] | sampling)
    labels = np.arange(18) % 9
    images, unseen = (render_tiles(np.tile(labels, n), 16, (8, n), 0.0) for n in (1, 5))
    card = {"prepared": "p"}
    often = LabeledImages(np.tile(images, (36, 1, 1, 1)), np.tile(labels, 36), NAMES, card=card)
    few = LabeledImages(unseen[:18], labels, NAMES, card=card)
    trained = train_denoiser(often, few, diffusion, 0, tmp_path / "denoiser")
    shards = generate_shards(trained.checkpoint, np.bincount(labels), synthesis, 0, tmp_path / "shards")
    made = next(iter(shards.values())).tensors
    held_out = searched(unseen, np.tile(labels, 5))
    found = search_training_images(
        searched(np.asarray(made["images"]), np.asarray(made["labels"])),
        held_out,
        searched(images, labels),
        params.privacy,
        seed=0,
    )
    count = count_suspects(found)
    assert count.alarm
    assert count.suspects >= 0.8 * count.examined


def _weights(labels: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    weights = np.array(shares)[labels] / np.bincount(labels, minlength=9)[labels]
    return weights / weights.sum()
