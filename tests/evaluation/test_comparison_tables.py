import numpy as np
import pytest
from scipy import stats

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.comparison_tables import KEYS, comparison_table
from synthpath_kedro.metrics.significance import verdicts


def test_the_table_is_the_verdict_procedures_on_the_saved_predictions(predictions):
    cells = [predictions("cnn", "real", 6, 7, 6), predictions("cnn", "mixed", 0, 1, 0), predictions("clip", "mixed", 1)]
    table = comparison_table(cells, resamples=100, seed=0, margin=0.02)
    correct = {
        ("cnn", regime, ""): cell.tensors["real_test"].argmax(2) == cell.tensors["real_test_labels"]
        for regime, cell in zip(("real", "mixed"), cells, strict=False)
    }
    (oracle,) = verdicts(correct, {("cnn", "mixed", ""): ("cnn", "real", "")}.get).to_dict("records")
    (row,) = table.to_dict("records")
    shared = ("difference", "standard_error", "ci_low", "ci_high", "p", "p_adjusted", "mcnemar_p", "replicates", "n")
    assert {name: row[name] for name in shared} == {name: oracle[name] for name in shared}
    assert row["verdict"] == oracle["verdict"].replace(" ", "_") == "helps"
    assert tuple(table.columns[: len(KEYS)]) == KEYS
    assert row["difference"] == pytest.approx(6 / 12)
    assert row["macro_f1_ci_low"] <= row["macro_f1_difference"] <= row["macro_f1_ci_high"]
    assert row["auc_difference"] > 0


def test_images_of_one_patient_count_as_one(predictions):
    groups = np.arange(12) // 3
    single = comparison_table([predictions("cnn", "real", 6, 6), predictions("cnn", "mixed", 0, 0)], 20, 0, 0.02)
    grouped = [predictions("cnn", "real", 6, 6, groups=groups), predictions("cnn", "mixed", 0, 0, groups=groups)]
    assert comparison_table(grouped, 20, 0, 0.02)["standard_error"].item() > single["standard_error"].item()


def test_cells_of_different_test_images_are_refused(predictions):
    cell = predictions("cnn", "mixed", 0)
    other = Artifact(dict(cell.tensors) | {"real_test_labels": np.zeros(12, np.int64)}, cell.card)
    with pytest.raises(InputError, match="cnn/mixed and cnn/real are of different test images"):
        comparison_table([predictions("cnn", "real", 0), other], 5, 0, 0.02)


def test_without_a_baseline_there_is_nothing_to_compare(predictions):
    assert comparison_table([predictions("cnn", "mixed", 0)], 5, 0, 0.02).empty
    assert "verdict" in comparison_table([], 5, 0, 0.02)


def test_cells_trained_with_different_settings_are_refused(predictions):
    real, mixed = predictions("cnn", "real", 6, 7), predictions("cnn", "mixed", 0, 1)
    real.card["parameters"] = {"max_epochs": 1, "mixing_ratio": 0.5, "cnn": {"learning_rate": 0.001}}
    mixed.card["parameters"] = {"max_epochs": 1, "mixing_ratio": 0.2, "cnn": {"learning_rate": 0.002}}
    with pytest.raises(
        InputError, match=r"cnn/mixed was trained with classification\.cnn\.learning_rate 0.002, cnn/real with 0.001"
    ):
        comparison_table([real, mixed], 5, 0, 0.02)
    mixed.card["parameters"]["cnn"]["learning_rate"] = 0.001
    assert len(comparison_table([real, mixed], 5, 0, 0.02)) == 1


def test_every_set_and_regime_is_a_row_against_its_own_baseline(predictions):
    cells = [predictions("cnn", "real", 6, 7), predictions("cnn", "real_augmented", 5, 6)]
    cells += [
        predictions("cnn", regime, 1, 2, synthetic_set=name)
        for regime in ("synthetic", "mixed", "mixed_augmented")
        for name in ("gan", "oracle")
    ]
    table = comparison_table(cells, 5, 0, 0.02)
    assert table[["regime", "set", "baseline"]].to_numpy().tolist() == [
        ["synthetic", "gan", "real"],
        ["synthetic", "oracle", "real"],
        ["mixed", "gan", "real"],
        ["mixed", "oracle", "real"],
        ["mixed_augmented", "gan", "real_augmented"],
        ["mixed_augmented", "oracle", "real_augmented"],
    ]
    assert table.query("regime == 'mixed_augmented'")["difference"].tolist() == pytest.approx([4 / 12, 4 / 12])
    assert (table["p_adjusted"] >= table["p"]).all()


def test_one_replicate_has_no_verdict_and_the_table_says_why(predictions):
    (row,) = comparison_table([predictions("cnn", "real", 6), predictions("cnn", "mixed", 0)], 5, 0, 0.02).to_dict(
        "records"
    )
    assert (row["verdict"], row["reason"], row["non_inferior"]) == ("no_verdict", "one replicate", False)


def test_a_gain_below_the_margin_is_small_and_a_ruled_out_loss_is_not_inferior(predictions):
    cells = [predictions("cnn", "real", 6, 6), predictions("cnn", "mixed", 5, 5)]
    wide, narrow = (comparison_table(cells, 5, 0, margin).iloc[0] for margin in (0.5, 0.01))
    assert (wide["small"], wide["non_inferior"], wide["margin"]) == (True, True, 0.5)
    assert (narrow["small"], narrow["margin"]) == (False, 0.01)
    reach = stats.t.ppf(0.95, 2) * narrow["standard_error"]
    assert narrow["non_inferior"] == (narrow["difference"] - reach > -0.01)
