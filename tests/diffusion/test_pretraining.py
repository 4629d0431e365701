from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.sources.phantom import render_phantom
from synthpath_kedro.diffusion import pretraining
from synthpath_kedro.diffusion.pretraining import FreshTiles, pretrain_on_phantom, render_many_centers
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.parameters import DiffusionParameters, PhantomParameters

Build = Callable[..., DiffusionParameters]


@pytest.fixture
def pretrain(diffusion_parameters: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Artifact]:
    """Trains for three epochs of two steps."""
    monkeypatch.setattr(pretraining, "_STEPS_PER_EPOCH", 2)
    params = diffusion_parameters(max_epochs=1, max_minutes=9, patience=1, start_from="nowhere", replicates=2)
    return lambda folder: pretrain_on_phantom(params, 8, 3, 5, tmp_path / folder)


def test_every_epoch_has_tiles_of_its_own_and_none_of_a_study() -> None:
    stream, study = FreshTiles(18, 8, seed=3), PhantomParameters(n_train=18, n_val=9, n_test=9, stain_shift=0.0)
    sets = [stream.of_epoch(0).images, stream.of_epoch(1).images, render_many_centers(18, 8, 3, 0).images]
    splits = render_phantom(study, 8, 3)
    sets += [one.images for one in (splits.train, splits.val, splits.test)]
    tiles = [tile.tobytes() for images in sets for tile in images]
    assert len(set(tiles)) == len(tiles) == 3 * 18 + 36
    assert np.array_equal(stream.of_epoch(0).images, sets[0])
    images, labels = stream[1, slice(9, 18)]
    assert labels.tolist() == list(range(9))
    assert images.shape == (9, 3, 8, 8)
    np.testing.assert_allclose(images[0, :, 2, 5] * 127.5 + 127.5, sets[1][9, 2, 5], atol=1e-4)


def test_colors_vary_more_than_in_one_center() -> None:
    """Between tiles, by class: the standard deviation of the mean color."""
    many = render_many_centers(180, 16, 0, 0)
    study = PhantomParameters(n_train=180, n_val=9, n_test=9, stain_shift=0.0)
    one = render_phantom(study, 16, 0).train

    def spread(tiles: LabeledImages) -> np.ndarray:
        means = tiles.images.mean(axis=(1, 2))
        return np.array([means[tiles.labels == label].std(axis=0).mean() for label in range(9)])

    assert (spread(many) > 1.3 * spread(one)).sum() >= 7


def test_a_pretrained_denoiser_is_half_precision_and_says_what_it_is(pretrain: Callable[[str], Artifact]) -> None:
    trained = pretrain("scratch")
    assert {array.dtype for array in trained.tensors.values()} == {np.dtype(np.float16)}
    assert trained.card["digest"] == trained.digest
    assert trained.card["class_names"] == list(TISSUES)
    assert trained.card["phantom"] is True
    assert trained.card["data"] == "digital phantom, many centers"
    assert (trained.card["planned_steps"], trained.card["images_seen"]) == (6, 36)
    assert "start" not in trained.card


def test_pretraining_again_or_resumed_gives_the_same_file(
    pretrain: Callable[[str], Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, seen = DenoiserTraining.training_step, []

    def step(self: DenoiserTraining, batch: tuple, index: int) -> object:
        seen.append(batch[0].numpy().tobytes())
        if len(seen) == 10:
            raise InterruptedError
        return original(self, batch, index)

    monkeypatch.setattr(DenoiserTraining, "training_step", step)
    whole = pretrain("whole")
    with pytest.raises(InterruptedError):
        pretrain("parts")
    assert pretrain("parts").digest == whole.digest
    assert len(set(seen[:6])) == 6
    assert seen[6:10] == seen[:4]


def test_a_training_starts_from_a_pretrained_denoiser(
    pretrain: Callable[[str], Artifact], tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    path, real = tmp_path / "phantom.safetensors", tiles.with_card(phantom=False)
    write_artifact(path, pretrain("scratch"))
    card = train_denoiser(real, real, diffusion_parameters(start_from=str(path)), 0, tmp_path / "own").checkpoint.card
    assert card["start"]["data"] == "digital phantom, many centers"
    assert card["start"]["phantom"] is True
