"""Whether synthetic images are copies of training images."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.data.data_card import DataCard
    from synthpath_kedro.data.synthetic import GeneratorCard
    from synthpath_kedro.report.tables import PlainTable

MEASURES = {
    "near_duplicates": "near-duplicates, share",
    "relative_distance": "median relative distance",
    "authenticity": "authenticity",
}
SPACES = {"any": "both", "pixels": "whole tiles", "features": "parts of tiles"}
PAIRS = (
    "The pairs with the smallest relative distances, each training image once, turned and mirrored into place. Below 1 "
    "the synthetic image is nearer to the training image than any other training image is."
)
PLANTED = (
    "{n} training images of this study were copied under each disguise and sought as synthetic images are; the share "
    "that was found, with the training image it is a copy of."
)
HIDDEN = " The training images are not shown (report.embed_real_images is off)."
DISTANCES = (
    "Of synthetic images, and of held-out images: validation images, on which this study trains no generator. Near-"
    "duplicates lie left of the line; a copy lies near 0."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import PValue

    privacy = evidence["privacy"]
    shown = privacy[privacy["measure"].isin(list(MEASURES))]
    several = len(set(shown["set"])) > 1
    table = plain_table(
        [
            ({"set": row["set"]} if several else {})
            | {
                "compared": SPACES[row["space"]],
                "measure": MEASURES[row["measure"]],
                "synthetic": row["value"],
                "held out": row["held_out"],
                "p": PValue(row["p"]),
                "finding": _finding(row),
            }
            for row in records(shown)
        ],
        caption=_caption(shown, evidence["data_card"], evidence["generator_cards"]),
    )
    return SectionContent([table, _planted(evidence["planted_copies"])], _figures(evidence))


def _planted(found: "pd.DataFrame") -> "PlainTable":
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    return plain_table(
        [
            {
                "disguise": row["disguise"],
                "by whole tiles": Fixed(row["pixels"], digits=2),
                "by parts of tiles": Fixed(row["features"], digits=2),
                "by either": Fixed(row["either"], digits=2),
            }
            for row in records(found)
        ],
        title="How surely copies are found",
        caption=PLANTED.format(n=int(found["n"].iloc[0])),
        folded=True,
    )


def _finding(row: Mapping[str, Any]) -> Any:
    """How many suspects there are, and how many there may be at most in the whole set."""
    from synthpath_kedro.report.values import Warned

    if row["measure"] != "near_duplicates":
        return ""
    at_most = f"at most {100 * row['upper_bound']:.2g} % of the set" if row["space"] == "any" else ""
    if not row["suspects"]:
        return "; ".join(filter(None, [f"none among {row['n']:,} examined", at_most]))
    found = "; ".join(filter(None, [f"{row['suspects']:,} of {row['n']:,} examined", at_most]))
    if row["space"] != "any":
        return found
    return Warned(f"near-duplicates found: {found}") if row["alarm"] else f"{found}: look at the pairs"


def _caption(table: "pd.DataFrame", data_card: "DataCard", generators: "Mapping[str, GeneratorCard]") -> str:
    """How many images were searched, and what the figures are."""
    total = data_card.splits["train"].n
    clauses = []
    rows = table[table["space"] != "any"].drop_duplicates(["set", "space"])
    for _, row in rows.iterrows():
        of = f" of {generators[row['set']].total:,}" if row["set"] in generators else ""
        name = "synthetic images" if len(set(rows["set"])) == 1 else f"images of {row['set']}"
        left_out = " (drawn at random: a copy of an image that was left out is not seen)"
        clauses.append(
            f"{SPACES[row['space']]} of {int(row['n']):,}{of} {name} with {int(row['n_train']):,} of {total:,} "
            f"training images{left_out if row['n_train'] < total else ''}"
        )
    n_held_out = int(table["n_held_out"].iloc[0])
    return (
        f"Compared: {'; '.join(clauses)}; and so were {n_held_out:,} validation images. Brightness, contrast and "
        "stain are taken out, and every image is compared in eight positions; parts are sought wherever they lie, "
        "shrunk or not, in the 16 training images nearest in features. The relative distance is that to the nearest "
        "training image, divided by that one's own distance to its nearest other. A near-duplicate is nearer than five "
        "standard deviations below what held-out images have, class by class. The table below says how surely copies "
        "are found: these numbers are no proof that there is none. Authenticity is the share of images with a relative "
        "distance of 1 or more."
    )


def _figures(evidence: Evidence) -> dict[str, ReportFigure]:
    real_images = evidence["parameters"].report.embed_real_images
    pairs, distances = evidence["closest_pairs_figures"], evidence["nearest_distances_figures"]
    figures = {}
    for name, image in pairs.items():
        of_set = f": {name}" if len(pairs) > 1 else ""
        figures[f"closest_pairs_{name}"] = ReportFigure(
            f"Synthetic images nearest to a training image{of_set}",
            PAIRS if real_images else PAIRS + HIDDEN,
            "Pairs of synthetic images and their nearest training images",
            image,
        )
    for name, image in distances.items():
        of_set = f": {name}" if len(distances) > 1 else ""
        figures[f"nearest_distances_{name}"] = ReportFigure(
            f"Distance to the nearest training image{of_set}",
            DISTANCES,
            "Densities of the distance to the nearest training image, for synthetic and held-out images",
            image,
        )
    return figures


SECTION = Section(
    name="near_duplicates",
    title="Near-duplicates of training images",
    question="sharing",
    needs=(
        "parameters",
        "data_card",
        "generator_cards",
        "privacy",
        "planted_copies",
        "closest_pairs_figures",
        "nearest_distances_figures",
    ),
    build=_build,
    absent="No search for near-duplicates: the synthetic images were not compared with the training images.",
)
