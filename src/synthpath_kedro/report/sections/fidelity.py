"""How near the synthetic images are to real ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import model_label, ordered_models, rows_of, trainings
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent
from synthpath_kedro.study.regimes import REGIMES

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.report.tables import PlainTable

KEYS = ["set", "reference", "class", "measure"]
"""Of a row; the reference comes once with every set."""

READER_STUDY = "reader_study.html, beside this file, asks a person to tell real tiles from {which}."
OF_CLASSES = (
    "Each class against the same class of real images, and the mean over classes: labels that do not fit the images "
    "count, the number of images per class does not. Kernel distance: in features of {extractor} ({weights} weights, "
    "{size} pixels). Stain: Fréchet distance of each image's mean and standard deviation of hematoxylin and eosin, in "
    "hundredths of optical density (OD), squared. Texture: squared difference of the mean log power spectra, whatever "
    "the strength of the stain. 0 is alike; none of the three depends on n, and each may fall below 0. Rows of real "
    "training images show what real images reach. docs/evidence.md has what known changes of the images do to each "
    "number."
)
TOO_FEW = " A dash: no class has enough images."
WHOLE_SET = (
    "{n:,} images of each set, whatever their labels: another class mix counts, labels that do not fit do not. "
    "Precision: share of candidates that lie among the reference images; recall: share of reference images that lie "
    "among the candidates; density and coverage: 1 is alike."
)
SINGULAR = " There is no Fréchet distance: n does not exceed the dimensions of the features."
CAS = (
    "Classifier accuracy score (CAS): accuracy on real test images of classifiers trained on synthetic images alone, "
    "beside the same classifiers trained on real images; each model's mean over replicates."
)
BY_CLASS = "n: images of the first set / of the second. A dash: too few images to measure."
MISSING = (
    "{missing}. In the means over classes, a class with too few images counts with the distance of its real images to "
    "all images of the set, which is what there is in its place."
)


def _build(evidence: Evidence) -> SectionContent:
    table = evidence["fidelity"].drop_duplicates(KEYS)
    if table.empty:
        return SectionContent()
    shown = [_of_classes(table), _whole_set(table, evidence), _cas(evidence["classification"]), *_by_class(table)]
    return SectionContent([one for one in shown if one.rows], _figures(table, evidence), _missing(table))


def _of_classes(table: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.evaluation.fidelity_measures import MEASURES
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    means = table[table["measure"].isin([one.of_classes for one in MEASURES.values()])]
    rows = [
        _named(row, table)
        | {"n": f"{row['n']:,} / {row['n_reference']:,}"}
        | {one.heading: Fixed(row[one.of_classes], digits=one.digits) for one in MEASURES.values()}
        for row in _wide(means)
    ]
    first = table.iloc[0]
    facts = {"extractor": model_label(first["extractor"]), "weights": first["weights"], "size": first["input_size"]}
    caption = OF_CLASSES.format(**facts) + (TOO_FEW if means["value"].isna().any() else "")
    return plain_table(rows, title="Class by class: means over classes", caption=caption)


def _whole_set(table: "pd.DataFrame", evidence: Evidence) -> "PlainTable":
    from synthpath_kedro.evaluation import fidelity_measures
    from synthpath_kedro.evaluation.fidelity_tables import OVERALL
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    headings = {one.name: (one.heading, one.digits) for one in fidelity_measures.MEASURES.values()}
    headings |= {
        name: (label, 4 if name.endswith("distance") else 3) for name, label in fidelity_measures.WHOLE_SET.items()
    }
    whole = table[(table["class"] == OVERALL) & table["measure"].isin(list(headings))]
    defined = set(whole.loc[whole["value"].notna(), "measure"])
    known = {name: heading for name, heading in headings.items() if name in defined}
    rows = [
        _named(row, table)
        | {heading: Fixed(row[measure], digits=digits) for measure, (heading, digits) in known.items()}
        for row in _wide(whole)
    ]
    singular = whole.loc[whole["measure"] == "frechet_distance", "value"].isna().any()
    caption = WHOLE_SET.format(n=whole["n"].iloc[0]) + (SINGULAR if singular else "") + _reader_study(evidence)
    return plain_table(rows, title="Whole set: labels ignored", caption=caption)


def _cas(classification: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    rows = []
    for training in trainings(classification):
        regime = REGIMES.find(training.regime)
        if regime.synthetic_share != 1:
            continue
        for model in ordered_models(classification["model"]):
            own = rows_of(classification, model, training)["accuracy"].mean()
            of_model = rows_of(classification, model)
            real = of_model.loc[of_model["regime"] == regime.baseline, "accuracy"].mean()
            if own == own:
                found = {"CAS": Fixed(own), "trained on real images": Fixed(real)}
                difference = Fixed(own - real, signed=True)
                rows.append(
                    {"set": training.set, "classifier": model_label(model)} | found | {"difference": difference}
                )
    return plain_table(rows, title="CAS: what a classifier learns from the synthetic images", caption=CAS)


def _by_class(table: "pd.DataFrame") -> "list[PlainTable]":
    from synthpath_kedro.evaluation.fidelity_measures import MEASURES
    from synthpath_kedro.evaluation.fidelity_tables import OVERALL
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.tables import PlainTable
    from synthpath_kedro.report.values import number

    tables = []
    for one in MEASURES.values():
        found = table[(table["class"] != OVERALL) & (table["measure"] == one.name)]
        if found["value"].isna().all():
            continue
        texts = {name: [name] for name in found["class"].unique()}
        columns: dict[str, None] = {}
        for row in records(found):
            columns[f"{_candidate(row['set'], table)} to {row['reference'].replace('_', ' ')}"] = None
            value = number(row["value"], digits=one.digits)
            texts[row["class"]].append(f"{value} (n {row['n']:,} / {row['n_reference']:,})")
        title = f"{one.heading[0].upper()}{one.heading[1:]}, by class"
        shown = ("class", *columns), tuple(map(tuple, texts.values()))
        tables.append(PlainTable(*shown, title=title, caption=BY_CLASS, folded=True))
    return tables


def _figures(table: "pd.DataFrame", evidence: Evidence) -> dict[str, ReportFigure]:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.evaluation.fidelity_measures import MEASURES
    from synthpath_kedro.evaluation.fidelity_tables import OVERALL, REFERENCES
    from synthpath_kedro.report.figures.fidelity_by_class import fidelity_by_class

    own = table[(table["class"] != OVERALL) & (table["reference"] == REFERENCES[0])]
    names = sorted(own["set"].unique(), key=lambda name: (_is_real(name), name))
    distances = {}
    for one in MEASURES.values():
        rows = own[own["measure"] == one.name]
        if rows["value"].notna().any():
            wide = rows.pivot_table(index="class", columns="set", values="value", sort=False, dropna=False)
            distances[one.heading] = wide[names].rename(columns=lambda name: _candidate(name, table))
    if not distances:
        return {}
    figure = ReportFigure(
        "Fidelity by class",
        "Distance of each class to the same class of held-out real images (real val); 0 is alike. Real training images "
        "show what chance alone does.",
        "A row per class, a mark per set, a panel each for kernel distance, stain and texture",
        fidelity_by_class(distances, note=source_note(phantom=evidence["data_card"].phantom)),
    )
    return {"fidelity_by_class": figure}


def _missing(table: "pd.DataFrame") -> list[Note]:
    """Names the classes that a set has no image of, or a single one."""
    from synthpath_kedro.evaluation.fidelity_tables import missing_classes

    parts = [
        f"{_candidate(name, table)} has too few images of {', '.join(f'{one} ({n})' for one, n in classes.items())}"
        for name, classes in missing_classes(table.drop_duplicates(["set", "class", "measure"])).items()
    ]
    return [Note(MISSING.format(missing="; ".join(parts)), "Missing classes:", grave=True)] if parts else []


def _wide(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """A record per reference and set, with a value per measure."""
    from synthpath_kedro.evaluation.rows import records

    keys = ["reference", "set", "n", "n_reference"]
    wide = table.pivot_table(index=keys, columns="measure", values="value", sort=False, dropna=False)
    return records(wide.dropna(how="all").reset_index())


def _named(row: Mapping[str, Any], table: "pd.DataFrame") -> dict[str, Any]:
    return {"reference": row["reference"].replace("_", " "), "candidate": _candidate(row["set"], table)}


def _candidate(name: str, table: "pd.DataFrame") -> str:
    several = table["set"].nunique() > 2
    return name.replace("_", " ") if several or _is_real(name) else "synthetic"


def _is_real(name: str) -> bool:
    from synthpath_kedro.evaluation.fidelity_tables import REAL_TRAIN

    return name == REAL_TRAIN


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
    needs=("parameters", "generator_cards", "data_card", "fidelity", "classification"),
    build=_build,
    absent="No fidelity: the features of the images were not compared.",
)
