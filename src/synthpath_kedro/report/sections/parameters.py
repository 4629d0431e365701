"""The parameters that everything was made with."""

from collections.abc import Mapping

from synthpath_kedro.report.section import Evidence, Section, SectionContent

_IN_ITS_OWN_SECTION = "diffusion"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.report.recorded_parameters import recorded_parameters
    from synthpath_kedro.report.tables import facts_table, flattened
    from synthpath_kedro.report.values import Exact

    recorded = recorded_parameters(
        evidence["parameters"].model_dump(mode="json"),
        evidence["data_card"],
        evidence["generator_cards"],
        [CellMetadata.of(cell) for cell in evidence["predictions"]],
    )
    blocks = {
        key: block for key, block in recorded.items() if isinstance(block, Mapping) and key != _IN_ITS_OWN_SECTION
    }
    top = {key: value for key, value in recorded.items() if not isinstance(value, Mapping)}
    return SectionContent(
        [
            facts_table(((key, Exact(value)) for key, value in flattened(block)), title=name, folded=True)
            for name, block in {"study": top, **blocks}.items()
        ]
    )


SECTION = Section(
    name="parameters",
    title="Parameters",
    question="provenance",
    needs=("parameters", "data_card", "generator_cards", "predictions"),
    build=_build,
    caption="Those that data, synthetic images and classifiers were made with; the denoiser's stand with the denoiser.",
    absent="No parameters were recorded.",
)
