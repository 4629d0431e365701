import pandas as pd
import pytest

from synthpath_kedro.report.answer import (
    difference_sentences,
    mean_differences,
    sensitivity_sentence,
    verdict_sentences,
)


def test_differences_are_those_of_the_replicates_means(classification):
    differences = mean_differences(classification).set_index(["model", "comparison"])
    assert differences.loc[("cnn", "mixed vs real"), "accuracy"] == pytest.approx(0.02)
    assert differences.loc[("cnn", "synthetic vs real"), "accuracy"] == pytest.approx(0.01)
    assert differences.loc[("cnn", "synthetic vs real"), "auc"] == pytest.approx(0)


def test_a_pair_with_a_missing_cell_is_left_out(classification):
    pairs = set(mean_differences(classification)[["model", "comparison"]].itertuples(index=False, name=None))
    assert ("clip", "mixed vs real") not in pairs
    assert len(pairs) == 9


def test_without_verdicts_the_answer_says_that_nothing_was_tested(classification):
    assert difference_sentences(mean_differences(classification)) == [
        "Adding synthetic images to the real ones moved mean test accuracy by +0.020 to +0.020 over 4 classifiers.",
        "Training on synthetic images alone moved mean test accuracy by +0.010 to +0.010 over 5 classifiers.",
        "These are differences of means; no test of significance was run.",
    ]


def test_without_any_pair_the_answer_says_so():
    assert difference_sentences(mean_differences(pd.DataFrame())) == [
        "No pair of cells that could be compared has been trained."
    ]


def test_verdicts_are_counted_by_comparison():
    words = ["helps", "no evidence", "no evidence", "no verdict: one replicate"]
    mixed = pd.DataFrame({"model": "cnn", "comparison": "mixed vs real", "verdict": words})
    synthetic = pd.DataFrame({"model": ["cnn"], "comparison": "synthetic vs real", "verdict": ["hurts"]})
    assert verdict_sentences(pd.concat([mixed, synthetic])) == [
        "Adding synthetic images to the real ones helps 1 of 4 classifiers and hurts 0; "
        "for 2 there is no evidence either way; for 1 no verdict can be given.",
        "Training on synthetic images alone helps 0 of 1 classifier and hurts 1.",
    ]


def test_no_evidence_for_anyone_is_said_in_plain_words():
    nothing = pd.DataFrame({"model": ["cnn", "clip"], "comparison": "mixed vs real", "verdict": "no evidence"})
    assert verdict_sentences(nothing) == [
        "Adding synthetic images to the real ones: no evidence that it helps or hurts any of 2 classifiers."
    ]


def test_the_answer_says_how_small_a_difference_it_could_have_shown():
    comparison = pd.DataFrame({"low": [-0.1, -0.04, None], "high": [0.1, 0.08, None], "n": 165, "replicates": 3})
    assert "With 165 test images and 3 replicates a difference below about 0.080" in sensitivity_sentence(comparison)
    assert sensitivity_sentence(comparison.iloc[2:]) == ""
