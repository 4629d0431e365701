"""Sample quality against the number of denoiser evaluations, for an epsilon and an EDM denoiser of equal training.

Hours on two cores: run it in the background, for instance

    OMP_NUM_THREADS=1 nohup python benchmarks/sampler_quality.py phantom --work /tmp/phantom &
    OMP_NUM_THREADS=1 nohup python benchmarks/sampler_quality.py tiles.npz --work /tmp/tiles &

Both denoisers have the demo's network and see the same images equally often. Distances are to real images that no
denoiser has seen, between equal numbers of images of the same classes, in features of EfficientNet-Lite0: the kernel
distance in all 1280 of them, the Fréchet distance in the first principal components of the real ones, since a Fréchet
distance needs more images than dimensions. Checkpoints and samples stay in the work folder, where a run that was killed
goes on; ``table.csv``, ``figure.png`` and ``samples.png`` are made again from what is there after every set of samples.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from kedro.config import OmegaConfigLoader

from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.sources import read_source
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.evaluation.image_features import extract
from synthpath_kedro.metrics.fidelity import frechet_distance, kernel_distance
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.report.figures.style import (
    add_legend,
    class_color,
    class_marker,
    dress,
    new_figure,
    png_bytes,
    strip,
)
from synthpath_kedro.settings import CONFIG_LOADER_ARGS
from synthpath_kedro.study.samplers import SAMPLERS

PARAMETERIZATIONS = ("epsilon", "edm")
MOST = 1000

PLAN = [
    *((sampler, steps) for steps in (5, 10, 20, 50) for sampler in ("ddim", "dpmpp_2m")),
    *(("heun", steps) for steps in (3, 5, 10, 18, 25)),  # evaluates twice a step, but once in the last
    *(("ddpm", steps) for steps in (50, 100, 250, MOST)),
]
SHOWN = [("ddim", 10), ("dpmpp_2m", 20), ("heun", 18), ("ddpm", MOST)]
DIRECTIONS = 64
RESAMPLES = 200
BATCH = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """Images to train on, those that steer it, and as many held-out ones as samples are drawn."""

    train: LabeledImages
    val: LabeledImages
    held_out: LabeledImages


def read_data(params: Parameters, n: int, split: str) -> Data:
    """Held-out images come from ``split``, or are taken out of the training images where that is "train"."""
    splits = read_source(params.data_prep, params.seed, Path("data/01_raw"))
    source = getattr(splits, split)
    held_out = stratified_subset(source.labels, n, params.seed)
    train = splits.train
    if split == "train":
        train = train.select(np.setdiff1d(np.arange(len(train)), held_out))
    return Data(train, splits.val, source.select(held_out))


def read_settings(arguments: argparse.Namespace) -> Parameters:
    values = dict(OmegaConfigLoader("conf", env="demo", **CONFIG_LOADER_ARGS)["parameters"])
    if arguments.data == "phantom":
        sets = {"n_train": arguments.n_train, "n_val": 180, "n_test": arguments.n, "stain_shift": 0.0}
        values["data_prep"] |= {"phantom": sets}
    else:
        values["data_prep"] |= {"source": "npz", "path": arguments.data}
    values["diffusion"] |= {"max_minutes": None, "sample_every": 10_000}
    return read_parameters(values)


def trained(parameterization: str, data: Data, params: Parameters, images_seen: int, work: Path) -> Artifact:
    path = work / f"{parameterization}.safetensors"
    if not path.exists():
        epochs = max(1, round(images_seen / len(data.train)))
        settings = params.diffusion.model_copy(update={"parameterization": parameterization, "max_epochs": epochs})
        made = train_denoiser(data.train, data.val, settings, params.seed, work / f"scratch_{parameterization}")
        made.history.to_csv(work / f"{parameterization}_history.csv", index=False)
        write_artifact(path, made.checkpoint)
    return read_artifact(path)


def samples(
    checkpoint: Artifact, sampler: str, steps: int, counts: np.ndarray, params: Parameters, work: Path
) -> LabeledImages:
    """As many images of every class as ``counts`` says, in shards that are written once."""
    settings = params.synthesis.model_copy(
        update={
            "sampler": sampler,
            "num_steps": steps,
            "n_images": int(counts.sum()),
            "allocation": "match_real",
            "clip_denoised": SAMPLERS[sampler].clips,
            "batch_size": BATCH,
            "shard_size": BATCH,
        }
    )
    folder = work / f"{checkpoint.card['parameterization']}_{sampler}_{steps}"
    made = generate_shards(checkpoint, counts, settings, params.seed, folder)
    shards = [made[name].tensors for name in sorted(made)]
    images, labels = (np.concatenate([shard[what] for shard in shards]) for what in ("images", "labels"))
    return LabeledImages(images, labels, tuple(checkpoint.card["class_names"]))


class Distances:
    """From sets of features to those of the real images."""

    def __init__(self, real: np.ndarray) -> None:
        self._real = real
        directions = np.random.default_rng(0).standard_normal((real.shape[1], DIRECTIONS))
        self._directions = np.linalg.qr(directions)[0]

    def __call__(self, made: np.ndarray) -> dict[str, float]:
        """Both distances and what to add and take away for 95 % intervals: 1.96 bootstrap standard errors.

        Quantiles of the bootstrap would not do: a set drawn with replacement is farther away than the set itself.
        """
        rng = np.random.default_rng(0)
        drawn = [self._both(made[rng.integers(0, len(made), len(made))]) for _ in range(RESAMPLES)]
        frechet, kernel = self._both(made)
        frechet_margin, kernel_margin = 1.96 * np.std(drawn, axis=0)
        return {
            "frechet": frechet,
            "frechet_margin": frechet_margin,
            "kernel": kernel,
            "kernel_margin": kernel_margin,
        }

    def _both(self, made: np.ndarray) -> tuple[float, float]:
        projected = frechet_distance(self._real @ self._directions, made @ self._directions)
        return projected, kernel_distance(self._real, made)


def draw_distances(table: pd.DataFrame, title: str, note: str | None) -> bytes:
    """A row a distance, a column a parameterization; the line is what other real images reach."""
    figure = new_figure(10.5, 7.5, title, note)
    panels = figure.subplots(2, len(PARAMETERIZATIONS), sharex=True, sharey="row")
    real = table[table["parameterization"] == "real_train"]
    lines = {}
    for row, (measure, name) in enumerate((("frechet", "Fréchet distance"), ("kernel", "kernel distance"))):
        for column, parameterization in enumerate(PARAMETERIZATIONS):
            axes = dress(panels[row, column])
            axes.set(xscale="log", yscale="log" if measure == "frechet" else "symlog")
            if row == 0:
                axes.set_title(parameterization, loc="left")
            else:
                axes.set_xlabel("denoiser evaluations per image")
            if column == 0:
                axes.set_ylabel(f"{name} to held-out images")
            lines["real training images"] = axes.axhline(real[measure].iloc[0], color="0.4", linestyle="--")
            for number, (sampler, own) in enumerate(
                table[table["parameterization"] == parameterization].groupby("sampler")
            ):
                own = own.sort_values("evaluations")
                style = {"color": class_color(number), "marker": class_marker(number), "capsize": 2}
                lines[sampler] = axes.errorbar(own["evaluations"], own[measure], own[f"{measure}_margin"], **style)
    add_legend(figure, list(lines.values()), list(lines), loc="outside lower center", ncols=5)
    return png_bytes(figure)


def draw_samples(sets: dict[str, LabeledImages], title: str, note: str | None) -> bytes:
    """A row per set, two images of every class."""
    n_classes = len(next(iter(sets.values())).class_names)
    figure = new_figure(13, 1.05 * len(sets) + 1.2, title, note)
    panels = figure.subplots(len(sets), 1)
    for axes, (name, images) in zip(np.atleast_1d(panels), sets.items(), strict=True):
        rows = np.concatenate([np.flatnonzero(images.labels == label)[:2] for label in range(n_classes)])
        strip(axes).imshow(np.concatenate(list(images.images[rows]), axis=1))
        axes.set_title(name, loc="left", fontsize=9)
    return png_bytes(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="phantom, or an npz in the MedMNIST layout")
    parser.add_argument("--images-seen", type=int, default=80_000, help="in the training of each denoiser")
    parser.add_argument("--n", type=int, default=250, help="images compared")
    parser.add_argument(
        "--held-out",
        choices=("train", "val", "test"),
        default="test",
        help="split that the images compared come from; train where the test set has another center's stain",
    )
    parser.add_argument("--n-train", type=int, default=5000, help="phantom tiles to train on")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints, samples and results")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    params = read_settings(arguments)
    data = read_data(params, arguments.n, arguments.held_out)
    extractor = load_extractor(params.evaluation.features)

    def features(images: LabeledImages) -> np.ndarray:
        return extract(extractor, images.images, np.arange(len(images)), 64)

    distances = Distances(features(data.held_out))
    reference = data.train.select(stratified_subset(data.train.labels, len(data.held_out), 0))
    table = [{"parameterization": "real_train", "n": len(reference), **distances(features(reference))}]
    shown = {"real, held out": data.held_out}
    note = "Digital phantom, not tissue" if arguments.data == "phantom" else None
    checkpoints = {name: trained(name, data, params, arguments.images_seen, work) for name in PARAMETERIZATIONS}
    for sampler, steps in PLAN:
        for parameterization, checkpoint in checkpoints.items():
            made = samples(checkpoint, sampler, steps, data.held_out.class_counts, params, work)
            row = {
                "parameterization": parameterization,
                "sampler": sampler,
                "num_steps": steps,
                "evaluations": SAMPLERS[sampler].evaluations(steps),
                "n": len(made),
                "images_seen": checkpoint.card["images_seen"],
                **distances(features(made)),
            }
            log.info("%s", row)
            table.append(row)
            if (sampler, steps) in SHOWN:
                shown[f"{parameterization}, {sampler}, {row['evaluations']} evaluations"] = made
            pd.DataFrame(table).to_csv(work / "table.csv", index=False)
        title = f"n = {len(data.held_out)}, {checkpoint.card['images_seen']:,} images seen in training"
        (work / "figure.png").write_bytes(draw_distances(pd.DataFrame(table), f"Sample quality, {title}", note))
        (work / "samples.png").write_bytes(draw_samples(shown, f"What a small budget gives, {title}", note))


if __name__ == "__main__":
    main()
