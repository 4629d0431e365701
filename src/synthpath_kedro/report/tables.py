"""Tables 4.1 to 4.3 laid out as in the study, with the study's own value beside each of ours.

Every value is text: the mean over replicates, "± sd" (n - 1) behind it where there are several, "not trained" where
the cell is missing, "left out" where the run is not about it. A column's study values stand in the column of the same
name with ``STUDY`` behind it, empty where the study did not have the model.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from synthpath_kedro.report import study
from synthpath_kedro.report.labels import (
    attack_label,
    eps_label,
    model_label,
    ordered_attacks,
    ordered_models,
    ordered_regimes,
)
from synthpath_kedro.report.layout import STUDY
from synthpath_kedro.report.terminal import as_text

__all__ = [
    "LEFT_OUT",
    "NOT_RUN",
    "NOT_TRAINED",
    "RANDOM_WEIGHTS",
    "STUDY",
    "as_text",
    "table_4_1",
    "table_4_2",
    "table_4_3",
]

NOT_TRAINED = "not trained"
NOT_RUN = "not run"
LEFT_OUT = "left out"
RANDOM_WEIGHTS = "random (not pretrained)"
TRAINED_FROM_SCRATCH = ("cnn",)

_UNDEFINED = "undefined"
_METRICS = {"accuracy": "accuracy", "macro_f1": "F1", "auc": "AUC"}


def table_4_1(
    classification: pd.DataFrame,
    models: Sequence[str] = study.STUDY_MODELS,
    regimes: Sequence[str] = study.STUDY_REGIMES,
) -> pd.DataFrame:
    """Real test set: a row per model, a column per regime, each "accuracy / F1 / AUC".

    Args:
        classification: one row per cell and replicate: ``model, regime, replicate, weights, n, accuracy, macro_f1,
        auc``;
            a column ``variant`` (the architecture) is shown where there is one.
        models: rows to show even where no cell of theirs was trained.
        regimes: of the run.
    """
    rows = []
    for model, cells in _by_model(classification, models):
        row = _identity(model, cells)
        for regime in study.STUDY_REGIMES:
            published = study.TABLE_4_1.get((model, regime))
            its = _only(cells, regime=regime)
            row[regime] = LEFT_OUT if its.empty and regime not in regimes else _scores(its)
            row[regime + STUDY] = " / ".join(map(_value, published)) if published else ""
        rows.append(row)
    return _laid_out(rows)


def table_4_2(synthetic_as_test: pd.DataFrame, models: Sequence[str] = study.STUDY_MODELS) -> pd.DataFrame:
    """Trained on real, tested on synthetic images: a row per model, a column per metric, each "value (change)".

    Args:
        synthetic_as_test: one row per cell and replicate: ``model, regime, replicate, weights, n, accuracy, macro_f1,
            auc, accuracy_change, macro_f1_change, auc_change``; rows of other regimes than real are left out.
        models: as in ``table_4_1``.
    """
    rows = []
    for model, cells in _by_model(_only(synthetic_as_test, regime="real"), models):
        row, published = _identity(model, cells), study.TABLE_4_2.get(model)
        for metric, label in _METRICS.items():
            row[f"{label} (change)"] = _changed(cells, metric, f"{metric}_change")
            row[f"{label} (change){STUDY}"] = _published_change(getattr(published, metric)) if published else ""
        rows.append(row)
    return _laid_out(rows)


def table_4_3(
    robustness: pd.DataFrame,
    models: Sequence[str] = study.STUDY_MODELS,
    regimes: Sequence[str] = study.STUDY_REGIMES,
) -> pd.DataFrame:
    """Robustness: a row per model and regime, a column per attack, each "accuracy (change from clean)".

    Shows one budget: the study's 8/255, or the largest where that was not run; the study's numbers stand beside its own
    budget only. A regime that is no part of the run has no row. An attack that was not run on a
    trained cell reads "not run".

    Args:
        robustness: one row per cell, replicate, attack and eps: ``model, regime, replicate, weights, n, attack, eps,
            clean_accuracy, accuracy, change``; eps in [0, 1] pixel units.
        models: as in ``table_4_1``.
        regimes: likewise.
    """
    shown = _at_one_eps(robustness)
    attacks = ordered_attacks([*study.STUDY_ATTACKS, *_values(shown, "attack")])
    of_the_study = shown.empty or _is_the_studys(shown["eps"]).all()
    rows = []
    for model, cells in _by_model(shown, models):
        for regime in ordered_regimes([*regimes, *_values(cells, "regime")]):
            cell = _only(cells, regime=regime)
            row = {"model": model_label(model), "regime": regime, **_facts(model, cell)}
            row["eps"] = ", ".join(map(eps_label, _values(cell, "eps")))
            for attack in attacks:
                published = study.TABLE_4_3.get((model, regime, attack)) if of_the_study else None
                attacked = _changed(_only(cell, attack=attack), "accuracy", "change")
                row[attack_label(attack)] = attacked if attacked != NOT_TRAINED or cell.empty else NOT_RUN
                row[attack_label(attack) + STUDY] = _published_change(published) if published else ""
            rows.append(row)
    return _laid_out(rows)


def weights_label(model: str, weights: str) -> str:
    """A backbone's weights in print: random ones stand out, unless the model is trained from scratch by design."""
    if weights != "random":
        return weights
    return "from scratch" if model in TRAINED_FROM_SCRATCH else RANDOM_WEIGHTS


def _by_model(table: pd.DataFrame, models: Sequence[str]) -> Iterable[tuple[str, pd.DataFrame]]:
    for model in ordered_models([*models, *_values(table, "model")]):
        yield model, _only(table, model=model)


def _identity(model: str, cells: pd.DataFrame) -> dict[str, str]:
    return {"model": model_label(model), **_facts(model, cells)}


def _facts(model: str, cells: pd.DataFrame) -> dict[str, str]:
    variant = {"variant": ", ".join(_values(cells, "variant"))} if "variant" in cells else {}
    weights = ", ".join(weights_label(model, weights) for weights in _values(cells, "weights"))
    counts = cells.groupby("regime")["replicate"].nunique() if len(cells) else pd.Series(dtype=int)
    return {**variant, "weights": weights, "n": _span(_values(cells, "n")), "replicates": _span(counts)}


def _scores(cell: pd.DataFrame) -> str:
    if cell.empty:
        return NOT_TRAINED
    return " / ".join(_with_spread(cell[metric]) for metric in _METRICS)


def _changed(cell: pd.DataFrame, value: str, change: str) -> str:
    if cell.empty:
        return NOT_TRAINED
    return f"{_with_spread(cell[value])} ({_with_spread(cell[change], signed=True)})"


def _with_spread(values: pd.Series, *, signed: bool = False) -> str:
    known = values.astype(float).dropna()
    if known.empty:
        return _UNDEFINED
    mean = _value(known.mean(), signed=signed)
    return f"{mean} ± {_value(known.std())}" if len(known) > 1 else mean


def _published_change(changed: study.Changed) -> str:
    return f"{_value(changed.value)} ({_value(changed.change, signed=True)})"


def _value(value: float, *, signed: bool = False) -> str:
    rounded = round(float(value), 3) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:+.3f}" if signed else f"{rounded:.3f}"


def _span(counts: Iterable[float]) -> str:
    known = sorted({int(count) for count in counts})
    if not known:
        return ""
    return f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,} to {known[-1]:,}"


def _at_one_eps(robustness: pd.DataFrame) -> pd.DataFrame:
    if robustness.empty:
        return robustness
    at_study = _is_the_studys(robustness["eps"])
    return robustness[at_study if at_study.any() else robustness["eps"] == robustness["eps"].max()]


def _is_the_studys(eps: pd.Series) -> pd.Series:
    return (eps - study.EPS).abs() < 1e-6


def _only(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    for column, value in values.items():
        table = table[table[column] == value] if column in table else table.iloc[:0]
    return table


def _values(table: pd.DataFrame, column: str) -> list[Any]:
    return list(dict.fromkeys(table[column])) if column in table else []


def _laid_out(rows: list[dict[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows).fillna("").astype(str)
