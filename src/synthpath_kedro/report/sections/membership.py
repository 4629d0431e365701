"""Whether the denoiser gives its training images away."""

from typing import Any

from synthpath_kedro.report.section import Evidence, Note, Section, SectionContent

MEASURES = {
    "membership_auc": "a training image is told from a held-out one of its class (AUC)",
    "membership_tpr": "training images recognized where 1 % of held-out ones are falsely accused",
}
CAPTION = (
    "An attacker takes the clean images with the lowest loss under the denoiser{several} for members of the training "
    "set. {n_train:,} training images are compared with {n_held_out:,} held-out ones, each with those of its own "
    "class{patients}. This needs the denoiser's weights, not only its images."
)
PATIENTS = "; the images of a patient or slide count as one draw ({:,} and {:,})"
NOT_TESTED = "not tested: too few images (2 of a class in either set, and 100 held-out ones for the share at 1 %)"
FOUND = {True: "training images can be told apart", False: "no evidence that training images can be told apart"}
LEAK = (
    "Whoever has the weights of the denoiser{s} can tell which images it was trained on: treat the weights like the "
    "training images. A shorter training, or more images, is what helps."
)
NO_LEAK = (
    "This attack finds no sign that the weights of the denoiser{s} give training images away. Another attack might, "
    "and a few images may be memorized without a trace in these numbers."
)
NO_GUARANTEE = (
    "None of this is a formal guarantee: only training with differential privacy gives one, which this is not."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.tables import plain_table

    privacy = evidence["privacy"]
    found = records(privacy[privacy["measure"].isin(list(MEASURES))].drop_duplicates("measure"))
    if not found:
        return SectionContent()
    n_denoisers = len(evidence["denoiser_card"].get("replicates", [None]))
    verdict = LEAK if any(_alarm(row) for row in found) else NO_LEAK
    note = Note(f"{verdict.format(s='s' if n_denoisers > 1 else '')} {NO_GUARANTEE}")
    return SectionContent([plain_table(map(_row, found), caption=_caption(found[0], n_denoisers))], notes=[note])


def _row(row: dict[str, Any]) -> dict[str, Any]:
    from synthpath_kedro.report.values import Fixed, Range, Warned

    if _alarm(row) is None:
        finding: Any = NOT_TESTED
    else:
        finding = Warned(FOUND[True]) if row["alarm"] else FOUND[False]
    return {
        "measure": MEASURES[row["measure"]],
        "value": Fixed(row["value"]),
        "95 % interval": Range(row["ci_low"], row["ci_high"]),
        "guessing": Fixed(row["held_out"]),
        "finding": finding,
    }


def _alarm(row: dict[str, Any]) -> bool | None:
    """None where there were too few images."""
    return None if row["value"] != row["value"] else bool(row["alarm"])


def _caption(row: dict[str, Any], n_denoisers: int) -> str:
    several = f"s (the mean over all {n_denoisers})" if n_denoisers > 1 else ""
    groups = [int(row[name]) for name in ("train_groups", "held_out_groups") if _known(row.get(name))]
    patients = PATIENTS.format(*groups) if len(groups) == 2 else ""
    return CAPTION.format(
        several=several, patients=patients, n_train=int(row["n_train"]), n_held_out=int(row["n_held_out"])
    )


def _known(count: Any) -> bool:
    from pandas import notna

    return bool(notna(count))


SECTION = Section(
    name="membership",
    title="Membership inference",
    question="sharing",
    needs=("denoiser_card", "privacy"),
    build=_build,
    absent="No membership inference: these images were not made by this study's denoiser.",
)
