import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.comparison_tables import comparison_table
from synthpath_kedro.metrics.significance import verdicts


def test_the_table_is_the_verdict_procedures_on_the_saved_predictions(predictions):
    cells = [predictions("cnn", "real", 6, 7, 6), predictions("cnn", "mixed", 0, 1, 0), predictions("clip", "mixed", 1)]
    table = comparison_table(cells, resamples=100, seed=0)
    correct = {
        ("cnn", regime): cell.tensors["real_test"].argmax(2) == cell.tensors["real_test_labels"]
        for regime, cell in zip(("real", "mixed"), cells, strict=False)
    }
    (oracle,) = verdicts(correct).to_dict("records")
    (row,) = table.to_dict("records")
    shared = ("difference", "standard_error", "low", "high", "p", "p_holm", "mcnemar_p", "verdict", "replicates", "n")
    assert {name: row[name] for name in shared} == {name: oracle[name] for name in shared}
    assert list(table.columns[:5]) == ["model", "regime", "replicate", "weights", "n"]
    assert row["difference"] == pytest.approx(6 / 12)
    assert row["macro_f1_low"] <= row["macro_f1_difference"] <= row["macro_f1_high"]
    assert row["auc_difference"] > 0


def test_images_of_one_patient_count_as_one(predictions):
    groups = np.arange(12) // 3
    single = comparison_table([predictions("cnn", "real", 6, 6), predictions("cnn", "mixed", 0, 0)], 20, 0)
    grouped = [predictions("cnn", "real", 6, 6, groups=groups), predictions("cnn", "mixed", 0, 0, groups=groups)]
    assert comparison_table(grouped, 20, 0)["standard_error"].item() > single["standard_error"].item()


def test_cells_of_different_test_images_are_refused(predictions):
    cell = predictions("cnn", "mixed", 0)
    other = Artifact(dict(cell.tensors) | {"real_test_labels": np.zeros(12, np.int64)}, cell.card)
    with pytest.raises(InputError, match="cnn/mixed and cnn/real are of different test images"):
        comparison_table([predictions("cnn", "real", 0), other], 5, 0)


def test_without_a_baseline_there_is_nothing_to_compare(predictions):
    assert comparison_table([predictions("cnn", "mixed", 0)], 5, 0).empty
    assert "verdict" in comparison_table([], 5, 0)


def test_cells_trained_with_different_settings_are_refused(predictions):
    real, mixed = predictions("cnn", "real", 6, 7), predictions("cnn", "mixed", 0, 1)
    real.card["parameters"] = {"max_epochs": 1, "mixing_ratio": 0.5, "cnn": {"learning_rate": 0.001}}
    mixed.card["parameters"] = {"max_epochs": 1, "mixing_ratio": 0.2, "cnn": {"learning_rate": 0.002}}
    with pytest.raises(
        InputError, match=r"cnn/mixed was trained with classification\.cnn\.learning_rate 0.002, cnn/real with 0.001"
    ):
        comparison_table([real, mixed], 5, 0)
    mixed.card["parameters"]["cnn"]["learning_rate"] = 0.001
    assert len(comparison_table([real, mixed], 5, 0)) == 1
