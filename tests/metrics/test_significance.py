import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthpath_kedro.metrics.significance import (
    compare,
    correctness,
    holm,
    mcnemar_p,
    pooled_seed_variance,
    two_sided_p,
    verdicts,
)


def against_real(cell):
    model, regime, _ = cell
    return None if regime == "real" else (model, "real", "")


def _cell(accuracies, n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(np.arange(n) < round(accuracy * n)) for accuracy in accuracies])


def _study(**by_regime):
    return {("cnn", regime, ""): _cell(accuracies, seed=k) for k, (regime, accuracies) in enumerate(by_regime.items())}


def test_standard_error_is_the_formula_with_the_seed_variance_pooled_over_three_regimes():
    real, synthetic, mixed = (
        _cell([0.85, 0.86, 0.87]),
        _cell([0.80, 0.82, 0.84], seed=1),
        _cell([0.9, 0.9, 0.9], seed=2),
    )
    comparison = compare(mixed, real, [real, synthetic, mixed])
    seed_variance = (0.01**2 + 0.02**2 + 0) / 3
    images = (mixed.mean(0) - real.mean(0)).var(ddof=1)
    assert comparison.difference == pytest.approx(0.04)
    assert comparison.standard_error == pytest.approx(np.sqrt(2 * seed_variance / 3 + images / 1000))
    assert comparison.degrees_of_freedom == 6


def test_p_is_students_t_at_three_times_the_replicates_less_three():
    real, mixed = _cell([0.85, 0.86, 0.87]), _cell([0.9, 0.91, 0.89], seed=1)
    row = verdicts(
        {("cnn", "real", ""): real, ("cnn", "synthetic", ""): real, ("cnn", "mixed", ""): mixed}, against_real
    ).set_index("regime")
    t = row.loc["mixed", "difference"] / row.loc["mixed", "standard_error"]
    assert row.loc["mixed", "p"] == pytest.approx(2 * stats.t.sf(t, 6))
    assert row.loc["mixed", "p_adjusted"] == pytest.approx(2 * row.loc["mixed", "p"])
    assert row.loc["mixed", "ci_high"] - row.loc["mixed", "difference"] == pytest.approx(
        stats.t.ppf(0.975, 6) * row.loc["mixed", "standard_error"]
    )


def test_a_large_gain_helps_a_large_loss_hurts_and_a_small_gain_is_no_evidence():
    table = verdicts(
        _study(real=[0.80, 0.81, 0.82], synthetic=[0.60, 0.61, 0.62], mixed=[0.95, 0.96, 0.97]), against_real
    )
    assert dict(zip(table["regime"], table["verdict"], strict=True)) == {"synthetic": "hurts", "mixed": "helps"}
    small = verdicts(_study(real=[0.80, 0.81, 0.82], mixed=[0.805, 0.815, 0.825]), against_real)
    assert small["verdict"].tolist() == ["no evidence"]


def test_more_images_do_not_make_evidence_of_a_difference_within_the_seed_spread():
    real, mixed = _cell([0.84, 0.85, 0.86], n=100_000), _cell([0.85, 0.86, 0.87], n=100_000, seed=1)
    row = verdicts({("cnn", "real", ""): real, ("cnn", "mixed", ""): mixed}, against_real).iloc[0]
    assert row["mcnemar_p"] < 1e-6
    assert row["verdict"] == "no evidence"


def test_one_replicate_gives_no_verdict_and_leaves_the_family():
    study = _study(real=[0.80, 0.81, 0.82], synthetic=[0.60], mixed=[0.95, 0.96, 0.97])
    table = verdicts(study, against_real).set_index("regime")
    assert table.loc["synthetic", "verdict"] == "no verdict: one replicate"
    assert table.loc["synthetic", "difference"] == pytest.approx(-0.21)
    assert np.isnan(
        table.loc["synthetic", ["standard_error", "ci_low", "ci_high", "p", "p_adjusted"]].astype(float)
    ).all()
    assert table.loc["mixed", "p_adjusted"] == table.loc["mixed", "p"]


def test_groups_of_one_image_change_nothing_and_copies_of_images_add_no_evidence():
    real, mixed = _cell([0.80, 0.81, 0.82], n=300), _cell([0.86, 0.87, 0.88], n=300, seed=1)
    plain = compare(mixed, real, [real, mixed])
    assert compare(mixed, real, [real, mixed], groups=np.arange(300)) == plain
    tenfold = [np.tile(cell, 10) for cell in (real, mixed)]
    clustered = compare(tenfold[1], tenfold[0], tenfold, groups=np.tile(np.arange(300), 10))
    assert clustered.standard_error == pytest.approx(plain.standard_error)
    assert compare(tenfold[1], tenfold[0], tenfold).standard_error < plain.standard_error


def test_few_groups_bound_the_degrees_of_freedom_and_one_group_gives_no_verdict():
    real, mixed = _cell([0.80, 0.81, 0.82]), _cell([0.86, 0.87, 0.88], seed=1)
    assert compare(mixed, real, [real, mixed], groups=np.arange(1000) % 3).degrees_of_freedom == 2
    study = {("cnn", "real", ""): real, ("cnn", "mixed", ""): mixed}
    assert verdicts(study, against_real, groups=np.zeros(1000, dtype=int))["verdict"].tolist() == [
        "no verdict: one group"
    ]


def test_the_same_predictions_are_no_evidence():
    cell = np.tile(_cell([0.8]), (3, 1))
    row = verdicts({("cnn", "real", ""): cell, ("cnn", "mixed", ""): cell}, against_real).iloc[0]
    assert row["p"] == 1
    assert row["verdict"] == "no evidence"


def test_models_without_a_baseline_are_left_out():
    assert verdicts({("cnn", "mixed", ""): _cell([0.8, 0.9])}, against_real).empty
    assert "verdict" in verdicts({}, against_real).columns


def test_cells_of_other_images_are_refused():
    with pytest.raises(ValueError, match="same test images"):
        verdicts({("cnn", "real", ""): _cell([0.8], n=10), ("cnn", "mixed", ""): _cell([0.8], n=20)}, against_real)


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


def test_pooled_variance_weighs_cells_by_their_degrees_of_freedom():
    variance, degrees_of_freedom = pooled_seed_variance(
        [np.array([1.0, 3.0]), np.array([0.0, 3.0, 6.0]), np.array([9.0])]
    )
    assert variance == pytest.approx((2 + 18) / 3)
    assert degrees_of_freedom == 3


def test_a_difference_without_any_error_is_certain():
    assert two_sided_p(np.array([0.1, 0.0]), np.array([0.0, 0.0]), 6).tolist() == [0, 1]


def test_correctness_compares_the_likeliest_class():
    probabilities = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.3, 0.7]]])
    assert correctness(probabilities, np.array([0, 1])).tolist() == [[True, True], [False, True]]
