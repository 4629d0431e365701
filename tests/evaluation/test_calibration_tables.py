import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.calibration_tables import calibration_table, reliability_tables
from synthpath_kedro.metrics.calibration import (
    CALIBRATION_METRICS,
    calibration_metrics,
    fit_temperature,
    scale_temperature,
)


@pytest.fixture
def cell():
    """Two replicates with overconfident probabilities on validation and test images."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    logits = 6 * (np.eye(3)[labels] + rng.normal(0, 0.9, (2, 200, 3)))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    tensors = {"real_val": probabilities[:, :100], "real_test": probabilities[:, 100:]}
    tensors |= {"real_val_labels": labels[:100], "real_test_labels": labels[100:]}
    return Artifact(tensors, {"model": "cnn", "regime": "real", "weights": "w", "variant": "v"})


def test_the_temperature_is_fitted_on_validation_images_and_scored_on_test_images(cell):
    table = calibration_table([cell], bins=10)
    for replicate, row in table.iterrows():
        val, test = (cell.tensors[name][replicate] for name in ("real_val", "real_test"))
        temperature = fit_temperature(val, cell.tensors["real_val_labels"])
        scaled = calibration_metrics(scale_temperature(test, temperature), cell.tensors["real_test_labels"], 10)
        assert row["temperature"] == temperature > 1
        assert row["nll_scaled"] == scaled["nll"] < row["nll"]
    assert list(table.columns[7:]) == [
        *CALIBRATION_METRICS,
        "temperature",
        *(f"{name}_scaled" for name in CALIBRATION_METRICS),
    ]


def test_reliability_pools_the_replicates_before_and_after(cell):
    table = reliability_tables([cell], bins=10)
    assert table.groupby("scaling")["n_bin"].sum().to_dict() == {"before": 200, "after": 200}
    filled = table[table["n_bin"] > 0]
    gaps = (filled["n_bin"] * (filled["accuracy"] - filled["confidence"]).abs()).groupby(filled["scaling"]).sum() / 200
    assert gaps["after"] < gaps["before"]
