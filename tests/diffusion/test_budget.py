import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion import training
from synthpath_kedro.diffusion.budget import Pace, epochs_between_validations
from synthpath_kedro.diffusion.checkpoint import split_replicates
from synthpath_kedro.diffusion.replicates import train_replicates
from synthpath_kedro.diffusion.training import TrainedDenoiser, train_denoiser
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.parameters import DiffusionParameters

Build = Callable[..., DiffusionParameters]
SAME = ["epoch", "train_loss", "val_loss", "learning_rate"]


@pytest.fixture
def train(tiles: LabeledImages, tmp_path: Path) -> Callable[..., TrainedDenoiser]:
    def run(params: DiffusionParameters, folder: str = "scratch") -> TrainedDenoiser:
        return train_denoiser(tiles, tiles, params, 0, tmp_path / folder)

    return run


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pace | None], None]:
    """Sets what a probe finds; None: there must be no probe."""

    def found(pace: Pace | None) -> None:
        def measure(*_: object) -> Pace:
            assert pace is not None, "timed again"
            return pace

        monkeypatch.setattr(training, "measure_pace", measure)

    return found


def test_epochs_are_counted_with_validation_samples_and_what_comes_once(diffusion_parameters: Build) -> None:
    pace = Pace(step=0.1, epoch_end=0.5, evaluation=0.01, once=2.0)
    # 10 steps, validation, a fifth of a grid of 25 evaluations: 1.55 s; 34 s less 2 and a last grid are 20.5 of these.
    params = diffusion_parameters(sample_every=5)
    assert pace.epochs_within(34, 10, params, evaluations=25) == 20
    assert pace.epochs_within(1, 10, params, evaluations=25) == 1
    # 157.75 s are 103 epochs of 1.525 s that each validate; validated every second one, 1.275 s, they are 123.
    assert pace.epochs_within(160, 10, diffusion_parameters(sample_every=10), evaluations=25) == 123
    assert pace.epochs_within(160, 10, diffusion_parameters(sample_every=10, patience=3), evaluations=25) == 103


@pytest.mark.parametrize(
    ("epochs", "changes", "every"),
    [
        (49, {"sample_every": 60}, 1),
        (200, {"sample_every": 60}, 4),
        (250, {"sample_every": 60}, 5),
        (350, {"sample_every": 60}, 6),
        (350, {"sample_every": 7}, 7),
        (350, {"sample_every": 5}, 5),
        (350, {"sample_every": 11}, 1),
        (350, {"sample_every": 60, "patience": 3}, 1),
    ],
)
def test_epochs_with_a_sample_grid_are_validated(
    epochs: int, changes: dict, every: int, diffusion_parameters: Build
) -> None:
    assert epochs_between_validations(diffusion_parameters(**changes), epochs) == every


def test_a_budget_ends_the_learning_rates_cycle_and_is_repeated_by_its_steps(
    train: Callable, diffusion_parameters: Build, pace: Callable
) -> None:
    pace(Pace(step=1.0, epoch_end=3.0, evaluation=0.0, once=6.0))
    budget = train(diffusion_parameters(max_minutes=0.6, max_epochs=50))  # 30 s are 5 epochs of 3 steps
    assert budget.checkpoint.card["planned_steps"] == 15
    assert budget.history["learning_rate"].iloc[-1] < 1e-3 * budget.history["learning_rate"].max()
    steps = train(diffusion_parameters(max_steps=15, max_minutes=0.6, max_epochs=1), "other")
    assert steps.checkpoint.digest == budget.checkpoint.digest
    assert steps.history[SAME].equals(budget.history[SAME])
    assert steps.samples.keys() == budget.samples.keys() == {2, 4, 5}


def test_a_budget_allows_no_more_than_max_epochs(train: Callable, diffusion_parameters: Build, pace: Callable) -> None:
    pace(Pace(step=0.1, epoch_end=0.0, evaluation=0.0, once=0.0))
    assert train(diffusion_parameters(max_minutes=9, max_epochs=2)).checkpoint.card["epochs"] == 2


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_resumed_budget_has_the_steps_that_were_found_and_the_weights_of_an_uninterrupted_one(
    train: Callable,
    diffusion_parameters: Build,
    pace: Callable,
    interrupt_training: Callable[[int], None],
    tmp_path: Path,
    epoch: int,
) -> None:
    params = diffusion_parameters(max_minutes=0.6, max_epochs=50)
    pace(Pace(step=1.0, epoch_end=6.0, evaluation=0.0, once=0.0))
    whole = train(params, "whole")
    interrupt_training(epoch)
    with pytest.raises(InterruptedError):
        train(params, "parts")
    assert json.loads((tmp_path / "parts/budget.json").read_text()) == {"steps": 12}
    pace(None)
    resumed = train(params, "parts")
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.checkpoint.card == whole.checkpoint.card
    assert resumed.history[SAME].equals(whole.history[SAME])


def test_the_probe_changes_neither_weights_nor_random_numbers(
    train: Callable, diffusion_parameters: Build, tmp_path: Path
) -> None:
    epochs = train(diffusion_parameters(max_epochs=2), "epochs")
    probed = train(diffusion_parameters(max_epochs=2, max_minutes=30), "probed")
    assert probed.checkpoint.digest == epochs.checkpoint.digest
    assert probed.history[SAME].equals(epochs.history[SAME])
    assert {path.name for path in (tmp_path / "probed").iterdir()} == {"budget.json", "key.json", "last.ckpt"}


def test_a_slow_first_step_is_counted_once(
    train: Callable, diffusion_parameters: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Pace] = []
    measure, step, slept = training.measure_pace, DenoiserTraining.training_step, []

    def slow(self: DenoiserTraining, batch: tuple, index: int) -> object:
        if not slept:
            slept.append(time.sleep(2))
        return step(self, batch, index)

    monkeypatch.setattr(DenoiserTraining, "training_step", slow)
    monkeypatch.setattr(training, "measure_pace", lambda *args: found.append(measure(*args)) or found[-1])
    train(diffusion_parameters(max_epochs=1, max_minutes=0.1))
    assert found[0].step < 1
    assert found[0].once > 2 + 2 - found[0].step  # in the probe, and in the training
    assert 0 < found[0].evaluation < found[0].step
    assert found[0].epoch_end > 0


def test_replicates_share_one_budget(
    tiles: LabeledImages, diffusion_parameters: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces = iter([Pace(step=1.0, epoch_end=3.0, evaluation=0.0, once=0.0)])
    monkeypatch.setattr(training, "measure_pace", lambda *_: next(paces))
    params = diffusion_parameters(replicates=2, max_minutes=0.2, max_epochs=50)
    first, second = split_replicates(train_replicates(tiles, tiles, params, 0, tmp_path).checkpoint)
    assert first.card["epochs"] == second.card["epochs"] == 2
    assert first.card["planned_steps"] == second.card["planned_steps"] == 6
