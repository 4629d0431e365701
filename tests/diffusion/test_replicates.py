from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.data.artifact import read_artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion.checkpoint import join_replicates, load_denoiser, split_replicates
from synthpath_kedro.diffusion.replicates import read_samples, samples_artifact, train_replicates
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.loggers import TrainingLog
from synthpath_kedro.training.seeding import replicate_seed

Build = Callable[..., DiffusionParameters]
SAME = ["replicate", "epoch", "train_loss", "val_loss", "learning_rate"]


def test_the_first_replicate_is_the_only_one_of_a_study_with_one(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    alone = train_denoiser(tiles, tiles, diffusion_parameters(), 0, tmp_path / "alone")
    trained = train_replicates(tiles, tiles, diffusion_parameters(replicates=2), 0, tmp_path / "both")
    first, second = split_replicates(trained.checkpoint)
    assert {name: array.tobytes() for name, array in first.tensors.items()} == {
        name: array.tobytes() for name, array in alone.checkpoint.tensors.items()
    }
    assert first.card["digest"] == first.digest == alone.checkpoint.digest
    np.testing.assert_array_equal(trained.samples[0][3], alone.samples[3])
    same = SAME[1:]
    assert trained.history.query("replicate == 0")[same].equals(alone.history[same])
    assert second.tensors.keys() == first.tensors.keys()
    assert second.card["digest"] == second.digest != first.digest


def test_replicates_differ_from_the_first_step_on(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    trained = train_replicates(tiles, tiles, diffusion_parameters(replicates=3, max_epochs=1), 0, tmp_path)
    assert trained.history["replicate"].tolist() == [0, 1, 2]
    assert trained.history["train_loss"].nunique() == 3
    assert len({one.digest for one in split_replicates(trained.checkpoint)}) == 3


def test_seeds_of_replicates_are_the_studys_and_unrelated_ones() -> None:
    assert replicate_seed(7, 0) == 7
    assert len({replicate_seed(seed, replicate) for seed in (7, 8) for replicate in range(4)}) == 8


@pytest.mark.parametrize("replicate", [0, 1])
def test_a_killed_run_goes_on_with_the_replicate_and_epoch_it_was_in(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replicate: int
) -> None:
    params = diffusion_parameters(replicates=2, max_epochs=2)
    whole = train_replicates(tiles, tiles, params, 0, tmp_path / "whole")
    original, seed = DenoiserTraining.training_step, replicate_seed(0, replicate)
    trained: list[tuple[int, int]] = []

    def interrupt(self: DenoiserTraining, batch: tuple, index: int) -> object:
        if (self.seed, self.current_epoch, index) == (seed, 1, 1):
            raise InterruptedError
        return original(self, batch, index)

    def count(self: DenoiserTraining, batch: tuple, index: int) -> object:
        trained.append((self.seed, self.current_epoch))
        return original(self, batch, index)

    monkeypatch.setattr(DenoiserTraining, "training_step", interrupt)
    with pytest.raises(InterruptedError):
        train_replicates(tiles, tiles, params, 0, tmp_path / "parts")
    monkeypatch.setattr(DenoiserTraining, "training_step", count)
    resumed = train_replicates(tiles, tiles, params, 0, tmp_path / "parts")
    epochs = [(replicate_seed(0, one), epoch) for one in range(2) for epoch in range(2)]
    assert list(dict.fromkeys(trained)) == epochs[2 * replicate + 1 :]
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.checkpoint.card == whole.checkpoint.card
    assert resumed.history[SAME].equals(whole.history[SAME])
    assert samples_artifact(resumed).digest == samples_artifact(whole).digest


def test_a_run_that_asks_for_more_replicates_resumes_the_one_that_was_killed(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = train_replicates(tiles, tiles, diffusion_parameters(max_epochs=1), 0, tmp_path)
    seeds: list[int] = []
    original = DenoiserTraining.training_step

    def count(self: DenoiserTraining, batch: tuple, index: int) -> object:
        seeds.append(self.seed)
        return original(self, batch, index)

    monkeypatch.setattr(DenoiserTraining, "training_step", count)
    two = train_replicates(tiles, tiles, diffusion_parameters(max_epochs=1, replicates=2), 0, tmp_path)
    assert set(seeds) == {replicate_seed(0, 1)}
    assert split_replicates(two.checkpoint)[0].digest == split_replicates(one.checkpoint)[0].digest


def test_one_file_holds_all_and_each_can_be_loaded(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    trained = train_replicates(tiles, tiles, diffusion_parameters(replicates=2, max_epochs=1), 0, tmp_path)
    write_artifact(tmp_path / "denoiser.safetensors", trained.checkpoint)
    read = read_artifact(tmp_path / "denoiser.safetensors")
    assert {name.split(".")[0] for name in read.tensors} == {"replicate_0", "replicate_1"}
    assert read.digest == read.card["digest"]
    assert [one["epochs"] for one in read.card["replicates"]] == [1, 1]
    weights = [load_denoiser(one).network.conv_out[2].weight.numpy() for one in split_replicates(read)]
    assert not np.array_equal(*weights)


def test_a_denoiser_of_an_older_version_is_the_only_replicate(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    single = train_denoiser(tiles, tiles, diffusion_parameters(max_epochs=1), 0, tmp_path).checkpoint
    assert split_replicates(single) == [single]
    (again,) = split_replicates(join_replicates([single]))
    assert again.card == single.card
    assert again.digest == single.digest


def test_samples_come_back_by_replicate_and_epoch() -> None:
    from synthpath_kedro.data.artifact import Artifact

    pixels = {name: np.full((1, 1, 1, 3), number, np.uint8) for number, name in enumerate(("2", "10"))}
    names = ("replicate_0.2", "replicate_0.10", "replicate_1.2")
    tensors = dict(zip(names, [*pixels.values(), pixels["2"]], strict=True))
    assert read_samples(Artifact(tensors)) == [{2: pixels["2"], 10: pixels["10"]}, {2: pixels["2"]}]
    assert read_samples(Artifact(pixels)) == [{2: pixels["2"], 10: pixels["10"]}]


def test_logs_are_by_replicate_only_where_there_are_several(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="synthpath_kedro")
    for n in (1, 2):
        params = diffusion_parameters(max_epochs=1, replicates=n)
        train_replicates(tiles, tiles, params, 0, tmp_path / str(n), TrainingLog("csv", tmp_path / f"logs_{n}"))
    logs = {n: {path.parent.parent for path in (tmp_path / f"logs_{n}").rglob("metrics.csv")} for n in (1, 2)}
    assert logs[1] == {tmp_path / "logs_1/denoiser"}
    assert logs[2] == {tmp_path / "logs_2/denoiser/replicate_0", tmp_path / "logs_2/denoiser/replicate_1"}
    assert "denoiser: epoch 1/1" in caplog.text
    assert "denoiser, replicate 1: epoch 1/1" in caplog.text
