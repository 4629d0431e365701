"""Table 4.2: synthetic images as test data."""

from synthpath_kedro.report.section import Evidence, Section, SectionContent


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.report.published import models_as_published
    from synthpath_kedro.report.published_tables import table_4_2

    beside = models_as_published(evidence["data_card"], map(CellMetadata.of, evidence["predictions"]))
    models = evidence["parameters"].classification.models
    return SectionContent(tables=[table_4_2(evidence["synthetic_as_test"], models, as_published=beside)])


SECTION = Section(
    name="table_4_2",
    title="Table 4.2: synthetic images as test data",
    question="like_real",
    needs=("parameters", "data_card", "predictions", "synthetic_as_test"),
    build=_build,
    caption=(
        "Classifiers trained without synthetic images, tested on them. In brackets: change against the real test set."
    ),
    absent="No table 4.2: no cell was tested on synthetic images.",
)
