"""Which classes each classifier takes for which."""

from synthpath_kedro.report.labels import model_label, training_label
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Real test set, all replicates; percent of each true class, so that the diagonal is the recall."


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.evaluation.classification_tables import confusion_of_cell
    from synthpath_kedro.report.figures.confusion_matrices import confusion_matrices

    cells = evidence["predictions"]
    several = len({cell.card.get("set", "") for cell in cells} - {""}) > 1
    note, figures = source_note(evidence["data_card"]), {}
    for model in dict.fromkeys(cell.card["model"] for cell in cells):
        matrices = {
            training_label(cell.card["regime"], cell.card.get("set", ""), several_sets=several): confusion_of_cell(cell)
            for cell in cells
            if cell.card["model"] == model
        }
        label, names = model_label(model), cells[0].card["class_names"]
        image = confusion_matrices(matrices, names, f"{label}: percent of each true class", note=note)
        title = f"Confusion matrices of {label}"
        figures[f"confusion_{model}"] = ReportFigure(title, CAPTION, title, image)
    return SectionContent(figures=figures)


SECTION = Section(
    name="confusion_matrices",
    title="Confusion matrices",
    question="help",
    needs=("data_card", "predictions"),
    build=_build,
    absent="No confusion matrices: no cell has been evaluated.",
)
