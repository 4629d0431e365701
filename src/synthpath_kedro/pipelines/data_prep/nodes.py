import logging
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.class_fractions import subsample_classes
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import source_note
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.parameters import DataPrepParameters

logger = logging.getLogger(__name__)


def prepare_images(
    params: DataPrepParameters, seed: int, raw_folder: Path
) -> tuple[LabeledImages, LabeledImages, LabeledImages, DataCard]:
    """Reads, checks, resizes and subsamples the source: training, validation and test images, and their card."""
    from synthpath_kedro.data.sources import read_source

    splits = read_source(params, seed, raw_folder)
    splits = replace(splits, train=subsample_classes(splits.train, params.class_fractions, seed))
    prepared = splits.map(lambda images: images.with_card(prepared=splits.digest, digest=images.digest))
    card = splits.card(params.model_dump(mode="json"))
    for line in card.summary():
        logger.info(line)
    return prepared.train, prepared.val, prepared.test, card


def count_classes(real_train: LabeledImages, real_val: LabeledImages, real_test: LabeledImages) -> pd.DataFrame:
    from synthpath_kedro.data.distribution import class_distribution

    return class_distribution(Splits(real_train, real_val, real_test))


def draw_class_distribution(distribution: pd.DataFrame, card: DataCard) -> Figure:
    from synthpath_kedro.report.figures.class_distribution import class_distribution

    return class_distribution(distribution, note=source_note(phantom=card.phantom))


def draw_sample_grid(real_train: LabeledImages, seed: int) -> Figure:
    from synthpath_kedro.report.figures.sample_grid import sample_grid

    return sample_grid(real_train, per_class=9, seed=seed, note=source_note(phantom=real_train.phantom))
