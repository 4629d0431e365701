"""Nothing is lost to kills: see ``kill_harness``, which is a program of its own because it forks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).with_name("kill_harness.py")


def kill(*arguments: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(HARNESS), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_five_kills_lose_nothing() -> None:
    stages = ["data_prep", "diffusion", "synthesis", "cached features", "classification"]
    assert "\n5 kills, 0 lost; " in kill("--kills=5", "--seed=5", "--stages", *stages)


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing() -> None:
    assert "\n100 kills, 0 lost; " in kill("--kills=100", "--seed=1")
