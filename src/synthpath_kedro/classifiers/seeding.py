"""Seeds that follow from names, so that no part's random numbers depend on what ran before it."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(*parts: int | str) -> int:
    """A seed in [0, 2^63) for what ``parts`` name."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


@contextmanager
def seeded(*parts: int | str) -> Iterator[None]:
    """Inside, torch's random numbers follow from ``parts``; outside, they go on as if nothing had happened."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(*parts))
        yield
