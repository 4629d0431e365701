"""The long tables about the cells, laid out for the report: a row per cell, every value ready to print."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from synthpath_kedro.report.labels import (
    attack_label,
    model_label,
    number,
    ordered_attacks,
    ordered_models,
    ordered_regimes,
)

_METRICS = {"accuracy": "accuracy", "macro_f1": "macro F1", "auc": "AUC", "balanced_accuracy": "balanced", "mcc": "MCC"}
_SLASH = "\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}"
_ERRORS = {"ece_width": "ECE, equal width", "ece_mass": "ECE, equal mass", "brier": "Brier", "nll": "NLL"}


def verdict_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """The verdicts as the report's answer shows them, mixed before synthetic.

    Args:
        comparison: as ``comparison_table`` makes it.

    Returns:
        Columns ``model, comparison, difference, low, high, p_adjusted, verdict``.
    """
    named = comparison.assign(comparison=comparison["regime"] + " vs " + comparison["baseline"])
    shown = ["model", "comparison", "difference", "low", "high", "p_holm", "verdict"]
    rows = _in_order(named, ordered_regimes(comparison["regime"])[::-1])
    return rows[shown].rename(columns={"p_holm": "p_adjusted"}).reset_index(drop=True)


def differences(comparison: pd.DataFrame) -> pd.DataFrame:
    """Every comparison in full: differences with intervals, standard error, p-values."""
    return _laid_out(
        {
            "model": model_label(row["model"]),
            "comparison": f"{row['regime']} vs {row['baseline']}",
            "accuracy": _interval(row["difference"], row["low"], row["high"], signed=True),
            "SE": number(row["standard_error"]),
            "p": _p(row["p"]),
            "p, Holm": _p(row["p_holm"]),
            "p, McNemar": _p(row["mcnemar_p"]),
            "macro F1": _interval(*(row[f"macro_f1_{end}"] for end in ("difference", "low", "high")), signed=True),
            "AUC": _interval(*(row[f"auc_{end}"] for end in ("difference", "low", "high")), signed=True),
        }
        for _, row in _in_order(comparison, ordered_regimes(comparison["regime"])[::-1]).iterrows()
    )


def intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Every cell's metrics with their intervals."""
    return _laid_out(
        {"model": model_label(model), "trained on": regime}
        | {label: _interval(*_of_metric(rows, metric)) for metric, label in _METRICS.items()}
        for model, regime, rows in _cells(table)
    )


def f1_by_class(per_class: pd.DataFrame) -> pd.DataFrame:
    """Mean F1 of every class: a row per class, a column per model, the regimes in one cell."""
    means = per_class.groupby(["class", "model", "regime"], sort=False)["f1"].mean()
    regimes = ordered_regimes(per_class["regime"])
    columns = {
        model: {
            name: _SLASH.join(number(means.get((name, model, regime))) for regime in regimes)
            for name in per_class["class"].unique()
        }
        for model in ordered_models(per_class["model"])
    }
    return _laid_out(
        {"class": name} | {model_label(model): values[name] for model, values in columns.items()}
        for name in per_class["class"].unique()
    )


def calibration(table: pd.DataFrame) -> pd.DataFrame:
    """Every cell's calibration errors before and after temperature scaling, means over replicates."""
    return _laid_out(
        {"model": model_label(model), "trained on": regime}
        | {label: _change(rows[name].mean(), rows[f"{name}_scaled"].mean()) for name, label in _ERRORS.items()}
        | {"temperature": number(rows["temperature"].mean())}
        for model, regime, rows in _cells(table)
    )


def normalized_space(robustness: pd.DataFrame) -> pd.DataFrame:
    """Every cell's change of accuracy in pixel space and, behind it, under the control's attacks on the same images."""
    control = robustness[robustness["control"].astype(bool)]
    return _laid_out(
        {"model": model_label(model), "trained on": regime, "n": rows["n"].iloc[0]}
        | {
            attack_label(attack): " → ".join(
                number(rows.loc[rows["attack"] == attack, change].mean(), signed=True)
                for change in ("pixel_space_change", "change")
            )
            for attack in ordered_attacks(control["attack"])
        }
        for model, regime, rows in _cells(control)
    )


def control_sentence(robustness: pd.DataFrame) -> str:
    """What the clamp does to the numbers, from the numbers; empty where the control was not run."""
    control = robustness[robustness["control"].astype(bool)]
    if control.empty:
        return ""
    losses = -control.groupby("attack")[["change", "pixel_space_change"]].mean()
    parts = [
        f"{attack_label(attack)} costs {number(losses['change'][attack])} of accuracy there and "
        f"{number(losses['pixel_space_change'][attack])} in pixel space"
        for attack in ordered_attacks(control["attack"])
    ]
    cells = len(control[["model", "regime"]].drop_duplicates())
    average = (
        f"On average over {cells} {'cell' if cells == 1 else 'cells'} and the same {control['n'].iloc[0]:,} images"
    )
    sentence = (
        "Control, no measure of robustness: the same attacks on images that were normalized first and then clamped to "
        f"[0, 1], with eps in the unit of normalized values. {average} each {'; '.join(parts)}."
    )
    if "noise" not in losses.index:
        return sentence
    by_clamp, by_noise = losses["change"]["noise"], losses["pixel_space_change"]["noise"]
    if by_clamp > 0.05 and by_clamp > 3 * max(by_noise, 0):
        return f"{sentence} So the clamp alone makes accuracy collapse under noise, as it does in the study's table."
    return f"{sentence} On these cells the clamp does not bring about the collapse that the study's table shows."


def feature_space(mixing: pd.DataFrame) -> pd.DataFrame:
    """Every cell's neighbors of synthetic images in its feature space, over all classes."""
    overall = mixing[mixing["class"] == "all"]
    return _laid_out(
        {
            "model": model_label(model),
            "trained on": regime,
            "real among the nearest": number(row["real_share"]),
            "if indistinguishable": number(row["expected_real_share"]),
            "of the same class": number(row["class_agreement"]),
            "real ones of the same class": number(row["real_class_agreement"]),
        }
        for model, regime, rows in _cells(overall)
        for _, row in rows.iterrows()
    )


def mixing_sentence(mixing: pd.DataFrame, model: str, regime: str) -> str:
    """The numbers beside one cell's t-SNE; empty where there are none."""
    rows = mixing[(mixing["model"] == model) & (mixing["regime"] == regime) & (mixing["class"] == "all")]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return (
        f"Of a synthetic image's {row['k']} nearest neighbors {row['real_share']:.0%} are real "
        f"({row['expected_real_share']:.0%} if nothing told them apart), and {row['class_agreement']:.0%} "
        "are of its class."
    )


def _cells(table: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """The rows of every cell, in the study's order."""
    pairs = [(m, r) for m in ordered_models(table["model"]) for r in ordered_regimes(table["regime"])]
    found = [(m, r, table[(table["model"] == m) & (table["regime"] == r)]) for m, r in pairs]
    return [(model, regime, rows) for model, regime, rows in found if len(rows)]


def _in_order(comparison: pd.DataFrame, regimes: list[str]) -> pd.DataFrame:
    models = ordered_models(comparison["model"])
    places = [(regimes.index(r), models.index(m)) for m, r in comparison[["model", "regime"]].itertuples(index=False)]
    return comparison.iloc[sorted(range(len(places)), key=places.__getitem__)]


def _of_metric(rows: pd.DataFrame, metric: str) -> tuple[float, float, float]:
    row = rows[rows["metric"] == metric].iloc[0]
    return row["mean"], row["low"], row["high"]


def _interval(value: float, low: float, high: float, *, signed: bool = False) -> str:
    """A value and its interval, which may stand in a line of its own but does not break."""
    ends = [number(end, signed=signed) for end in (value, low, high)]
    return ends[0] if pd.isna(low) else f"{ends[0]} [{ends[1]},\N{NO-BREAK SPACE}{ends[2]}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else number(value)


def _change(before: float, after: float) -> str:
    return f"{number(before)} → {number(after)}"


def _laid_out(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))
