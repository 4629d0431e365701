import numpy as np
import pytest
from scipy.stats import binomtest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.selective_tables import CURVE, risk_coverage_table, selective_table


@pytest.fixture
def cell():
    """Three replicates, each right on its own two thirds of 90 images, a little less sure where it is wrong."""
    labels = np.arange(90) % 3
    probabilities = np.empty((3, 90, 3), np.float32)
    for replicate in range(3):
        wrong = np.arange(90) // 3 % 3 == replicate
        answers = np.where(wrong, (labels + 1) % 3, labels)
        sure = np.where(wrong, 0.5, 0.8)[:, None]
        probabilities[replicate] = np.where(np.eye(3)[answers] > 0, sure, (1 - sure) / 2)
    tensors = {"real_test": probabilities, "real_test_labels": labels}
    return Artifact(tensors, {"model": "cnn", "regime": "real", "set": "", "weights": "w", "variant": "v"})


def test_the_ensemble_is_right_where_most_replicates_are(cell):
    table = selective_table([cell], [0.5]).set_index("replicate")
    assert list(table.index) == [0, 1, 2, "ensemble"]
    assert table["accuracy"].tolist() == pytest.approx([2 / 3] * 3 + [1])
    assert table.loc["ensemble", "aurc"] == 0
    assert table.loc["ensemble", "nll"] < table.loc[0, "nll"]
    assert table.loc["ensemble", "brier"] < table.loc[0, "brier"]


def test_the_risk_at_a_coverage_has_its_exact_interval(cell):
    row = selective_table([cell], [0.5, 0.8]).iloc[0]
    assert row["risk_at_0.5"] == 0
    assert row["risk_at_0.8"] == pytest.approx(1 / 3)  # the last image accepted ties with every error
    exact = binomtest(30, 90).proportion_ci(method="exact")
    assert (row["risk_at_0.8_low"], row["risk_at_0.8_high"]) == pytest.approx((exact.low, exact.high))


def test_images_of_one_patient_widen_it(cell):
    groups = np.arange(90) // 3 % 3
    table = selective_table([Artifact(cell.tensors | {"real_test_groups": groups}, cell.card)], [1.0])
    assert (table["risk_at_1_high"] > selective_table([cell], [1.0])["risk_at_1_high"]).all()


def test_the_curve_is_the_ensembles_and_ends_at_its_error_rate(cell):
    cell.tensors["real_test"] = cell.tensors["real_test"][:1]
    curve = risk_coverage_table([cell])
    assert curve["coverage"].tolist() == CURVE.tolist()
    assert curve["risk"].is_monotonic_increasing
    assert (curve["risk"].iloc[0], curve["risk"].iloc[-1]) == (0, pytest.approx(1 / 3))
    assert set(curve["replicate"]) == {"ensemble"}


def test_without_cells_the_tables_have_their_columns():
    assert {"aurc", "risk_at_0.9", "risk_at_0.9_high"} <= set(selective_table([], [0.9]))
    assert {"coverage", "risk"} <= set(risk_coverage_table([]))
