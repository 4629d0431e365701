import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.robustness_tables import robustness_curves, robustness_table

LABELS = np.arange(6) % 3
RIGHT = np.tile(np.eye(3, dtype=np.float32)[LABELS], (2, 1, 1))
WRONG = np.roll(RIGHT, 1, axis=2)
ROWS = np.array([0, 1, 2])
EPS = 8 / 255


@pytest.fixture
def attacked():
    tensors = {
        "clean": RIGHT,
        "uniform_noise": RIGHT,
        "pgd20": WRONG,
        "uniform_noise.curve_0": RIGHT[:, ROWS],
        "uniform_noise.curve_1": WRONG[:, ROWS],
        "uniform_noise.control": WRONG[:, ROWS],
        "labels": LABELS,
        "curve_rows": ROWS,
    }
    card = {"model": "cnn", "regime": "real", "weights": "w", "variant": "v"}
    return Artifact(
        tensors, card | {"attacks": ["uniform_noise", "pgd20"], "eps": EPS, "epsilon_sweep": [1 / 255, EPS]}
    )


def test_attacks_come_first_and_the_control_is_marked_as_one(attacked):
    table = robustness_table([attacked])
    assert table[["replicate", "attack", "control", "n", "accuracy", "change"]].to_numpy().tolist() == [
        [0, "uniform_noise", False, 6, 1, 0],
        [1, "uniform_noise", False, 6, 1, 0],
        [0, "pgd20", False, 6, 0, -1],
        [1, "pgd20", False, 6, 0, -1],
        [0, "uniform_noise", True, 3, 0, -1],
        [1, "uniform_noise", True, 3, 0, -1],
    ]


def test_curves_have_a_row_a_budget_on_the_same_images(attacked):
    curves = robustness_curves([attacked]).query("replicate == 0")
    assert curves["eps"].tolist() == [1 / 255, EPS]
    assert curves["accuracy"].tolist() == [1, 0]
    assert set(curves["clean_accuracy"]) == {1}
    assert set(curves["n"]) == {3}
