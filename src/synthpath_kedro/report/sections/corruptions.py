"""What other stains, scanners and files do to accuracy, and which regimes bear it better."""

from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import (
    cells_of,
    corruption_label,
    level_label,
    model_label,
    ordered_corruptions,
    ordered_models,
    rows_of,
)
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent
from synthpath_kedro.report.sections.comparisons import named, verdict

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.report.tables import PlainTable

MEANS = (
    "Real test images, degraded in {n} ways: accuracy as they were (clean), the mean over all ways (corrupted; each "
    "weighs the same) with its standard deviation between replicates, and the mean over the levels of each."
)
VERDICTS = (
    "Against the baseline, on the same corrupted images, replicate by replicate: the mean corruption accuracy, and its "
    "change from the accuracy on these images as they were. With 95 % intervals of each comparison by itself, which "
    "include the variance of training seeds and of test {unit}; the verdict allows for all comparisons of its column "
    "(Holm over the claims and, apart from them, over the controls). A regime that is worse to begin with has less to "
    "lose: a smaller change alone is no robustness."
)
BY_CORRUPTION = "The same for each corruption, mean over its levels. Holm runs over all corruptions of a column too."
CURVES = "{model}: accuracy against the level; mean over replicates, the band from the worst to the best replicate."
ALT = "Accuracy of every training of {model} under each corruption, from clean images to the highest level"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.corruptions import corruption_curves

    table, means = evidence["corruptions"], evidence["corruption_means"]
    if table.empty:
        return SectionContent()
    note = source_note(phantom=evidence["data_card"].phantom)
    figures = {}
    for model in ordered_models(table["model"]):
        label = model_label(model)
        title = f"{label} on corrupted test images"
        image = corruption_curves(rows_of(table, model), title, note)
        figures[model] = ReportFigure(title, CURVES.format(model=label), ALT.format(model=label), image)
    tables = [_means(means)]
    if len(evidence["corruption_comparison"]):
        unit = "patients (or slides)" if evidence["data_card"].groups_known else "images"
        tables += _verdicts(evidence["corruption_comparison"], unit)
    return SectionContent(tables, figures, [Note(levels_sentence(table), "Levels.")])


def levels_sentence(table: "pd.DataFrame") -> str:
    """What each corruption is and which levels it has."""
    from synthpath_kedro.study.corruptions import CORRUPTIONS

    parts = []
    for name in ordered_corruptions(table["corruption"]):
        levels = dict.fromkeys(table.loc[table["corruption"] == name, "level"])
        printed = ", ".join(level_label(name, level) for level in levels)
        parts.append(f"{corruption_label(name)} ({printed}): {CORRUPTIONS.find(name).meaning}")
    return f"{'; '.join(parts)}."


def _means(means: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.evaluation.corruption_tables import MEAN
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    corruptions = [name for name in ordered_corruptions(means["corruption"]) if name != MEAN]
    rows = []
    for model, training, cell in cells_of(means):
        by_corruption = cell.groupby("corruption")["accuracy"].mean()
        of_all = cell.loc[cell["corruption"] == MEAN, "accuracy"]
        rows.append(
            {"model": model_label(model), "trained on": training.label, "n": int(cell["n"].iloc[0])}
            | {
                "clean": Fixed(cell["clean_accuracy"].mean()),
                "corrupted": Fixed(of_all.mean()),
                "± sd": Fixed(of_all.std()),
            }
            | {corruption_label(name): Fixed(by_corruption[name]) for name in corruptions}
        )
    return plain_table(rows, caption=MEANS.format(n=len(corruptions)))


def _verdicts(comparison: "pd.DataFrame", unit: str) -> "list[PlainTable]":
    from synthpath_kedro.evaluation.corruption_tables import CORRUPTED_ACCURACY, MEAN
    from synthpath_kedro.report.summary import in_reading_order

    ordered = in_reading_order(comparison)
    accuracy = ordered[ordered["measure"] == CORRUPTED_ACCURACY]
    of_all = accuracy[accuracy["corruption"] == MEAN].reset_index(drop=True)
    each = accuracy[accuracy["corruption"] != MEAN].reset_index(drop=True)
    by_corruption = [{"corruption": corruption_label(name)} for name in each["corruption"]]
    return [
        named(
            of_all,
            _both_measures(of_all, ordered),
            title="Verdicts on corrupted test images",
            caption=VERDICTS.format(unit=unit),
        ),
        named(
            each,
            [name | row for name, row in zip(by_corruption, _both_measures(each, ordered), strict=True)],
            title="Verdicts by corruption",
            caption=BY_CORRUPTION,
            folded=True,
        ),
    ]


def _both_measures(accuracy: "pd.DataFrame", comparison: "pd.DataFrame") -> list[dict[str, Any]]:
    """Accuracy and its change, in the order of ``accuracy``."""
    from synthpath_kedro.evaluation.corruption_tables import CHANGE
    from synthpath_kedro.evaluation.rows import records

    keys = ["model", "regime", "set", "corruption"]
    changes = comparison[comparison["measure"] == CHANGE]
    by_key = {tuple(row[key] for key in keys): row for row in records(changes)}
    return [
        _shown(row, "accuracy") | _shown(by_key[tuple(row[key] for key in keys)], "change") for row in records(accuracy)
    ]


def _shown(row: dict[str, Any], name: str) -> dict[str, Any]:
    from synthpath_kedro.report.values import Interval, PValue

    return {
        name: Interval(row["difference"], row["ci_low"], row["ci_high"], signed=True),
        f"{name}: verdict": verdict(row),
        f"{name}: adjusted p": PValue(row["p_adjusted"]) if row["p_adjusted"] == row["p_adjusted"] else "",
    }


SECTION = Section(
    name="corruptions",
    title="Corruptions",
    question="robustness",
    needs=("data_card", "corruptions", "corruption_means", "corruption_comparison"),
    build=_build,
    absent="No corruptions: no cell was tested on corrupted images.",
)
