"""The log of one run, at DEBUG: a file that keeps what the terminal does not show, tracebacks above all."""

import logging
from pathlib import Path

_DETAILED = ("synthpath_kedro", "kedro.io", "kedro.runner", "kedro.pipeline")
"""Loggers of which the file has everything, whatever conf/logging.yml lets through to the terminal."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

logger = logging.getLogger(__name__)


class RunLog:
    """A file that everything is logged to until the run ends.

    Args:
        path: the file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._levels = {name: logging.getLogger(name).level for name in _DETAILED}
        self._shown = _ShownBefore({name: logging.getLogger(name).getEffectiveLevel() for name in _configured()})
        self._terminal = list(logging.getLogger().handlers)
        self._file = logging.FileHandler(path, encoding="utf-8")
        self._file.setFormatter(logging.Formatter(_FORMAT))
        for handler in self._terminal:
            handler.addFilter(self._shown)
        for name in _DETAILED:
            logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger().addHandler(self._file)

    def close(self) -> None:
        """Leaves loggers and terminal as they were."""
        logging.getLogger().removeHandler(self._file)
        self._file.close()
        for handler in self._terminal:
            handler.removeFilter(self._shown)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


class _ShownBefore(logging.Filter):
    """Lets through what a logger's own level would have, before the file wanted more."""

    def __init__(self, levels: dict[str, int]) -> None:
        super().__init__()
        self._own = levels

    def filter(self, record: logging.LogRecord) -> bool:
        name = record.name
        while name and name not in self._own:
            name = name.rpartition(".")[0]
        return record.levelno >= self._own.get(name, logging.NOTSET)


def _configured() -> list[str]:
    """Every logger with a level of its own, and those of which the file has everything."""
    known = logging.getLogger().manager.loggerDict
    return [*_DETAILED, *(name for name, one in known.items() if isinstance(one, logging.Logger) and one.level)]


_open: RunLog | None = None


def open_run_log(path: Path) -> None:
    """Begins the log of a run; ends the one before it, if that was left open."""
    global _open
    close_run_log()
    _open = RunLog(path)


def close_run_log(error: BaseException | None = None) -> Path | None:
    """Ends the log that is open, if any.

    Args:
        error: what ended the run; its traceback is kept.

    Returns:
        The file.
    """
    global _open
    if _open is None:
        return None
    if error is not None:
        logger.debug("ended by %s", type(error).__name__, exc_info=error)
    path, opened, _open = _open.path, _open, None
    opened.close()
    return path
