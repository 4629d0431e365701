"""Sample quality against the number of denoiser evaluations, for an epsilon and an EDM denoiser of equal training time.

Hours on two cores: run it in the background, for instance

    nohup python benchmarks/sampler_quality.py phantom --minutes 60 --n 2000 --out docs/sampler_quality &
    nohup python benchmarks/sampler_quality.py tiles.npz --minutes 60 --n 500 --out docs/sampler_quality_tiles &

Both denoisers have the demo's network. Distances are to real images that no denoiser has seen, in features of
EfficientNet-Lite0, between equal numbers of images. Every row is written as soon as it is known; a run that was killed
goes on with what is missing.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from kedro.config import OmegaConfigLoader

from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.data.artefact import Artefact, read_artefact, write_artefact
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.sources import read_source
from synthpath_kedro.diffusion.samplers.choice import evaluations
from synthpath_kedro.diffusion.synthesis import shard_recipes
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.metrics.extractors import load_extractor
from synthpath_kedro.metrics.fidelity import frechet_distance, kernel_distance
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.reporting.figures.style import add_legend, class_colour, class_marker, dress, new_figure, png_bytes
from synthpath_kedro.settings import CONFIG_LOADER_ARGS

FEW = (5, 10, 20, 50)
RESAMPLES = 200


def parameters(arguments: argparse.Namespace) -> Parameters:
    values = dict(OmegaConfigLoader("conf", env="demo", **CONFIG_LOADER_ARGS)["parameters"])
    if arguments.data == "phantom":
        sets = {"n_train": arguments.n_train, "n_val": 180, "n_test": arguments.n, "stain_shift": 0.0}
        values["data_prep"] |= {"phantom": sets}
    else:
        values["data_prep"] |= {"source": "npz", "path": arguments.data}
    values["diffusion"] |= {"max_epochs": arguments.epochs, "max_minutes": arguments.minutes, "sample_every": 10_000}
    return read_parameters(values)


def held_out(params: Parameters, n: int) -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """Training images, those that steer it, and those that samples are compared with."""
    splits = read_source(params.data_prep, params.seed, Path("data/01_raw"))
    if params.data_prep.source == "phantom":
        return splits.train, splits.val, splits.test
    # Real tiles: the test centre's stain differs, so half of the training tiles are held out instead.
    order = np.random.default_rng(0).permutation(len(splits.train))
    half = len(order) // 2
    return splits.train.select(order[half:]), splits.val, splits.train.select(order[: min(half, n)])


def trained(formulation: str, train: LabelledImages, val: LabelledImages, params: Parameters, out: Path) -> Artefact:
    path = out / f"{formulation}.safetensors"
    if not path.exists():
        settings = params.diffusion.model_copy(update={"formulation": formulation})
        made = train_denoiser(train, val, settings, params.seed, out / f"scratch_{formulation}")
        write_artefact(path, made.checkpoint)
        made.history.to_csv(out / f"{formulation}_history.csv", index=False)
    return read_artefact(path)


def samples(
    checkpoint: Artefact, counts: np.ndarray, params: Parameters, sampler: str, steps: int, n: int
) -> np.ndarray:
    clip = sampler in ("ddpm", "ddim")
    update = {"sampler": sampler, "steps": steps, "n_images": n, "shard_size": n, "clip_denoised": clip}
    folder = Path("data/scratch")
    folder.mkdir(parents=True, exist_ok=True)
    (recipe,) = shard_recipes(checkpoint, counts, params.synthesis.model_copy(update=update), params.seed).values()
    path = folder / "sampler_quality.safetensors"
    recipe.write(path)
    images = np.array(read_artefact(path).tensors["images"])
    path.unlink()
    return images


def steps_for(sampler: str, n_evaluations: int) -> int:
    """Heun evaluates twice a step but once in the last."""
    return (n_evaluations + 1) // 2 if sampler == "heun" else n_evaluations


def distances(real: np.ndarray, made: np.ndarray) -> dict[str, float]:
    """Both distances, with 95 % bootstrap intervals over the samples."""
    rng = np.random.default_rng(0)
    drawn = [
        (frechet_distance(real, made[rows]), kernel_distance(real, made[rows]))
        for rows in (rng.integers(0, len(made), len(made)) for _ in range(RESAMPLES))
    ]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    frechet, kernel = frechet_distance(real, made), kernel_distance(real, made)
    return {
        "frechet": frechet,
        "frechet_low": low[0],
        "frechet_high": high[0],
        "kernel": kernel,
        "kernel_low": low[1],
        "kernel_high": high[1],
    }


def draw(table: pd.DataFrame, title: str, note: str | None) -> bytes:
    figure = new_figure(10.5, 5.0, title, note)
    panels = figure.subplots(1, 2, sharey=True)
    lines = {}
    for axes, (formulation, rows) in zip(panels, table.groupby("formulation"), strict=True):
        dress(axes).set(title=formulation, xlabel="denoiser evaluations", xscale="log", yscale="log")
        for number, (sampler, own) in enumerate(rows.groupby("sampler")):
            own = own.sort_values("evaluations")
            spread = [own["frechet"] - own["frechet_low"], own["frechet_high"] - own["frechet"]]
            style = {"color": class_colour(number), "marker": class_marker(number), "capsize": 2}
            lines[sampler] = axes.errorbar(own["evaluations"], own["frechet"], np.maximum(spread, 0), **style)
    panels[0].set_ylabel("Fréchet distance to held-out real images")
    add_legend(figure, list(lines.values()), list(lines), loc="outside lower center", ncols=4)
    return png_bytes(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="phantom, or an npz in the MedMNIST layout")
    parser.add_argument("--minutes", type=float, default=60, help="training time of each denoiser")
    parser.add_argument("--epochs", type=int, default=40, help="over which the learning rate's cycle is laid out")
    parser.add_argument("--n", type=int, default=2000, help="images compared, at most what is held out")
    parser.add_argument("--n-train", type=int, default=9000, help="phantom tiles to train on")
    parser.add_argument("--most", type=int, default=1000, help="evaluations of ddpm's long walk")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    params = parameters(arguments)
    train, val, real = held_out(params, arguments.n)
    n = min(arguments.n, len(real))
    extractor = load_extractor(params.evaluation.features, params.classification)

    def features(images: np.ndarray) -> np.ndarray:
        batches = np.array_split(images, max(1, len(images) // 64))
        return np.concatenate(
            [extractor.features(to_unit_interval(torch.from_numpy(batch))).numpy() for batch in batches]
        )

    real_features = features(real.images[:n])
    path = arguments.out / "table.csv"
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["formulation", "sampler", "evaluations"])
    plan = [("ddpm", arguments.most), *((sampler, k) for sampler in ("ddim", "dpmpp_2m", "heun") for k in FEW)]
    for formulation in ("epsilon", "edm"):
        checkpoint = trained(formulation, train, val, params, arguments.out)
        for sampler, wanted in sorted(plan, key=lambda entry: entry[1]):
            steps = steps_for(sampler, wanted)
            row = {"formulation": formulation, "sampler": sampler, "evaluations": evaluations(sampler, steps), "n": n}
            if (
                (table[["formulation", "sampler"]] == [formulation, sampler]).all(axis=1)
                & (table["evaluations"] == row["evaluations"])
            ).any():
                continue
            made = features(samples(checkpoint, train.class_counts, params, sampler, steps, n))
            row |= {"images_seen": checkpoint.card["images_seen"], **distances(real_features, made)}
            logging.info("%s", row)
            table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
            table.to_csv(path, index=False)
    note = "Digital phantom, not tissue" if arguments.data == "phantom" else None
    title = f"Sample quality by denoiser evaluations, n = {n} (demo's network, {arguments.minutes:g} min of training)"
    (arguments.out / "figure.png").write_bytes(draw(table, title, note))


if __name__ == "__main__":
    main()
