"""Whether the denoiser gives its training images away."""

from synthpath_kedro.report.section import Evidence, Section, SectionContent

FOUND = {
    True: "training images can be told apart",
    False: "no evidence that training images can be told apart",
}
CAPTION = (
    "How often a training image has a lower loss under the denoiser{several} than a held-out one ({n_train:,} and "
    "{n_held_out:,} images); 0.5 is chance. This needs the denoiser's weights, not only its images."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed, Range, Warned

    privacy = evidence["privacy"]
    found = records(privacy[privacy["measure"] == "membership_auc"])
    rows = [
        {
            "measure": "membership inference, AUC",
            "value": Fixed(row["value"]),
            "95 % interval": Range(row["ci_low"], row["ci_high"]),
            "finding": Warned(FOUND[True]) if row["alarm"] else FOUND[False],
        }
        for row in found
    ]
    if not rows:
        return SectionContent()
    counts = {name: int(found[0][name]) for name in ("n_train", "n_held_out")}
    n_denoisers = len(evidence["denoiser_card"].get("replicates", [None]))
    several = f"s (the mean over all {n_denoisers})" if n_denoisers > 1 else ""
    return SectionContent([plain_table(rows, caption=CAPTION.format(several=several, **counts))])


SECTION = Section(
    name="membership",
    title="Membership inference",
    question="sharing",
    needs=("denoiser_card", "privacy"),
    build=_build,
    absent="No membership inference: these images were not made by this study's denoiser.",
)
