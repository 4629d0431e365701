import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report import supplementary_tables

DASH = "\N{EN DASH}"
CELLS = [("cnn", "real"), ("cnn", "mixed"), ("cnn", "synthetic"), ("clip", "real"), ("clip", "mixed")]


@pytest.fixture
def comparison():
    rows = [
        ("cnn", "synthetic", 0.03, "helps"),
        ("clip", "mixed", -0.02, "hurts"),
        ("cnn", "mixed", 0.0, "no evidence"),
    ]
    shared = {"baseline": "real", "standard_error": 0.01, "p": 0.0004, "p_holm": 0.01, "mcnemar_p": 0.5}
    ends = {
        f"{metric}_{end}": value
        for metric in ("macro_f1", "auc")
        for end, value in (("difference", 0.1), ("low", 0.0), ("high", 0.2))
    }
    return pd.DataFrame(
        [
            {
                "model": model,
                "regime": regime,
                "difference": d,
                "low": d - 0.02,
                "high": d + 0.02,
                "verdict": verdict,
                **shared,
                **ends,
            }
            for model, regime, d, verdict in rows
        ]
    )


@pytest.fixture
def robustness():
    rows = [
        {
            "model": model,
            "regime": regime,
            "replicate": k,
            "attack": attack,
            "control": control,
            "change": -loss,
            "pixel_space_change": -same_images if control else np.nan,
            "accuracy": 0.9 - loss,
            "n": 18 if control else 54,
        }
        for model, regime in CELLS
        for k in range(2)
        for attack, control, loss, same_images in (
            ("noise", False, 0.02, None),
            ("noise", True, 0.5, 0.01),
            ("fgsm", False, 0.3, None),
            ("fgsm", True, 0.6, 0.4),
        )
    ]
    return pd.DataFrame(rows)


def test_verdicts_stand_in_the_studys_order_mixed_first(comparison):
    table = supplementary_tables.verdict_table(comparison)
    assert list(table) == ["model", "comparison", "difference", "low", "high", "p_adjusted", "verdict"]
    assert table[["model", "comparison"]].to_numpy().tolist() == [
        ["cnn", "mixed vs real"],
        ["clip", "mixed vs real"],
        ["cnn", "synthetic vs real"],
    ]
    assert set(table["p_adjusted"]) == {0.01}


def test_differences_are_printed_with_their_signs_intervals_and_small_p(comparison):
    row = supplementary_tables.differences(comparison).iloc[1]
    assert row["model"] == "CLIP"
    assert row["accuracy"].replace("\N{NO-BREAK SPACE}", " ") == "-0.020 [-0.040, +0.000]"
    assert (row["p"], row["p, Holm"]) == ("< 0.001", "0.010")


def test_one_replicate_has_a_difference_without_an_interval(comparison):
    alone = comparison.assign(low=np.nan, high=np.nan, standard_error=np.nan, p=np.nan)
    row = supplementary_tables.differences(alone).iloc[0]
    assert (row["accuracy"], row["SE"], row["p"]) == ("+0.000", DASH, DASH)


def test_metrics_have_a_row_a_cell():
    metrics = ("accuracy", "macro_f1", "auc", "balanced_accuracy", "mcc")
    rows = [
        {"model": model, "regime": regime, "metric": metric, "mean": 0.8, "low": 0.7, "high": 0.9}
        for model, regime in CELLS
        for metric in metrics
    ]
    table = supplementary_tables.intervals(pd.DataFrame(rows))
    assert table["trained on"].tolist() == ["real", "synthetic", "mixed", "real", "mixed"]
    assert table["macro F1"][0].replace("\N{NO-BREAK SPACE}", " ") == "0.800 [0.700, 0.900]"


def test_f1_by_class_has_the_regimes_in_one_cell_and_a_dash_for_a_missing_one():
    rows = [
        {"model": model, "regime": regime, "replicate": k, "class": name, "f1": 0.5 + 0.1 * k}
        for model, regime in CELLS
        for k in range(2)
        for name in ("mucus", "debris")
    ]
    table = supplementary_tables.f1_by_class(pd.DataFrame(rows))
    assert table.replace("\N{NO-BREAK SPACE}", " ", regex=True).to_numpy().tolist() == [
        ["mucus", "0.550 / 0.550 / 0.550", f"0.550 / {DASH} / 0.550"],
        ["debris", "0.550 / 0.550 / 0.550", f"0.550 / {DASH} / 0.550"],
    ]


def test_calibration_shows_before_and_after():
    errors = ("ece_width", "ece_mass", "brier", "nll")
    row = {"model": "cnn", "regime": "real", "temperature": 1.5}
    row |= dict.fromkeys(errors, 0.2) | {f"{name}_scaled": 0.1 for name in errors}
    table = supplementary_tables.calibration(pd.DataFrame([row, row]))
    assert table.iloc[0].tolist() == ["CNN", "real", *["0.200 → 0.100"] * 4, "1.500"]


def test_the_control_stands_beside_the_attack_on_the_same_images_in_pixel_space(robustness):
    table = supplementary_tables.normalized_space(robustness)
    assert table.iloc[0].tolist() == ["CNN", "real", 18, "-0.010 → -0.500", "-0.400 → -0.600"]


def test_the_sentence_about_the_control_follows_the_numbers(robustness):
    sentence = supplementary_tables.control_sentence(robustness)
    assert (
        "over 5 cells and the same 18 images each random noise costs 0.500 of accuracy there and 0.010 in" in sentence
    )
    assert sentence.endswith("So the clamp alone makes accuracy collapse under noise, as it does in the study's table.")
    harmless = robustness.assign(change=-0.02)
    assert "does not bring about the collapse" in supplementary_tables.control_sentence(harmless)
    assert supplementary_tables.control_sentence(robustness[~robustness["control"]]) == ""


def test_the_sentence_beside_tsne_gives_the_cells_numbers():
    row = {"model": "cnn", "regime": "real", "class": "all", "k": 10, "real_share": 0.1, "expected_real_share": 0.5}
    mixing = pd.DataFrame([row | {"class_agreement": 0.75, "real_class_agreement": np.nan}])
    sentence = supplementary_tables.mixing_sentence(mixing, "cnn", "real")
    assert sentence.startswith(
        "Of a synthetic image's 10 nearest neighbors 10% are real (50% if nothing told them apart)"
    )
    assert sentence.endswith("and 75% are of its class.")
    assert supplementary_tables.mixing_sentence(mixing, "cnn", "mixed") == ""
    assert supplementary_tables.feature_space(mixing).iloc[0].tolist() == [
        "CNN",
        "real",
        "0.100",
        "0.500",
        "0.750",
        DASH,
    ]
