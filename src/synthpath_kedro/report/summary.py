"""The study's result in sentences, and as verdict.json for machines."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import pandas as pd

from synthpath_kedro.evaluation.comparison_tables import CLAIM, KEYS
from synthpath_kedro.evaluation.corruption_tables import CORRUPTED_ACCURACY, MEAN, mean_rows
from synthpath_kedro.evaluation.rows import records
from synthpath_kedro.report.labels import (
    Training,
    cells_of,
    model_label,
    ordered_models,
    regime_label,
    rows_of,
    trainings,
)
from synthpath_kedro.report.values import number
from synthpath_kedro.study.regimes import REGIMES

NO_TEST = "no test of significance was run"

_METRICS = ("accuracy", "macro_f1", "auc")


def verdict_json(comparison: pd.DataFrame) -> dict[str, Any]:
    """The comparisons for machines: ``{"comparisons": [...]}``, one entry per row with ``KEYS``; nan becomes None."""
    return {"comparisons": [{key: _plain(row[key]) for key in KEYS} for row in records(comparison)]}


def mean_differences(classification: pd.DataFrame) -> pd.DataFrame:
    """Differences of the replicates' means on the real test set, of every regime against its baseline.

    Args:
        classification: one row per cell and replicate: ``model, regime, set, accuracy, macro_f1, auc``.

    Returns:
        Columns ``model, regime, set, baseline, accuracy, macro_f1, auc``; pairs with a missing cell are left out.
    """
    columns = ["model", "regime", "set", "baseline", *_METRICS]
    found = trainings(classification)
    rows = [
        {"model": model, "regime": training.regime, "set": training.set, "baseline": baseline.regime}
        | (_means(classification, model, training) - _means(classification, model, baseline)).to_dict()
        for training in _headline_first(found)
        for baseline in _baselines(training, found)
        for model in ordered_models(classification["model"])
        if len(rows_of(classification, model, training)) and len(rows_of(classification, model, baseline))
    ]
    return pd.DataFrame(rows, columns=columns)


def in_reading_order(comparison: pd.DataFrame) -> pd.DataFrame:
    """The rows training by training, those with real images first; models as they appear."""
    parts = [rows_of(comparison, training=training) for training in _headline_first(trainings(comparison))]
    return pd.concat(parts, ignore_index=True) if parts else comparison


def verdict_sentences(comparison: pd.DataFrame, mixing_ratio: float | None = None) -> list[str]:
    """One sentence per regime and set: which classifiers synthetic data helps or hurts, and by how much.

    Args:
        comparison: columns ``model, regime, set, baseline, difference, verdict, small, non_inferior, margin``, see
            ``comparison_table``.
        mixing_ratio: synthetic share of mixed batches; None: not named.
    """
    return [_verdict_sentence(subject, rows) for subject, rows in _by_training(comparison, mixing_ratio)]


def control_sentences(comparison: pd.DataFrame) -> list[str]:
    """What the positive controls and the other controls changed for each classifier, with verdicts: a sentence each.

    Args:
        comparison: the controls' rows: ``model, regime, set, baseline, difference, verdict``; those with a set are of
            a perfect generator.
    """
    of_oracle: list[str] = []
    others: list[str] = []
    for training in _headline_first(trainings(comparison)):
        rows = rows_of(comparison, training=training)
        changes = [
            f"{number(row['difference'], signed=True)} for {model_label(row['model'])} ({_plain_words(row['verdict'])})"
            for row in records(rows)
        ]
        compared = f"{regime_label(training.regime)} vs {regime_label(rows['baseline'].iloc[0])}"
        (of_oracle if training.set else others).append(f"{compared}, {', '.join(changes)}")
    beginnings = (
        "With images of a perfect generator instead (positive control) mean accuracy changed:",
        "Without synthetic images (controls) mean accuracy changed:",
    )
    return [
        f"{beginning} {'; '.join(found)}."
        for beginning, found in zip(beginnings, (of_oracle, others), strict=True)
        if found
    ]


def corruption_sentences(comparison: pd.DataFrame, mixing_ratio: float | None = None) -> list[str]:
    """One sentence per regime and set on the mean corruption accuracy; none where no images were corrupted.

    Args:
        comparison: see ``corruption_comparison_table``; claims alone are told.
        mixing_ratio: as for ``verdict_sentences``.
    """
    of_accuracy = comparison[comparison["measure"] == CORRUPTED_ACCURACY]
    claims = mean_rows(of_accuracy[of_accuracy["family"] == CLAIM])
    kinds = comparison.loc[comparison["corruption"] != MEAN, "corruption"].nunique()
    on = f"On test images corrupted in {kinds} ways: "
    return [f"{on}{one[0].lower()}{one[1:]}" for one in verdict_sentences(claims, mixing_ratio)]


def corruption_lines(means: pd.DataFrame) -> list[str]:
    """Mean corruption accuracy of every cell, beside that on clean images, in a line per model; none without any.

    Args:
        means: see ``corruption_means_table``.
    """
    by_model: dict[str, list[str]] = {}
    for model, training, cell in cells_of(mean_rows(means)):
        corrupted, clean = (number(cell[name].mean()) for name in ("accuracy", "clean_accuracy"))
        by_model.setdefault(model, []).append(f"{training.label} {corrupted} ({clean})")
    return [
        f"{model_label(model)}, mean corruption accuracy (as the images were): {', '.join(cells)}"
        for model, cells in by_model.items()
    ]


def sensitivity_sentence(comparison: pd.DataFrame) -> str:
    """How large a true difference had to be to be found, for each classifier; empty where no verdict was given.

    Args:
        comparison: one row per comparison: ``model``, ``detectable``, ``n`` test images, ``replicates``.
    """
    tested = comparison.dropna(subset=["detectable"])
    if tested.empty:
        return ""
    by_model = tested.groupby("model", sort=False)["detectable"].agg(["min", "max"])
    found = [f"{_span(low, high)} for {model_label(str(model))}" for model, low, high in by_model.itertuples()]
    replicates = " to ".join(map(str, dict.fromkeys((tested["replicates"].min(), tested["replicates"].max()))))
    return (
        "No evidence does not mean no effect. The smallest true differences in accuracy that 80 of 100 such studies "
        f"({tested['n'].iloc[0]:,} test images, {replicates} replicates) would find, by comparison: {', '.join(found)}."
    )


def difference_sentences(differences: pd.DataFrame) -> list[str]:
    """One sentence per regime and set: how far mean accuracy moved; adds that nothing was tested.

    Args:
        differences: as ``mean_differences`` returns it.
    """
    sentences = []
    for subject, rows in _by_training(differences):
        moved = _span(rows["accuracy"].min(), rows["accuracy"].max(), signed=True)
        whom = f"over {len(rows)} classifiers" if len(rows) > 1 else f"for {model_label(rows['model'].item())}"
        sentences.append(f"{subject} moved mean test accuracy by {moved} {whom}.")
    if not sentences:
        return ["No pair of cells that could be compared has been trained."]
    return [*sentences, f"These are differences of means; {NO_TEST}."]


def comparison_label(training: Training, baseline: str) -> str:
    """A comparison in print: "mixed vs real"."""
    return f"{training.label} vs {REGIMES.find(baseline).label}"


def _span(low: float, high: float, *, signed: bool = False) -> str:
    return " to ".join(dict.fromkeys(number(end, signed=signed) for end in (low, high)))


def _plain_words(verdict: str) -> str:
    return verdict.replace("_", " ")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and isnan(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _headline_first(found: list[Training]) -> list[Training]:
    """The headline first: synthetic images beyond augmentation; regimes of synthetic images alone last."""

    def place(training: Training) -> tuple[bool, bool]:
        regime = REGIMES.find(training.regime)
        return regime.synthetic_share == 1, not (regime.augment and regime.uses_synthetic)

    return sorted(found, key=place)


def _baselines(training: Training, found: list[Training]) -> list[Training]:
    baseline = REGIMES.find(training.regime).baseline
    return [other for other in found if other.regime == baseline and other.set in ("", training.set)]


def _means(classification: pd.DataFrame, model: str, training: Training) -> pd.Series:
    return rows_of(classification, model, training)[list(_METRICS)].mean()


def _by_training(table: pd.DataFrame, mixing_ratio: float | None = None) -> Iterator[tuple[str, pd.DataFrame]]:
    for training in _headline_first(trainings(table)):
        rows = rows_of(table, training=training)
        yield _subject(training, mixing_ratio), rows


def _subject(training: Training, mixing_ratio: float | None = None) -> str:
    """What is compared, as the subject of a sentence."""
    regime = REGIMES.find(training.regime)
    several_sets = training.label != regime.label
    return regime.sentence_subject(training.set if several_sets else "", mixing_ratio)


def _verdict_sentence(subject: str, rows: pd.DataFrame) -> str:
    counts, n = Counter(rows["verdict"]), len(rows)
    if counts["no_verdict"] == n:
        return f"{subject}: no verdict can be given."
    found = [f"{word} {_whom(rows[rows['verdict'] == word], n)}" for word in ("helps", "hurts") if counts[word]]
    parts = [f"{subject} {' and '.join(found)}"] if found else [f"{subject}: no evidence that it helps or hurts"]
    if not found:
        parts[0] += f" {_all_of(rows[rows['verdict'] == 'no_evidence'], n)}"
    elif counts["no_evidence"]:
        parts.append(f"for {counts['no_evidence']} there is no evidence either way")
    if counts["no_verdict"]:
        parts.append(f"for {counts['no_verdict']} no verdict can be given")
    return f"{'; '.join(parts)}{_not_inferior(rows)}."


def _whom(rows: pd.DataFrame, n: int) -> str:
    """The classifiers of ``rows``, ``n`` in all, with what each gained or lost."""
    changes = [(model_label(row["model"]), _change(row)) for row in records(rows)]
    if n == 1:
        return "{} ({})".format(*changes[0])
    return f"{len(rows)} of {n} classifiers ({'; '.join(f'{name} {change}' for name, change in changes)})"


def _all_of(rows: pd.DataFrame, n: int) -> str:
    """The classifiers of ``rows``, ``n`` in all, without their names where they are several."""
    if n == 1:
        return model_label(rows["model"].item())
    return f"any of {n} classifiers" if len(rows) == n else f"{len(rows)} of {n} classifiers"


def _change(row: Mapping[str, Any]) -> str:
    small = f", a gain below {row['margin']:g}" if row["verdict"] == "helps" and row["small"] else ""
    return f"{number(row['difference'], signed=True)}{small}"


def _not_inferior(rows: pd.DataFrame) -> str:
    """For whom a loss of the margin is ruled out without a gain that was found; "" for nobody."""
    names = [model_label(row["model"]) for row in records(rows[rows["non_inferior"] & (rows["verdict"] != "helps")])]
    return f"; a loss of {rows['margin'].iloc[0]:g} or more is ruled out for {', '.join(names)}" if names else ""
