from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card, Recipe
from synthpath_kedro.data.export import folder_writer
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.synthetic import open_synthetic, synthetic_labels
from synthpath_kedro.parameters import SynthesisParameters

_PER_CLASS = 6


def generate_shards(
    denoiser: Artifact, real_train: LabeledImages, params: SynthesisParameters, seed: int
) -> dict[str, Recipe]:
    """Says how each shard is made; the catalog makes those that are missing or different."""
    from synthpath_kedro.diffusion.synthesis import shard_recipes

    check_same_data({"denoiser": denoiser.card, "real_train": real_train.card})
    return shard_recipes(denoiser, real_train.class_counts, params, seed)


def write_manifest(shards: dict[str, Artifact], denoiser: Artifact) -> Card:
    from synthpath_kedro.diffusion.synthesis import build_manifest

    return build_manifest(shards, denoiser)


def export_synthetic(
    shards: dict[str, Artifact], manifest: Card, denoiser: Artifact, data_card: Card, params: SynthesisParameters
) -> Callable[[Path], None]:
    """Says how the set is written for other people's scripts; nothing is where no export is asked for."""
    return folder_writer(shards, manifest, denoiser.card, data_card, params.export)


def draw_real_and_synthetic(
    real_train: LabeledImages, shards: dict[str, Artifact], manifest: Card, seed: int
) -> Figure:
    from synthpath_kedro.report.figures.real_and_synthetic import real_and_synthetic

    labels = synthetic_labels(shards)
    rows = np.sort(np.concatenate([np.flatnonzero(labels == label)[:_PER_CLASS] for label in np.unique(labels)]))
    synthetic = open_synthetic(shards, manifest, rows)
    return real_and_synthetic(real_train, synthetic, _PER_CLASS, seed=seed, note=source_note(real_train.card))
