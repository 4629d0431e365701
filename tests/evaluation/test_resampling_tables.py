import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.comparison_tables import KEYS
from synthpath_kedro.evaluation.cross_validation_tables import cross_validation_comparison, cross_validation_table
from synthpath_kedro.evaluation.learning_curve_tables import (
    interval_table,
    learning_curve_table,
    synthetic_count_table,
    worth_table,
)
from synthpath_kedro.study.regimes import REGIMES


def predicted(regime: str, accuracy: float, *, n: int = 1000, model: str = "cnn", **facts: object) -> Artifact:
    """Two replicates that get just this share of ``n`` test images right."""
    labels = np.arange(n) % 2
    wrong = np.arange(n) >= round(accuracy * n)
    probabilities = np.eye(2, dtype=np.float32)[np.where(wrong, 1 - labels, labels)]
    name = "gan" if REGIMES[regime].uses_synthetic else ""
    card = {"model": model, "regime": regime, "set": name, "weights": "random", "variant": "small", "prepared": "p"}
    return Artifact({"real_test": np.stack([probabilities] * 2), "real_test_labels": labels}, card | facts)


def curve_of(**of_regimes: tuple[float, ...]) -> list[Artifact]:
    return [
        predicted(regime, accuracy, fraction=n / 400, n_train=n)
        for regime, accuracies in of_regimes.items()
        for n, accuracy in zip((100, 200, 400), accuracies, strict=True)
    ]


def test_a_set_is_worth_the_images_by_which_the_real_curve_is_shifted() -> None:
    table = worth_table(curve_of(real=(0.6, 0.7, 0.8), mixed=(0.7, 0.8, 0.75)), 50, 0)
    assert table["n_train"].tolist() == [100, 200, 400]
    assert table["worth"].tolist()[:2] == pytest.approx([100, 200])
    assert table["worth"].tolist()[2] == pytest.approx(200 * np.sqrt(2) - 400)
    assert table[["least", "most"]].to_numpy().tolist() == [[0, 300], [-100, 200], [-300, 0]]
    assert (table["ci_low"] <= table["worth"]).all()
    assert (table["worth"] <= table["ci_high"]).all()


def test_a_regime_without_its_baseline_has_no_worth_and_the_table_its_columns() -> None:
    table = worth_table(curve_of(mixed=(0.7, 0.8, 0.75)), 50, 0)
    assert len(table) == 0
    assert {"worth", "prepared"} <= set(table)


def test_scores_and_intervals_are_of_each_number_of_images() -> None:
    predictions = curve_of(real=(0.6, 0.7, 0.8))
    assert learning_curve_table(predictions)["accuracy"].tolist() == pytest.approx([0.6, 0.6, 0.7, 0.7, 0.8, 0.8])
    intervals = interval_table(predictions, 2000, 0)
    # Replicates agree, so that the interval is the binomial one: 1.96 sqrt(.6 x .4 / 1000) = .0304.
    assert intervals["ci_low"].iloc[0] == pytest.approx(0.6 - 0.0304, abs=0.004)
    assert intervals["ci_high"].iloc[0] == pytest.approx(0.6 + 0.0304, abs=0.004)


def test_predictions_of_other_data_are_refused() -> None:
    first, *others = curve_of(real=(0.6, 0.7, 0.8))
    other = Artifact(first.tensors, first.card | {"prepared": "q"})
    with pytest.raises(InputError, match="predictions 0 was made from data q, predictions 1 from data p"):
        learning_curve_table([other, *others])


def test_a_count_beyond_the_set_has_no_row() -> None:
    facts = {"n_train": 100, "n_synthetic": 0, "synthetic_per_real": None}
    none = Artifact({"real_test": np.empty((0, 10, 2), np.float32)}, predicted("mixed", 0.5).card)
    two = facts | {"n_synthetic": 200, "synthetic_per_real": 2.0}
    table = synthetic_count_table([predicted("real", 0.6, **facts), predicted("mixed", 0.7, **two), none])
    assert table["synthetic_per_real"].tolist() == [0, 0, 2, 2]
    assert table["n_synthetic"].tolist() == [0, 0, 200, 200]


def folds_of(**accuracies: tuple[float, ...]) -> pd.DataFrame:
    return cross_validation_table(
        predicted(regime, accuracy, repeat=k // 2, fold=k % 2, n_train=900, n_test=100)
        for regime, of_folds in accuracies.items()
        for k, accuracy in enumerate(of_folds)
    )


def test_folds_are_compared_by_the_corrected_test() -> None:
    scores = folds_of(real=(0.50, 0.50, 0.50, 0.50), mixed=(0.53, 0.51, 0.52, 0.54))
    (row,) = cross_validation_comparison(scores, margin=0.02).to_dict("records")
    # The example that tests/metrics/test_cross_validation.py works out by hand.
    assert row["difference"] == pytest.approx(0.025)
    assert row["standard_error"] == pytest.approx(0.0077579, abs=1e-7)
    assert row["p_adjusted"] == row["p"] == pytest.approx(0.04846, abs=1e-4)
    assert (row["verdict"], row["small"], row["non_inferior"]) == ("helps", False, True)
    assert list(row)[: len(KEYS)] == list(KEYS)


def test_holms_procedure_runs_over_all_comparisons() -> None:
    scores = folds_of(real=(0.50, 0.50, 0.50, 0.50), mixed=(0.53, 0.51, 0.52, 0.54), synthetic=(0.40, 0.60, 0.50, 0.51))
    table = cross_validation_comparison(scores, margin=0.02).set_index("regime")
    assert table.loc["mixed", "p_adjusted"] == pytest.approx(2 * 0.04846, abs=2e-4)
    assert table["verdict"].tolist() == ["no_evidence", "no_evidence"]


def test_controls_are_a_family_of_their_own() -> None:
    better, worse = (0.53, 0.51, 0.52, 0.54), (0.40, 0.60, 0.50, 0.51)
    scores = folds_of(real=(0.50, 0.50, 0.50, 0.50), mixed=better, real_augmented=worse)
    table = cross_validation_comparison(scores, margin=0.02).set_index("regime")
    assert table["family"].to_dict() == {"mixed": "claim", "real_augmented": "control"}
    assert table["p_adjusted"].tolist() == table["p"].tolist()
    oracle = cross_validation_comparison(scores, margin=0.02, oracles=["gan"]).set_index("regime")
    assert set(oracle["family"]) == {"control"}
    assert oracle.loc["mixed", "p_adjusted"] == pytest.approx(2 * table.loc["mixed", "p"])


def test_a_control_is_worth_no_synthetic_images() -> None:
    assert worth_table(curve_of(real=(0.6, 0.7, 0.8), real_augmented=(0.7, 0.8, 0.75)), 50, 0).empty


def test_one_fold_gives_no_verdict() -> None:
    (row,) = cross_validation_comparison(folds_of(real=(0.5,), mixed=(0.6,)), margin=0.02).to_dict("records")
    assert row["verdict"] == "no_verdict"
    assert np.isnan(row["p_adjusted"])
    assert not row["non_inferior"]
