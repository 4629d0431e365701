"""Whatever runs the nodes, the numbers are the same."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from synthpath_kedro.data.artifact import read_artifact

STUDY = ["run", "--env=tiny", "--pipelines=data_prep,classification", "--params=model=cnn,regime=real"]


@pytest.mark.slow
def test_parallel_and_asynchronous_runs_give_the_same_weights(workplace: Path) -> None:
    digests = {}
    for runner in ("--runner=SequentialRunner", "--runner=ParallelRunner", "--async"):
        shutil.rmtree(workplace / "data/tiny", ignore_errors=True)
        command = [sys.executable, "-m", "kedro", *STUDY, runner]
        done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (path,) = (workplace / "data/tiny/06_models/classifiers/cnn/real").glob(
            "classifier.safetensors/*/*.safetensors"
        )
        digests[runner] = read_artifact(path).digest
        assert not [path for path in (workplace / "data/tiny/scratch").rglob("*") if path.is_file()]
    assert len(set(digests.values())) == 1, digests
