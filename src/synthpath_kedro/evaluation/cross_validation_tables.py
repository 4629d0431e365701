"""Scores of every fold, and what they say of each regime against its baseline."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.comparison_tables import ACCURACY, CLAIM, CONTROL, KEYS
from synthpath_kedro.evaluation.learning_curve_tables import PREPARED, score_table
from synthpath_kedro.metrics.cross_validation import CorrectedT, corrected_resampled_t
from synthpath_kedro.metrics.significance import HELPS, HURTS, NO_EVIDENCE, NO_VERDICT, holm
from synthpath_kedro.study.grid import Cell
from synthpath_kedro.study.regimes import REGIMES

_FOLD = ["repeat", "fold"]
_COLUMNS = [*KEYS, "family", "p", "standard_error", "degrees_of_freedom", "folds", "n_train", "n_test", PREPARED]


def cross_validation_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """Scores on each fold's held-out images.

    Args:
        predictions: of every cell in every fold: ``real_test`` float32 [replicates, N, classes] and
            ``real_test_labels``; the card names the cell, ``repeat``, ``fold``, ``n_train``, ``n_test``, ``prepared``.

    Returns:
        One row per cell, fold and replicate: ``model, regime, set, repeat, fold, n_train, n_test, replicate, weights,
        n, accuracy, macro_f1, auc, prepared``.
    """
    return score_table(predictions, (*_FOLD, "n_train", "n_test"))


def cross_validation_comparison(
    scores: pd.DataFrame, margin: float, oracles: Collection[str] = (), level: float = 0.05
) -> pd.DataFrame:
    """Every cell against its baseline over all folds, by the corrected resampled t-test; Holm over each family.

    Args:
        scores: see ``cross_validation_table``; a fold's score is the mean over its replicates.
        margin: of accuracy; a smaller gain is small, and a cell whose loss is surely smaller is not inferior.
        oracles: synthetic sets of a perfect generator; with the regimes without synthetic images they are controls.
        level: family-wise error over the claims, and over the controls.

    Returns:
        The columns of verdict.json, then ``family`` (claim or control), ``p, standard_error, degrees_of_freedom, folds,
        n_train, n_test, prepared``; the numbers of images are means over folds.
    """
    groups = scores.groupby(["model", "regime", "set"], sort=False)
    by_cell = {Cell(str(model), str(regime), str(name)): own for (model, regime, name), own in groups}
    rows = [
        _compare(cell, by_cell[cell], by_cell[cell.baseline], margin)
        for cell in by_cell
        if cell.baseline is not None and cell.baseline in by_cell
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["family"] = [
        CONTROL if REGIMES.find(regime).is_control or name in oracles else CLAIM
        for regime, name in zip(table["regime"], table["set"], strict=True)
    ]
    p = table["p"].astype(np.float64)
    table["p_adjusted"] = p.groupby(table["family"]).transform(lambda of_family: holm(of_family.to_numpy()))
    table["verdict"] = [
        _verdict(difference, p, level) for difference, p in zip(table["difference"], table["p_adjusted"], strict=True)
    ]
    return table


def _compare(cell: Cell, own: pd.DataFrame, baseline: pd.DataFrame, margin: float) -> dict[str, Any]:
    first, second = (scores.groupby(_FOLD)["accuracy"].mean() for scores in (own, baseline))
    differences = first.subtract(second).to_numpy()
    sizes = own.groupby(_FOLD)[["n_train", "n_test"]].first().mean()
    test = corrected_resampled_t(differences, sizes["n_train"], sizes["n_test"])
    ci_low, ci_high = test.interval()
    return {
        **_identity(cell),
        "metric": ACCURACY,
        "difference": test.difference,
        "ci_low": ci_low,
        "ci_high": ci_high,
        **_against_margin(test, margin),
        "p": test.p,
        "standard_error": test.standard_error,
        "degrees_of_freedom": test.degrees_of_freedom,
        "folds": len(differences),
        "n_train": sizes["n_train"],
        "n_test": sizes["n_test"],
        PREPARED: own[PREPARED].iloc[0],
    }


def _identity(cell: Cell) -> dict[str, str]:
    baseline = "" if cell.baseline is None else cell.baseline.regime
    return {"model": cell.model, "regime": cell.regime, "set": cell.set, "baseline": baseline}


def _against_margin(test: CorrectedT, margin: float) -> dict[str, Any]:
    return {
        "small": bool(0 < test.difference < margin),
        "non_inferior": bool(test.lower_bound() > -margin),
        "margin": margin,
    }


def _verdict(difference: float, p: float, level: float) -> str:
    if np.isnan(p):
        return NO_VERDICT
    if p > level:
        return NO_EVIDENCE
    return HELPS if difference > 0 else HURTS
