"""The synthetic set: shards of images, each image from nothing but the seed and its own number."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthpath_kedro.data.artifact import Artifact, Card, digest_arrays, read_artifact, write_artifact
from synthpath_kedro.data.synthetic import content_digest
from synthpath_kedro.diffusion.allocation import allocate, interleaved_labels
from synthpath_kedro.diffusion.batches import to_uint8
from synthpath_kedro.diffusion.checkpoint import load_denoiser
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.guidance import clipped, guided
from synthpath_kedro.diffusion.parameterization import make_parameterization
from synthpath_kedro.diffusion.samplers import choose_sampler, sampler_options
from synthpath_kedro.diffusion.samplers.types import Denoise
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters, SynthesisParameters
from synthpath_kedro.study.samplers import SAMPLERS
from synthpath_kedro.training.device import choose_device
from synthpath_kedro.training.distributed import rank, wait_for_all, world_size
from synthpath_kedro.training.precision import FLOAT32, InPrecision, resolve_precision
from synthpath_kedro.training.seeding import Stream, seeded_generator

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 10.0
_ENOUGH_IMAGES_SEEN = 1_000_000
"""Training images: after 54,000 every deterministic sampler failed, after some millions (the study) none does."""


def generate_shards(
    checkpoint: Artifact,
    real_counts: np.ndarray,
    params: SynthesisParameters,
    seed: int,
    scratch: Path,
    existing: Mapping[str, Artifact] | None = None,
    encoder: Encoder = PIXELS,
) -> dict[str, Artifact]:
    """The shards of the synthetic set by file name: those at hand, and the others sampled, one file after the other.

    A shard is at hand, in ``existing`` or in ``scratch``, if it was made from the same key and its bytes are whole. Of
    several processes each samples its part; every one gets all shards.

    Args:
        checkpoint: the denoiser.
        real_counts: int [classes], images of each class in the real training set.
        params: the block ``synthesis``.
        seed: decides every image's noise, together with the image's number.
        scratch: folder that shards are written to as they are sampled, so that a killed run keeps them.
        existing: shards of an earlier run.
        encoder: the one that the denoiser was trained with.

    Raises:
        InputError: the parameters do not fit the denoiser.
    """
    _check(checkpoint, params, encoder)
    class_names = checkpoint.card["class_names"]
    counts = allocate(params, class_names, real_counts)
    if without := [name for name, count in zip(class_names, counts, strict=True) if count == 0]:
        log.warning("no synthetic image of %s", ", ".join(without))
    labels = interleaved_labels(counts)
    synthesis = Synthesis(checkpoint, params, seed, encoder)
    wanted = {
        f"shard_{number:05d}.safetensors": Shard(start, labels[start : start + params.shard_size])
        for number, start in enumerate(range(0, len(labels), params.shard_size))
    }
    found = {name: _at_hand(name, synthesis.key(shard), scratch, existing or {}) for name, shard in wanted.items()}
    missing = [name for name, artifact in found.items() if artifact is None]
    if len(missing) < len(wanted):
        kept = any((scratch / name).exists() for name in wanted)
        place = f"Resuming from {scratch}: " if kept else ""
        log.info("%s%d of %d shards are up to date", place, len(wanted) - len(missing), len(wanted))
    wait_for_all()
    progress = _Progress(len(labels))
    for name in missing[rank() :: world_size()]:
        shard = wanted[name]
        progress.begin(shard)
        tensors = synthesis.draw(shard, progress.add)
        card = {"key": synthesis.key(shard), "digest": digest_arrays(tensors)}
        write_artifact(scratch / name, Artifact(tensors, card))
    wait_for_all()
    return {name: artifact or read_artifact(scratch / name) for name, artifact in found.items()}


def _at_hand(name: str, key: Card, scratch: Path, existing: Mapping[str, Artifact]) -> Artifact | None:
    """The shard ``name`` if a whole one of this key lies in ``scratch`` or among the ``existing``."""
    for artifact in (existing.get(name), _readable(scratch / name)):
        if artifact is None:
            continue
        if artifact.card.get("key") != key:
            log.info("%s was made from something else: it is made again", name)
        elif artifact.card.get("digest") != content_digest(artifact):
            log.warning("%s is damaged: it is made again", name)
        else:
            return artifact
    return None


def _readable(path: Path) -> Artifact | None:
    try:
        return read_artifact(path) if path.exists() else None
    except InputError:
        log.warning("%s is damaged: it is made again", path.name)
        return None


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
    """Samples shards; the denoiser is loaded when the first one is needed.

    Args:
        checkpoint: the denoiser.
        params: the block ``synthesis``.
        seed: with an image's number it decides the image's noise.
        encoder: the one that the denoiser was trained with.
    """

    def __init__(self, checkpoint: Artifact, params: SynthesisParameters, seed: int, encoder: Encoder = PIXELS) -> None:
        self.checkpoint, self.params, self.seed, self.encoder = checkpoint, params, seed, encoder
        self._device = choose_device()
        self._precision = resolve_precision(params.precision, self._device)
        self._compiled = compiles(params, self._device)
        self._denoiser: Denoiser | None = None

    def key(self, shard: Shard) -> Card:
        """Everything that decides the bytes of ``shard``."""
        card = self.checkpoint.card
        deciding = ("sampler", "num_steps", "guidance_scale", "eta", "churn", "batch_size")
        resolved = {
            "clip_denoised": self._clips,
            "precision": self._precision,
            "compile": self._compiled,
            "guidance_interval": self._guidance_interval,
        }
        return {
            "checkpoint": card["digest"],
            "encoder": self.encoder.card,
            "class_names": card["class_names"],
            "image_size": card["image_size"],
            "parameterization": card["parameterization"],
            "noise_schedule": card["noise_schedule"],
            "phantom": card["phantom"],
            "parameters": {name: getattr(self.params, name) for name in deciding} | resolved,
            "seed": self.seed,
            "range": [shard.start, shard.start + len(shard.labels)],
            "labels": digest_arrays({"labels": shard.labels}),
        }

    @property
    def _guidance_interval(self) -> list[float] | None:
        interval = self.params.guidance_interval
        return None if interval is None or self.params.guidance_scale == 1 else list(interval)

    @property
    def _clips(self) -> bool:
        return self.params.clip_denoised and self.encoder.bounded and SAMPLERS.find(self.params.sampler).clips

    def draw(self, shard: Shard, on_progress: Callable[[float], None]) -> dict[str, np.ndarray]:
        """The images uint8 [n, H, W, 3] and labels int64 [n] of ``shard``.

        Args:
            shard: which.
            on_progress: called after every evaluation of the denoiser with the share of images that it completes.

        Raises:
            InputError: the denoiser predicts non-finite values (NaN or Inf).
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
        channels, size = self.encoder.shape(self.checkpoint.card["image_size"])
        generators = [
            seeded_generator(self.seed, Stream.SYNTHESIS, first + i, device=device) for i in range(len(labels))
        ]

        def noise() -> torch.Tensor:
            return torch.stack([torch.randn(channels, size, size, generator=g, device=device) for g in generators])

        denoise = guided(denoiser, self.params.guidance_scale, self.params.guidance_interval)
        if self._clips:
            denoise = clipped(denoise)
        share = len(labels) / SAMPLERS.find(self.params.sampler).evaluations(self.params.num_steps)
        denoise = _counted(denoise, lambda: on_progress(share))
        sampler = choose_sampler(self.params, denoiser.parameterization)
        levels = denoiser.parameterization.sampling_levels(self.params.num_steps)
        latents = sampler(denoise, levels, torch.from_numpy(labels).to(device), noise)
        if not torch.isfinite(latents).all():
            raise InputError(
                "the denoiser predicts non-finite values (NaN or Inf): its training did not converge; train it with a "
                "lower diffusion.learning_rate, or sample with another synthesis.sampler or more synthesis.num_steps"
            )
        return to_uint8(self.encoder.decode(latents))

    def _load(self) -> Denoiser:
        if self._denoiser is None:
            self._denoiser = load_denoiser(self.checkpoint, self._device, self.encoder)
            if self._precision != FLOAT32:
                self._denoiser.network = InPrecision(self._denoiser.network, self._precision)
            if self._compiled:
                # A kernel for each shape: one for all of them would round by which shape came first.
                self._denoiser.network.compile(dynamic=False)
        return self._denoiser


def _counted(denoise: Denoise, count: Callable[[], None]) -> Denoise:
    def counting(*arguments: Any) -> torch.Tensor:
        image = denoise(*arguments)
        count()
        return image

    return counting


class _Progress:
    """Logs images per second and the time left, now and then, also inside a batch."""

    def __init__(self, total: int) -> None:
        self._total, self._left, self._done = total, float(total), 0.0
        self._start = self._last_line = 0.0

    def begin(self, shard: Shard) -> None:
        """``shard`` is the next to be made: those before it exist or are skipped."""
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


def compiles(params: SynthesisParameters, device: torch.device) -> bool:
    """Whether the network is compiled: as ``params`` say, or on CUDA where Triton, which that needs, is installed."""
    if params.compile != "auto":
        return params.compile
    return device.type == "cuda" and find_spec("triton") is not None


def check_sampling(params: SynthesisParameters, diffusion: DiffusionParameters) -> None:
    """Refuses settings of sampling that a denoiser trained with ``diffusion`` cannot serve.

    Raises:
        InputError: guidance without class dropout, or a sampler, steps or options that its parameterization lacks.
    """
    if params.guidance_scale != 1 and diffusion.class_dropout_prob == 0:
        raise InputError(
            f"synthesis.guidance_scale is {params.guidance_scale:g}, but the denoiser was trained without class "
            "dropout: set it to 1, or train with diffusion.class_dropout_prob above 0"
        )
    choose_sampler(params, make_parameterization(diffusion))


def _check(checkpoint: Artifact, params: SynthesisParameters, encoder: Encoder) -> None:
    load_denoiser(checkpoint, torch.device("cpu"), encoder)
    trained: dict[str, Any] = checkpoint.card["parameters"]
    check_sampling(params, DiffusionParameters.model_validate(trained))
    if (
        trained["parameterization"] == "epsilon"
        and _deterministic(params)
        and checkpoint.card["images_seen"] < _ENOUGH_IMAGES_SEEN
    ):
        log.warning(
            "an epsilon denoiser trained on %s images is under-trained for the deterministic sampler %s: colors "
            "drift to green and black; use synthesis.sampler=ddpm, or train with diffusion.parameterization=edm",
            f"{checkpoint.card['images_seen']:,}",
            params.sampler,
        )


def _deterministic(params: SynthesisParameters) -> bool:
    """Whether noise is added at the start only, so that errors of one step are never corrected."""
    return not SAMPLERS.find(params.sampler).stochastic(sampler_options(params))
