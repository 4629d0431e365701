"""How near the synthetic images are to real ones."""

from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import model_label
from synthpath_kedro.report.section import Evidence, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.report.tables import PlainTable

MEASURES = {
    "frechet_distance": "Fréchet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}
KEYS = ["set", "reference", "class", "measure"]
"""Of a row; the reference comes once with every set."""

READER_STUDY = "reader_study.html, beside this file, asks a person to tell real tiles from {which}."
BY_CLASS = (
    "Kernel distance of each class to itself, in the same features; unbiased, so that n may differ (n: images of the "
    "first set / of the second)."
)


def _build(evidence: Evidence) -> SectionContent:
    tables = [_overall(evidence), _by_class(evidence)]
    return SectionContent(tables=[table for table in tables if table.rows])


def _overall(evidence: Evidence) -> "PlainTable":
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    table = evidence["fidelity"].drop_duplicates(KEYS)
    if table.empty:
        return plain_table([])
    wide = table.pivot_table(index=["reference", "set", "n"], columns="measure", values="value", sort=False)
    shown = {name: label for name, label in MEASURES.items() if name in wide and wide[name].notna().any()}
    several = table["set"].nunique() > 2
    rows = [
        {"reference": reference.replace("_", " "), "candidate": _candidate(name, several), "n": int(n)}
        | {
            label: Fixed(row[measure], digits=4 if measure.endswith("distance") else 3)
            for measure, label in shown.items()
        }
        for (reference, name, n), row in wide.iterrows()
    ]
    return plain_table(rows, caption=_caption(table) + _reader_study(evidence))


def _by_class(evidence: Evidence) -> "PlainTable":
    from synthpath_kedro.report.tables import PlainTable
    from synthpath_kedro.report.values import number

    table = evidence["fidelity_per_class"].drop_duplicates(KEYS)
    several = table["set"].nunique() > 2
    columns, texts = ["class"], {name: [name] for name in table["class"].unique()}
    for (reference, name), rows in table.groupby(["reference", "set"], sort=False):
        columns.append(f"{_candidate(name, several)} to {reference.replace('_', ' ')}")
        for one, value, n, other in zip(rows["class"], rows["value"], rows["n"], rows["n_reference"], strict=True):
            texts[one].append(f"{number(value, digits=4)} (n {n:,} / {other:,})")
    rows = tuple(map(tuple, texts.values()))
    return PlainTable(tuple(columns), rows, title="Fidelity by class", caption=BY_CLASS, folded=True)


def _candidate(name: str, several: bool) -> str:
    from synthpath_kedro.evaluation.fidelity_tables import REAL_TRAIN

    return name.replace("_", " ") if several or name == REAL_TRAIN else "synthetic"


def _caption(table: "pd.DataFrame") -> str:
    row = table.iloc[0]
    frechet = table.loc[table["measure"] == "frechet_distance", "value"]
    singular = " There is no Fréchet distance: n does not exceed the dimensions of the features."
    return (
        f"In features of {model_label(row['extractor'])} ({row['weights']} weights, {row['input_size']} pixels), "
        f"{row['n']:,} images of each set. Distances: 0 is alike; the kernel distance may fall below 0. Precision: "
        "share of candidates that lie among the reference images; recall: share of reference images that lie among the "
        "candidates; density and coverage: 1 is alike. Rows of real training images show what as many real "
        "images reach." + (singular if frechet.isna().any() else "")
    )


def _reader_study(evidence: Evidence) -> str:
    """Where the reader study is and which images it shows: of several sets the first."""
    if not evidence["parameters"].report.embed_real_images:
        return ""
    sets = list(evidence["generator_cards"])
    which = f"those of the set {sets[0]}" if len(sets) > 1 else "synthetic ones"
    return f" {READER_STUDY.format(which=which)}"


SECTION = Section(
    name="fidelity",
    title="Fidelity",
    question="images",
    needs=("parameters", "generator_cards", "fidelity", "fidelity_per_class"),
    build=_build,
    absent="No fidelity: the features of the images were not compared.",
)
