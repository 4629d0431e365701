"""What SIGTERM and SIGINT do to a command: it ends in one line, with the exit code that schedulers expect.

The signal becomes an exception that nothing takes for an error of its own, so that whatever is under way leaves its
files whole: a training writes its last epoch, finished results stay.
"""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MOMENT = 0.05  # seconds
KEPT = "what was finished is kept, of a training its last epoch; the same command goes on from there"


class Stopped(BaseException):
    """A signal asked the process to end.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)
        super().__init__(f"stopped by {self.number.name}: {KEPT}")

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as a shell has it."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it ``SIGNALS`` raise ``Stopped`` in the main thread, once; the next one has its usual effect.

    Processes that were started meanwhile are ended too. Elsewhere than in the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    hook = sys.unraisablehook

    def again(unraisable: "sys.UnraisableHookArgs") -> None:
        """Where a finalizer was running, Python drops its exceptions: the stop comes again a moment later."""
        stopped = unraisable.exc_value
        if not isinstance(stopped, Stopped):
            hook(unraisable)
            return
        signal.signal(signal.SIGALRM, lambda *_: stop(stopped.number, None))
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature is signal's
        _restore(before)
        for child in multiprocessing.active_children():
            child.terminate()
        raise Stopped(number)

    for number in SIGNALS:
        signal.signal(number, stop)
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.setitimer(signal.ITIMER_REAL, 0)
        _restore(before)


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
