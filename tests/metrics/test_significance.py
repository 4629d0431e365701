import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthpath_kedro.metrics.significance import Comparison, holm, judge, mcnemar_p
from synthpath_kedro.metrics.variance_components import Differences


def _cell(accuracies, n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(np.arange(n) < round(accuracy * n)) for accuracy in accuracies]).astype(float)


REAL = _cell([0.80, 0.81, 0.82, 0.81])
BETTER = _cell([0.95, 0.96, 0.97, 0.96], seed=1)
WORSE = _cell([0.60, 0.61, 0.62, 0.61], seed=2)
ALIKE = _cell([0.805, 0.815, 0.82, 0.80], seed=3)


def test_a_large_gain_helps_a_large_loss_hurts_and_a_small_gain_is_no_evidence():
    table = judge([Comparison(BETTER, REAL), Comparison(WORSE, REAL), Comparison(ALIKE, REAL)], margin=0.02)
    assert table["verdict"].tolist() == ["helps", "hurts", "no_evidence"]
    assert table["difference"].tolist() == pytest.approx([0.15, -0.2, 0.0])
    assert (table["replicates"].tolist(), table["n"].tolist()) == ([4, 4, 4], [1000, 1000, 1000])


def test_of_an_error_less_is_better():
    table = judge([Comparison(WORSE, REAL, is_error=True), Comparison(BETTER, REAL, is_error=True)], margin=0.02)
    assert table["verdict"].tolist() == ["helps", "hurts"]
    assert table["non_inferior"].tolist() == [True, False]


def test_a_regime_with_a_wide_spread_decides_no_other_interval():
    wide = _cell([0.2, 0.5, 0.8, 0.4], seed=4)
    alone = judge([Comparison(BETTER, REAL)], margin=0.02).iloc[0]
    beside = judge([Comparison(BETTER, REAL), Comparison(wide, REAL)], margin=0.02).iloc[0]
    assert beside["standard_error"] <= 1.5 * alone["standard_error"]


def test_interval_p_and_detectable_difference_come_from_one_error():
    (row,) = judge([Comparison(ALIKE, REAL)], margin=0.02).to_dict("records")
    error = Differences.of((ALIKE - REAL)[None], None).moderated()
    assert row["standard_error"] == pytest.approx(error.standard_error.item())
    assert (row["ci_high"] - row["difference"]) / row["standard_error"] == pytest.approx(error.critical_value(0.05))
    assert row["ci_high"] - row["difference"] == pytest.approx(row["difference"] - row["ci_low"])
    assert row["p"] == row["p_adjusted"]
    reach = (row["ci_high"] - row["ci_low"]) / 2
    assert row["detectable"] == pytest.approx(reach + stats.norm.ppf(0.8) * row["standard_error"])


def test_more_images_do_not_make_evidence_of_a_difference_within_the_seed_spread():
    real, mixed = _cell([0.84, 0.85, 0.86], n=100_000), _cell([0.87, 0.85, 0.86], n=100_000, seed=1)
    assert mcnemar_p(real[0] > 0, mixed[0] > 0) < 1e-6
    assert judge([Comparison(mixed, real)], margin=0.02)["verdict"].tolist() == ["no_evidence"]


def test_replicates_that_share_their_seed_are_compared_with_each_other():
    spread = np.array([0.70, 0.75, 0.80, 0.85])
    real, mixed = _cell(spread, n=4000), _cell(spread + 0.03, n=4000, seed=1)
    assert judge([Comparison(mixed, real)], margin=0.02)["verdict"].tolist() == ["helps"]
    assert judge([Comparison(mixed[::-1], real)], margin=0.02)["verdict"].tolist() == ["no_evidence"]


def test_what_cannot_be_judged_says_why_and_leaves_the_family():
    groups = np.zeros(1000, dtype=int)
    table = judge(
        [
            Comparison(BETTER[:1], REAL),
            Comparison(BETTER, REAL, groups),
            Comparison(BETTER[:, :9], REAL[:, :9]),
            Comparison(BETTER * np.nan, REAL),
            Comparison(ALIKE, REAL),
        ],
        margin=0.02,
    )
    assert table["verdict"].tolist() == ["no_verdict"] * 4 + ["no_evidence"]
    assert table["reason"].tolist() == [
        "one replicate",
        "one group",
        "fewer than 10 images",
        "undefined on these images",
        "",
    ]
    assert table.loc[:3, ["standard_error", "ci_low", "ci_high", "p", "p_adjusted", "detectable"]].isna().all(axis=None)
    assert not table.loc[:3, "non_inferior"].any()
    assert table.loc[4, "p_adjusted"] == table.loc[4, "p"]
    assert judge([Comparison(BETTER[:1], REAL)], margin=0.02)["verdict"].tolist() == ["no_verdict"]
    assert judge([], margin=0.02).empty


def test_each_family_keeps_its_own_level():
    pair = [Comparison(ALIKE, REAL, family="claim"), Comparison(WORSE, REAL, family="claim")]
    alone = judge(pair, margin=0.02)
    beside = judge([*pair, *[Comparison(BETTER, REAL, family="control")] * 5], margin=0.02)
    assert (beside["p_adjusted"] / beside["p"])[:2].tolist() == pytest.approx(
        (alone["p_adjusted"] / alone["p"]).tolist()
    )


def test_not_inferior_is_a_loss_beyond_the_margin_ruled_out_and_small_a_gain_below_it():
    slightly_better = _cell([0.81, 0.82, 0.83, 0.82], seed=0)
    (row,) = judge([Comparison(slightly_better, REAL)], margin=0.05).to_dict("records")
    assert (row["small"], row["non_inferior"], row["margin"]) == (True, True, 0.05)
    worse = judge([Comparison(WORSE, REAL)], margin=0.05).iloc[0]
    assert (worse["small"], worse["non_inferior"]) == (False, False)
    wide_margin = judge([Comparison(WORSE, REAL)], margin=0.3).iloc[0]
    assert (wide_margin["verdict"], wide_margin["non_inferior"]) == ("hurts", True)


def test_replicates_on_one_denoiser_count_as_one():
    differences = Comparison(BETTER, REAL, denoisers=2).differences
    assert differences.shape == (2, 1000)
    np.testing.assert_allclose(differences[0], (BETTER - REAL)[[0, 2]].mean(axis=0))
    assert Comparison(BETTER, REAL, denoisers=4).differences.shape == (4, 1000)
    assert Comparison(BETTER, REAL).differences.shape == (4, 1000)


def test_several_denoisers_widen_the_interval_by_their_own_luck():
    luck = np.array([[0.06], [-0.06], [0.06], [-0.06]])
    rng = np.random.default_rng(0)
    regime = (rng.random((4, 2000)) < 0.8 + luck).astype(float)
    baseline = (rng.random((4, 2000)) < 0.8).astype(float)
    one, two = (judge([Comparison(regime, baseline, denoisers=d)], margin=0.02).iloc[0] for d in (1, 2))
    assert two["ci_high"] - two["ci_low"] > 3 * (one["ci_high"] - one["ci_low"])


def test_holm_of_the_textbook_example():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.04, np.nan, 0.01])).tolist() == pytest.approx([0.04, np.nan, 0.02], nan_ok=True)
    assert holm(np.array([])).shape == (0,)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(p, level):
    rejected, steps = set(), sorted(range(len(p)), key=lambda k: p[k])
    for step, k in enumerate(steps):
        if p[k] * (len(p) - step) > level:
            break
        rejected.add(k)
    assert set(np.flatnonzero(holm(np.array(p)) <= level)) == rejected


def test_mcnemar_is_the_binomial_test_of_discordant_images():
    a, b = np.array([1] * 9 + [0] * 2 + [1] * 5, dtype=bool), np.array([0] * 9 + [1] * 2 + [1] * 5, dtype=bool)
    assert mcnemar_p(a, b) == pytest.approx(2 * sum(stats.binom.pmf(k, 11, 0.5) for k in range(3)))
    assert mcnemar_p(a, a) == 1
