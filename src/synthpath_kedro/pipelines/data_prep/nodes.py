from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artefact import Card
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.imbalance import thin_classes
from synthpath_kedro.data.lineage import source_note
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.parameters import DataPrepParameters


def prepare_images(
    params: DataPrepParameters, seed: int, raw_folder: Path
) -> tuple[LabelledImages, LabelledImages, LabelledImages, Card]:
    """Reads, checks, resizes and thins the source: training, validation and test images, and their card."""
    from synthpath_kedro.data.sources import read_source

    splits = read_source(params, seed, raw_folder)
    splits = replace(splits, train=thin_classes(splits.train, params.thin, seed))
    prepared = splits.map(lambda images: images.with_card(prepared=splits.digest, digest=images.digest))
    card = splits.card() | {"parameters": params.model_dump(mode="json")}
    return prepared.train, prepared.val, prepared.test, card


def count_classes(real_train: LabelledImages, real_val: LabelledImages, real_test: LabelledImages) -> pd.DataFrame:
    from synthpath_kedro.data.distribution import class_distribution

    return class_distribution(Splits(real_train, real_val, real_test))


def draw_class_distribution(distribution: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.reporting.figures.class_distribution import class_distribution

    return class_distribution(distribution, note=source_note(card))


def draw_sample_grid(real_train: LabelledImages, seed: int) -> Figure:
    from synthpath_kedro.reporting.figures.sample_grid import sample_grid

    return sample_grid(real_train, per_class=9, seed=seed, note=source_note(real_train.card))
