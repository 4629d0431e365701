"""Samples during training."""

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = "Images sampled from the averaged weights as training went on; each epoch's images start from the same noise."
OTHERS = "The rows by epoch are of the first of {n} denoisers (replicate 0); of each other, its last samples."
ALT = "Sampled images of each class after several epochs"


def _build(evidence: Evidence) -> SectionContent:
    n_denoisers = len(evidence["denoiser_card"].get("replicates", [None]))
    caption = f"{CAPTION} {OTHERS.format(n=n_denoisers)}" if n_denoisers > 1 else CAPTION
    figure = ReportFigure("Samples during training", caption, ALT, evidence["denoiser_samples_figure"])
    return SectionContent(figures={"denoiser_samples": figure})


SECTION = Section(
    name="denoiser_samples",
    title="Samples during training",
    question="images",
    needs=("denoiser_card", "denoiser_samples_figure"),
    build=_build,
    absent="No samples by epoch: these images were not made by this study's denoiser.",
)
