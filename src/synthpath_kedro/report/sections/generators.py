"""Which generator is best, where a study has several."""

from typing import Any

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = (
    "Ranked by kernel distance to held-out real images, the mean over classes (features; 0 is alike; a missing class "
    "counts), then by accuracy; whether two sets differ by more than chance was not tested. Stain and texture: means "
    "over classes too, see Fidelity; whole set: labels ignored. A positive control is a perfect generator, which draws "
    "from the true distribution: it shows what could be reached, and has no rank. Near-duplicates: the share of the "
    "examined images that are nearer to a training image than unrelated images come. Accuracies are means over the "
    "models and regimes that every set has, on the real test set, trained on the set alone (CAS, the classifier "
    "accuracy score) and together with real images; "
    "differences are against the baseline without synthetic images."
)


def _build(evidence: Evidence) -> SectionContent:
    import pandas as pd

    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.evaluation.fidelity_measures import MEASURES
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.figures.generators import generators
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import DASH, Fixed

    table, cards = evidence["generators"], evidence["generator_cards"]
    if len(table) < 2:
        return SectionContent()
    missing = (table["missing_classes"] != "").any()
    rows = [
        {
            "rank": "positive control" if pd.isna(row["rank"]) else int(row["rank"]),
            "set": row["set"],
            "source": cards[row["set"]].source,
            **{one.heading: Fixed(row[one.of_classes], digits=one.digits) for one in MEASURES.values()},
            **({"missing classes": row["missing_classes"] or DASH} if missing else {}),
            "kernel distance, whole set": Fixed(row["kernel_distance"], digits=4),
            "coverage": Fixed(row["coverage"]),
            "recall": Fixed(row["recall"]),
            "near-duplicates": Fixed(row["near_duplicates"]),
            "alarm": _alarm(row["alarm"]),
            "CAS (accuracy, alone)": Fixed(row["accuracy_alone"]),
            "accuracy, with real": Fixed(row["accuracy_mixed"]),
            "difference, alone": Fixed(row["difference_alone"], signed=True),
            "difference, with real": Fixed(row["difference_mixed"], signed=True),
        }
        for row in records(table)
    ]
    figure = ReportFigure(
        "Generators, ranked",
        "The same measures; the best by kernel distance stands above, positive controls (perfect generators) below.",
        "Kernel distance, near-duplicates and accuracies of every synthetic set",
        generators(table, note=source_note(phantom=evidence["data_card"].phantom)),
    )
    return SectionContent(tables=[plain_table(rows)], figures={"generators": figure})


def _alarm(alarm: Any) -> Any:
    """In words; a dash where nothing was searched."""
    import pandas as pd

    from synthpath_kedro.report.values import DASH, Warned

    if pd.isna(alarm):
        return DASH
    return Warned("yes") if alarm else "no"


SECTION = Section(
    name="generators",
    title="Generators, ranked",
    question="images",
    needs=("generators", "generator_cards", "data_card"),
    build=_build,
    caption=CAPTION,
    absent="No ranking of generators: fidelity was not measured.",
)
