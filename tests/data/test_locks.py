import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synthpath_kedro.data.locks import Claim, Owner, made_by_one
from synthpath_kedro.errors import InputError

HOLD = """
import sys
from pathlib import Path
from synthpath_kedro.data.locks import Claim
claim = Claim(Path(sys.argv[1]), "the cell cnn/real")
claim.take()
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Starts a process that holds the lock until its input ends."""
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", HOLD, str(tmp_path / "cell.lock")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_second_claim_is_refused_and_names_the_owner(tmp_path: Path, hold: Callable) -> None:
    owner = hold()
    expected = (
        rf"^the cell cnn/real is under way in process {owner.pid} on {socket.gethostname()} since "
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*: wait until that process ends, or stop it; other cells can run meanwhile$"
    )
    with pytest.raises(InputError, match=expected):
        Claim(tmp_path / "cell.lock", "the cell cnn/real").take()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_free_and_the_process_is_named(
    tmp_path: Path, hold: Callable, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    owner = hold()
    owner.send_signal(number)
    owner.wait()
    claim = Claim(tmp_path / "cell.lock", "the cell cnn/real")
    with caplog.at_level(logging.INFO):
        claim.take()
    (message,) = caplog.messages
    assert message.startswith(f"the cell cnn/real was under way in process {owner.pid} on {socket.gethostname()}")
    assert message.endswith(", which has ended")
    claim.release()
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_another_host_is_a_warning_that_locks_may_not_be_shared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cell.json").write_text('{"pid": 7, "host": "node-3.example", "start": "2026-01-01T00:00:00+00:00"}')
    claim = Claim(tmp_path / "cell.lock", "the cell cnn/real")
    claim.take()
    assert caplog.messages == [
        "the cell cnn/real was under way in process 7 on node-3.example since 2026-01-01T00:00:00+00:00 and its lock "
        "is free: if that process still runs, the file system shares no locks between hosts; stop one of the two"
    ]


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_record_hinders_nobody(tmp_path: Path, record: str) -> None:
    (tmp_path / "cell.json").write_text(record)
    claim = Claim(tmp_path / "cell.lock", "the cell cnn/real")
    claim.take()
    assert f'"pid": {os.getpid()}' in (tmp_path / "cell.json").read_text()


def test_who_waits_says_for_whom_and_goes_on_when_it_ends(
    tmp_path: Path, hold: Callable, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = hold()
    log = logging.getLogger("synthpath_kedro.data.locks")
    # The owner ends as soon as somebody says that he waits for it.
    monkeypatch.setattr(log, "info", lambda *message: (logging.Logger.info(log, *message), owner.stdin.close()))
    with caplog.at_level(logging.INFO), made_by_one(tmp_path / "cell.lock", "the features"):
        assert Owner.this_process().pid == os.getpid()
    assert caplog.messages[0].startswith(f"waiting for the features, under way in process {owner.pid} on ")
    assert list(tmp_path.iterdir()) == []


COUNT = """
import sys, time
from pathlib import Path
from synthpath_kedro.data.locks import made_by_one
folder = Path(sys.argv[1])
for _ in range(20):
    with made_by_one(folder / "count.lock", "the count"):
        count = int((folder / "count").read_text())
        time.sleep(0.001)
        (folder / "count").write_text(str(count + 1))
"""


def test_processes_take_turns_also_where_each_removes_the_lock_file(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "60"
