"""Training of the denoiser."""

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Loss by epoch; the validation loss is on the same noise in every epoch."
SEVERAL = "{n} denoisers have a line each; the paler ones are those after the first."
ALT = "Training and validation loss of the denoiser by epoch"


def _build(evidence: Evidence) -> SectionContent:
    n_denoisers = len(evidence["denoiser_card"].get("replicates", [None]))
    caption = f"{CAPTION} {SEVERAL.format(n=n_denoisers)}" if n_denoisers > 1 else CAPTION
    figure = ReportFigure("Training of the denoiser", caption, ALT, evidence["denoiser_loss_figure"])
    return SectionContent(figures={"denoiser_loss": figure})


SECTION = Section(
    name="denoiser_loss",
    title="Training of the denoiser",
    question="images",
    needs=("denoiser_card", "denoiser_loss_figure"),
    build=_build,
    absent="No training loss: these images were not made by this study's denoiser.",
)
