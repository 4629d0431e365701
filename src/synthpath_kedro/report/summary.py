"""The study's result in sentences, and as verdict.json for machines."""

from collections import Counter
from collections.abc import Iterator
from math import isnan
from typing import Any

import pandas as pd

from synthpath_kedro.evaluation.comparison_tables import KEYS
from synthpath_kedro.evaluation.rows import records
from synthpath_kedro.report.labels import Training, model_label, ordered_models, rows_of, trainings
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
    """One sentence per regime and set: for how many classifiers synthetic data helps or hurts.

    Args:
        comparison: columns ``model, regime, set, baseline, verdict, small, non_inferior, margin``, see
            ``comparison_table``.
        mixing_ratio: synthetic share of mixed batches; None: not named.
    """
    return [_verdict_sentence(subject, rows) for subject, rows in _by_training(comparison, mixing_ratio)]


def control_sentences(comparison: pd.DataFrame, mixing_ratio: float | None = None) -> list[str]:
    """What the positive controls and the other controls changed for each classifier, with verdicts: a sentence each.

    Args:
        comparison: the controls' rows: ``model, regime, set, baseline, difference, verdict``; those with a set are of
            a perfect generator.
        mixing_ratio: synthetic share of mixed batches; None: not named.
    """
    of_oracle: list[str] = []
    others: list[str] = []
    for subject, rows in _by_training(comparison, mixing_ratio):
        changes = [
            f"{number(row['difference'], signed=True)} for {model_label(row['model'])} ({_plain_words(row['verdict'])})"
            for row in records(rows)
        ]
        against = REGIMES.find(rows["baseline"].iloc[0]).label
        found = of_oracle if rows["set"].iloc[0] else others
        found.append(f"{subject[0].lower()}{subject[1:]}, against {against}: {', '.join(changes)}")
    headings = "A perfect generator (positive control) would have changed", "Controls without synthetic images changed"
    return [
        f"{heading} mean accuracy as follows: {'; '.join(found)}."
        for heading, found in zip(headings, (of_oracle, others), strict=True)
        if found
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
        f"With {tested['n'].iloc[0]:,} test images and {replicates} replicates, 80 of 100 such studies would find a "
        f"true difference in accuracy of this size, by comparison: {', '.join(found)}. No evidence does not mean no "
        "effect."
    )


def difference_sentences(differences: pd.DataFrame) -> list[str]:
    """One sentence per regime and set: how far mean accuracy moved; adds that nothing was tested.

    Args:
        differences: as ``mean_differences`` returns it.
    """
    sentences = []
    for subject, rows in _by_training(differences):
        low, high = (number(end, signed=True) for end in (rows["accuracy"].min(), rows["accuracy"].max()))
        reach = f"by {low} to {high} over {len(rows)} classifiers"
        moved = reach if len(rows) > 1 else f"by {low} for {model_label(rows['model'].item())}"
        sentences.append(f"{subject} moved mean test accuracy {moved}.")
    if not sentences:
        return ["No pair of cells that could be compared has been trained."]
    return [*sentences, f"These are differences of means; {NO_TEST}."]


def comparison_label(training: Training, baseline: str) -> str:
    """A comparison in print: "mixed vs real"."""
    return f"{training.label} vs {REGIMES.find(baseline).label}"


def _span(low: float, high: float) -> str:
    return " to ".join(dict.fromkeys((number(low), number(high))))


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
    not_inferior = _not_inferior(rows)
    if counts["no_evidence"] == n:
        whom = "the classifier" if n == 1 else f"any of {n} classifiers"
        return f"{subject}: no evidence that it helps or hurts {whom}{not_inferior}."
    small = int(((rows["verdict"] == "helps") & rows["small"]).sum())
    by_how_much = f" ({small} by a small gain, below {rows['margin'].iloc[0]:g})" if small else ""
    classifiers = "classifier" if n == 1 else "classifiers"
    parts = [f"{subject} helps {counts['helps']} of {n} {classifiers}{by_how_much} and hurts {counts['hurts']}"]
    if counts["no_evidence"]:
        parts.append(f"for {counts['no_evidence']} there is no evidence either way")
    if counts["no_verdict"]:
        parts.append(f"for {counts['no_verdict']} no verdict can be given")
    return f"{'; '.join(parts)}{not_inferior}."


def _not_inferior(rows: pd.DataFrame) -> str:
    """For whom a loss of the margin is ruled out without a gain that was found; "" for nobody."""
    names = [model_label(row["model"]) for row in records(rows[rows["non_inferior"] & (rows["verdict"] != "helps")])]
    return f"; a loss of {rows['margin'].iloc[0]:g} or more is ruled out for {', '.join(names)}" if names else ""
