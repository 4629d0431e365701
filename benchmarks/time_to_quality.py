"""Sample quality against the processor time of the training, from scratch or from another denoiser.

Hours on two cores: run it in the background, one process a core, for instance

    OMP_NUM_THREADS=1 nohup python benchmarks/time_to_quality.py phantom540 --work /tmp/quality &
    OMP_NUM_THREADS=1 nohup python benchmarks/time_to_quality.py tiles.npz --work /tmp/quality &

A budget is seconds of one thread's processor time, which do not depend on what else runs. A few epochs are timed and
tell how many fit; the learning rate's schedule spans them. Then a balanced set is sampled and one JSON line printed:
distances to held-out images in features of EfficientNet-Lite0, and the accuracy on real test images of the CNN that is
trained on the samples alone, for two seeds. What is done is kept in the work folder, where a run that was killed goes
on; ``--draw`` makes the figures from what is there.
"""

import argparse
import json
import logging
import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from kedro.config import OmegaConfigLoader
from sampler_quality import draw_samples

from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.prediction import predict_replicates
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.sources import Splits, read_source
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.evaluation.image_features import extract
from synthpath_kedro.metrics.fidelity import (
    class_distances,
    kernel_distance,
    precision_recall_density_coverage,
)
from synthpath_kedro.parameters import DiffusionParameters, Parameters, read_parameters
from synthpath_kedro.report.figures.style import add_legend, class_color, class_marker, dress, new_figure, png_bytes
from synthpath_kedro.settings import CONFIG_LOADER_ARGS

BUDGETS = (60, 120, 240, 480, 960)
N_SAMPLES = 540
CNN_STEPS = 400
CNN_SEEDS = 2
PROBED_STEPS = 60

UNGUIDED = {"guidance_scale": 1.0, "guidance_interval": None}

RECIPES: dict[str, tuple[dict, dict]] = {
    "default": ({}, {}),
    "unguided": ({}, UNGUIDED),
    "one_texture": ({"textures": 1}, {}),
    "before": ({"textures": 0}, UNGUIDED),
}
"""Changes to the demo's blocks ``diffusion`` and ``synthesis``."""

MEASURES = {
    "kernel_distance": "kernel distance, overall",
    "kernel_distance_of_classes": "kernel distance, mean over classes",
    "accuracy": "accuracy of a CNN trained on synthetic alone",
    "coverage": "coverage",
}

log = logging.getLogger(__name__)


def read_settings(data: str) -> Parameters:
    """The demo's, on ``data``: "phantom<n>" with n training tiles and one center's stain, or an npz."""
    values = dict(OmegaConfigLoader("conf", env="demo", **CONFIG_LOADER_ARGS)["parameters"])
    if data.startswith("phantom"):
        sets = {"n_train": int(data.removeprefix("phantom")), "n_val": 180, "n_test": N_SAMPLES, "stain_shift": 0.0}
        values["data_prep"] |= {"phantom": sets}
    else:
        values["data_prep"] |= {"source": "npz", "path": data}
    values["diffusion"] |= {"max_minutes": None, "sample_every": 10_000}
    values["synthesis"] |= {"n_images": N_SAMPLES, "allocation": "balanced", "sampler": "heun", "num_steps": 12}
    values["synthesis"] |= {"oracle_models": [], "shard_size": N_SAMPLES // 9}
    cnn = {**values["classification"]["backbones"]["cnn"], "input_size": 32, "min_steps": CNN_STEPS}
    values["classification"]["backbones"]["cnn"] = cnn
    values["classification"] |= {"replicates": CNN_SEEDS}
    return read_parameters(values)


def epochs_of(budget: int, data: Splits, settings: DiffusionParameters, seed: int, work: Path) -> int:
    """Epochs whose training takes ``budget`` seconds of the processor, remembered in ``work``."""
    path = work / "epochs.json"
    if not path.exists():
        steps = max(1, len(data.train) // settings.batch_size)
        seconds = []
        # Twice, so that what is done once (textures, the first step) does not count.
        for epochs in (1, 1 + -(-PROBED_STEPS // steps)):
            with TemporaryDirectory() as scratch:
                start = time.process_time()
                probed = settings.model_copy(update={"max_epochs": epochs})
                train_denoiser(data.train, data.val, probed, seed, Path(scratch))
                seconds.append(time.process_time() - start)
        epoch = (seconds[1] - seconds[0]) / (epochs - 1)
        path.write_text(json.dumps({"epochs": max(1, round((budget - seconds[0]) / epoch)), "seconds": seconds}))
    return int(json.loads(path.read_text())["epochs"])


def trained(budget: int, data: Splits, settings: DiffusionParameters, seed: int, work: Path) -> Artifact:
    path = work / "denoiser.safetensors"
    if not path.exists():
        fitting = settings.model_copy(update={"max_epochs": epochs_of(budget, data, settings, seed, work)})
        made = train_denoiser(data.train, data.val, fitting, seed, work / "scratch")
        write_artifact(path, made.checkpoint)
    return read_artifact(path)


def sampled(checkpoint: Artifact, data: Splits, params: Parameters, work: Path) -> tuple[LabeledImages, float]:
    """A balanced synthetic set, and processor seconds per 100 images."""
    start = time.process_time()
    made = generate_shards(checkpoint, data.train.class_counts, params.synthesis, params.seed, work / "shards")
    seconds = time.process_time() - start
    shards = [made[name].tensors for name in sorted(made)]
    images, labels = (np.concatenate([shard[what] for shard in shards]) for what in ("images", "labels"))
    card = {"phantom": data.train.phantom}
    return LabeledImages(images, labels, data.train.class_names, card=card), 100 * seconds / len(images)


class Quality:
    """Of a synthetic set, beside the real test images, which no denoiser has seen."""

    def __init__(self, data: Splits, params: Parameters) -> None:
        self._data, self._params = data, params
        self._extractor = load_extractor(params.evaluation.features)
        self._reference = self._features(data.test)

    def __call__(self, made: LabeledImages) -> dict[str, float | list[float]]:
        features, test = self._features(made), self._data.test
        labels = test.labels, made.labels
        classes = class_distances(kernel_distance, self._reference, features, *labels, test.n_classes)
        spread = precision_recall_density_coverage(self._reference, features)
        accuracies = self._accuracies(made)
        return {
            "kernel_distance": kernel_distance(self._reference, features),
            "kernel_distance_of_classes": classes.mean,
            "kernel_distance_per_class": classes.values.round(2).tolist(),
            "recall": spread["recall"],
            "coverage": spread["coverage"],
            "accuracy": float(np.mean(accuracies)),
            "accuracies": accuracies,
        }

    def _features(self, images: LabeledImages) -> np.ndarray:
        return extract(self._extractor, images.images, np.arange(len(images)), 64)

    def _accuracies(self, made: LabeledImages) -> list[float]:
        with TemporaryDirectory() as scratch:
            settings = self._params.classification
            cell = train_cell("cnn", "real", made, self._data.val, None, settings, self._params.seed, Path(scratch))
        predicted = predict_replicates(load_classifiers(cell.checkpoint), self._data.test.images, 64)
        return [float((one.probabilities.argmax(1) == self._data.test.labels).mean()) for one in predicted]


@dataclass(frozen=True)
class Run:
    """One line: what it is of."""

    data: str
    recipe: str
    start: str
    budget: int
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        parts = (self.data, self.recipe, Path(self.start).stem, self.budget, self.seed)
        return "_".join(str(part) for part in parts if part != "")

    @property
    def label(self) -> str:
        """In figures."""
        return f"{self.recipe}, from {Path(self.start).stem}" if self.start else self.recipe

    def settings(self, params: Parameters) -> Parameters:
        """``params`` under its recipe."""
        training, sampling = RECIPES[self.recipe]
        start = {"start_from": self.start} if self.start else {}
        diffusion = params.diffusion.model_copy(update=training | start)
        synthesis = params.synthesis.model_copy(update=sampling)
        return params.model_copy(update={"diffusion": diffusion, "synthesis": synthesis})


def runs(arguments: argparse.Namespace) -> list[Run]:
    """The small budgets first."""
    every = product(arguments.budgets, arguments.seeds, arguments.recipes)
    data, start = Path(arguments.data).stem, arguments.start_from or ""
    return [Run(data, recipe, start, budget, seed) for budget, seed, recipe in every]


def measure(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    params = read_settings(arguments.data)
    data = read_source(params.data_prep, params.seed, Path("data/01_raw"))
    quality: Quality | None = None
    for run in runs(arguments):
        work, settings = arguments.work / run.name, run.settings(params)
        work.mkdir(parents=True, exist_ok=True)
        line = work / "line.json"
        if not line.exists():
            quality = quality or Quality(data, params)
            checkpoint = trained(run.budget, data, settings.diffusion, run.seed, work)
            made, seconds = sampled(checkpoint, data, settings, work)
            seen = checkpoint.card["images_seen"]
            row = {**asdict(run), "images_seen": seen, **quality(made), "seconds_per_100": seconds}
            line.write_text(json.dumps(row))
        print(line.read_text(), flush=True)
    reference = arguments.work / f"{Path(arguments.data).stem}_real.json"
    if not reference.exists():
        quality = quality or Quality(data, params)
        rows = stratified_subset(data.train.labels, min(N_SAMPLES, len(data.train)), 0)
        reference.write_text(
            json.dumps({"data": Path(arguments.data).stem, "recipe": "real", **quality(data.train.select(rows))})
        )
    print(reference.read_text(), flush=True)


def read_lines(work: Path) -> pd.DataFrame:
    """Every line that is there, and the label of its run."""
    table = pd.DataFrame([json.loads(path.read_text()) for path in sorted(work.glob("*/line.json"))])
    fields = list(Run.__dataclass_fields__)
    return table.assign(label=[Run(*row).label for row in table[fields].itertuples(index=False)])


def draw_curves(table: pd.DataFrame, real: dict[str, dict]) -> bytes:
    """A row a measure, a column a data set; a line a recipe, a point the mean over seeds."""
    names = sorted(table["data"].unique())
    figure = new_figure(4.5 * len(names), 3 * len(MEASURES), "Quality against processor time of the training", None)
    panels = figure.subplots(len(MEASURES), len(names), sharex=True, squeeze=False)
    lines = {}
    for row, (measure_name, label) in enumerate(MEASURES.items()):
        for column, name in enumerate(names):
            axes = dress(panels[row, column])
            axes.set(xscale="log", title=name if row == 0 else "", ylabel=label if column == 0 else "")
            axes.set_xticks(BUDGETS, [str(budget) for budget in BUDGETS], minor=False)
            axes.minorticks_off()
            if row == len(MEASURES) - 1:
                axes.set_xlabel("seconds of one thread")
            if name in real:
                lines["real training images"] = axes.axhline(real[name][measure_name], color="0.4", linestyle="--")
            own = table[table["data"] == name]
            for number, (recipe, group) in enumerate(own.groupby("label")):
                means = group.groupby("budget")[measure_name].mean()
                (lines[recipe],) = axes.plot(means.index, means, color=class_color(number), marker=class_marker(number))
                axes.plot(group["budget"], group[measure_name], ".", color=class_color(number), alpha=0.5)
    add_legend(figure, list(lines.values()), list(lines), loc="outside lower center", ncols=4)
    return png_bytes(figure)


def draw(arguments: argparse.Namespace) -> None:
    table = read_lines(arguments.work)
    table.to_csv(arguments.work / "table.csv", index=False)
    real = {
        path.stem.removesuffix("_real"): json.loads(path.read_text()) for path in arguments.work.glob("*_real.json")
    }
    (arguments.work / "curves.png").write_bytes(draw_curves(table, real))
    params = read_settings(arguments.data)
    data = read_source(params.data_prep, params.seed, Path("data/01_raw"))
    shown = {"real": data.test} if data.train.phantom else {}
    own = table[(table["data"] == Path(arguments.data).stem) & (table["seed"] == table["seed"].min())]
    for row in own.sort_values(["budget", "recipe", "start"]).itertuples():
        run = Run(row.data, row.recipe, row.start, row.budget, row.seed)
        work = arguments.work / run.name
        made, _ = sampled(read_artifact(work / "denoiser.safetensors"), data, run.settings(params), work)
        shown[f"{run.label}, {run.budget} s"] = made
    note = "Digital phantom, not tissue" if data.train.phantom else None
    picture = draw_samples(shown, "What a budget of processor time gives", note)
    (arguments.work / f"samples_{Path(arguments.data).stem}.png").write_bytes(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "data", help="phantom and a number of training tiles (phantom540), or an npz in MedMNIST's layout"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints, samples and lines")
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, help="processor seconds of one thread")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=["before", "default"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--start-from", help="another denoiser to start from, as diffusion.start_from")
    parser.add_argument("--draw", action="store_true", help="only make the figures from what is there")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if arguments.draw:
        draw(arguments)
    else:
        measure(arguments)


if __name__ == "__main__":
    main()
