import numpy as np
import pytest

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.color_baseline_table import color_baseline_table
from synthpath_kedro.evaluation.rows import SHARED

NAMES = ("dark", "gray", "light")


def images(n: int, shift: int = 0) -> LabeledImages:
    """Gray levels of 40, 120 and 200 by class, moved on by ``shift`` classes, with noise."""
    labels = np.arange(n) % 3
    levels = 40 + 80 * ((labels + shift) % 3)
    noise = np.random.default_rng(n).integers(-20, 21, (n, 4, 4, 3))
    return LabeledImages((levels[:, None, None, None] + noise).astype(np.uint8), labels, NAMES)


def test_each_training_set_has_a_row_like_those_of_the_classification_table():
    sets = {"good": images(30), "bad": images(30, shift=1)}
    table = color_baseline_table(images(60), images(12), sets, 0.5)
    assert tuple(table.columns[: len(SHARED)]) == SHARED
    assert {"accuracy", "macro_f1", "auc"} <= set(table)
    assert table[["model", "regime", "set", "replicate", "weights", "n"]].to_numpy().tolist() == [
        ["color", "real", "", 0, "none", 12],
        ["color", "synthetic", "good", 0, "none", 12],
        ["color", "synthetic", "bad", 0, "none", 12],
        ["color", "mixed", "good", 0, "none", 12],
        ["color", "mixed", "bad", 0, "none", 12],
    ]


def test_classes_that_differ_in_color_are_told_apart_and_wrong_colors_mislead():
    table = color_baseline_table(images(60), images(12), {"good": images(30), "bad": images(30, shift=1)}, 0.5)
    accuracy = table.set_index(["regime", "set"])["accuracy"]
    assert accuracy["real", ""] == accuracy["synthetic", "good"] == accuracy["mixed", "good"] == 1
    assert accuracy["synthetic", "bad"] == 0


@pytest.mark.parametrize(("ratio", "alone"), [(0.0, "real"), (1.0, "synthetic")])
def test_the_mixing_ratio_is_the_weight_of_the_synthetic_images(ratio: float, alone: str):
    sets = {"bad": images(3, shift=1)}
    found = color_baseline_table(images(60), images(12), sets, ratio).set_index("regime")
    assert found.loc["mixed", "auc"] == found.loc[alone, "auc"]
    # Three images against sixty: they prevail where their weight is 95 %.
    by_weight = [color_baseline_table(images(60), images(12), sets, w)["accuracy"].iloc[-1] for w in (0.05, 0.95)]
    assert by_weight == [1, 0]


def test_a_study_without_synthetic_images_has_the_real_row_alone():
    assert color_baseline_table(images(60), images(12), {}, 0.5)["regime"].tolist() == ["real"]
