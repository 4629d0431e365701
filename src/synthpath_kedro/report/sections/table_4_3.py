"""Table 4.3: robustness, with its figure."""

from synthpath_kedro.report.labels import study_cells, study_trainings
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

CAPTION = "Accuracy under each attack, for every cell; a point is a replicate."
ALT = "Accuracy of each cell under every attack"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.robustness import robustness
    from synthpath_kedro.report.published import TABLE_4_3_WARNING
    from synthpath_kedro.report.published_tables import table_4_3

    parameters, table = evidence["parameters"], evidence["robustness"]
    attacked = table[~table["control"].astype(bool)] if "control" in table else table
    image = robustness(attacked, note=source_note(phantom=evidence["data_card"].phantom))
    return SectionContent(
        [table_4_3(attacked, parameters.classification.models, study_trainings(parameters), study_cells(parameters))],
        {"robustness": ReportFigure("Robustness", CAPTION, ALT, image)},
        [Note(TABLE_4_3_WARNING, "A warning about the published table.")],
    )


SECTION = Section(
    name="table_4_3",
    title="Table 4.3: robustness",
    question="robustness",
    needs=("parameters", "data_card", "robustness"),
    build=_build,
    caption="Accuracy under attack. In brackets: change from the accuracy on the same images, not attacked.",
    absent="No table 4.3: no cell was attacked.",
)
