"""Accuracy against the attack's budget."""

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

TITLE = "Accuracy against the attack's budget"
CAPTION = (
    "Mean over replicates; the band reaches from the worst to the best replicate. The curves begin at the accuracy on "
    "the same images, not attacked."
)
ALT = "Accuracy of each cell against the budget of every attack of the sweep"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.robustness import robustness

    curves = evidence["robustness_curves"]
    if curves.empty:
        return SectionContent()
    image = robustness(curves, title=TITLE, note=source_note(phantom=evidence["data_card"].phantom))
    return SectionContent(figures={"robustness_curves": ReportFigure(TITLE, CAPTION, ALT, image)})


SECTION = Section(
    name="robustness_curves",
    title=TITLE,
    question="robustness",
    needs=("data_card", "robustness_curves"),
    build=_build,
    absent="No curves: no cell was attacked with several budgets.",
)
