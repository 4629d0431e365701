import numpy as np
import pytest
from scipy import stats

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.robustness_tables import (
    NO_BETTER,
    attack_summary_table,
    masking_table,
    robustness_curves,
    robustness_table,
)

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


def test_each_attack_has_its_interval_and_the_budget_that_halves_accuracy(attacked):
    noise, pgd = attack_summary_table([attacked]).to_dict("records")
    assert (noise["replicate"], noise["n"], noise["accuracy"], pgd["accuracy"]) == ("all", 6, 1, 0)
    # 1 of 3 at 1/255, 0 at 8/255: half is in the middle.
    assert noise["eps_halved"] == pytest.approx(4.5 / 255)
    assert noise["largest_eps"] == EPS
    assert np.isnan(pgd["eps_halved"])
    low, high = stats.binomtest(0, 6).proportion_ci(method="wilson")
    assert (pgd["ci_low"], pgd["ci_high"]) == pytest.approx((low, high))


def checked(attacked, clean=RIGHT, **right):
    answers = {f"masking.{name}": (RIGHT if stays else WRONG)[0] for name, stays in right.items()}
    return Artifact(dict(attacked.tensors) | answers | {"clean": clean, "masking_rows": np.arange(6)}, attacked.card)


HONEST = {"one_step": False, "iterated": False, "large": False, "black_box": True}


def test_masked_gradients_are_told_for_each_cell(attacked):
    assert masking_table([attacked]).empty  # attacked before there were checks
    honest, masked, undecided = masking_table(
        [
            checked(attacked, **HONEST),
            checked(attacked, **HONEST | {"iterated": True, "large": True}),
            checked(attacked, clean=WRONG, **HONEST | {"large": True}),
        ]
    ).to_dict("records")
    assert (honest["replicate"], honest["n"], honest["clean_accuracy"], honest["black_box"]) == (0, 6, 1, 1)
    assert honest["signs"] == ""
    assert masked["signs"] == (
        "a budget of 32/255 still leaves 1.00 of accuracy; one step fools more images than the iterated attack"
    )
    assert undecided["signs"] == NO_BETTER
