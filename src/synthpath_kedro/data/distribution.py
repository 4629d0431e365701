"""How many images each class has."""

import numpy as np
import pandas as pd

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits

NO_FINDING = "no finding"


def class_distribution(splits: Splits) -> pd.DataFrame:
    """Images of each class in each split.

    In a multi-label set an image counts for each of its findings, and images without any stand in a row of their own.

    Returns:
        Columns class, train, val, test, total and share (of all images; those of a multi-label set add up to more
        than 1).
    """
    counts = {name: _counts(images) for name, images in splits}
    table = pd.DataFrame(counts).rename_axis("class").reset_index()
    table["total"] = table[["train", "val", "test"]].sum(axis=1)
    table["share"] = table["total"] / sum(len(images) for _, images in splits)
    bare = (table["class"] == NO_FINDING) & (table["total"] == 0)
    return table[~bare].reset_index(drop=True)


def imbalance_ratio(distribution: pd.DataFrame) -> float:
    """Training images of the largest class over those of the smallest that has any."""
    present = distribution.loc[distribution["train"] > 0, "train"]
    return float(present.max() / present.min())


def _counts(images: LabeledImages) -> pd.Series:
    counts = pd.Series(images.class_counts, index=list(images.class_names))
    if images.multi_label:
        counts[NO_FINDING] = int(np.count_nonzero(~images.labels.any(axis=1)))
    return counts
