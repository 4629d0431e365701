import json

import pandas as pd
import pytest

from synthpath_kedro.evaluation.comparison_tables import accuracy_rows
from synthpath_kedro.report.summary import (
    control_sentences,
    difference_sentences,
    mean_differences,
    sensitivity_sentence,
    verdict_json,
    verdict_sentences,
)

JUDGED = {"baseline": "real", "difference": 0.03, "small": False, "non_inferior": False, "margin": 0.02}


def test_differences_are_those_of_the_replicates_means(classification):
    differences = mean_differences(classification).set_index(["model", "regime"])
    assert differences.loc[("cnn", "mixed"), "accuracy"] == pytest.approx(0.02)
    assert differences.loc[("cnn", "synthetic"), "accuracy"] == pytest.approx(0.01)
    assert differences.loc[("cnn", "synthetic"), "auc"] == pytest.approx(0)


def test_a_pair_with_a_missing_cell_is_left_out(classification):
    pairs = set(mean_differences(classification)[["model", "regime"]].itertuples(index=False, name=None))
    assert ("clip", "mixed") not in pairs
    assert len(pairs) == 9


def test_without_verdicts_the_answer_says_that_nothing_was_tested(classification):
    assert difference_sentences(mean_differences(classification)) == [
        "Replacing a share of every batch by synthetic images moved mean test accuracy by +0.020 over 4 classifiers.",
        "Training on synthetic images alone moved mean test accuracy by +0.010 over 5 classifiers.",
        "These are differences of means; no test of significance was run.",
    ]


def test_without_any_pair_the_answer_says_so():
    assert difference_sentences(mean_differences(pd.DataFrame())) == [
        "No pair of cells that could be compared has been trained."
    ]


def of_regime(regime, models, verdicts, **facts):
    rows = {"model": models, "regime": regime, "set": "diffusion", "verdict": verdicts}
    return pd.DataFrame(rows | JUDGED | facts)


def test_who_gains_and_who_loses_is_named_with_the_difference():
    mixed = of_regime(
        "mixed",
        ["cnn", "clip", "dinov2", "resnet18"],
        ["helps", "no_evidence", "no_evidence", "no_verdict"],
        difference=[0.031, 0, 0, 0],
    )
    synthetic = of_regime("synthetic", ["cnn", "clip"], ["hurts", "helps"], difference=[-0.25, 0.041])
    added = of_regime("real_plus_synthetic", ["cnn"], ["hurts"], difference=-0.027)
    assert verdict_sentences(pd.concat([mixed, synthetic, added])) == [
        "Replacing a share of every batch by synthetic images helps 1 of 4 classifiers (CNN +0.031); "
        "for 2 there is no evidence either way; for 1 no verdict can be given.",
        "Adding synthetic images to the real ones hurts CNN (-0.027).",
        "Training on synthetic images alone helps 1 of 2 classifiers (CLIP +0.041) and hurts 1 of 2 classifiers "
        "(CNN -0.250).",
    ]


def test_where_none_was_found_the_sentence_says_for_how_many_there_is_no_verdict():
    two = of_regime("mixed", ["cnn", "clip"], ["no_evidence", "no_verdict"])
    assert verdict_sentences(two) == [
        "Replacing a share of every batch by synthetic images: no evidence that it helps or hurts 1 of 2 classifiers; "
        "for 1 no verdict can be given."
    ]
    assert verdict_sentences(two.iloc[1:]) == [
        "Replacing a share of every batch by synthetic images: no verdict can be given."
    ]


def test_a_small_gain_and_a_ruled_out_loss_are_said_in_words():
    table = of_regime(
        "synthetic",
        ["cnn", "clip", "dinov2"],
        ["helps", "helps", "no_evidence"],
        difference=[0.012, 0.031, 0.001],
        small=[True, False, True],
        non_inferior=True,
    )
    assert verdict_sentences(table) == [
        "Training on synthetic images alone helps 2 of 3 classifiers (CNN +0.012, a gain below 0.02; CLIP +0.031); "
        "for 1 there is no evidence either way; a loss of 0.02 or more is ruled out for DINOv2."
    ]
    assert verdict_sentences(table.iloc[2:]) == [
        "Training on synthetic images alone: no evidence that it helps or hurts DINOv2; a loss of 0.02 or more "
        "is ruled out for DINOv2."
    ]


def test_no_evidence_for_anyone_is_said_in_plain_words():
    nothing = pd.DataFrame(
        {
            "model": ["cnn", "clip"],
            "regime": "mixed",
            "set": "diffusion",
            "baseline": "real",
            "verdict": "no_evidence",
            **JUDGED,
        }
    )
    assert verdict_sentences(nothing) == [
        "Replacing a share of every batch by synthetic images: no evidence that it helps or hurts any of 2 classifiers."
    ]


def test_the_answer_says_how_large_a_difference_had_to_be_for_each_classifier():
    comparison = pd.DataFrame(
        {"model": ["cnn", "cnn", "clip"], "detectable": [0.05, 0.0861, None], "n": 165, "replicates": 3}
    )
    assert sensitivity_sentence(comparison) == (
        "No evidence does not mean no effect. The smallest true differences in accuracy that 80 of 100 such studies "
        "(165 test images, 3 replicates) would find, by comparison: 0.050 to 0.086 for CNN."
    )
    assert sensitivity_sentence(comparison.iloc[2:]) == ""


def test_a_control_is_told_apart_from_a_claim_and_names_what_it_gained():
    oracle = {"regime": "mixed", "set": "oracle", "baseline": "real"}
    flips = {"regime": "real_augmented", "set": "", "baseline": "real"}
    comparison = pd.DataFrame(
        [
            {"model": "cnn", **oracle, "difference": 0.0312, "verdict": "helps"},
            {"model": "clip", **oracle, "difference": -0.001, "verdict": "no_evidence"},
            {"model": "cnn", **flips, "difference": 0.02, "verdict": "helps"},
        ]
    )
    assert control_sentences(comparison) == [
        "With images of a perfect generator instead (positive control) mean accuracy changed: mixed vs real, +0.031 "
        "for CNN (helps), -0.001 for CLIP (no evidence).",
        "Without synthetic images (controls) mean accuracy changed: augmented real vs real, +0.020 for CNN (helps).",
    ]
    assert control_sentences(comparison.iloc[:0]) == []


def test_sentences_name_set_and_augmentation_and_the_headline_comes_first(evidence_of_two_sets):
    table = accuracy_rows(evidence_of_two_sets["comparison"]).assign(verdict="helps", **JUDGED)
    assert verdict_sentences(table) == [
        "Replacing a share of every augmented batch by synthetic images (good) helps CNN (+0.030).",
        "Replacing a share of every augmented batch by synthetic images (bad) helps CNN (+0.030).",
        "Replacing a share of every batch by synthetic images (good) helps CNN (+0.030).",
        "Replacing a share of every batch by synthetic images (bad) helps CNN (+0.030).",
        "Augmenting the real images helps CNN (+0.030).",
        "Training on synthetic images (good) alone helps CNN (+0.030).",
        "Training on synthetic images (bad) alone helps CNN (+0.030).",
    ]


def test_verdict_json_has_its_keys_and_null_for_nan(evidence):
    single = accuracy_rows(evidence["comparison"]).assign(ci_low=float("nan"), verdict="no_verdict")
    found = json.loads(json.dumps(verdict_json(single), allow_nan=False))
    (row,) = found["comparisons"]
    assert list(row) == [
        "model",
        "regime",
        "set",
        "baseline",
        "metric",
        "difference",
        "ci_low",
        "ci_high",
        "p_adjusted",
        "verdict",
        "small",
        "non_inferior",
        "margin",
    ]
    assert (row["model"], row["regime"], row["set"], row["baseline"]) == ("cnn", "mixed", "diffusion", "real")
    assert (row["metric"], row["margin"], row["ci_low"]) == ("accuracy", 0.02, None)


def test_a_study_without_comparisons_has_an_empty_list_of_them(evidence):
    assert verdict_json(evidence["comparison"].iloc[:0]) == {"comparisons": []}
