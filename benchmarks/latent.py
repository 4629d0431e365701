"""Pixel against latent space at equal CPU time of one thread, on the phantom: where does latent start to pay?

Half an hour and more on one core: run it in the background, for instance

    OMP_NUM_THREADS=1 nohup python benchmarks/latent.py --work /tmp/latent &

Each trains for about the same CPU-seconds (process time: it does not depend on what else runs), the autoencoder's
counted. A short training is timed first, and its speed gives the epochs that fill the budget, so that every learning
rate comes to its end. Scored are as many samples of every class as there are held-out images of it: the kernel distance
in features of EfficientNet-Lite0, over all and as a mean over classes, and the accuracy on real test images of a CNN
that was trained on the samples alone. The row "reconstructed" is what the autoencoder makes of the real training
images: no sample of that latent space can be better. One JSON line per row; ``samples_<size>.png`` shows all of them.
What is there already is not made again.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kedro.config import OmegaConfigLoader

from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.sources import read_source
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.diffusion.autoencoder import load_encoder
from synthpath_kedro.diffusion.autoencoder_training import make_autoencoder
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.latents import StoredLatents, encode_both, psnr, reconstruct
from synthpath_kedro.diffusion.sample_grid import SampleGrid
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.evaluation.image_features import extract
from synthpath_kedro.metrics.fidelity import kernel_distance
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.report.figures.style import new_figure, png_bytes, strip
from synthpath_kedro.settings import CONFIG_LOADER_ARGS

AUTOENCODER_SHARE = 0.45
"""Of the budget of a latent denoiser."""
PROBED = 72
"""Training images of the epoch that speed is taken from."""
SHOWN = 2
"""Samples of every class in the picture."""


@dataclass(frozen=True)
class Candidate:
    """One way of spending the budget.

    Attributes:
        name: in tables.
        image_size: pixels.
        network: changes to the denoiser of the demo.
        autoencoder: changes to conf/base; None: pixel space.
    """

    name: str
    image_size: int
    network: dict[str, Any]
    autoencoder: dict[str, Any] | None = None


LATENT_NETWORK = {"base_channels": 32, "channel_multipliers": (1, 2, 2), "attention_resolutions": (8,)}
AUTOENCODER = {"base_channels": 16, "learning_rate": 0.004}
CANDIDATES = (
    Candidate("pixel", 64, {"channel_multipliers": (1, 2, 4), "attention_resolutions": (16,)}),
    Candidate("latent", 64, LATENT_NETWORK, {**AUTOENCODER, "downsample": 4}),
    Candidate("pixel", 128, {"channel_multipliers": (1, 2, 4, 4), "attention_resolutions": (16,)}),
    Candidate("latent", 128, LATENT_NETWORK, {**AUTOENCODER, "downsample": 4}),
)


def settings(candidate: Candidate, arguments: argparse.Namespace) -> Parameters:
    """The demo's, with ``candidate``'s changes; no training stops early."""
    values = dict(OmegaConfigLoader("conf", env="demo", **CONFIG_LOADER_ARGS)["parameters"])
    n = {"n_train": arguments.n_train, "n_val": 90, "n_test": arguments.n, "stain_shift": 0.0}
    values["data_prep"] |= {"image_size": candidate.image_size, "phantom": n}
    diffusion = values["diffusion"]
    diffusion |= {"max_minutes": None, "patience": None, "sample_every": 100_000}
    diffusion["denoiser"] |= candidate.network
    if candidate.autoencoder is not None:
        diffusion["space"] = "latent"
        diffusion["autoencoder"] |= candidate.autoencoder
    values["synthesis"] |= {"n_images": arguments.n, "allocation": "match_real", "batch_size": 30, "shard_size": 30}
    values["classification"] |= {"replicates": 2}
    values["classification"]["backbones"]["cnn"] |= {"input_size": 48}
    return read_parameters(values)


def cpu_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    """What ``work`` gives, and the CPU time it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def within_budget(train: Callable[[Splits, int, Path], Any], real: Splits, seconds: float, folder: Path) -> Any:
    """``train(images, epochs, scratch)`` with as many epochs as fill ``seconds``, and the CPU time it took.

    Goes by what four more epochs take on a small part of the images.
    """
    share = min(1.0, PROBED / len(real.train))
    train_part, val_part = (
        one.select(stratified_subset(one.labels, max(1, round(share * len(one))), 0)) for one in (real.train, real.val)
    )
    part = Splits(train_part, val_part, real.test)
    one, five = (cpu_seconds(lambda n=n: train(part, n, folder / f"probe_{n}"))[1] for n in (1, 5))
    epochs = max(1, round(seconds * share / ((five - one) / 4)))
    return cpu_seconds(lambda: train(real, epochs, folder / "whole"))


def make_encoder(params: Parameters, real: Splits, seconds: float, work: Path) -> tuple[Artifact, float]:
    """An autoencoder after ``seconds``, and what it took."""

    def train(images: Splits, epochs: int, scratch: Path) -> Artifact:
        block = params.diffusion.autoencoder.model_copy(update={"max_epochs": epochs})
        changed = params.diffusion.model_copy(update={"autoencoder": block})
        return make_autoencoder(images.train, images.val, changed, params.seed, scratch)

    return within_budget(train, real, seconds, work / "autoencoder")


def train_within(
    params: Parameters, real: Splits, encoder: Encoder, latents: StoredLatents | None, seconds: float, work: Path
) -> tuple[Artifact, float]:
    """A denoiser after ``seconds``, and what it took."""

    def train(images: Splits, epochs: int, scratch: Path) -> Artifact:
        changed = params.diffusion.model_copy(update={"max_epochs": epochs})
        of_these = latents and StoredLatents(latents.train[: len(images.train)], latents.val[: len(images.val)])
        made = train_denoiser(
            images.train, images.val, changed, params.seed, scratch, encoder=encoder, latents=of_these
        )
        return made.checkpoint

    return within_budget(train, real, seconds, work / "denoiser")


class Score:
    """Scores sets of images against the held-out real ones."""

    def __init__(self, params: Parameters, real: Splits, work: Path) -> None:
        self._params, self._real, self._work = params, real, work
        self._extractor = load_extractor(params.evaluation.features)
        self._held_out = self._features(real.test)

    def __call__(self, name: str, images: LabeledImages) -> dict[str, float]:
        features = self._features(images)
        of_classes = [
            kernel_distance(self._held_out[self._real.test.labels == label], features[images.labels == label])
            for label in range(images.n_classes)
        ]
        return {
            "kernel": round(kernel_distance(self._held_out, features), 2),
            "kernel_class_mean": round(float(np.mean(of_classes)), 2),
            "cnn": round(self._accuracy(name, images), 3),
        }

    def _features(self, images: LabeledImages) -> np.ndarray:
        return extract(self._extractor, images.images, np.arange(len(images)), 64)

    def _accuracy(self, name: str, images: LabeledImages) -> float:
        """Of the CNN trained on ``images`` alone, on real test images: the mean over replicates."""
        params, real = self._params.classification, self._real
        scratch = self._work / f"cnn_{name}"
        trained = train_cell("cnn", "synthetic", real.train, real.val, images, params, self._params.seed, scratch)
        models = load_classifiers(trained.checkpoint)
        answers = [predict(model, real.test.images, 64).probabilities.argmax(1) for model in models]
        return float(np.mean([(answer == real.test.labels).mean() for answer in answers]))


def run(candidate: Candidate, arguments: argparse.Namespace, work: Path) -> None:
    """Trains, samples and scores ``candidate``; leaves its rows and its images in ``work``."""
    params = settings(candidate, arguments)
    real = read_source(params.data_prep, params.seed, Path("data/01_raw"))
    score = Score(params, real, work)
    counts = real.test.class_counts
    encoder, latents, spent, rows = PIXELS, None, 0.0, []
    shared = {"image_size": candidate.image_size, "n_train": len(real.train), "n": arguments.n}
    if candidate.autoencoder is not None:
        autoencoder, spent = make_encoder(params, real, arguments.seconds * AUTOENCODER_SHARE, work)
        encoder = load_encoder(autoencoder)
        augment = params.diffusion.augment
        latents, seconds = cpu_seconds(lambda: encode_both(real.train, real.val, encoder, augment, work / "latents"))
        spent += seconds
        drawn = real.train.select(stratified_subset(real.train.labels, arguments.n, 0))
        remade = reconstruct(encoder, drawn.images)
        decibels = round(float(psnr(drawn.images, remade).mean()), 1)
        made = LabeledImages(remade, drawn.labels, drawn.class_names)
        facts = {"cpu_seconds": round(spent), "autoencoder_epochs": len(autoencoder.card["history"]), "psnr": decibels}
        rows.append({"name": "reconstructed", **shared, **facts, **score("reconstructed", made)})
        save(work / "reconstructed.npz", made)
    denoiser, seconds = train_within(params, real, encoder, latents, arguments.seconds - spent, work)
    shards, sampling = cpu_seconds(
        lambda: generate_shards(denoiser, counts, params.synthesis, params.seed, work / "shards", encoder=encoder)
    )
    tensors = [shards[name].tensors for name in sorted(shards)]
    images, labels = (np.concatenate([one[what] for one in tensors]) for what in ("images", "labels"))
    made = LabeledImages(images, labels, real.train.class_names)
    facts = {"cpu_seconds": round(spent + seconds), "images_seen": denoiser.card["images_seen"]}
    facts |= {"cpu_seconds_per_100_samples": round(100 * sampling / len(made), 1)}
    rows.append({"name": candidate.name, **shared, **facts, **score(candidate.name, made)})
    save(work / f"{candidate.name}.npz", made)
    if candidate.autoencoder is None:
        rows.insert(0, {"name": "real", **shared, **score("real", real.train)})
        save(work / "real.npz", real.test)
    (work / "rows.json").write_text(json.dumps(rows))


def save(path: Path, images: LabeledImages) -> None:
    """The first images of every class, for the picture."""
    rows = np.concatenate([np.flatnonzero(images.labels == label)[:SHOWN] for label in range(images.n_classes)])
    np.savez_compressed(path, images=images.images[rows])


def draw(image_size: int, folders: list[Path]) -> bytes:
    """A row per set: images of every class side by side."""
    order = ("real", "pixel", "reconstructed", "latent")
    found = {path.stem: np.load(path)["images"] for folder in folders for path in folder.glob("*.npz")}
    sets = {name: found[name] for name in order if name in found}
    figure = new_figure(13, 1.05 * len(sets) + 0.9, f"{image_size} pixels", "Digital phantom, not tissue")
    for axes, (name, images) in zip(np.atleast_1d(figure.subplots(len(sets), 1)), sets.items(), strict=True):
        strip(axes).imshow(np.concatenate(list(images), axis=1))
        axes.set_title(name, loc="left", fontsize=9)
    return png_bytes(figure)


def no_pictures(*_: object) -> np.ndarray:
    """In place of samples during training, which are no part of a budget."""
    return np.zeros((0, 8, 8, 3), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="CPU-seconds of each training, everything counted")
    parser.add_argument("--n-train", type=int, default=540, help="phantom tiles to train on")
    parser.add_argument("--n", type=int, default=180, help="samples, and held-out images that they are compared with")
    parser.add_argument("--work", type=Path, required=True, help="folder for rows, samples and pictures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    SampleGrid.sample = no_pictures
    for candidate in CANDIDATES:
        work = arguments.work / f"{candidate.name}_{candidate.image_size}"
        work.mkdir(parents=True, exist_ok=True)
        if not (work / "rows.json").exists():
            run(candidate, arguments, work)
        for row in json.loads((work / "rows.json").read_text()):
            print(json.dumps(row), flush=True)
        folders = [arguments.work / f"{space}_{candidate.image_size}" for space in ("pixel", "latent")]
        picture = draw(candidate.image_size, folders)
        (arguments.work / f"samples_{candidate.image_size}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
