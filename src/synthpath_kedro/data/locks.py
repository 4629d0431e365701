"""Locks between processes: who makes an artifact, and that nobody else makes it meanwhile.

A lock ends with its process, however that ends, because the operating system holds it. Beside it lies a record of the
owner, for messages alone. docs/reliability.md says what holds on a network file system.
"""

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from synthpath_kedro.errors import InputError

log = logging.getLogger(__name__)

LOCKS = "locks"
"""Folder of locks in the folder of unfinished work."""
_PATIENCE_SECONDS = 0.5
"""Before a claim is refused: a lock may be on its way from one process to the next."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock.

    Attributes:
        pid: its number.
        host: where it runs.
        start: when it took the lock, local time in ISO 8601.
    """

    pid: int
    host: str
    start: str

    @classmethod
    def this_process(cls) -> "Owner":
        return cls(os.getpid(), socket.gethostname(), datetime.now().astimezone().isoformat(timespec="seconds"))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.start}"


class Claim:
    """One process's claim on an artifact, until it is released or the process ends.

    Args:
        path: of the lock's file.
        what: the artifact in words, for messages.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._lock, self._record, self._what = FileLock(path), path.with_suffix(".json"), what

    def take(self) -> None:
        """Takes the lock, or refuses.

        Raises:
            InputError: another process has it; the process is named.
        """
        if not self._acquire(_PATIENCE_SECONDS):
            raise InputError(
                f"{self._what} is under way in {self._owner() or 'another process'}: wait until that process ends, or "
                "stop it; other cells can run meanwhile"
            )

    def wait(self) -> None:
        """Takes the lock as soon as it is free; says once for whom it waits."""
        if not self._acquire(0):
            log.info("waiting for %s, under way in %s", self._what, self._owner() or "another process")
            self._acquire(-1)

    def release(self) -> None:
        """Gives the lock back and removes its files."""
        if self._lock.is_locked:
            self._record.unlink(missing_ok=True)
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()

    def _acquire(self, timeout: float) -> bool:
        path = Path(self._lock.lock_file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=timeout)
            self._explain_the_previous()
            self._record.write_text(json.dumps(asdict(Owner.this_process())))
        except Timeout:
            return False
        except OSError as error:
            raise InputError(
                f"cannot lock {path}: {error.strerror or error}; give write permission or set data_root in globals.yml"
            ) from error
        return True

    def _explain_the_previous(self) -> None:
        previous = self._owner()
        if previous is None:
            return
        if previous.host == socket.gethostname():
            log.info("%s was under way in %s, which has ended", self._what, previous)
        else:
            log.warning(
                "%s was under way in %s and its lock is free: if that process still runs, the file system shares no "
                "locks between hosts; stop one of the two",
                self._what,
                previous,
            )

    def _owner(self) -> Owner | None:
        try:
            return Owner(**json.loads(self._record.read_text()))
        except (OSError, ValueError, TypeError):
            return None


@contextmanager
def made_by_one(path: Path, what: str) -> Iterator[None]:
    """Within it, this process alone makes ``what``; the others wait.

    Args:
        path: of the lock's file.
        what: the artifact in words, for messages.
    """
    claim = Claim(path, what)
    claim.wait()
    try:
        yield
    finally:
        claim.release()
