import importlib.util
import logging
import tomllib
from pathlib import Path

import lightning.pytorch as pl
import pandas as pd
import pytest
import torch
from lightning.pytorch import loggers as lightning_loggers
from pydantic import BaseModel
from torch.utils.data import DataLoader, TensorDataset

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import TrainingParameters
from synthpath_kedro.study.loggers import LOGGERS, Logger, check_logger
from synthpath_kedro.training.loggers import TrainingLog
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.trainer import make_trainer, resumable_checkpoint

EXTRAS = ("tensorboard", "mlflow", "wandb")


class Settings(BaseModel):
    max_epochs: int = 3
    milestones: tuple[int, ...] = (5, 8)


class Line(pl.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _):
        loss = self.layer(batch[0]).square().mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.layer(batch[0]).square().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.1)


class StopBefore(pl.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            raise InterruptedError


def fit(folder: Path, logger: str, callbacks=(), epochs: int = 3):
    """Trains below ``folder / "scratch"`` and logs below ``folder / "logs"``."""
    data = DataLoader(TensorDataset(torch.linspace(-1, 1, 16).reshape(8, 2)), batch_size=4)
    history, scratch = EpochHistory("line", 8), folder / "scratch"
    loggers = TrainingLog(logger, folder / "logs").callbacks("toys/line", history, Settings())
    module = Line()
    trainer = make_trainer(scratch, epochs, callbacks=[history, *callbacks], loggers=loggers)
    trainer.fit(module, data, data, ckpt_path=resumable_checkpoint(scratch, {"data": "0a1b"}))
    return module.layer.weight.detach(), history.table


def interrupted(folder: Path, logger: str):
    """As ``fit``, killed before the last epoch and resumed."""
    with pytest.raises(InterruptedError):
        fit(folder, logger, [StopBefore(2)])
    return fit(folder, logger)


def logged_by_csv(folder: Path) -> pd.DataFrame:
    (path,) = (folder / "logs/toys/line").glob("*/metrics.csv")
    return pd.read_csv(path)


def test_a_csv_log_has_a_row_per_epoch_and_the_parameters(tmp_path):
    _, history = fit(tmp_path, "csv")
    rows = logged_by_csv(tmp_path)
    assert rows["step"].tolist() == [1, 2, 3]
    for name in ("train_loss", "val_loss", "learning_rate"):
        assert rows[name].tolist() == pytest.approx(history[name].tolist())
    (parameters,) = (tmp_path / "logs/toys/line").glob("*/hparams.yaml")
    assert "max_epochs: 3" in parameters.read_text()


def test_a_resumed_training_goes_on_in_the_same_log(tmp_path):
    _, history = interrupted(tmp_path, "csv")
    rows = logged_by_csv(tmp_path)
    assert rows["step"].tolist() == [1, 2, 3]
    assert rows["train_loss"].tolist() == pytest.approx(history["train_loss"].tolist())


@pytest.mark.parametrize("logger", ["csv", *EXTRAS])
def test_a_logger_does_not_change_what_is_trained(logger, tmp_path, monkeypatch):
    skip_without(logger, tmp_path, monkeypatch)
    assert torch.equal(interrupted(tmp_path / "logged", logger)[0], fit(tmp_path / "plain", "none")[0])
    assert not (tmp_path / "plain/logs").exists()


def test_a_training_may_resume_with_another_logger_or_none(tmp_path):
    whole, _ = fit(tmp_path / "whole", "none")
    with pytest.raises(InterruptedError):
        fit(tmp_path / "parts", "csv", [StopBefore(2)])
    assert torch.equal(fit(tmp_path / "parts", "none")[0], whole)


def test_a_second_training_leaves_the_log_of_the_first(tmp_path):
    fit(tmp_path, "csv")
    (tmp_path / "scratch/key.json").unlink()
    fit(tmp_path, "csv")
    assert len(list((tmp_path / "logs/toys/line").iterdir())) == 2


def test_tensorboard_has_each_epoch_once_after_a_resume(tmp_path, monkeypatch):
    skip_without("tensorboard", tmp_path, monkeypatch)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, history = interrupted(tmp_path, "tensorboard")
    (run,) = (tmp_path / "logs/toys/line").iterdir()
    events = EventAccumulator(str(run)).Reload().Scalars("train_loss")
    assert [event.step for event in events] == [1, 2, 3]
    assert [event.value for event in events] == pytest.approx(history["train_loss"].tolist())


def test_mlflow_keeps_one_run_in_files_below_logs(tmp_path, monkeypatch):
    skip_without("mlflow", tmp_path, monkeypatch)
    from mlflow.tracking import MlflowClient

    _, history = interrupted(tmp_path, "mlflow")
    client = MlflowClient(f"file:{tmp_path / 'logs/mlflow'}")
    experiment = client.get_experiment_by_name("toys/line")
    (run,) = client.search_runs([experiment.experiment_id])
    metrics = client.get_metric_history(run.info.run_id, "train_loss")
    assert run.data.params["max_epochs"] == "3"
    assert run.info.status == "FINISHED"
    assert [metric.step for metric in metrics] == [1, 2, 3]
    assert [metric.value for metric in metrics] == pytest.approx(history["train_loss"].tolist())


def test_wandb_writes_offline_runs_of_one_identity_below_logs(tmp_path, monkeypatch):
    skip_without("wandb", tmp_path, monkeypatch)
    interrupted(tmp_path, "wandb")
    files = list((tmp_path / "logs/wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2  # offline, each process writes a file of its own; wandb sync joins them by their name
    assert len({file.name for file in files}) == 1


def skip_without(logger, folder, monkeypatch):
    """Skips unless ``logger`` is installed; what it writes beside the log goes below ``folder``."""
    package = LOGGERS[logger].package
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f'pip install "synthpath-kedro[{logger}]"')
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(folder)


def test_a_logger_that_is_not_installed_gives_the_line_that_installs_it():
    absent = Logger("absent", "absent", f"{__name__}:remember", package="there_is_no_such_package")
    with LOGGERS.extended(absent), pytest.raises(InputError) as refused:
        check_logger("absent")
    assert str(refused.value) == (
        'training.logger is absent, which is not installed: pip install "synthpath-kedro[absent]", '
        "or set training.logger to csv or none"
    )


def test_every_logger_that_needs_a_package_has_an_extra_of_its_name(project):
    extras = tomllib.loads((project / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [name for name, entry in LOGGERS.items() if entry.package] == list(EXTRAS)
    assert set(EXTRAS) <= set(extras)


def test_a_logger_is_chosen_among_those_of_the_table():
    with pytest.raises(ValueError, match="none, csv, tensorboard, mlflow or wandb"):
        TrainingParameters(logger="comet", checkpoint_minutes=0)
    with pytest.raises(InputError, match="unknown logger 'comet'; valid: none, csv"):
        check_logger("comet")


class Memory(lightning_loggers.Logger):
    """Keeps what it is given."""

    name, version = "memory", "only"

    def __init__(self):
        super().__init__()
        self.parameters, self.losses = {}, []

    def log_hyperparams(self, params, *_, **__):
        self.parameters = params

    def log_metrics(self, metrics, step=None):
        self.losses.append((step, metrics["train_loss"]))


MEMORY = Memory()


def remember(folder, what, version):
    return MEMORY


def test_a_logger_that_is_added_to_the_table_is_chosen_by_parameters(tmp_path, caplog):
    with LOGGERS.extended(Logger("memory", "memory", f"{__name__}:remember")), caplog.at_level(logging.INFO):
        _, history = fit(tmp_path, TrainingParameters(logger="memory", checkpoint_minutes=0).logger)
    assert MEMORY.parameters == {"max_epochs": 3, "milestones": [5, 8]}
    assert MEMORY.losses == list(zip((1, 2, 3), history["train_loss"], strict=True))
