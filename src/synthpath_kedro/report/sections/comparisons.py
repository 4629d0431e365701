"""Every regime against its baseline: the verdicts."""

from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import model_label, trainings
from synthpath_kedro.report.section import Evidence, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.report.tables import PlainTable

TESTED = (
    "Difference of the replicates' mean accuracies. Each interval is of one comparison by itself; the verdict allows "
    "for all of them (adjusted p) and is about the sign alone. Small: a gain below {margin}. Not inferior: a loss of "
    "{margin} or more is ruled out (one-sided, 95 %). Everything is about the synthetic images at hand, not about "
    "their generator in general."
)
UNTESTED = "Differences of the replicates' means; no test of significance was run."
IN_FULL = (
    "Differences of the replicates' means on the real test set, with 95 % intervals of each comparison by itself. The "
    "standard error of accuracy holds the variance of test {unit} and of training seeds; Holm's adjustment runs over "
    "all rows and decides the verdict. F1 and AUC have bootstrap intervals over test {unit} alone. McNemar's test, "
    "over test images alone too, is shown for orientation: it ignores the training seed."
)
MIN_REACH = 0.01


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.summary import in_reading_order, mean_differences

    comparison = evidence["comparison"]
    if len(comparison):
        ordered = in_reading_order(comparison)
        unit = "patients (or slides)" if evidence["data_card"].groups_known else "images"
        return SectionContent(tables=[_verdicts(ordered), _in_full(ordered, unit)])
    differences = mean_differences(evidence["classification"])
    return SectionContent(tables=[_differences(differences)] if len(differences) else [])


def _verdicts(comparison: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.report.values import Fixed, IntervalPlot, PValue, Range, Verdict

    ends = comparison[["difference", "ci_low", "ci_high"]]
    reach = max(MIN_REACH, float(ends.abs().max().max()))
    rows = [
        {
            "verdict": Verdict(_words(row), row["verdict"] if row["verdict"] in ("helps", "hurts") else ""),
            "difference": Fixed(row["difference"], signed=True),
            "95 % interval": Range(row["ci_low"], row["ci_high"], signed=True),
            "worse \N{EN DASH} better": IntervalPlot(row["difference"], row["ci_low"], row["ci_high"], reach),
            "adjusted p": PValue(row["p_adjusted"]) if row["p_adjusted"] == row["p_adjusted"] else "",
            "size": _size(row),
        }
        for row in _rows(comparison)
    ]
    caption = TESTED.format(margin=f"{comparison['margin'].iloc[0]:g}")
    title = "Test accuracy against the baseline without synthetic images"
    return _named(comparison, rows, title=title, caption=caption)


def _in_full(comparison: "pd.DataFrame", unit: str) -> "PlainTable":
    from synthpath_kedro.report.values import Fixed, Interval, PValue

    rows = [
        {
            "accuracy": Interval(row["difference"], row["ci_low"], row["ci_high"], signed=True),
            "SE": Fixed(row["standard_error"]),
            "p": PValue(row["p"]),
            "p, Holm": PValue(row["p_adjusted"]),
            "p, McNemar": PValue(row["mcnemar_p"]),
        }
        | {
            label: Interval(row[f"{name}_difference"], row[f"{name}_ci_low"], row[f"{name}_ci_high"], signed=True)
            for name, label in (("macro_f1", "macro F1"), ("auc", "AUC"))
        }
        for row in _rows(comparison)
    ]
    return _named(comparison, rows, title="Comparisons in full", caption=IN_FULL.format(unit=unit), folded=True)


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
    title = "Test accuracy against the baseline without synthetic images"
    return _named(differences, rows, title=title, caption=UNTESTED)


def _named(table: "pd.DataFrame", rows: list[dict[str, Any]], **attributes: Any) -> "PlainTable":
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


def _size(row: dict[str, Any]) -> str:
    parts = [word for word, holds in (("small", row["small"]), ("not inferior", row["non_inferior"])) if holds]
    return ", ".join(parts)


SECTION = Section(
    name="comparisons",
    title="Verdicts",
    question="help",
    needs=("data_card", "classification", "comparison"),
    build=_build,
    absent="No comparisons: no cell has been evaluated.",
)
