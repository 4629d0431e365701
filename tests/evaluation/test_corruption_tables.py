import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.corruption_tables import (
    corruption_comparison_table,
    corruption_means_table,
    corruptions_table,
    mean_rows,
)
from synthpath_kedro.metrics.significance import Comparison, judge

LABELS = np.arange(12) % 3


def answers(*errors):
    """Probabilities [replicates, 12, 3], wrong on the first so many images."""
    shown = np.tile(LABELS, (len(errors), 1))
    for replicate, n in enumerate(errors):
        shown[replicate, :n] = (shown[replicate, :n] + 1) % 3
    return np.eye(3, dtype=np.float32)[shown]


def cell(regime, clean, stain, blur, **facts):
    """Errors by level and replicate; ``blur`` has one level."""
    tensors = {"stain": np.stack([answers(*level) for level in stain]), "blur": answers(*blur)[None]}
    tensors |= {"clean": answers(*clean), "labels": LABELS, "rows": np.arange(12)}
    card = {"model": "cnn", "regime": regime, "weights": "w", "variant": "v", "class_names": ["a", "b", "c"]}
    # As it is read from a file, where keys are sorted.
    return Artifact(tensors, card | {"corruption_levels": {"blur": [2.0], "stain": [0.5, 1.0]}} | facts)


REAL = cell("real", (0, 0), [(3, 3), (6, 9)], (6, 6))


def test_every_level_has_its_accuracy_and_change_on_the_same_images():
    table = corruptions_table([REAL]).query("replicate == 1")
    assert table[["corruption", "level", "n", "clean_accuracy", "accuracy", "change"]].to_numpy().tolist() == [
        ["stain", 0.5, 12, 1, 0.75, -0.25],
        ["stain", 1.0, 12, 1, 0.25, -0.75],
        ["blur", 2.0, 12, 1, 0.5, -0.5],
    ]


def test_every_corruption_weighs_the_same_in_the_mean():
    table = corruption_means_table([REAL])
    assert table[["replicate", "corruption", "accuracy", "change"]].to_numpy().tolist() == [
        [0, "stain", 0.625, -0.375],
        [0, "blur", 0.5, -0.5],
        [0, "mean", 0.5625, -0.4375],
        [1, "stain", 0.5, -0.5],
        [1, "blur", 0.5, -0.5],
        [1, "mean", 0.5, -0.5],
    ]


def test_without_cells_the_tables_have_their_columns():
    assert list(corruptions_table([]))[-5:] == ["corruption", "level", "clean_accuracy", "accuracy", "change"]
    assert "verdict" in corruption_comparison_table([], 0.02)
    assert corruption_comparison_table([REAL], 0.02).empty


def test_the_comparison_is_the_verdict_procedure_on_the_means_over_levels():
    mixed = cell("mixed", (3, 3), [(3, 4), (3, 3)], (3, 3), set="gan")
    table = corruption_comparison_table([REAL, mixed], 0.02)
    assert table["metric"].tolist() == [
        *("corrupted_accuracy", "corrupted_accuracy/stain", "corrupted_accuracy/blur"),
        *("corruption_change", "corruption_change/stain", "corruption_change/blur"),
    ]
    wrong = [[(3, 6, 6), (3, 9, 6)], [(3, 3, 3), (4, 3, 3)]]  # by cell and replicate: two levels of stain, one of blur

    def scores(levels, weights):
        return sum(weight * (np.arange(12) >= n) for weight, n in zip(weights, levels, strict=True))

    real, mixed_scores = (np.stack([scores(one, (0.25, 0.25, 0.5)) for one in levels]) for levels in wrong)
    (expected,) = judge([Comparison(mixed_scores, real)], 0.02).to_dict("records")
    row = mean_rows(table).iloc[0]
    for name in ("difference", "standard_error", "ci_low", "ci_high", "p", "verdict", "n", "replicates"):
        assert row[name] == pytest.approx(expected[name]), name
    # A quarter wrong as they are, and hardly more when corrupted: less is lost than by the baseline.
    change = table.set_index("metric")["difference"]
    assert change["corruption_change/blur"] == pytest.approx(0.5)
    assert change["corrupted_accuracy/blur"] == pytest.approx(0.25)


def test_holm_runs_over_the_corruptions_apart_from_their_mean():
    mixed = cell("mixed", (0, 0), [(3, 3), (6, 8)], (5, 6), set="gan")
    oracle = cell("mixed", (0, 0), [(0, 1), (0, 0)], (0, 0), set="oracle")
    table = corruption_comparison_table([REAL, mixed, oracle], 0.02, oracles=["oracle"])
    assert set(table["family"]) == {"claim", "control"}
    means = mean_rows(table)
    assert (means["p_adjusted"] == means["p"]).all()
    kinds = table[table["corruption"] != "mean"]
    smaller = kinds.loc[kinds.groupby(["set", "measure"])["p"].idxmin()]
    assert np.allclose(smaller["p_adjusted"], np.minimum(2 * smaller["p"], 1))


def test_cells_that_were_shown_other_images_or_levels_are_refused():
    others = cell("mixed", (0, 0), [(3, 3), (6, 9)], (6, 6), set="gan")
    shifted = Artifact(dict(others.tensors) | {"rows": np.arange(12) + 1}, others.card)
    with pytest.raises(InputError, match=r"corrupted images of cnn/mixed/gan and .* of cnn/real are of different test"):
        corruption_comparison_table([REAL, shifted], 0.02)
    stronger = Artifact(others.tensors, others.card | {"corruption_levels": {"blur": [3.0], "stain": [0.5, 1.0]}})
    with pytest.raises(InputError, match="are of different corruptions; run kedro run --pipelines=evaluation again"):
        corruption_comparison_table([REAL, stronger], 0.02)


def study(rng, gain, n=400, replicates=5):
    """Two regimes of one model, each image of its own difficulty; ``gain`` is the mixed regime's on stain alone."""
    difficulty, labels = rng.random(n), np.zeros(n, np.int64)
    cells = []
    for regime, stain in (("real", 0.6), ("mixed", 0.6 + gain)):
        shares = {"stain": [stain + 0.1, stain - 0.1], "blur": [0.5]}

        def probabilities(share):
            right = difficulty + 0.1 * rng.normal(size=(replicates, n)) + 0.005 * rng.normal() < share
            return np.stack([right, ~right], axis=2).astype(np.float32)

        tensors = {name: np.stack([probabilities(one) for one in levels]) for name, levels in shares.items()}
        tensors |= {"clean": probabilities(0.8), "labels": labels, "rows": np.arange(n)}
        card = {"model": "cnn", "regime": regime, "set": "gan" if regime == "mixed" else "", "weights": "w"}
        levels = {"blur": [1.0], "stain": [0.5, 1.0]}
        cells.append(Artifact(tensors, card | {"variant": "v", "corruption_levels": levels}))
    return corruption_comparison_table(cells, 0.02)


def test_verdicts_find_a_planted_difference_in_its_corruption_alone():
    rng = np.random.default_rng(0)
    planted = pd.concat([study(rng, gain=0.15) for _ in range(20)])
    shares = planted.assign(found=planted["verdict"] == "helps").groupby("metric")["found"].mean()
    for measure in ("corrupted_accuracy", "corruption_change"):
        assert shares[measure] == 1
        assert shares[f"{measure}/stain"] == 1
        assert shares[f"{measure}/blur"] <= 0.1


def test_verdicts_find_nothing_where_there_is_nothing():
    rng = np.random.default_rng(1)
    nothing = pd.concat([study(rng, gain=0).assign(number=k) for k in range(60)])
    claimed = nothing.assign(found=nothing["verdict"] != "no_evidence").groupby(["measure", "number"])["found"].any()
    assert claimed.groupby("measure").mean().max() <= 0.1
