"""What the training data does to accuracy, as a figure."""

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Accuracy on the real test set of every cell; a point is a replicate, a bar the mean of the replicates."
ALT = "Accuracy of each classifier by the images it was trained on"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.accuracy_by_regime import accuracy_by_regime

    note = source_note(phantom=evidence["data_card"].phantom)
    figure = accuracy_by_regime(evidence["classification"], evidence["missing_cells"], note=note)
    return SectionContent(
        figures={"accuracy_by_regime": ReportFigure("Accuracy by training data", CAPTION, ALT, figure)}
    )


SECTION = Section(
    name="accuracy_by_regime",
    title="Accuracy by training data",
    question="help",
    needs=("classification", "data_card", "missing_cells"),
    build=_build,
    absent="No figure of accuracies: no cell has been evaluated.",
)
