"""The study's generators side by side, the nearest to real images first."""

from collections.abc import Collection, Iterable

import pandas as pd

from synthpath_kedro.evaluation.comparison_tables import accuracy_rows
from synthpath_kedro.evaluation.fidelity_measures import HEADLINE, MEASURES
from synthpath_kedro.evaluation.fidelity_tables import OVERALL, REAL_TRAIN, missing_classes
from synthpath_kedro.evaluation.privacy_tables import ANY_SPACE, NEAR_DUPLICATES
from synthpath_kedro.study.regimes import REGIMES

REFERENCE = "real_val"
"""Held-out real images of the center that the generators learned from."""

FIDELITY = (*(measure.of_classes for measure in MEASURES.values()), "kernel_distance", "coverage", "recall")

COLUMNS = (
    "rank",
    "set",
    *FIDELITY,
    "missing_classes",
    "near_duplicates",
    "alarm",
    "accuracy_alone",
    "accuracy_mixed",
    "difference_alone",
    "difference_mixed",
)


def generators_table(
    fidelity: pd.DataFrame,
    privacy: pd.DataFrame,
    comparison: pd.DataFrame,
    classification: pd.DataFrame,
    oracles: Collection[str] = (),
) -> pd.DataFrame:
    """One row per synthetic set, ranked by ``HEADLINE`` to held-out real images class by class, then by accuracy alone.

    Oracles stand last, without a rank. Accuracies and differences are of the models and regimes that every set has, so
    that sets are compared on the same cells.

    Args:
        fidelity: as ``fidelity_table`` gives it, of every set.
        privacy: as ``privacy_table`` gives it, of every set.
        comparison: as ``comparison_table`` gives it.
        classification: as ``classification_table`` gives it.
        oracles: sets that are positive controls.

    Returns:
        Columns ``rank`` (1 is best; none for an oracle), ``set``, ``FIDELITY`` against ``REFERENCE``,
        ``missing_classes`` (names; empty: none), ``near_duplicates`` (their share of the images examined), ``alarm``,
        ``accuracy_alone`` (the classifier accuracy score: the mean over models trained on nothing but synthetic
        images), ``accuracy_mixed`` (likewise, on a part of them), and the mean differences of the two against their
        baselines.
    """
    overall = fidelity[(fidelity["reference"] == REFERENCE) & (fidelity["class"] == OVERALL)]
    measures = overall.pivot_table(index="set", columns="measure", values="value", sort=False)
    copies = privacy[(privacy["measure"] == NEAR_DUPLICATES) & (privacy["space"] == ANY_SPACE)].set_index("set")
    alone = [name for name, regime in REGIMES.items() if regime.synthetic_share == 1]
    mixed = [name for name, regime in REGIMES.items() if regime.uses_synthetic and name not in alone]
    table = pd.DataFrame(index=[name for name in measures.index if name != REAL_TRAIN])
    for measure in FIDELITY:
        table[measure] = measures[measure] if measure in measures else float("nan")
    missing = missing_classes(fidelity[fidelity["reference"] == REFERENCE])
    table["missing_classes"] = [", ".join(missing.get(name, {})) for name in table.index]
    table["near_duplicates"], table["alarm"] = copies["value"], copies["alarm"]
    table["accuracy_alone"] = _mean(classification, alone, "accuracy")
    table["accuracy_mixed"] = _mean(classification, mixed, "accuracy")
    accuracy = accuracy_rows(comparison)
    table["difference_alone"] = _mean(accuracy, alone, "difference")
    table["difference_mixed"] = _mean(accuracy, mixed, "difference")
    table["oracle"] = table.index.isin(list(oracles))
    order = ["oracle", HEADLINE.of_classes, "accuracy_alone"]
    ranked = table.sort_values(order, ascending=[True, True, False], kind="stable").rename_axis("set").reset_index()
    ranks = pd.Series(range(1, len(ranked) + 1), dtype="Int64")
    return ranked.assign(rank=ranks.mask(ranked["oracle"]))[list(COLUMNS)]


def _mean(table: pd.DataFrame, regimes: Iterable[str], column: str) -> pd.Series:
    """By set: the mean over models of the mean over a model's rows, of the cells that every set has."""
    rows = table[table["regime"].isin(list(regimes))]
    if rows.empty:
        return pd.Series(dtype=float)
    rows = rows[rows.groupby(["model", "regime"])["set"].transform("nunique") == rows["set"].nunique()]
    return rows.groupby(["set", "model"], sort=False)[column].mean().groupby("set", sort=False).mean()
