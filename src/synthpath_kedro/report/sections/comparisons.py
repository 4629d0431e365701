"""Every regime against its baseline: the verdicts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import model_label, trainings
from synthpath_kedro.report.section import Evidence, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.data.synthetic import GeneratorCard
    from synthpath_kedro.report.tables import PlainTable
    from synthpath_kedro.report.values import Verdict

TESTED = (
    "Difference of the replicates' mean accuracies. Each interval is of one comparison by itself; the verdict allows "
    "for all of them (adjusted p) and is about the sign alone. Small: a gain that was found and is below {margin}. Not "
    "inferior: a loss of {margin} or more is ruled out (one-sided, adjusted too).{arrows} {about}"
)
ARROWS = " An arrow: the difference is beyond the scale of the drawing."
ONE_RUN = "Everything is about the synthetic images at hand, not about their generator in general."
SEVERAL_RUNS = "The intervals of {names} include the variance between {n} denoisers."
MADE_ONCE = " What is said of {names} is about the images at hand, not about their generator in general."
UNTESTED = "Differences of the replicates' means; no test of significance was run."
IN_FULL = (
    "Accuracy on the real test set. The standard error (SE) includes the variance of training seeds and of test "
    "{unit}; Holm's adjustment runs over the claims and, apart from them, over the controls, and decides the verdict. "
    "Detectable: the smallest true difference that 80 of 100 such studies would find. McNemar's test, over test images "
    "alone, is shown for orientation: it is the median p of the replicates and ignores the training seed."
)
BY_METRIC = (
    "The same analysis for the other metrics, with 95 % intervals of each comparison by itself. Holm's adjustment runs "
    "over the claims and over the controls of one metric. Brier score and NLL stand with the calibration."
)
BY_CLASS = (
    "Change of each class's recall, with its verdict where there is evidence. Holm's adjustment runs over all classes "
    "and the claims, and over all classes and the controls."
)
MIN_REACH, TYPICAL_REACH = 0.01, 4
"""Ends of the drawings: at least so much accuracy, at most so many times the median interval's farther end."""


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.evaluation.comparison_tables import accuracy_rows
    from synthpath_kedro.report.summary import in_reading_order, mean_differences

    comparison = in_reading_order(evidence["comparison"])
    if len(comparison):
        accuracy = accuracy_rows(comparison)
        unit = "patients (or slides)" if evidence["data_card"].groups_known else "images"
        tables = [
            _verdicts(accuracy, _about(evidence["generator_cards"])),
            _in_full(accuracy, unit),
            verdicts_by_metric(comparison, errors=False, title="Verdicts by metric", caption=BY_METRIC),
            _by_class(comparison),
        ]
        return SectionContent(tables=tables)
    differences = mean_differences(evidence["classification"])
    return SectionContent(tables=[_differences(differences)] if len(differences) else [])


def _verdicts(comparison: "pd.DataFrame", about: str) -> "PlainTable":
    from synthpath_kedro.report.values import Fixed, IntervalPlot, PValue, Range

    ends = comparison[["difference", "ci_low", "ci_high"]].abs().max(axis=1)
    reach = max(MIN_REACH, min(float(ends.max()), TYPICAL_REACH * float(ends.median())))
    rows = [
        {
            "verdict": verdict(row),
            "difference": Fixed(row["difference"], signed=True),
            "95 % interval": Range(row["ci_low"], row["ci_high"], signed=True),
            "worse \N{EN DASH} better": IntervalPlot(row["difference"], row["ci_low"], row["ci_high"], reach),
            "adjusted p": PValue(row["p_adjusted"]) if row["p_adjusted"] == row["p_adjusted"] else "",
            "size": _size(row),
        }
        for row in _rows(comparison)
    ]
    arrows = ARROWS if (comparison["difference"].abs() > reach).any() else ""
    caption = TESTED.format(margin=f"{comparison['margin'].iloc[0]:g}", arrows=arrows, about=about)
    return named(comparison, rows, title="Test accuracy against the baseline", caption=caption)


def _in_full(comparison: "pd.DataFrame", unit: str) -> "PlainTable":
    from synthpath_kedro.report.values import Fixed, Interval, PValue

    rows = [
        {
            "accuracy": Interval(row["difference"], row["ci_low"], row["ci_high"], signed=True),
            "SE": Fixed(row["standard_error"]),
            "p": PValue(row["p"]),
            "p, Holm": PValue(row["p_adjusted"]),
            "detectable": Fixed(row["detectable"]),
            "p, McNemar": PValue(row["mcnemar_p"]),
            "family": row["family"],
        }
        for row in _rows(comparison)
    ]
    return named(comparison, rows, title="Comparisons in full", caption=IN_FULL.format(unit=unit), folded=True)


def verdicts_by_metric(comparison: "pd.DataFrame", *, errors: bool, title: str, caption: str) -> "PlainTable":
    """Verdicts of every metric but accuracy: of those where less is better (``errors``), or of the others."""
    import pandas as pd

    from synthpath_kedro.evaluation.comparison_tables import ACCURACY
    from synthpath_kedro.metrics.pseudo_values import TESTED_METRICS
    from synthpath_kedro.report.values import Interval, PValue

    parts = [
        (metric.label, comparison[comparison["metric"] == metric.name])
        for metric in TESTED_METRICS.values()
        if metric.name != ACCURACY and metric.is_error == errors
    ]
    rows = [
        {
            "metric": label,
            "verdict": verdict(row),
            "difference": Interval(row["difference"], row["ci_low"], row["ci_high"], signed=True),
            "adjusted p": PValue(row["p_adjusted"]),
        }
        for label, part in parts
        for row in _rows(part)
    ]
    table = pd.concat([part for _, part in parts])
    return named(table, rows, title=title, caption=caption, folded=True)


def _by_class(comparison: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.evaluation.comparison_tables import RECALL

    recall = comparison[comparison["metric"].str.startswith(RECALL)]
    by_cell = recall.groupby(["model", "regime", "set"], sort=False)
    rows = [{row["metric"].removeprefix(RECALL): _change(row) for row in _rows(of_cell)} for _, of_cell in by_cell]
    return named(by_cell.head(1), rows, title="Recall by class", caption=BY_CLASS, folded=True)


def _differences(differences: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.report.values import Fixed, IntervalPlot

    reach, nan = max(MIN_REACH, float(differences["accuracy"].abs().max())), float("nan")
    rows = [
        {
            "accuracy": Fixed(row["accuracy"], signed=True),
            "worse \N{EN DASH} better": IntervalPlot(row["accuracy"], nan, nan, reach),
            "macro F1": Fixed(row["macro_f1"], signed=True),
            "AUC": Fixed(row["auc"], signed=True),
        }
        for row in _rows(differences)
    ]
    title = "Test accuracy against the baseline"
    return named(differences, rows, title=title, caption=UNTESTED)


def named(table: "pd.DataFrame", rows: list[dict[str, Any]], **attributes: Any) -> "PlainTable":
    """``rows`` with the model and the comparison in front; a line above each comparison."""
    from synthpath_kedro.report.summary import comparison_label
    from synthpath_kedro.report.tables import plain_table

    found = {(training.regime, training.set): training for training in trainings(table)}
    names = [comparison_label(found[row["regime"], row["set"]], row["baseline"]) for row in _rows(table)]
    named = [
        {"model": model_label(row["model"]), "comparison": name} | values
        for row, name, values in zip(_rows(table), names, rows, strict=True)
    ]
    opens = frozenset(k for k in range(1, len(names)) if names[k] != names[k - 1])
    return plain_table(named, opens=opens, **attributes)


def _rows(table: "pd.DataFrame") -> list[dict[str, Any]]:
    from synthpath_kedro.evaluation.rows import records

    return records(table)


def _words(row: dict[str, Any]) -> str:
    words = str(row["verdict"]).replace("_", " ")
    return f"{words}: {row['reason']}" if row["reason"] else words


def verdict(row: dict[str, Any]) -> "Verdict":
    from synthpath_kedro.report.values import Verdict

    return Verdict(_words(row), row["verdict"] if row["verdict"] in ("helps", "hurts") else "")


def _change(row: dict[str, Any]) -> "Verdict":
    """A difference in print, with its verdict where there is one to tell."""
    from synthpath_kedro.report.values import Verdict, number

    difference, verdict = number(row["difference"], signed=True), row["verdict"]
    return Verdict(f"{difference} {verdict}", verdict) if verdict in ("helps", "hurts") else Verdict(difference)


def _size(row: dict[str, Any]) -> str:
    small = row["verdict"] == "helps" and row["small"]
    return ", ".join(word for word, holds in (("small", small), ("not inferior", row["non_inferior"])) if holds)


def _about(cards: "Mapping[str, GeneratorCard]") -> str:
    """What the verdicts are about: sets of several denoisers, or the images at hand."""
    several = {name: card.replicates for name, card in cards.items() if card.replicates > 1}
    if not several:
        return ONE_RUN
    once = ", ".join(name for name in cards if name not in several)
    said = SEVERAL_RUNS.format(names=", ".join(several), n=max(several.values()))
    return said + (MADE_ONCE.format(names=once) if once else "")


SECTION = Section(
    name="comparisons",
    title="Verdicts",
    question="help",
    needs=("data_card", "classification", "comparison", "generator_cards"),
    build=_build,
    absent="No comparisons: no cell has been evaluated.",
)
