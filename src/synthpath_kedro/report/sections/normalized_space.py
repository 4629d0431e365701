"""The attack in normalized space: an ablation, and a possible explanation of the published table 4.3."""

from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import attack_label, cells_of, model_label, ordered_attacks
from synthpath_kedro.report.section import Evidence, Note, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

CAPTION = (
    "Change of accuracy in pixel space → under the same attack on normalized images clamped to [0, 1], each against "
    "the same images not attacked. The right-hand numbers show an artifact, not robustness."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Arrow

    robustness = evidence["robustness"]
    ablation = robustness[robustness["control"].astype(bool)]
    if ablation.empty:
        return SectionContent()

    def change(cell: "pd.DataFrame", attack: str) -> Arrow:
        rows = cell[cell["attack"] == attack]
        return Arrow(rows["pixel_space_change"].mean(), rows["change"].mean(), signed=True)

    attacks = ordered_attacks(ablation["attack"])
    rows = [
        {"model": model_label(model), "trained on": training.label, "n": int(cell["n"].iloc[0])}
        | {attack_label(attack): change(cell, attack) for attack in attacks}
        for model, training, cell in cells_of(ablation)
    ]
    return SectionContent(
        [plain_table(rows, caption=CAPTION, folded=True)], notes=[Note(ablation_sentence(robustness))]
    )


def ablation_sentence(robustness: "pd.DataFrame") -> str:
    """What the clamp does to the numbers, from the numbers; empty where the ablation was not run."""
    from synthpath_kedro.report.published import NOISE, TABLE_4_3
    from synthpath_kedro.report.values import number

    ablation = robustness[robustness["control"].astype(bool)]
    if ablation.empty:
        return ""
    losses = -ablation.groupby("attack")[["change", "pixel_space_change"]].mean()
    parts = [
        f"{attack_label(attack)} costs {number(losses['change'][attack])} of accuracy there and "
        f"{number(losses['pixel_space_change'][attack])} in pixel space"
        for attack in ordered_attacks(ablation["attack"])
    ]
    cells = len(cells_of(ablation))
    of_cells, n = "1 cell" if cells == 1 else f"{cells} cells", ablation["n"].iloc[0]
    average = f"On average over {of_cells} and the same {n:,} images each"
    sentence = (
        "Ablation, no measure of robustness: the same attacks on images that were normalized first and then clamped to "
        f"[0, 1], with eps in the unit of normalized values. {average}, {'; '.join(parts)}."
    )
    if NOISE not in losses.index:
        return sentence
    by_clamp, by_noise = losses["change"][NOISE], losses["pixel_space_change"][NOISE]
    if by_clamp > 0.05 and by_clamp > 3 * max(by_noise, 0):
        found = "On these images noise costs far more with the clamp than without it. That is a possible explanation of"
    else:
        found = "On these images the clamp does not make noise costly. It does not explain"
    published = -TABLE_4_3["cnn", "real", NOISE].change
    return (
        f"{sentence} {found} the published loss under noise ({number(published)} for the CNN trained on real images)."
    )


SECTION = Section(
    name="normalized_space",
    title="Attack in normalized space (ablation)",
    question="robustness",
    needs=("robustness",),
    build=_build,
    absent="No ablation in normalized space: no cell was attacked.",
)
