"""Two processes on this machine, started as a user starts them."""

import subprocess
import sys
from pathlib import Path

import pytest

from synthpath_kedro.diffusion.batches import training_batches
from synthpath_kedro.errors import InputError


def test_two_processes_share_every_batch(images, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [labels.tolist() for _, labels in training_batches(images, 4, seed=0)]
    monkeypatch.setenv("WORLD_SIZE", "2")
    parts = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        parts.append([labels.tolist() for _, labels in training_batches(images, 4, seed=0)])
    assert [sorted(a + b) for a, b in zip(*parts, strict=True)] == [sorted(batch) for batch in whole]
    assert {len(batch) for part in parts for batch in part} == {2}


def test_a_batch_that_cannot_be_shared_is_refused(images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match=r"diffusion.batch_size is 4: it cannot be divided among 3 processes"):
        training_batches(images, 4, seed=0)


@pytest.mark.slow
def test_torchrun_trains_and_its_shards_have_the_bytes_of_one_process(workplace: Path) -> None:
    def run(*command: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-m", *command], cwd=workplace, capture_output=True, text=True)

    def shards() -> dict[str, bytes]:
        folder = workplace / "data/tiny/07_model_output/synthetic"
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}

    two = "--params=diffusion.replicates=2,diffusion.max_minutes=1"
    torchrun = ("torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", "kedro", "run", "--env=tiny")
    assert run("kedro", "run", "--env=tiny", "--pipelines=data_prep").returncode == 0
    done = run(*torchrun, "--pipelines=diffusion,synthesis", two)
    assert done.returncode == 0, done.stderr
    assert "diffusion.max_steps=6 repeats this" in done.stdout + done.stderr
    versions = list((workplace / "data/tiny/06_models/denoiser.safetensors").iterdir())
    assert len(versions) == 1
    assert not (workplace / "data/tiny/scratch/diffusion").exists()
    of_two = shards()
    assert len(of_two) == 6
    for name in of_two:
        (workplace / "data/tiny/07_model_output/synthetic" / name).unlink()
    assert run("kedro", "run", "--env=tiny", "--pipelines=synthesis", two).returncode == 0
    assert shards() == of_two

    refused = run(*torchrun, "--pipelines=classification", two)
    assert refused.returncode != 0
    assert "torchrun serves the pipelines diffusion and synthesis" in refused.stderr
