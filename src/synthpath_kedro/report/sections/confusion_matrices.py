"""Which classes each classifier takes for which."""

from synthpath_kedro.report.labels import model_label, training_label
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Real test set, all replicates; percent of each true class, so that the diagonal is the recall."


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.evaluation.classification_tables import confusion_of_cell
    from synthpath_kedro.report.figures.confusion_matrices import confusion_matrices

    cells = [(CellMetadata.of(cell), cell) for cell in evidence["predictions"]]
    several = len({known.set for known, _ in cells} - {""}) > 1
    note, figures = source_note(phantom=evidence["data_card"].phantom), {}
    for model in dict.fromkeys(known.model for known, _ in cells):
        matrices = {
            training_label(known.regime, known.set, several_sets=several): confusion_of_cell(cell)
            for known, cell in cells
            if known.model == model
        }
        label, names = model_label(model), cells[0][0].class_names
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
