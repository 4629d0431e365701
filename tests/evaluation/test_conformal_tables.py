import numpy as np
import pytest
from scipy.stats import binomtest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.conformal_tables import conformal_table
from synthpath_kedro.metrics.conformal import exchangeable_range

NAMES = ["dark", "gray", "light"]


def _cell(val, test, val_labels, test_labels, groups=None):
    tensors = {"real_val": val, "real_test": test, "real_val_labels": val_labels, "real_test_labels": test_labels}
    tensors |= {} if groups is None else {"real_test_groups": groups}
    facts = {"model": "cnn", "regime": "real", "set": "", "weights": "w", "variant": "v", "class_names": NAMES}
    return Artifact(tensors, facts)


@pytest.fixture
def cell():
    """One replicate; of 19 validation images p(label) is 0.05, 0.10 ... 0.95, of the test images what is asked."""
    val = np.arange(1, 20)[:, None] / 20
    val = np.concatenate([val, (1 - val) / 2, (1 - val) / 2], axis=1)[None]
    test = np.array([[0.2, 0.7, 0.1], [0.05, 0.9, 0.05], [0.4, 0.35, 0.25], [0.01, 0.01, 0.98]])[None]
    return _cell(val, test, np.zeros(19, int), np.array([0, 0, 1, 2]))


def test_the_sets_are_calibrated_on_validation_images_and_judged_on_test_images(cell):
    table = conformal_table([cell], 0.8).set_index("class")  # ceil(20 x 0.8) = 16th smallest 1 - p: p is 0.2
    assert list(table.index) == ["", "dark", "gray", "light"]
    assert table["coverage"].tolist() == [0.75, 0.5, 1, 1]
    assert table["mean_size"].tolist() == [(2 + 1 + 3 + 1) / 4, 1.5, 3, 1]
    assert table["single"].tolist() == [0.5, 0.5, 0, 1]
    assert table["n"].tolist() == [4, 2, 1, 1]
    assert set(table["n_calibration"]) == {19}
    assert set(table["replicate"]) == {"ensemble"}
    assert table.loc["", ["expected_low", "expected_high"]].tolist() == list(exchangeable_range(19, 0.8, 4))
    assert table.loc["dark", ["expected_low", "expected_high"]].isna().all()
    exact = binomtest(3, 4).proportion_ci(method="exact")
    assert table.loc["", ["ci_low", "ci_high"]].tolist() == pytest.approx([exact.low, exact.high])


def test_a_set_may_be_empty_and_too_few_calibration_images_promise_every_class(cell):
    one = _cell(cell.tensors["real_val"][:, 10:], cell.tensors["real_test"], np.zeros(9, int), np.array([0, 0, 1, 2]))
    strict = conformal_table([one], 0.5).set_index("class")  # 5th smallest of 9: p is 0.75
    assert strict["empty"].tolist() == [0.5, 0.5, 1, 0]
    everything = conformal_table([one], 0.95).set_index("class")
    assert (everything["coverage"] == 1).all()
    assert (everything["mean_size"] == 3).all()


def test_replicates_count_as_their_mean(cell):
    both = {name: np.concatenate([cell.tensors[name]] * 2) for name in ("real_val", "real_test")}
    again = conformal_table([Artifact(cell.tensors | both, cell.card)], 0.8)
    assert again.equals(conformal_table([cell], 0.8))


def test_images_of_one_patient_count_as_one(cell):
    table = conformal_table([Artifact(cell.tensors | {"real_test_groups": np.zeros(4, int)}, cell.card)], 0.8)
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == [0, 1]
    assert table.loc[0, ["expected_low", "expected_high"]].tolist() == [0, 1]


def test_without_cells_the_table_has_its_columns():
    assert {"class", "promised", "coverage", "mean_size"} <= set(conformal_table([], 0.9))
