import logging

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from synthpath_kedro.training import trainer as trainer_module
from synthpath_kedro.training.checkpoint_io import SafetensorsCheckpointIO
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.trainer import Patience, make_trainer, resumable_checkpoint

KEY = {"parameters": {"milestones": (5, 8)}, "data": "0a1b"}


class Line(pl.LightningModule):
    """A line fitted to noise; its validation loss is ``val_losses[epoch]``."""

    def __init__(self, val_losses=(1.0,) * 9):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 1)
        self.val_losses = val_losses

    def training_step(self, batch, _):
        loss = self.layer(batch[0]).square().mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.val_losses[self.current_epoch])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.1)


def loader():
    return DataLoader(TensorDataset(torch.linspace(-1, 1, 16).reshape(8, 2)), batch_size=4)


def fit(scratch, epochs, module=None, callbacks=()):
    module = module or Line()
    history = EpochHistory("line", 8)
    trainer = make_trainer(scratch, epochs, callbacks=[history, *callbacks])
    trainer.fit(module, loader(), loader(), ckpt_path=resumable_checkpoint(scratch, KEY))
    return module, history.table


def test_training_that_goes_on_from_its_checkpoint_ends_like_one_that_never_stopped(tmp_path):
    whole, table = fit(tmp_path / "whole", 4)
    resumable_checkpoint(tmp_path / "parts", KEY)
    stopped = make_trainer(tmp_path / "parts", 4, callbacks=[EpochHistory("line", 8), StopAfter(2)])
    with pytest.raises(InterruptedError):
        stopped.fit(Line(), loader(), loader())
    resumed, resumed_table = fit(tmp_path / "parts", 4)
    assert torch.equal(whole.layer.weight, resumed.layer.weight)
    assert resumed_table.epoch.tolist() == table.epoch.tolist() == [1, 2, 3, 4]
    assert resumed_table.train_loss.tolist() == table.train_loss.tolist()


@pytest.fixture
def saved_epochs(monkeypatch):
    """The epochs, from 1, at whose end a checkpoint was saved, where every epoch takes a minute."""
    epochs, minutes = [], iter(range(99))
    save = SafetensorsCheckpointIO.save_checkpoint

    def noted(self, checkpoint, *arguments, **options):
        epochs.append(checkpoint["epoch"] + 1)
        save(self, checkpoint, *arguments, **options)

    class Clock:
        monotonic = staticmethod(lambda: 60.0 * now[0])

    class Minute(pl.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            now[0] = 1 + next(minutes)

    now = [0]
    monkeypatch.setattr(SafetensorsCheckpointIO, "save_checkpoint", noted)
    monkeypatch.setattr(trainer_module, "time", Clock)
    return epochs, Minute()


def fit_by_the_clock(scratch, minute, checkpoint_minutes, callbacks=(), module=None):
    module = module or Line()
    callbacks = [EpochHistory("line", 8), minute, *callbacks]
    trainer = make_trainer(scratch, 7, callbacks=callbacks, checkpoint_minutes=checkpoint_minutes)
    trainer.fit(module, loader(), loader(), ckpt_path=resumable_checkpoint(scratch, KEY))
    return module


@pytest.mark.parametrize(
    ("checkpoint_minutes", "expected"),
    [(0, [1, 2, 3, 4, 5, 6, 7]), (2.5, [3, 6, 7]), (3, [3, 6, 7]), (60, [7])],
)
def test_a_checkpoint_is_saved_by_the_clock_at_the_end_of_an_epoch_and_of_the_training(
    checkpoint_minutes, expected, saved_epochs, tmp_path
):
    epochs, minute = saved_epochs
    fit_by_the_clock(tmp_path, minute, checkpoint_minutes)
    assert epochs == expected


def test_the_last_checkpoint_is_saved_where_patience_ends_the_training(saved_epochs, tmp_path):
    epochs, minute = saved_epochs
    fit_by_the_clock(tmp_path, minute, 60, [Patience(2)], Line((1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0)))
    assert epochs == [3]


def test_training_stopped_between_two_checkpoints_saves_its_last_epoch_and_goes_on_there(saved_epochs, tmp_path):
    epochs, minute = saved_epochs
    whole, _ = fit(tmp_path / "whole", 7)
    epochs.clear()
    with pytest.raises(InterruptedError):
        fit_by_the_clock(tmp_path / "parts", minute, 2, [StopAfter(5)])
    assert epochs == [2, 4, 5]
    resumed = fit_by_the_clock(tmp_path / "parts", minute, 2)
    assert epochs == [2, 4, 5, 7]
    assert torch.equal(whole.layer.weight, resumed.layer.weight)


class StopAfter(pl.Callback):
    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epochs:
            raise InterruptedError


def test_patience_that_has_run_out_stays_run_out_after_a_resume(tmp_path):
    losses = (1.0, 2.0, 2.0, 2.0, 2.0, 2.0)
    _, table = fit(tmp_path, 6, Line(losses), [Patience(2)])
    assert len(table) == 3
    _, table = fit(tmp_path, 6, Line(losses), [Patience(2)])
    assert len(table) == 3


def test_another_training_in_the_scratch_folder_is_cleared_and_said_in_one_line(tmp_path, caplog):
    fit(tmp_path, 1)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert resumable_checkpoint(tmp_path, {**KEY, "data": "ffff"}) is None
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]
    assert "holds a training with other data" in caplog.text
    assert len(caplog.messages) == 1


def test_each_epoch_is_one_line_in_the_log(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, 2)
    lines = [message for message in caplog.messages if message.startswith("line: epoch")]
    assert len(lines) == 2
    assert lines[1].startswith("line: epoch 2/2: train loss ")
    assert lines[1].endswith("at most 0:00:00 left")


@pytest.mark.parametrize(("name", "content"), [("last.ckpt", b"half"), ("last.ckpt", b""), ("key.json", b"[1]")])
def test_a_damaged_checkpoint_means_a_fresh_start(tmp_path, caplog, name, content):
    _, whole = fit(tmp_path / "whole", 2)
    fit(tmp_path / "scratch", 1)
    (tmp_path / "scratch" / name).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        _, table = fit(tmp_path / "scratch", 2)
    assert "starting afresh: the checkpoint" in caplog.text
    assert table["epoch"].tolist() == whole["epoch"].tolist() == [1, 2]
