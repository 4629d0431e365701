"""The classifiers, their weights and the licenses of these."""

from synthpath_kedro.report.labels import model_label
from synthpath_kedro.report.section import Evidence, Section, SectionContent

UNKNOWN_LICENSE = "not stated"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.report.published_tables import RANDOM_WEIGHTS, weights_label
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Warned

    cells = [CellMetadata.of(cell) for cell in evidence["predictions"]]
    rows = []
    for model, cell in {cell.model: cell for cell in cells}.items():
        weights = weights_label(model, cell.weights)
        rows.append(
            {
                "model": model_label(model),
                "variant": cell.variant,
                "weights": Warned(weights) if weights == RANDOM_WEIGHTS else weights,
                "license of the weights": cell.license or UNKNOWN_LICENSE,
            }
        )
    return SectionContent([plain_table(rows)] if rows else [])


SECTION = Section(
    name="classifiers",
    title="Classifiers",
    question="provenance",
    needs=("predictions",),
    build=_build,
    absent="No classifiers: no cell has been trained.",
)
