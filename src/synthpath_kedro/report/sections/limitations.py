"""What a reader must know before relying on the report."""

from synthpath_kedro.report.limitations import limitations
from synthpath_kedro.report.section import Evidence, Section, SectionContent


def _build(evidence: Evidence) -> SectionContent:
    return SectionContent(notes=limitations(evidence))


SECTION = Section(
    name="limitations",
    title="Limitations",
    question="provenance",
    needs=("parameters", "data_card", "classification", "comparison", "missing_cells", "generator_cards"),
    build=_build,
    absent="Limitations were not determined.",
)
