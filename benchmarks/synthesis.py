"""What synthesis costs beyond the denoiser's evaluations, and whether its memory grows with the number of images."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import Comparison, compare, report, set_up

from synthpath_kedro.diffusion.checkpoint import denoiser_artifact, load_denoiser
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.parameters import DenoiserParameters, DiffusionParameters, SynthesisParameters
from synthpath_kedro.study.samplers import SAMPLERS

SIZE, STEPS, BATCH = 32, 18, 50


def checkpoint():
    """An untrained EDM denoiser: what it generates does not matter here."""
    denoiser = DenoiserParameters(
        base_channels=16, channel_multipliers=(1, 2, 4), residual_blocks=2, attention_resolutions=(8,), dropout=0.0
    )
    params = DiffusionParameters(
        denoiser=denoiser,
        parameterization="edm",
        noise_schedule={"name": "linear", "timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02},
        max_epochs=1,
        max_minutes=None,
        patience=None,
        batch_size=32,
        learning_rate=1e-3,
        weight_decay=0.0,
        ema_decay=0.999,
        gradient_clip=None,
        class_dropout_prob=0.0,
        augment=False,
        precision="32-true",
        compile=False,
        sample_every=1,
    )
    network = make_denoiser(params, 9, SIZE)
    names = [str(label) for label in range(9)]
    card = {"class_names": names, "image_size": SIZE, "prepared": "", "phantom": True, "seed": 0, "images_seen": 0}
    return denoiser_artifact(network.state_dict(), params, card)


def settings(n_images: int) -> SynthesisParameters:
    return SynthesisParameters(
        n_images=n_images,
        allocation="balanced",
        counts=None,
        sampler="heun",
        num_steps=STEPS,
        guidance_scale=1.0,
        eta=0.0,
        churn=0.0,
        clip_denoised=False,
        batch_size=BATCH,
        shard_size=100,
        export="none",
    )


def synthesize(n_images: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        generate_shards(checkpoint(), np.full(9, 100), settings(n_images), 0, Path(folder))


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
