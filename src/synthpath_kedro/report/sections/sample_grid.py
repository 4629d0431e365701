"""Training images."""

from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

CAPTION = "Nine images of each class."
ALT = "Nine real training images of each class"


def _build(evidence: Evidence) -> SectionContent:
    if not evidence["parameters"].report.embed_real_images:
        return SectionContent(notes=[Note("Real images are not shown (report.embed_real_images is off).")])
    return SectionContent(
        figures={"sample_grid": ReportFigure("Training images", CAPTION, ALT, evidence["sample_grid_figure"])}
    )


SECTION = Section(
    name="sample_grid",
    title="Training images",
    question="provenance",
    needs=("parameters", "sample_grid_figure"),
    build=_build,
    absent="No training images are shown: their picture was not drawn.",
)
