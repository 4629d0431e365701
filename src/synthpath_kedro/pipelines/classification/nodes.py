from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artefact import Artefact, Card, Recipe
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.parameters import ClassificationParameters


def store_trunk_features(model: str, images: LabelledImages, params: ClassificationParameters, seed: int) -> Recipe:
    """Says how the frozen part's features of ``images`` are made; the catalog makes them unless it has them."""
    from synthpath_kedro.classifiers.trunk import trunk_recipe

    return trunk_recipe(model, images, params, seed)


def store_trunk_features_of_synthetic(
    model: str, shards: dict[str, Artefact], manifest: Card, params: ClassificationParameters, seed: int
) -> Recipe:
    return store_trunk_features(model, open_synthetic(shards, manifest), params, seed)


def train_classifier(
    cell: tuple[str, str],
    real_train: LabelledImages,
    real_val: LabelledImages,
    params: ClassificationParameters,
    seed: int,
    scratch: Path,
    shards: dict[str, Artefact] | None = None,
    manifest: Card | None = None,
    trunk_real_train: Artefact | None = None,
    trunk_real_val: Artefact | None = None,
    trunk_synthetic: Artefact | None = None,
) -> tuple[Artefact, pd.DataFrame]:
    """Trains every replicate of one cell (model, regime): its checkpoint and its history."""
    from synthpath_kedro.classifiers.training import train_cell

    model, regime = cell
    synthetic = None if shards is None or manifest is None else open_synthetic(shards, manifest)
    cards = {"real_train": real_train.card, "real_val": real_val.card}
    check_same_data(cards if synthetic is None else cards | {"synthetic": synthetic.card})
    trunks = {"real_train": trunk_real_train, "real_val": trunk_real_val, "synthetic": trunk_synthetic}
    stored = {name: trunk for name, trunk in trunks.items() if trunk is not None}
    trained = train_cell(
        model, regime, real_train, real_val, synthetic, params, seed, scratch / model / regime, stored or None
    )
    return trained.checkpoint, trained.history


def draw_training_history(history: pd.DataFrame, classifier: Artefact) -> Figure:
    from synthpath_kedro.reporting.figures.training_history import training_history

    return training_history(history, note=source_note(classifier.card))
