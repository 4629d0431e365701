"""How synthetic images lie among real ones in each classifier's features."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import cells_of, model_label, training_label
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent
from synthpath_kedro.study.regimes import REGIMES

if TYPE_CHECKING:
    import pandas as pd

CAPTION = (
    "Of each synthetic image's nearest neighbors among real test images and other synthetic ones: the share that is "
    "real, beside the share expected where nothing tells them apart, and the share of its own class. "
    "feature_space.html, beside this file, shows the points of the embedded cells{tiles}."
)
TSNE = (
    "Penultimate features of {model} trained on {training} images, for real test images and synthetic ones, embedded "
    "jointly by t-SNE: colored by class, and by real or synthetic. Sizes of groups and distances between them mean "
    "little in such an embedding; see the table of nearest neighbors."
)


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Fixed

    mixing, real_images = evidence["knn_mixing"], evidence["parameters"].report.embed_real_images
    overall = mixing[mixing["class"] == ""]
    several = "beside" in mixing and len(set(mixing["beside"])) > 1
    rows = [
        {"model": model_label(model), "trained on": training.label}
        | ({"synthetic set": row["beside"]} if several else {})
        | {
            "real among the nearest": Fixed(row["real_share"]),
            "if indistinguishable": Fixed(row["expected_real_share"]),
            "of the same class": Fixed(row["class_agreement"]),
            "real ones of the same class": Fixed(row["real_class_agreement"]),
        }
        for model, training, cell in cells_of(overall)
        for _, row in cell.iterrows()
    ]
    tiles = " and the tile behind each" if real_images else " and the tile behind each synthetic one"
    table = plain_table(rows, title="Nearest neighbors", caption=CAPTION.format(tiles=tiles), folded=True)
    return SectionContent([table] if rows else [], _figures(evidence))


def _figures(evidence: Evidence) -> dict[str, ReportFigure]:
    """A figure per model: of its first cell that no synthetic image trained, or of its first."""
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.tsne import tsne

    card, figures = evidence["data_card"], {}
    for name in _shown(evidence["tsne"]):
        model, regime, synthetic_set = _parts(name)
        label, training = model_label(model), training_label(regime, synthetic_set, several_sets=bool(synthetic_set))
        title = f"{label}, trained on {training} images"
        image = tsne(evidence["tsne"][name], tuple(card.class_names), title, note=source_note(phantom=card.phantom))
        caption = TSNE.format(model=label, training=training)
        numbers = mixing_sentence(evidence["knn_mixing"], model, regime, synthetic_set)
        figures[f"tsne_{model}"] = ReportFigure(
            f"Feature space of {label}", f"{caption} {numbers}".strip(), caption, image
        )
    return figures


def mixing_sentence(mixing: "pd.DataFrame", model: str, regime: str, synthetic_set: str = "") -> str:
    """The numbers beside one cell's t-SNE; empty where there are none, or several sets of them."""
    rows = mixing[(mixing["model"] == model) & (mixing["regime"] == regime) & (mixing["class"] == "")]
    rows = rows[rows["set"] == synthetic_set] if synthetic_set else rows
    if len(rows) != 1:
        return ""
    row = rows.iloc[0]
    return (
        f"Of a synthetic image's {row['k']} nearest neighbors {row['real_share']:.0%} are real "
        f"({row['expected_real_share']:.0%} if nothing told them apart), and {row['class_agreement']:.0%} "
        "are of its class."
    )


def _shown(points: "Mapping[str, pd.DataFrame]") -> list[str]:
    by_model: dict[str, list[str]] = {}
    for name, table in points.items():
        if table is not None and len(table):
            by_model.setdefault(_parts(name)[0], []).append(name)
    return [min(names, key=lambda name: REGIMES.find(_parts(name)[1]).uses_synthetic) for names in by_model.values()]


def _parts(cell_name: str) -> tuple[str, str, str]:
    model, regime, *rest = cell_name.split("/")
    return model, regime, rest[0] if rest else ""


SECTION = Section(
    name="feature_space",
    title="Feature space",
    question="like_real",
    needs=("parameters", "data_card", "tsne", "knn_mixing"),
    build=_build,
    absent="No feature space: no cell's features were embedded.",
)
