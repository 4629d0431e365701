"""The answer in one sentence, and the differences it rests on."""

from collections import Counter
from collections.abc import Hashable, Iterable

import pandas as pd

from synthpath_kedro.report.labels import model_label, ordered_models

COMPARISONS = {"mixed vs real": "mixed", "synthetic vs real": "synthetic"}
NO_TEST = "no test of significance was run"

_TRAINING = {
    "mixed vs real": "Adding synthetic images to the real ones",
    "synthetic vs real": "Training on synthetic images alone",
}
_METRICS = ("accuracy", "macro_f1", "auc")


def mean_differences(classification: pd.DataFrame) -> pd.DataFrame:
    """Differences of the replicates' means on the real test set, synthetic and mixed against real.

    Args:
        classification: one row per cell and replicate: ``model, regime, accuracy, macro_f1, auc``.

    Returns:
        Columns ``model, comparison, accuracy, macro_f1, auc``; pairs with a missing cell are left out.
    """
    columns = ["model", "comparison", *_METRICS]
    if classification.empty:
        return pd.DataFrame(columns=columns)
    means = classification.groupby(["model", "regime"])[list(_METRICS)].mean()
    rows = [
        {"model": model, "comparison": comparison, **_difference(means, model, regime)}
        for comparison, regime in COMPARISONS.items()
        for model in ordered_models(classification["model"])
        if (model, regime) in means.index and (model, "real") in means.index
    ]
    return pd.DataFrame(rows, columns=columns)


def verdict_sentences(verdicts: pd.DataFrame) -> list[str]:
    """One sentence a comparison: for how many classifiers synthetic data helps or hurts.

    Args:
        verdicts: columns ``model, comparison, verdict``; a verdict is "helps", "hurts", "no evidence" or starts with
            "no verdict".
    """
    return [_verdict_sentence(str(comparison), rows["verdict"]) for comparison, rows in _by_comparison(verdicts)]


def sensitivity_sentence(comparison: pd.DataFrame) -> str:
    """How small a difference could have been seen; empty where no verdict was given.

    Args:
        comparison: one row per model and regime: ``low, high`` of the single comparison, ``n`` test images,
            ``replicates``.
    """
    tested = comparison.dropna(subset=["low", "high"])
    if tested.empty:
        return ""
    margin = ((tested["high"] - tested["low"]) / 2).median()
    return (
        f"With {tested['n'].iloc[0]:,} test images and {tested['replicates'].min()} replicates a difference below "
        f"about {margin:.3f} cannot be told from chance: no evidence does not mean no effect."
    )


def difference_sentences(differences: pd.DataFrame) -> list[str]:
    """One sentence a comparison: how far mean accuracy moved; says that nothing was tested.

    Args:
        differences: as ``mean_differences`` returns it.
    """
    sentences = []
    for comparison, rows in _by_comparison(differences):
        low, high = rows["accuracy"].min(), rows["accuracy"].max()
        reach = f"by {low:+.3f} to {high:+.3f} over {len(rows)} classifiers"
        moved = reach if len(rows) > 1 else f"by {low:+.3f} for {model_label(rows['model'].item())}"
        sentences.append(f"{_training(str(comparison))} moved mean test accuracy {moved}.")
    if not sentences:
        return ["No pair of cells that could be compared has been trained."]
    return [*sentences, f"These are differences of means; {NO_TEST}."]


def _difference(means: pd.DataFrame, model: str, regime: str) -> dict[str, float]:
    return {metric: means[metric][model, regime] - means[metric][model, "real"] for metric in _METRICS}


def _verdict_sentence(comparison: str, verdicts: pd.Series) -> str:
    counts = Counter("no verdict" if word.startswith("no verdict") else word for word in verdicts)
    classifiers = "classifier" if len(verdicts) == 1 else "classifiers"
    if counts["no evidence"] == len(verdicts):
        whom = "the classifier" if len(verdicts) == 1 else f"any of {len(verdicts)} classifiers"
        return f"{_training(comparison)}: no evidence that it helps or hurts {whom}."
    parts = [
        f"{_training(comparison)} helps {counts['helps']} of {len(verdicts)} {classifiers} and hurts {counts['hurts']}"
    ]
    if counts["no evidence"]:
        parts.append(f"for {counts['no evidence']} there is no evidence either way")
    if counts["no verdict"]:
        parts.append(f"for {counts['no verdict']} no verdict can be given")
    return f"{'; '.join(parts)}."


def _by_comparison(table: pd.DataFrame) -> Iterable[tuple[Hashable, pd.DataFrame]]:
    return table.groupby("comparison", sort=False)


def _training(comparison: str) -> str:
    return _TRAINING.get(comparison, comparison)
