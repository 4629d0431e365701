"""The synthetic set: shards of images, each image from nothing but the seed and its own number."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthpath_kedro.data.artifact import Artifact, Card, Recipe, digest_arrays, package_versions, write_artifact
from synthpath_kedro.diffusion.allocation import allocate, interleaved_labels
from synthpath_kedro.diffusion.batches import to_uint8
from synthpath_kedro.diffusion.checkpoint import load_denoiser
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.guidance import clipped, guided
from synthpath_kedro.diffusion.parameterization import make_parameterization
from synthpath_kedro.diffusion.samplers import choose_sampler
from synthpath_kedro.diffusion.samplers.choice import evaluations
from synthpath_kedro.diffusion.samplers.types import Denoise
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters, SynthesisParameters
from synthpath_kedro.training.seeding import seeded_generator

__all__ = ["allocate", "build_manifest", "shard_recipes"]

log = logging.getLogger(__name__)

_CLIPPED_SAMPLERS = ("ddpm", "ddim")
_SECONDS_BETWEEN_LINES = 10.0
_STREAM = 6
_ENOUGH_SEEN = 1_000_000
"""Training images: after 54,000 every deterministic sampler failed, after some millions (the study) none does."""


def shard_recipes(
    checkpoint: Artifact, real_counts: np.ndarray, params: SynthesisParameters, seed: int
) -> dict[str, Recipe]:
    """What to write under which name; every recipe can be run alone, in any order, in any process.

    Args:
        checkpoint: the denoiser.
        real_counts: int [classes], images of each class in the real training set.
        params: the block ``synthesis``.
        seed: decides every image's noise, together with the image's number.

    Raises:
        InputError: the parameters do not fit the denoiser.
    """
    _check(checkpoint, params)
    counts = allocate(params, checkpoint.card["class_names"], real_counts)
    if without := [name for name, count in zip(checkpoint.card["class_names"], counts, strict=True) if count == 0]:
        log.warning("no synthetic image of %s", ", ".join(without))
    labels = interleaved_labels(counts)
    synthesis = Synthesis(checkpoint, params, seed)
    progress = _Progress(len(labels))
    recipes = {}
    for number, start in enumerate(range(0, len(labels), params.shard_size)):
        shard = Shard(start, labels[start : start + params.shard_size])
        recipes[f"shard_{number:05d}.safetensors"] = _recipe(synthesis, shard, progress)
    return recipes


def build_manifest(shards: Mapping[str, Artifact], checkpoint: Artifact) -> Card:
    """What the synthetic set holds and how it was made.

    Args:
        shards: by file name, as they lie on the disk.
        checkpoint: the denoiser that they were drawn from.

    Raises:
        InputError: a shard is missing or was drawn from another checkpoint.
    """
    keys = [shards[name].card["key"] for name in sorted(shards)]
    _check_complete(shards, keys, checkpoint)
    class_names = checkpoint.card["class_names"]
    labels = np.concatenate([shards[name].tensors["labels"] for name in sorted(shards)])
    counts = np.bincount(labels, minlength=len(class_names)).tolist()
    entries = {
        name: {"digest": shards[name].card["digest"], "n": len(shards[name].tensors["labels"])}
        for name in sorted(shards)
    }
    of_all = ("checkpoint", "class_names", "image_size", "parameterization", "noise_schedule", "parameters", "seed")
    return {
        "name": "synthetic",
        "shards": entries,
        "counts": dict(zip(class_names, counts, strict=True)),
        "total": len(labels),
        "digest": hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest(),
        "prepared": checkpoint.card["prepared"],
        "phantom": checkpoint.card["phantom"],
        "versions": package_versions(),
        **{name: keys[0][name] for name in of_all},
    }


def _check_complete(shards: Mapping[str, Artifact], keys: list[Card], checkpoint: Artifact) -> None:
    way_out = "run kedro run --pipelines=synthesis, which makes only what is missing or different"
    expected = 0
    for name, key in zip(sorted(shards), keys, strict=True):
        start, end = key["range"]
        if start != expected:
            raise InputError(f"the shard before {name} is missing (images {expected} to {start - 1}): {way_out}")
        if key["checkpoint"] != checkpoint.card["digest"]:
            raise InputError(f"{name} was drawn from another denoiser: {way_out}")
        expected = end
    if not keys:
        raise InputError(f"the synthetic set has no shards: {way_out}")


@dataclass(frozen=True)
class Shard:
    """A stretch of the synthetic set.

    Attributes:
        start: number of its first image.
        labels: int64 [n].
    """

    start: int
    labels: np.ndarray


class Synthesis:
    """Draws shards; the denoiser is loaded when the first one is needed.

    Args:
        checkpoint: the denoiser.
        params: the block ``synthesis``.
        seed: with an image's number it decides the image's noise.
    """

    def __init__(self, checkpoint: Artifact, params: SynthesisParameters, seed: int) -> None:
        self.checkpoint, self.params, self.seed = checkpoint, params, seed
        self._denoiser: Denoiser | None = None

    def key(self, shard: Shard) -> Card:
        """Everything that decides the bytes of ``shard``."""
        card = self.checkpoint.card
        deciding = ("sampler", "num_steps", "guidance_scale", "eta", "churn", "clip_denoised", "batch_size")
        return {
            "checkpoint": card["digest"],
            "class_names": card["class_names"],
            "image_size": card["image_size"],
            "parameterization": card["parameterization"],
            "noise_schedule": card["noise_schedule"],
            "phantom": card["phantom"],
            "parameters": {name: getattr(self.params, name) for name in deciding} | {"clip_denoised": self._clips},
            "seed": self.seed,
            "range": [shard.start, shard.start + len(shard.labels)],
            "labels": digest_arrays({"labels": shard.labels}),
        }

    @property
    def _clips(self) -> bool:
        return self.params.clip_denoised and self.params.sampler in _CLIPPED_SAMPLERS

    def draw(self, shard: Shard, on_progress: Callable[[float], None]) -> dict[str, np.ndarray]:
        """The images uint8 [n, H, W, 3] and labels int64 [n] of ``shard``.

        Args:
            shard: which.
            on_progress: told after every evaluation of the denoiser how many images that is worth.

        Raises:
            InputError: the denoiser gives no numbers.
        """
        size = self.checkpoint.card["image_size"]
        images = np.empty((len(shard.labels), size, size, 3), np.uint8)
        for start in range(0, len(images), self.params.batch_size):
            labels = shard.labels[start : start + self.params.batch_size]
            images[start : start + len(labels)] = self._draw_batch(shard.start + start, labels, on_progress)
        return {"images": images, "labels": shard.labels}

    @torch.inference_mode()
    def _draw_batch(self, first: int, labels: np.ndarray, on_progress: Callable[[float], None]) -> np.ndarray:
        denoiser = self._load()
        device = next(denoiser.parameters()).device
        size = self.checkpoint.card["image_size"]
        generators = [seeded_generator(self.seed, _STREAM, first + i, device=device) for i in range(len(labels))]

        def noise() -> torch.Tensor:
            return torch.stack([torch.randn(3, size, size, generator=g, device=device) for g in generators])

        denoise = guided(denoiser, self.params.guidance_scale)
        if self._clips:
            denoise = clipped(denoise)
        worth = len(labels) / evaluations(self.params.sampler, self.params.num_steps)
        denoise = _counted(denoise, lambda: on_progress(worth))
        sampler = choose_sampler(self.params, denoiser.parameterization)
        levels = denoiser.parameterization.sampling_levels(self.params.num_steps)
        painted = sampler(denoise, levels, torch.from_numpy(labels).to(device), noise)
        if not torch.isfinite(painted).all():
            raise InputError(
                "the denoiser paints non-finite values (NaN or Inf): it was not trained to an end; train it with a "
                "lower "
                "diffusion.learning_rate, or sample with another synthesis.sampler or more synthesis.num_steps"
            )
        return to_uint8(painted)

    def _load(self) -> Denoiser:
        if self._denoiser is None:
            self._denoiser = load_denoiser(self.checkpoint)
        return self._denoiser


def _counted(denoise: Denoise, tell: Callable[[], None]) -> Denoise:
    def counting(*arguments: Any) -> torch.Tensor:
        image = denoise(*arguments)
        tell()
        return image

    return counting


class _Progress:
    """Logs images per second and the time left, now and then, also inside a batch."""

    def __init__(self, total: int) -> None:
        self._total, self._left, self._done = total, float(total), 0.0
        self._start = self._last_line = 0.0

    def begin(self, shard: Shard) -> None:
        """``shard`` is the next to be made: what stands before it is there already or skipped."""
        self._left = self._total - shard.start
        if not self._done:
            self._start = self._last_line = time.monotonic()

    def add(self, n: float) -> None:
        self._done, self._left = self._done + n, self._left - n
        now = time.monotonic()
        finished = self._left < 1e-6 < self._left + n
        if now - self._last_line < _SECONDS_BETWEEN_LINES and not finished:
            return
        self._last_line = now
        rate = self._done / max(now - self._start, 1e-9)
        made, left = round(self._total - self._left), timedelta(seconds=max(0, round(self._left / rate)))
        log.info("synthesis: image %d of %d, %.1f images/s, at most %s left", made, self._total, rate, left)


def _recipe(synthesis: Synthesis, shard: Shard, progress: _Progress) -> Recipe:
    key = synthesis.key(shard)

    def write(path: Path) -> None:
        progress.begin(shard)
        tensors = synthesis.draw(shard, progress.add)
        write_artifact(path, Artifact(tensors, {"key": key, "digest": digest_arrays(tensors)}))

    return Recipe(key, write)


def check_sampling(params: SynthesisParameters, diffusion: DiffusionParameters) -> None:
    """Refuses settings of sampling that a denoiser trained with ``diffusion`` cannot serve.

    Raises:
        InputError: guidance without class dropout, or a sampler, steps or options that its parameterization lacks.
    """
    if params.guidance_scale != 1 and diffusion.class_dropout_prob == 0:
        raise InputError(
            f"synthesis.guidance_scale is {params.guidance_scale:g}, but the denoiser never saw an image without its "
            "label: set it to 1, or train with diffusion.class_dropout_prob above 0"
        )
    choose_sampler(params, make_parameterization(diffusion))


def _check(checkpoint: Artifact, params: SynthesisParameters) -> None:
    load_denoiser(checkpoint, torch.device("cpu"))
    trained: dict[str, Any] = checkpoint.card["parameters"]
    check_sampling(params, DiffusionParameters.model_validate(trained))
    if (
        trained["parameterization"] == "epsilon"
        and _deterministic(params)
        and checkpoint.card["images_seen"] < _ENOUGH_SEEN
    ):
        log.warning(
            "an epsilon denoiser that has seen %s images is under-trained for the deterministic sampler %s: colors "
            "drift to green and black; use synthesis.sampler=ddpm, or train with diffusion.parameterization=edm",
            f"{checkpoint.card['images_seen']:,}",
            params.sampler,
        )


def _deterministic(params: SynthesisParameters) -> bool:
    """Whether noise is drawn at the start only, so that errors of one step are never forgotten."""
    noisy = {"ddpm": True, "ddim": params.eta > 0, "dpmpp_2m": False, "heun": params.churn > 0}
    return not noisy[params.sampler]
