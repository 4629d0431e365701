"""Whether sets of classes that promise to hold the true one do so in the test center."""

from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import cells_of, model_label
from synthpath_kedro.report.section import Evidence, Note, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

CAPTION = (
    "Sets of classes (split conformal prediction, LAC) from the ensemble of the replicates. One threshold, set on "
    "{n_calibration:,} real validation images, so that {promised:.4g} % of the sets hold the true class. This is "
    "promised only for images like the validation images, and on average over them, not for every class. "
    "Expected: what 95 of 100 studies would reach whose test images are like their validation images. Reached: on the "
    "real test images. Where these come from another center nothing is promised, and what is reached is the finding. "
    "Intervals of 95 % over test {unit}, each of its number by itself, for the networks and the threshold at hand. "
    "Classes: mean size of a set. Single, empty: shares of sets of one class and of none."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import plain_table

    table = evidence["conformal"]
    if table.empty:
        return SectionContent()
    rows = [
        {"model": model_label(model), "trained on": training.label} | _row(cell)
        for model, training, cell in cells_of(table)
    ]
    unit = "patients (or slides)" if evidence["data_card"].groups_known else "images"
    first = table.iloc[0]
    caption = CAPTION.format(n_calibration=first["n_calibration"], promised=100 * first["promised"], unit=unit)
    return SectionContent([plain_table(rows, caption=caption)], notes=[Note(coverage_sentence(table))])


def coverage_sentence(conformal: "pd.DataFrame") -> str:
    """How many cells fall short of the promise, and which by most."""
    cells = [(model, training, _whole(cell)) for model, training, cell in cells_of(conformal)]
    short = sum(whole["coverage"] < whole["expected_low"] for _, _, whole in cells)
    model, training, worst = min(cells, key=lambda cell: cell[2]["coverage"])
    return (
        f"Promised: {worst['promised']:g}. On the test images the sets of {short} of {len(cells)} cells hold the true "
        f"class less often than chance explains (below the expected range). The lowest coverage reached is "
        f"{worst['coverage']:.3f}: {model_label(model)}, trained on {training.label}."
    )


def _whole(cell: "pd.DataFrame") -> dict[str, Any]:
    """The cell's row over all classes."""
    from synthpath_kedro.evaluation.rows import records

    return records(cell[cell["class"] == ""])[0]


def _row(cell: "pd.DataFrame") -> dict[str, Any]:
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.values import Fixed, Interval, Range

    whole = _whole(cell)
    least = min(records(cell[cell["class"] != ""]), key=lambda row: row["coverage"])
    return {
        "expected": Range(whole["expected_low"], whole["expected_high"]),
        "reached": Interval(whole["coverage"], whole["ci_low"], whole["ci_high"]),
        "classes": Fixed(whole["mean_size"], digits=2),
        "single": Fixed(whole["single"]),
        "empty": Fixed(whole["empty"]),
        "lowest of a class": Interval(least["coverage"], least["ci_low"], least["ci_high"]),
        "class": least["class"],
    }


SECTION = Section(
    name="conformal",
    title="Sets that hold the true class",
    question="calibration",
    needs=("data_card", "conformal"),
    build=_build,
    absent="No sets: no cell has been evaluated.",
)
