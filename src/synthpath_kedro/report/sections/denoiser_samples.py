"""Samples during training."""

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Images sampled from the averaged weights as training went on; the same noise in every row."
ALT = "Sampled images of each class after several epochs"


def _build(evidence: Evidence) -> SectionContent:
    return SectionContent(
        figures={
            "denoiser_samples": ReportFigure(
                "Samples during training", CAPTION, ALT, evidence["denoiser_samples_figure"]
            )
        }
    )


SECTION = Section(
    name="denoiser_samples",
    title="Samples during training",
    question="images",
    needs=("denoiser_samples_figure",),
    build=_build,
    absent="No samples by epoch: these images were not made by this study's denoiser.",
)
