"""Where a training's metrics are logged. A new logger is a function, and a line here."""

from dataclasses import dataclass
from importlib.util import find_spec

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.table import Table


@dataclass(frozen=True)
class Logger:
    """A place for a training's parameters and metrics by epoch.

    Attributes:
        name: in the parameter ``training.logger``.
        label: in print.
        build: "module:function", called as ``build(folder, what, version)``; see ``synthpath_kedro.training.loggers``.
            None: nothing is logged.
        package: what must be importable; it is installed by the extra called ``name``. None: nothing beyond the
            project's own dependencies.
        rewrites: a resumed training writes its log again from the first epoch, instead of going on at its end.
    """

    name: str
    label: str
    build: str | None
    package: str | None = None
    rewrites: bool = False


_LOGGERS = "synthpath_kedro.training.loggers"

LOGGERS = Table(
    "logger",
    Logger("none", "none", None),
    Logger("csv", "CSV", f"{_LOGGERS}:csv", rewrites=True),
    Logger("tensorboard", "TensorBoard", f"{_LOGGERS}:tensorboard", "tensorboard", rewrites=True),
    Logger("mlflow", "MLflow", f"{_LOGGERS}:mlflow", "mlflow"),
    Logger("wandb", "Weights & Biases", f"{_LOGGERS}:wandb", "wandb"),
)


def check_logger(name: str) -> None:
    """Refuses a logger whose package is not installed, without importing it.

    Raises:
        InputError: with the line that installs it; or there is no such logger.
    """
    package = LOGGERS.find(name).package
    if package is not None and find_spec(package) is None:
        raise InputError(
            f'training.logger is {name}, which is not installed: pip install "synthpath-kedro[{name}]", '
            "or set training.logger to csv or none"
        )
