import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.comparison_tables import KEYS, accuracy_rows, comparison_table
from synthpath_kedro.metrics.calibration import brier_score, negative_log_likelihood
from synthpath_kedro.metrics.classification import classification_metrics
from synthpath_kedro.metrics.pseudo_values import correctness
from synthpath_kedro.metrics.significance import Comparison, judge


def accuracy(cells, margin=0.02, **options):
    return accuracy_rows(comparison_table(cells, margin, **options))


def test_the_table_is_the_verdict_procedures_on_the_saved_predictions(predictions):
    cells = [predictions("cnn", "real", 6, 7, 6), predictions("cnn", "mixed", 0, 1, 0), predictions("clip", "mixed", 1)]
    table = comparison_table(cells, margin=0.02)
    right = [correctness(cell.tensors["real_test"], cell.tensors["real_test_labels"]) for cell in cells[:2]]
    (expected,) = judge([Comparison(right[1], right[0])], margin=0.02).to_dict("records")
    (row,) = accuracy_rows(table).to_dict("records")
    shared = ("difference", "standard_error", "ci_low", "ci_high", "p", "p_adjusted", "detectable", "replicates", "n")
    assert {name: row[name] for name in shared} == {name: expected[name] for name in shared}
    assert row["verdict"] == "helps"
    assert tuple(table.columns[: len(KEYS)]) == KEYS
    assert row["difference"] == pytest.approx(6 / 12)


def test_every_metric_and_the_recall_of_every_class_has_a_row(predictions):
    cells = [predictions("cnn", "real", 6, 7, 6), predictions("cnn", "mixed", 0, 1, 0)]
    table = comparison_table(cells, margin=0.02).set_index("metric")
    metrics = ["accuracy", "macro_f1", "auc", "balanced_accuracy", "mcc", "brier", "nll"]
    assert list(table.index[:7]) == metrics
    names, labels = cells[0].card["class_names"], cells[0].tensors["real_test_labels"]
    assert list(table.index[7:]) == [f"recall/{name}" for name in names]
    scores = [[classification_metrics(p, labels) for p in cell.tensors["real_test"]] for cell in cells]
    for metric in ("macro_f1", "auc", "balanced_accuracy", "mcc"):
        real, mixed = (np.mean([one[metric] for one in cell]) for cell in scores)
        assert table.loc[metric, "difference"] == pytest.approx(mixed - real)
    real, mixed = (np.mean([brier_score(p, labels) for p in cell.tensors["real_test"]]) for cell in cells)
    assert table.loc["brier", "difference"] == pytest.approx(mixed - real)
    assert (table.loc[[f"recall/{name}" for name in names], "n"] == np.bincount(labels)).all()
    assert table.loc[f"recall/{names[0]}", "reason"] == "fewer than 10 images"
    assert table["mcnemar_p"].notna().tolist() == [True] + [False] * (len(table) - 1)


@pytest.mark.parametrize("name", ["brier", "nll"])
def test_a_regime_that_lowers_an_error_helps_and_one_that_raises_it_hurts(predictions, name):
    mistakes = {"real": (6, 5, 6, 5), "mixed": (1, 0, 1, 0), "synthetic": (11, 12, 11, 12)}
    cells = [predictions("cnn", regime, *errors) for regime, errors in mistakes.items()]
    for cell in cells:
        cell.tensors["real_test"] = (cell.tensors["real_test"] + 0.1) / 1.3
    table = comparison_table(cells, margin=0.02).query("metric == @name").set_index("regime")
    score = {"brier": brier_score, "nll": negative_log_likelihood}[name]
    values = {
        cell.card["regime"]: np.mean([score(p, cell.tensors["real_test_labels"]) for p in cell.tensors["real_test"]])
        for cell in cells
    }
    for regime, verdict in (("mixed", "helps"), ("synthetic", "hurts")):
        assert table.loc[regime, "difference"] == pytest.approx(values[regime] - values["real"])
        assert table.loc[regime, "verdict"] == verdict
    assert table.loc["mixed", "difference"] < 0 < table.loc["synthetic", "difference"]


def test_controls_are_a_family_of_their_own(predictions):
    cells = [predictions("cnn", "real", 6, 7, 5), predictions("cnn", "mixed", 5, 5, 5, synthetic_set="gan")]
    alone = accuracy(cells)
    oracle = predictions("cnn", "mixed", 0, 1, 2, synthetic_set="oracle")
    beside = accuracy([*cells, oracle], oracles=["oracle"])
    assert beside["family"].tolist() == ["claim", "control"]
    assert (beside["p_adjusted"] == beside["p"]).all()
    both = accuracy([*cells, oracle])
    assert both["family"].tolist() == ["claim", "claim"]
    assert alone["family"].tolist() == ["claim"]


def test_images_of_one_patient_count_as_one(predictions):
    groups = np.arange(12) // 3
    single = accuracy([predictions("cnn", "real", 6, 6), predictions("cnn", "mixed", 0, 0)])
    grouped = [predictions("cnn", "real", 6, 6, groups=groups), predictions("cnn", "mixed", 0, 0, groups=groups)]
    assert accuracy(grouped)["standard_error"].item() > single["standard_error"].item()


def test_cells_of_different_test_images_are_refused(predictions):
    cell = predictions("cnn", "mixed", 0)
    other = Artifact(dict(cell.tensors) | {"real_test_labels": np.zeros(12, np.int64)}, cell.card)
    with pytest.raises(InputError, match="cnn/mixed and cnn/real are of different test images"):
        comparison_table([predictions("cnn", "real", 0), other], 0.02)


def test_without_a_baseline_there_is_nothing_to_compare(predictions):
    assert comparison_table([predictions("cnn", "mixed", 0)], 0.02).empty
    assert "verdict" in comparison_table([], 0.02)


def test_cells_trained_with_different_settings_are_refused(predictions):
    real, mixed = predictions("cnn", "real", 6, 7), predictions("cnn", "mixed", 0, 1)
    real.card["parameters"] = {"max_epochs": 1, "mixing_ratio": 0.5, "cnn": {"learning_rate": 0.001}}
    mixed.card["parameters"] = {"max_epochs": 1, "mixing_ratio": 0.2, "cnn": {"learning_rate": 0.002}}
    with pytest.raises(
        InputError, match=r"cnn/mixed was trained with classification\.cnn\.learning_rate 0.002, cnn/real with 0.001"
    ):
        accuracy([real, mixed])
    mixed.card["parameters"]["cnn"]["learning_rate"] = 0.001
    assert len(accuracy([real, mixed])) == 1


def test_regimes_that_both_read_the_mixing_ratio_must_share_it(predictions):
    repeated, plus = predictions("cnn", "real_repeated", 6, 7), predictions("cnn", "real_plus_synthetic", 0, 1)
    repeated.card["parameters"], plus.card["parameters"] = {"mixing_ratio": 0.5}, {"mixing_ratio": 0.2}
    with pytest.raises(InputError, match=r"with classification\.mixing_ratio 0\.2, cnn/real_repeated with 0\.5"):
        accuracy([repeated, plus])


def test_every_set_and_regime_is_a_row_against_its_own_baseline(predictions):
    cells = [predictions("cnn", "real", 6, 7), predictions("cnn", "real_augmented", 5, 6)]
    cells += [
        predictions("cnn", regime, 1, 2, synthetic_set=name)
        for regime in ("synthetic", "mixed", "mixed_augmented")
        for name in ("gan", "oracle")
    ]
    table = accuracy(cells)
    assert table[["regime", "set", "baseline"]].to_numpy().tolist() == [
        ["real_augmented", "", "real"],
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
    (row,) = accuracy([predictions("cnn", "real", 6), predictions("cnn", "mixed", 0)]).to_dict("records")
    assert (row["verdict"], row["reason"], row["non_inferior"]) == ("no_verdict", "one replicate", False)


def test_a_gain_below_the_margin_is_small(predictions):
    cells = [predictions("cnn", "real", 6, 6), predictions("cnn", "mixed", 5, 5)]
    wide, narrow = (accuracy(cells, margin).iloc[0] for margin in (0.5, 0.01))
    assert (wide["small"], wide["margin"]) == (True, 0.5)
    assert (narrow["small"], narrow["margin"]) == (False, 0.01)


def test_replicates_of_one_denoiser_are_one_unit(predictions):
    cells = [predictions("cnn", "real", 6, 6, 6, 6), predictions("cnn", "mixed", 0, 4, 0, 4)]
    one = accuracy(cells)["standard_error"].item()
    cells[1].card["denoiser_replicates"] = 2
    assert accuracy(cells)["standard_error"].item() > one
