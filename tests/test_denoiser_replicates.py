"""The tiny study with two denoisers, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import read_artifact


def test_a_study_with_two_denoisers_leaves_both_and_says_so(workplace: Path) -> None:
    def kedro(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "kedro", "run", "--env=tiny", *arguments]
        return subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)

    refused = kedro("--params=diffusion.replicates=3")
    assert refused.returncode == 1
    assert "diffusion.replicates is 3 and classification.replicates is 2" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1

    done = kedro("--params=diffusion.replicates=2")
    assert done.returncode == 0, done.stdout + done.stderr
    study = workplace / "data/tiny"
    (path,) = study.glob("06_models/denoiser.safetensors/*/denoiser.safetensors")
    denoisers = read_artifact(path).card["replicates"]
    assert len({one["digest"] for one in denoisers}) == 2
    history = pd.read_csv(study / "06_models/denoiser_history.csv")
    assert history[["replicate", "epoch"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]

    folder = study / "07_model_output/synthetic/diffusion"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["replicates"], manifest["total"]) == (2, 180)
    parts = [json.loads((folder / f"replicate_{k}/manifest.json").read_text()) for k in range(2)]
    assert [part["made_from"]["checkpoint"] for part in parts] == [one["digest"] for one in denoisers]
    images = [read_artifact(folder / f"replicate_{k}/shard_00000.safetensors").tensors["images"] for k in range(2)]
    assert not np.array_equal(*images)

    for made in ("06_models/classifiers/cnn/mixed", "07_model_output/predictions/cnn/mixed"):
        path = next(path for path in (study / made).rglob("*.safetensors") if path.is_file())
        card = read_artifact(path).card
        assert (card["denoiser_replicates"], card["denoiser_of_replicate"]) == (2, [0, 1])
    report = (study / "08_reporting/report.html").read_text()
    assert "2 denoisers were trained from different random numbers" in report
    assert "the mean over all 2" in report
