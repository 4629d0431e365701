import logging
from pathlib import Path

import pytest

from synthpath_kedro.run_log import close_run_log, open_run_log


@pytest.fixture
def terminal() -> list[str]:
    """What a handler of the root logger, at the levels of conf/logging.yml, is given."""
    shown: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: shown.append(record.getMessage())
    levels = {"synthpath_kedro": logging.INFO, "kedro.io": logging.WARNING, "kedro": logging.INFO}
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().addHandler(handler)
    yield shown
    logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_the_file_has_everything_and_the_terminal_what_it_had(tmp_path: Path, terminal: list[str]) -> None:
    own, reads = logging.getLogger("synthpath_kedro.training"), logging.getLogger("kedro.io.data_catalog")
    open_run_log(tmp_path / "logs" / "run.log")
    own.debug("a detail")
    own.info("an epoch")
    reads.info("a file is read")
    reads.warning("a file is replaced")
    assert close_run_log() == tmp_path / "logs" / "run.log"
    own.debug("too late")
    assert terminal == ["an epoch", "a file is replaced"]
    lines = (tmp_path / "logs" / "run.log").read_text().splitlines()
    assert [line.split(": ")[-1] for line in lines] == ["a detail", "an epoch", "a file is read", "a file is replaced"]
    assert close_run_log() is None


def test_what_ended_the_run_is_kept_with_its_traceback(tmp_path: Path, terminal: list[str]) -> None:
    open_run_log(tmp_path / "run.log")
    try:
        [][1]
    except IndexError as error:
        close_run_log(error)
    log = (tmp_path / "run.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "IndexError: list index out of range" in log
    assert terminal == []
