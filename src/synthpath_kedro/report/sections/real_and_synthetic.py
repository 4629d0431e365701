"""Real beside synthetic images."""

from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

CAPTION = "Class by class: real training images on the left, synthetic ones on the right."
ALT = "Real and synthetic images side by side, class by class"


def _build(evidence: Evidence) -> SectionContent:
    figures = evidence["real_and_synthetic_figures"]
    if not evidence["parameters"].report.embed_real_images:
        return SectionContent(notes=[Note("Real images are not shown (report.embed_real_images is off).")])
    several = len(figures) > 1
    return SectionContent(
        figures={
            f"real_and_synthetic_{name}": ReportFigure(
                f"Real and synthetic images: {name}" if several else "Real and synthetic images", CAPTION, ALT, image
            )
            for name, image in figures.items()
        }
    )


SECTION = Section(
    name="real_and_synthetic",
    title="Real and synthetic images",
    question="images",
    needs=("parameters", "real_and_synthetic_figures"),
    build=_build,
    absent="No picture of real beside synthetic images: none was drawn.",
    lead=True,
)
