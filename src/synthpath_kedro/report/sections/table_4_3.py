"""Table 4.3: robustness, with its figure."""

from synthpath_kedro.report.labels import study_trainings
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

CAPTION = "Accuracy under each attack, for every cell; a point is a replicate."
ALT = "Accuracy of each cell under every attack"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.robustness import robustness
    from synthpath_kedro.report.published import TABLE_4_3_WARNING, models_as_published
    from synthpath_kedro.report.published_tables import table_4_3

    parameters, table = evidence["parameters"], evidence["robustness"]
    attacked = table[~table["control"].astype(bool)] if "control" in table else table
    beside = models_as_published(evidence["data_card"], [cell.card for cell in evidence["predictions"]])
    image = robustness(attacked, note=source_note(evidence["data_card"]))
    return SectionContent(
        [table_4_3(attacked, parameters.classification.models, study_trainings(parameters), beside)],
        {"robustness": ReportFigure("Robustness", CAPTION, ALT, image)},
        [Note(TABLE_4_3_WARNING, "A warning about the published table.")] if beside else [],
    )


SECTION = Section(
    name="table_4_3",
    title="Table 4.3: robustness",
    question="robustness",
    needs=("parameters", "data_card", "predictions", "robustness"),
    build=_build,
    caption="Accuracy under attack. In brackets: change from the accuracy on the same images, not attacked.",
    absent="No table 4.3: no cell was attacked.",
)
