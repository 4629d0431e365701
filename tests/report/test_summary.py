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

JUDGED = {"baseline": "real", "small": False, "non_inferior": False, "margin": 0.02}


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
        "Replacing a share of every batch by synthetic images moved mean test accuracy by +0.020 to +0.020 over "
        "4 classifiers.",
        "Training on synthetic images alone moved mean test accuracy by +0.010 to +0.010 over 5 classifiers.",
        "These are differences of means; no test of significance was run.",
    ]


def test_without_any_pair_the_answer_says_so():
    assert difference_sentences(mean_differences(pd.DataFrame())) == [
        "No pair of cells that could be compared has been trained."
    ]


def test_verdicts_are_counted_by_regime():
    words = ["helps", "no_evidence", "no_evidence", "no_verdict"]
    mixed = pd.DataFrame(
        {"model": "cnn", "regime": "mixed", "set": "diffusion", "baseline": "real", "verdict": words, **JUDGED}
    )
    synthetic = pd.DataFrame(
        {
            "model": ["cnn"],
            "regime": "synthetic",
            "set": "diffusion",
            "baseline": "real",
            "verdict": ["hurts"],
            **JUDGED,
        }
    )
    assert verdict_sentences(pd.concat([mixed, synthetic])) == [
        "Replacing a share of every batch by synthetic images helps 1 of 4 classifiers and hurts 0; "
        "for 2 there is no evidence either way; for 1 no verdict can be given.",
        "Training on synthetic images alone helps 0 of 1 classifier and hurts 1.",
    ]


def test_a_small_gain_and_a_ruled_out_loss_are_said_in_words():
    rows = {"regime": "synthetic", "set": "diffusion", "baseline": "real", "margin": 0.02}
    table = pd.DataFrame(
        {
            "model": ["cnn", "clip", "dinov2"],
            **rows,
            "verdict": ["helps", "helps", "no_evidence"],
            "small": [True, False, False],
            "non_inferior": [True, True, True],
        }
    )
    assert verdict_sentences(table) == [
        "Training on synthetic images alone helps 2 of 3 classifiers (1 by a small gain, below 0.02) and hurts 0; "
        "for 1 there is no evidence either way; a loss of 0.02 or more is ruled out for DINOv2."
    ]
    assert verdict_sentences(table.iloc[2:]) == [
        "Training on synthetic images alone: no evidence that it helps or hurts the classifier; a loss of 0.02 or more "
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
        "With 165 test images and 3 replicates, 80 of 100 such studies would find a true difference in accuracy of "
        "this size, by comparison: 0.050 to 0.086 for CNN. No evidence does not mean no effect."
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
    assert control_sentences(comparison, 0.5) == [
        "A perfect generator (positive control) would have changed mean accuracy as follows: replacing half of every "
        "batch by synthetic images, against real: +0.031 for CNN (helps), -0.001 for CLIP (no evidence).",
        "Controls without synthetic images changed mean accuracy as follows: augmenting the real images, against real: "
        "+0.020 for CNN (helps).",
    ]
    assert control_sentences(comparison.iloc[:0]) == []


def test_sentences_name_set_and_augmentation_and_the_headline_comes_first(evidence_of_two_sets):
    table = accuracy_rows(evidence_of_two_sets["comparison"]).assign(verdict="helps", **JUDGED)
    assert verdict_sentences(table) == [
        "Replacing a share of every augmented batch by synthetic images (good) helps 1 of 1 classifier and hurts 0.",
        "Replacing a share of every augmented batch by synthetic images (bad) helps 1 of 1 classifier and hurts 0.",
        "Replacing a share of every batch by synthetic images (good) helps 1 of 1 classifier and hurts 0.",
        "Replacing a share of every batch by synthetic images (bad) helps 1 of 1 classifier and hurts 0.",
        "Augmenting the real images helps 1 of 1 classifier and hurts 0.",
        "Training on synthetic images (good) alone helps 1 of 1 classifier and hurts 0.",
        "Training on synthetic images (bad) alone helps 1 of 1 classifier and hurts 0.",
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
