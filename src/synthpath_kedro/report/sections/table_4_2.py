"""Table 4.2: synthetic images as test data."""

from synthpath_kedro.report.section import Evidence, Section, SectionContent


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.published_tables import table_4_2

    return SectionContent(
        tables=[table_4_2(evidence["synthetic_as_test"], evidence["parameters"].classification.models)]
    )


SECTION = Section(
    name="table_4_2",
    title="Table 4.2: synthetic images as test data",
    question="like_real",
    needs=("parameters", "synthetic_as_test"),
    build=_build,
    caption=(
        "Classifiers trained on real images, tested on synthetic ones. In brackets: change against the real test set."
    ),
    absent="No table 4.2: no cell was tested on synthetic images.",
)
