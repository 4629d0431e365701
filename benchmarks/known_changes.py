"""Which numbers of fidelity see which change of the images: prints the tables of docs/evidence.md (a minute each).

python benchmarks/known_changes.py               the phantom, 540 images a set
python benchmarks/known_changes.py tiles.npz     real tiles: halves of the training images
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.evaluation.known_changes import (
    CHANGES,
    FAIR,
    NEIGHBORHOOD,
    OF_CLASSES,
    OF_SET,
    describe,
    known_changes_table,
)
from synthpath_kedro.parameters.evaluation import FeatureParameters

INPUT_SIZE = 64
N_FAIR = 8


def phantom_pairs() -> tuple[list[LabeledImages], tuple[str, ...]]:
    """Held-out images and fresh draws in turn."""
    labels = np.arange(540) % len(TISSUES)
    sets = [render_tiles(labels, 32, (seed, 0), 0.0) for seed in range(2 * N_FAIR)]
    return [LabeledImages(images, labels, tuple(TISSUES)) for images in sets], tuple(TISSUES)


def halves(path: str) -> tuple[list[LabeledImages], tuple[str, ...]]:
    """The training images in two, another way each time."""
    with np.load(path) as file:
        images, labels = file["train_images"], file["train_labels"].ravel().astype(np.int64)
    data = LabeledImages(images, labels, tuple(str(label) for label in range(labels.max() + 1)))
    sets = []
    for seed in range(N_FAIR):
        half = stratified_subset(data.labels, len(data) // 2, seed)
        sets += [data.select(half), data.select(np.setdiff1d(np.arange(len(data)), half))]
    return sets, data.class_names


def main() -> None:
    features = yaml.safe_load(Path("conf/base/parameters_evaluation.yml").read_text())["evaluation"]["features"]
    extractor = load_extractor(FeatureParameters.model_validate(features | {"input_size": INPUT_SIZE}))
    sets, names = halves(sys.argv[1]) if len(sys.argv) > 1 else phantom_pairs()
    described = [describe(one.images, one.labels, extractor) for one in sets]
    pairs = list(zip(described[::2], described[1::2], strict=True))
    print_table(known_changes_table(pairs, sets[1].images, extractor, names, seed=0))


def print_table(table: pd.DataFrame) -> None:
    """Fair draws as mean ± standard deviation; bold what a change must move, in brackets what it must leave."""
    columns = [*OF_CLASSES, *OF_SET, *NEIGHBORHOOD]
    fair = table.loc[FAIR, columns]
    print(f"| | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
    print(f"| fair draws | {' | '.join(f'{fair[one].mean():.2f} ± {fair[one].std():.2f}' for one in columns)} |")
    for change in CHANGES.values():
        values = table.loc[change.name]
        marks = {**dict.fromkeys(change.moves, "**{:.2f}**"), **dict.fromkeys(change.keeps, "({:.2f})")}
        print(f"| {change.name} | {' | '.join(marks.get(one, '{:.2f}').format(values[one]) for one in columns)} |")


if __name__ == "__main__":
    main()
