import numpy as np

from synthpath_kedro.data.distribution import class_distribution, imbalance_ratio
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits


def labeled(labels, names):
    return LabeledImages(np.zeros((len(labels), 8, 8, 3), dtype=np.uint8), labels, names)


def test_the_table_counts_each_class_in_each_split():
    train, val, test = (np.repeat([0, 1], counts) for counts in ([6, 2], [1, 1], [3, 7]))
    table = class_distribution(Splits(*(labeled(labels, ("fat", "gland")) for labels in (train, val, test))))
    assert table.to_dict("list") == {
        "class": ["fat", "gland"],
        "train": [6, 2],
        "val": [1, 1],
        "test": [3, 7],
        "total": [10, 10],
        "share": [0.5, 0.5],
    }
    assert imbalance_ratio(table) == 3.0


def test_a_multi_label_set_is_counted_by_finding_and_without_any():
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 0], [0, 0]], dtype=np.uint8)
    sets = labeled(labels, ("mass", "hernia"))
    table = class_distribution(Splits(sets, sets, sets))
    assert table["class"].tolist() == ["mass", "hernia", "no finding"]
    assert table["train"].tolist() == [2, 1, 3]
    assert table["share"].tolist() == [0.4, 0.2, 0.6]
    assert imbalance_ratio(table) == 3.0


def test_no_row_for_images_without_findings_where_there_are_none():
    sets = labeled(np.array([[1, 0], [0, 1]], dtype=np.uint8), ("mass", "hernia"))
    assert class_distribution(Splits(sets, sets, sets))["class"].tolist() == ["mass", "hernia"]
