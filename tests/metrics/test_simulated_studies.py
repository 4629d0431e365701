import numpy as np
import pytest

from synthpath_kedro.metrics import simulated_studies
from synthpath_kedro.metrics.significance import mcnemar_p, verdicts
from synthpath_kedro.metrics.simulated_studies import StudyDesign, power_table, simulate_studies

SPREADS = (0.0, 0.007, 0.015)
TOLERATED = 0.06  # 5 % and two standard errors of 2,000 studies


@pytest.mark.parametrize("replicates", [3, 5])
@pytest.mark.parametrize("spread", SPREADS)
def test_a_study_without_a_gain_seldom_claims_one_on_few_images(spread, replicates):
    outcomes = simulate_studies(StudyDesign(n=165, replicates=replicates, seed_spread=spread), studies=2000, seed=0)
    assert len(outcomes.p_holm) == 2000
    assert outcomes.family_wise_error() <= TOLERATED


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [3, 5])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("n", [1000, 7180])
def test_a_study_without_a_gain_seldom_claims_one(n, spread, replicates):
    outcomes = simulate_studies(StudyDesign(n, replicates, spread), studies=2000, seed=0)
    assert outcomes.family_wise_error() <= TOLERATED


def test_a_real_gain_is_found_and_more_replicates_find_it_more_often():
    power = {
        replicates: simulate_studies(StudyDesign(1000, replicates, 0.007, gain=0.03), 100, seed=0).power()
        for replicates in (3, 5, 10)
    }
    assert power[3] < power[5] < power[10]
    assert power[10] > 0.9


def test_the_power_table_has_a_row_for_every_design():
    table = power_table(0.03, images=(100, 165), replicates=(3,), seed_spreads=(0.0, 0.015), studies=20)
    assert table[["n", "replicates", "seed_spread"]].to_numpy().tolist() == [
        [100, 3, 0.0],
        [100, 3, 0.015],
        [165, 3, 0.0],
        [165, 3, 0.015],
    ]
    assert table["power"].between(0, 1).all()


def test_simulated_classifiers_have_the_accuracy_spread_and_gain_that_were_asked_for():
    design = StudyDesign(n=3000, replicates=5, seed_spread=0.015, gain=0.03)
    _, accuracies = simulated_studies._predictions(design, 60, np.random.default_rng(0))
    means = accuracies.mean(axis=(1, 2, 3))
    assert means.tolist() == pytest.approx([0.8825, 0.9125, 0.9125], abs=0.003)
    assert accuracies.std(axis=-1, ddof=1).mean() == pytest.approx(0.015, rel=0.1)


def test_the_simulated_procedure_is_the_reported_one(monkeypatch):
    drawn = {}

    def keep_the_coins(design, studies, rng):
        coins = np.random.default_rng(7).random((3, studies, design.models, design.replicates, design.n)) < 0.9
        drawn["right"] = coins
        return coins.mean(axis=3).astype(np.float32), coins.mean(axis=4)

    monkeypatch.setattr(simulated_studies, "_predictions", keep_the_coins)
    outcomes = simulate_studies(StudyDesign(n=200, replicates=3, seed_spread=0.01, models=2), studies=1, seed=0)
    regimes = ("real", "synthetic", "mixed")
    cells = {(f"m{m}", name, ""): drawn["right"][k, 0, m] for m in range(2) for k, name in enumerate(regimes)}
    baselines = {cell: (cell[0], "real", "") for cell in cells if cell[1] != "real"}
    table = verdicts(cells, baselines.get).sort_values(["regime", "model"], ascending=[False, True])
    np.testing.assert_allclose(outcomes.p_holm[0], table["p_adjusted"], rtol=1e-4)
    np.testing.assert_allclose(outcomes.differences[0], table["difference"], atol=1e-7)


def test_mcnemar_alone_errs_often_when_seeds_differ():
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(200):
        accuracies = 0.88 + rng.normal(0, 0.015, 2)
        a, b = (rng.random(7180) < accuracy for accuracy in accuracies)
        errors += mcnemar_p(a, b) <= 0.05
    assert errors / 200 > 0.3
