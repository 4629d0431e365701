"""How surely near-duplicates are found, and how often the search raises a false alarm: the tables of docs/privacy.md.

    python benchmarks/planted_copies.py phantom540 --draws 100
    python benchmarks/planted_copies.py tiles.npz --draws 100

Copies of training images are planted under every disguise (see ``metrics/disguises.py``); then the images are divided
again and again into training images, held-out images and images that copy nothing. An npz is divided at random, so that
tiles of one patient come into all three.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from time_to_quality import read_settings

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.sources import read_source
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.evaluation.image_features import extract
from synthpath_kedro.evaluation.planted_copies import planted_copies_table
from synthpath_kedro.evaluation.training_search import Searched, count_suspects, search_training_images

REAL_SHARES = (0.10, 0.02, 0.12, 0.12, 0.09, 0.14, 0.09, 0.12, 0.20)
SYNTHETIC_SHARES = (0.11, 0.11, 0.11, 0.11, 0.12, 0.11, 0.11, 0.11, 0.11)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="phantom and a number of training tiles, or an npz in MedMNIST's layout")
    parser.add_argument("--draws", type=int, default=100, help="divisions without copies, of each mix of classes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    params = read_settings(arguments.data)
    evaluation = params.evaluation.model_copy(
        update={"privacy": params.evaluation.privacy.model_copy(update={"planted_copies": 60})}
    )
    extractor = load_extractor(evaluation.features)

    def searched(images: LabeledImages) -> Searched:
        everything = np.arange(len(images))
        features = extract(extractor, images.images, everything, 64)
        return Searched(images, Artifact({"features": features, "index": everything}))

    data = read_source(params.data_prep, params.seed, Path("data/01_raw"))
    table = planted_copies_table(searched(data.train), searched(data.val), extractor, evaluation, params.seed)
    print(table.round(2).to_markdown(index=False), flush=True)
    everything = searched(_pool(data.train) if data.train.phantom else _joined(data))
    mixes = {"as they are": None, "unequal": (REAL_SHARES, SYNTHETIC_SHARES)}
    rows = []
    for name, shares in mixes.items():
        if shares and not data.train.phantom:
            continue
        counts = [_count(everything, shares, seed, evaluation) for seed in range(arguments.draws)]
        suspects = np.array([count.suspects for count in counts])
        rows.append(
            {
                "class mix": name,
                "draws": len(counts),
                "false alarms": sum(count.alarm for count in counts),
                "suspects, mean": suspects.mean(),
                "suspects, most": suspects.max(),
                "examined": counts[0].examined,
            }
        )
        print(pd.DataFrame(rows).to_markdown(index=False), flush=True)


def _pool(train: LabeledImages) -> LabeledImages:
    labels = np.random.default_rng(0).permutation(np.arange(5400) % 9)
    return LabeledImages(render_tiles(labels, train.image_size, (1, 2, 3), 0.0), labels, train.class_names)


def _joined(data: object) -> LabeledImages:
    splits = [split for _, split in data]
    arrays = (np.concatenate([getattr(split, what) for split in splits]) for what in ("images", "labels"))
    return LabeledImages(*arrays, splits[0].class_names)


def _count(everything: Searched, shares: tuple | None, seed: int, evaluation: object) -> object:
    """Of 270 images, after 270 training and 90 held-out ones; where there are not thousands, of what there is."""
    n = len(everything.images)
    n_train, n_held_out, n_synthetic = (270, 90, 270) if n >= 5000 else (n // 2, n // 8, n - n // 2 - n // 8)
    rng, left = np.random.default_rng(seed), np.ones(n, bool)
    of_real, of_synthetic = shares or (None, None)
    wanted = ((n_train, of_real), (n_held_out, of_real), (n_synthetic, of_synthetic))
    train, held_out, synthetic = (_picked(everything, rng, left, *one) for one in wanted)
    return count_suspects(search_training_images(synthetic, held_out, train, evaluation.privacy, seed))


def _picked(everything: Searched, rng: np.random.Generator, left: np.ndarray, n: int, shares: tuple | None) -> Searched:
    labels = everything.images.labels[left]
    weights = np.array(shares)[labels] / np.bincount(labels)[labels] if shares else np.ones(len(labels))
    rows = rng.choice(np.flatnonzero(left), n, replace=False, p=weights / weights.sum())
    left[rows] = False
    features = Artifact({"features": everything.features.tensors["features"][rows], "index": np.arange(n)})
    return Searched(everything.images.select(rows), features)


if __name__ == "__main__":
    main()
