"""What the autoencoder of latent diffusion costs by itself."""

from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

CAPTION = (
    "Accuracy of classifiers that were trained without synthetic images, on the real test images and on the same "
    "images encoded and decoded by the autoencoder (mean over replicates). What is lost here, no denoiser on these "
    "latents can bring back. Reconstructions have a peak signal-to-noise ratio of {psnr:.1f} dB (mean over test "
    "images); weights: {weights}; {channels} latent channels, 1/{downsample} of the image's height and width."
)
PICTURE = "Class by class: a real test image and, to its right, what the autoencoder makes of it."
ALT = "Real test images beside their reconstructions, class by class"
HIDDEN = "Real images and their reconstructions are not shown (report.embed_real_images is off)."


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import plain_table

    card, table = evidence["autoencoder_card"], evidence["reconstruction"]
    caption = CAPTION.format(
        psnr=evidence["psnr"],
        weights=card["weights"],
        channels=card["key"]["parameters"]["latent_channels"],
        downsample=card["key"]["parameters"]["downsample"],
    )
    tables = [plain_table(_rows(table), caption=caption)] if len(table) else []
    if not evidence["parameters"].report.embed_real_images:
        return SectionContent(tables, notes=[Note(HIDDEN)])
    figure = ReportFigure("Reconstructions", PICTURE, ALT, evidence["reconstruction_figure"])
    return SectionContent(tables, {"reconstruction": figure})


def _rows(table: "pd.DataFrame") -> list[dict[str, Any]]:
    from synthpath_kedro.report.labels import model_label, regime_label
    from synthpath_kedro.report.values import Fixed

    rows = []
    for (model, regime), own in table.groupby(["model", "regime"], sort=False):
        mean = own[["accuracy", "accuracy_change", "macro_f1_change"]].mean()
        rows.append(
            {
                "model": model_label(str(model)),
                "trained on": regime_label(str(regime)),
                "originals": Fixed(mean["accuracy"] - mean["accuracy_change"]),
                "reconstructions": Fixed(mean["accuracy"]),
                "change": Fixed(mean["accuracy_change"], signed=True),
                "change of macro F1": Fixed(mean["macro_f1_change"], signed=True),
                "replicates": len(own),
            }
        )
    return rows


SECTION = Section(
    name="reconstruction",
    title="What the autoencoder alone costs",
    question="images",
    needs=("parameters", "autoencoder_card", "psnr", "reconstruction", "reconstruction_figure"),
    build=_build,
)
