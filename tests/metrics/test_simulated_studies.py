import numpy as np
import pytest

from synthpath_kedro.metrics.pseudo_values import TESTED_METRICS
from synthpath_kedro.metrics.significance import Comparison, judge, mcnemar_p
from synthpath_kedro.metrics.simulated_studies import (
    REGIMES,
    StudyDesign,
    draw_predictions,
    power_table,
    simulate_studies,
)

TOLERATED = 0.06  # 5 % and two standard errors of 2,000 studies


def one_model_differs(std, other):
    return ((std,) * REGIMES,) * 4 + ((other,) * REGIMES,)


FEW_IMAGES = {
    "seeds that do not matter": StudyDesign(165, 3, 0.0),
    "equal deviations": StudyDesign(165, 5, 0.007),
    "disputed images that regimes share": StudyDesign(165, 5, 0.007, shared=0.9),
}
WITHOUT_A_GAIN = {
    "equal deviations": StudyDesign(1000, 5, 0.007),
    "equal deviations, three replicates": StudyDesign(1000, 3, 0.007),
    "one regime tenfold": StudyDesign(1000, 5, (0.005, 0.05, 0.005)),
    "the baseline tenfold": StudyDesign(1000, 5, (0.05, 0.005, 0.005)),
    "both regimes tenfold": StudyDesign(1000, 5, (0.005, 0.05, 0.05)),
    "one model tenfold": StudyDesign(1000, 5, one_model_differs(0.005, 0.05)),
    "one regime threefold, three replicates": StudyDesign(1000, 3, (0.005, 0.015, 0.005)),
    "the baseline threefold, three replicates": StudyDesign(1000, 3, (0.015, 0.005, 0.005)),
    "one model threefold, three replicates": StudyDesign(1000, 3, one_model_differs(0.005, 0.015)),
    "one replicate in ten fails": StudyDesign(1000, 5, 0.007, failing=0.1),
    "disputed images that regimes share": StudyDesign(1000, 5, 0.007, shared=0.9),
    "a single model": StudyDesign(1000, 5, 0.007, models=1),
    "a single model, one regime tenfold": StudyDesign(1000, 5, (0.005, 0.05, 0.005), models=1),
    "10 patients": StudyDesign(1000, 5, 0.007, patients=10),
    "10 patients, loosely alike": StudyDesign(1000, 5, 0.007, patients=10, within_patient=0.3),
    "50 patients": StudyDesign(1000, 5, 0.007, patients=50, within_patient=0.3),
}


@pytest.mark.parametrize("design", FEW_IMAGES.values(), ids=FEW_IMAGES)
def test_a_study_without_a_gain_seldom_claims_one_on_few_images(design):
    outcomes = simulate_studies(design, studies=2000, seed=0)
    assert len(outcomes.p_holm) == 2000
    assert outcomes.family_wise_error() <= TOLERATED


@pytest.mark.slow
@pytest.mark.parametrize("design", WITHOUT_A_GAIN.values(), ids=WITHOUT_A_GAIN)
def test_a_study_without_a_gain_seldom_claims_one(design):
    assert simulate_studies(design, studies=2000, seed=0).family_wise_error() <= TOLERATED


@pytest.mark.parametrize("name", ["one regime tenfold", "the baseline tenfold", "10 patients, loosely alike"])
def test_the_hardest_designs_keep_the_level(name):
    assert simulate_studies(WITHOUT_A_GAIN[name], studies=500, seed=1).family_wise_error() <= 0.05 + 2 * 0.0098


def test_a_gain_of_three_points_is_found_with_a_thousand_images_and_five_replicates():
    power = {r: simulate_studies(StudyDesign(1000, r, 0.007, gain=0.03), 400, seed=0).power() for r in (3, 5, 10)}
    assert power[5] >= 0.75
    assert power[3] < power[5] < power[10]


def test_unknown_patients_make_false_alarms_that_known_ones_do_not():
    known, unknown = (
        simulate_studies(StudyDesign(1000, 5, 0.007, patients=50, patients_known=is_known), 200, seed=0)
        for is_known in (True, False)
    )
    assert known.family_wise_error() < TOLERATED
    assert unknown.family_wise_error() > 0.3


def test_the_power_table_has_a_row_for_every_design():
    table = power_table(0.03, images=(100, 165), replicates=(3,), seed_stds=(0.0, 0.015), studies=20)
    assert table[["n", "replicates", "seed_std"]].to_numpy().tolist() == [
        [100, 3, 0.0],
        [100, 3, 0.015],
        [165, 3, 0.0],
        [165, 3, 0.015],
    ]
    assert table["power"].between(0, 1).all()


def test_simulated_classifiers_have_the_accuracy_deviation_and_gain_that_were_asked_for():
    right, patients = draw_predictions(StudyDesign(3000, 5, 0.015, gain=0.03), 60, np.random.default_rng(0))
    accuracies = right.mean(axis=-1)
    assert patients is None
    assert accuracies.mean(axis=(1, 2, 3)).tolist() == pytest.approx([0.8825, 0.9125, 0.9125], abs=0.003)
    assert accuracies.std(axis=-1, ddof=1).mean() == pytest.approx(0.015, rel=0.1)


def test_simulated_regimes_agree_on_shared_images_and_replicates_fail_as_often_as_asked():
    rng = np.random.default_rng(0)
    apart, agreed = (draw_predictions(StudyDesign(2000, 4, 0.0, shared=s), 10, rng)[0] for s in (0.0, 1.0))
    gaps = [np.abs(right[1].mean(axis=2) - right[0].mean(axis=2)).mean() for right in (apart, agreed)]
    assert gaps[0] > 1.5 * gaps[1]
    failing, _ = draw_predictions(StudyDesign(500, 5, 0.0, failing=0.1), 200, rng)
    assert (failing.mean(axis=-1) < 0.78).mean() == pytest.approx(0.1, abs=0.02)


def test_the_simulated_procedure_is_the_reported_one():
    design = StudyDesign(200, 3, 0.01, models=2)
    right, _ = draw_predictions(design, 1, np.random.default_rng(7))
    cells = right[:, 0].astype(float)
    table = judge([Comparison(cells[k, m], cells[0, m]) for k in (1, 2) for m in range(2)], margin=0.02)
    outcomes = simulate_studies(design, studies=1, seed=7)
    np.testing.assert_allclose(outcomes.p_holm[0], table["p_adjusted"], rtol=1e-4)
    np.testing.assert_allclose(outcomes.differences[0], table["difference"], atol=1e-7)


@pytest.mark.parametrize("name", ["macro_f1", "auc", "brier", "nll"])
def test_other_metrics_seldom_claim_a_gain_that_is_not_there_even_with_a_rare_class(name):
    rng = np.random.default_rng(0)
    metric, alarms, studies = TESTED_METRICS[name], 0, 150
    for _ in range(studies):
        labels = rng.choice(3, 400, p=[0.6, 0.34, 0.06])
        hard = rng.random(400) < 0.3

        def probabilities(labels=labels, hard=hard):
            chance = np.where(hard, 0.45, 0.85) + rng.normal(0, 0.02)
            guess = np.where(rng.random(400) < chance, labels, rng.integers(0, 3, 400))
            return (np.eye(3)[guess] * 3 + rng.random((400, 3))) / 5

        cells = [[metric.pseudo_values(probabilities(), labels) for _ in range(5)] for _ in range(5)]
        comparisons = [Comparison(np.stack(cell), np.stack(cells[0])) for cell in cells[1:]]
        alarms += (judge(comparisons, margin=0.02)["verdict"] != "no_evidence").any()
    assert alarms / studies <= 0.05 + 2 * 0.0178


def test_mcnemar_alone_errs_often_when_seeds_differ():
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(200):
        accuracies = 0.88 + rng.normal(0, 0.015, 2)
        a, b = (rng.random(7180) < accuracy for accuracy in accuracies)
        errors += mcnemar_p(a, b) <= 0.05
    assert errors / 200 > 0.3
