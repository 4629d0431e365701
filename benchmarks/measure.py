"""Two ways of doing the same, timed in turn in one run, so that what the machine does besides hits both alike."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))


@dataclass(frozen=True)
class Comparison:
    """A line of ``make bench``.

    Attributes:
        name: what was measured.
        ours: median of our rounds, in ``unit``.
        peer: median of the peer's.
        ratio: median over rounds of ours / peer.
        unit: of ``ours`` and ``peer``.
        peer_name: whom we stand beside.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    peer_name: str


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    peer_name: str,
    amount: tuple[float, float] = (1.0, 1.0),
    unit: str = "s",
    rounds: int = ROUNDS,
) -> Comparison:
    """Times both in turn, ``rounds`` times after one call each to warm up, and prints the result.

    Args:
        name: what is measured.
        ours: our work.
        peer: the peer's.
        peer_name: whose that is.
        amount: what ours and the peer's do in one call, in the unit's numerator; the unit "s" gives plain seconds.
        unit: "s", or a rate such as "images/s".
        rounds: pairs of calls.
    """
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    values = pairs if unit == "s" else [(amount[0] / mine, amount[1] / theirs) for mine, theirs in pairs]
    return report(
        Comparison(
            name,
            statistics.median(mine for mine, _ in values),
            statistics.median(theirs for _, theirs in values),
            statistics.median(mine / theirs for mine, theirs in values),
            unit,
            peer_name,
        )
    )


def report(comparison: Comparison) -> Comparison:
    """Prints ``comparison`` as one JSON object, its numbers to four digits."""
    rounded = {
        key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in asdict(comparison).items()
    }
    print(json.dumps(rounded), flush=True)
    return comparison


def matmul_rate(size: int = 2048) -> float:
    """FLOP a second of a large float32 matrix product, the best of a few: what this machine can do."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    a @ b
    return 2 * size**3 / min(seconds(lambda: a @ b) for _ in range(5))


def set_up() -> None:
    """Fixes the threads and says so; the lines on standard output stay JSON."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    print(f"{THREADS} threads, {ROUNDS} rounds", file=sys.stderr)
