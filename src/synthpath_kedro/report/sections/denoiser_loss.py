"""Training of the denoiser."""

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Loss by epoch; the validation loss is on the same noise in every epoch."
ALT = "Training and validation loss of the denoiser by epoch"


def _build(evidence: Evidence) -> SectionContent:
    return SectionContent(
        figures={
            "denoiser_loss": ReportFigure("Training of the denoiser", CAPTION, ALT, evidence["denoiser_loss_figure"])
        }
    )


SECTION = Section(
    name="denoiser_loss",
    title="Training of the denoiser",
    question="images",
    needs=("denoiser_loss_figure",),
    build=_build,
    absent="No training loss: these images were not made by this study's denoiser.",
)
