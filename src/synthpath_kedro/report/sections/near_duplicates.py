"""Whether synthetic images are copies of training images."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.data.data_card import DataCard
    from synthpath_kedro.data.synthetic import GeneratorCard

MEASURES = {
    "near_duplicates": "near-duplicates, share",
    "median_distance": "median distance",
    "authenticity": "authenticity",
}
FOUND = {True: "near-duplicates found", False: "no evidence of more near-duplicates than among held-out images"}
PAIRS = (
    "The pairs with the smallest distances, each training image once, with their distance. A small distance alone is "
    "no copy: held-out real images are near training images too (see the table)."
)
HIDDEN = " The training images are not shown (report.embed_real_images is off)."
DISTANCES = (
    "Of synthetic images, and of held-out real images: validation images, on which this study trains no generator. A "
    "copy has a smaller distance than nearly all held-out images."
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
                "space": row["space"],
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
    return SectionContent([table], _figures(evidence))


def _finding(row: Mapping[str, Any]) -> Any:
    from synthpath_kedro.report.values import Warned

    if row["alarm"] not in (True, False):
        return ""
    return Warned(FOUND[True]) if row["alarm"] else FOUND[False]


def _caption(table: "pd.DataFrame", data_card: "DataCard", generators: "Mapping[str, GeneratorCard]") -> str:
    """How many images were searched, and what the figures are."""
    total = data_card.splits["train"].n
    searched: dict[str, list[str]] = {}
    rows = table.drop_duplicates(["set", "space"])
    for _, row in rows.iterrows():
        of = f" of {generators[row['set']].total:,}" if row["set"] in generators else ""
        name = "synthetic images" if len(set(rows["set"])) == 1 else f"images of {row['set']}"
        left_out = row["n_train"] < total
        sought = (
            f"{int(row['n']):,}{of} {name} were sought among {int(row['n_train']):,} of {total:,} training images"
            + (" (drawn at random: a copy of an image that was left out is not seen)" if left_out else "")
        )
        searched.setdefault(sought, []).append(f"in {row['space']}")
    clauses = [f"{' and '.join(spaces)} {sought}" for sought, spaces in searched.items()]
    return (
        f"Nearest training images: {'; '.join(clauses)}. Held out: {int(table['n_held_out'].iloc[-1]):,} validation "
        "images. A near-duplicate is nearer to a training image than the nearest 1 % of held-out images are (than the "
        "nearest one that is no copy itself, where held-out images have copies among the training images); "
        "authenticity is the share of images that are farther from their nearest training image than that one is from "
        "its own. Distances in pixels are RMS differences in gray levels."
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
        "closest_pairs_figures",
        "nearest_distances_figures",
    ),
    build=_build,
    absent="No search for near-duplicates: the synthetic images were not compared with the training images.",
)
