import logging

import pytest
import torch

from synthpath_kedro.classifiers.lightning_module import ClassifierTraining


class KilledError(Exception):
    pass


def kill_at(epoch, of_replicate, monkeypatch):
    """Stops in the middle of an epoch (from 0) of a replicate, once."""
    step = ClassifierTraining.training_step
    seeds = []

    def step_or_die(self, batch, index):
        if self.seed not in seeds:
            seeds.append(self.seed)
        if (self.current_epoch, len(seeds) - 1, index) == (epoch, of_replicate, 1):
            monkeypatch.setattr(ClassifierTraining, "training_step", step)
            raise KilledError
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", step_or_die)


@pytest.mark.parametrize(("model", "regime"), [("cnn", "mixed_augmented"), ("resnet18", "real"), ("clip", "real")])
def test_resumed_training_equals_uninterrupted_training(
    model, regime, train, classification_parameters, tmp_path, monkeypatch
):
    params = classification_parameters(max_epochs=3)
    whole = train(params, model, regime, tmp_path / "whole")
    kill_at(epoch=2, of_replicate=0, monkeypatch=monkeypatch)
    with pytest.raises(KilledError):
        train(params, model, regime, tmp_path / "parts")
    resumed = train(params, model, regime, tmp_path / "parts")
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.checkpoint.card == whole.checkpoint.card
    timed = ["seconds", "images_per_second"]
    assert resumed.history.drop(columns=timed).equals(whole.history.drop(columns=timed))


def test_a_finished_replicate_is_not_trained_again(train, classification_parameters, tmp_path, monkeypatch, caplog):
    params = classification_parameters(max_epochs=2, replicates=3)
    whole = train(params, scratch=tmp_path / "whole")
    kill_at(epoch=1, of_replicate=2, monkeypatch=monkeypatch)
    with pytest.raises(KilledError):
        train(params, scratch=tmp_path / "parts")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        resumed = train(params, scratch=tmp_path / "parts")
    assert [message for message in caplog.messages if "is finished" in message] == [
        f"Resuming from {tmp_path / 'parts' / 'replicate_0.safetensors'}: cnn under real, replicate 0 is finished",
        f"Resuming from {tmp_path / 'parts' / 'replicate_1.safetensors'}: cnn under real, replicate 1 is finished",
    ]
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    timed = ["seconds", "images_per_second"]
    assert resumed.history.drop(columns=timed).equals(whole.history.drop(columns=timed))


def test_other_parameters_start_afresh(train, classification_parameters, tmp_path, monkeypatch):
    changed = classification_parameters(max_epochs=2, replicates=2, gamma=0.5)
    expected = train(changed, scratch=tmp_path / "other")
    kill_at(epoch=1, of_replicate=1, monkeypatch=monkeypatch)
    with pytest.raises(KilledError):
        train(classification_parameters(max_epochs=2, replicates=2), scratch=tmp_path / "parts")
    assert train(changed, scratch=tmp_path / "parts").checkpoint.digest == expected.checkpoint.digest


def test_training_leaves_the_global_generator_as_it_was(train, classification_parameters):
    before = torch.get_rng_state()
    train(classification_parameters(max_epochs=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_lightning_is_quiet(train, classification_parameters, recwarn, capsys):
    train(classification_parameters(max_epochs=1), "resnet18")
    assert [str(warning.message) for warning in recwarn] == []
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_training_killed_with_sigkill_ends_with_the_weights_of_an_uninterrupted_one(
    tiles, classification_parameters, check_sigkill_is_survived
):
    program = """
from synthpath_kedro.classifiers.training import train_cell
print(train_cell("cnn", "mixed", tiles, tiles, tiles, params, 0, folder / "scratch").checkpoint.digest)
"""
    check_sigkill_is_survived(ClassifierTraining, classification_parameters(max_epochs=4), tiles(), program)
