"""What synthesis costs beyond the denoiser's evaluations, and whether its memory grows with the number of images."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import Comparison, compare, report, set_up
from study import read_study

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact, load_denoiser
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.study.samplers import SAMPLERS

SIZE, STEPS, BATCH = 32, 18, 50


STUDY = read_study(
    diffusion={
        "denoiser": {"base_channels": 16, "channel_multipliers": [1, 2, 4], "attention_resolutions": [8]},
        "parameterization": "edm",
    },
    synthesis={"sampler": "heun", "num_steps": STEPS, "clip_denoised": False, "batch_size": BATCH, "shard_size": 100},
)


def checkpoint() -> Artifact:
    """An untrained EDM denoiser: what it generates does not matter here."""
    network = make_denoiser(STUDY.diffusion, 9, SIZE)
    names = [str(label) for label in range(9)]
    card = {"class_names": names, "image_size": SIZE, "prepared": "", "phantom": True, "seed": 0, "images_seen": 0}
    return denoiser_artifact(network.state_dict(), STUDY.diffusion, card)


def synthesize(n_images: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        params = STUDY.synthesis.model_copy(update={"n_images": n_images})
        generate_shards(checkpoint(), np.full(9, 100), params, 0, Path(folder))


def evaluate_only(n_images: int) -> None:
    denoiser = load_denoiser(checkpoint())
    levels = denoiser.parameterization.sampling_levels(STEPS)
    x, labels = torch.randn(BATCH, 3, SIZE, SIZE), torch.arange(BATCH) % 9
    level = levels[0]
    with torch.inference_mode():
        for _ in range(n_images // BATCH * SAMPLERS["heun"].evaluations(STEPS)):
            denoiser.denoise(x, level, labels)


def peak_megabytes(n_images: int) -> float:
    """Of a process of its own."""
    command = [sys.executable, __file__, str(n_images)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    if len(sys.argv) > 1:
        synthesize(int(sys.argv[1]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    set_up()
    compare(
        "synthesis of 100 images, time",
        lambda: synthesize(100),
        lambda: evaluate_only(100),
        "the denoiser's evaluations alone",
        rounds=5,
    )
    many, few = peak_megabytes(400), peak_megabytes(100)
    report(Comparison("synthesis of 400 images, peak memory", many, few, many / few, "MB", "of 100 images"))


if __name__ == "__main__":
    main()
