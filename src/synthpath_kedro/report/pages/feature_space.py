"""The classifier's view of real and synthetic images, to be explored tile by tile."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.report.figures.style import REAL, class_color, class_marker, set_color, set_marker
from synthpath_kedro.report.figures.tsne import REAL_TEST
from synthpath_kedro.report.pages.page import render_page
from synthpath_kedro.report.pages.sprite_sheet import SpriteSheet, Tiles, shrunk, sprite_sheet

GRID = 10_000
"""Steps of a coordinate from one end of the picture to the other."""

MAX_BYTES = 25_000_000
"""Of all tiles before compression: a page that a browser still opens in a moment."""


def render_feature_space(
    points: Mapping[str, pd.DataFrame],
    tiles: Mapping[str, Tiles | None],
    class_names: Sequence[str],
    title: str,
    note: str | None = None,
) -> str:
    """A page with the t-SNE of every model, in two colorings, on which a point shows its tile.

    The page loads nothing from anywhere. Only tiles of points are embedded, all in one picture, averaged to fewer
    pixels where they would make the page too heavy (``MAX_BYTES``).

    Args:
        points: by the model's name in print; one row per image: ``x, y, label, source, index`` (its place in
            ``tiles[source]``).
        tiles: uint8 [N, size, size, 3] by source (``real_test`` and synthetic sets), in the order of the legend; None
            where a source's tiles must not be shared.
        class_names: one a class, in label order.
        title: heading.
        note: a warning under the title.

    Raises:
        ValueError: no model, or points of a source that ``tiles`` does not name.
    """
    if not points:
        raise ValueError("there are no points of any model")
    named = {source for table in points.values() for source in table["source"]}
    if unknown := named - set(tiles):
        raise ValueError(f"points come from {sorted(unknown)}; tiles are named for {list(tiles)}")
    sources = [source for source in tiles if source in named]
    used = {source: _used(points.values(), source) for source in sources if tiles[source] is not None}
    sheet = _sheet([tiles[source][rows] for source, rows in used.items()])  # type: ignore[index]
    content = {
        "size": sheet.size if sheet else 0,
        "columns": sheet.columns if sheet else 1,
        "grid": GRID,
        "classes": [
            {"name": name, "color": class_color(label), "marker": class_marker(label)}
            for label, name in enumerate(class_names)
        ],
        "sources": _legend(sources),
        "models": [{"name": name, **_columns(table, sources, used)} for name, table in points.items()],
    }
    hidden = " and ".join(source.replace("_", " ") for source in sources if source not in used)
    full_size = max((tiles[source].shape[1] for source in used), default=0)  # type: ignore[union-attr]
    values = {"models": list(points), "hidden": hidden, "full_size": full_size}
    return render_page("feature_space", title, note, content, sheet, **values)


def _used(tables: Iterable[pd.DataFrame], source: str) -> np.ndarray:
    """The tiles of ``source`` that any point shows, ascending."""
    return np.unique(np.concatenate([table.loc[table["source"] == source, "index"].to_numpy() for table in tables]))


def _sheet(tiles: Sequence[Tiles]) -> SpriteSheet | None:
    return sprite_sheet(shrunk(np.concatenate(tiles), MAX_BYTES)) if tiles else None


def _legend(sources: Sequence[str]) -> list[dict[str, str]]:
    """Names, colors and markers of the sources; a study's only set is called synthetic."""
    sets = [source for source in sources if source != REAL_TEST]
    styles = {REAL_TEST: ("real test", REAL.color, REAL.marker)}
    for number, name in enumerate(sets):
        label = "synthetic" if len(sets) == 1 else name.replace("_", " ")
        styles[name] = (label, set_color(number), set_marker(number))
    return [dict(zip(("name", "color", "marker"), styles[source], strict=True)) for source in sources]


def _columns(table: pd.DataFrame, sources: Sequence[str], used: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Points as columns of whole numbers, in random order so that no source covers the other."""
    table = table.iloc[np.random.default_rng(0).permutation(len(table))]
    xy = _fitted(table[["x", "y"]].to_numpy(np.float64))
    tile = np.full(len(table), -1)
    first = 0
    for source, rows in used.items():
        members = (table["source"] == source).to_numpy()
        tile[members] = first + np.searchsorted(rows, table["index"].to_numpy()[members])
        first += len(rows)
    return {
        "x": xy[:, 0].tolist(),
        "y": xy[:, 1].tolist(),
        "label": table["label"].tolist(),
        "source": [sources.index(source) for source in table["source"]],
        "tile": tile.tolist(),
    }


def _fitted(xy: np.ndarray) -> np.ndarray:
    """Coordinates [N, 2] centered in a square of ``GRID`` steps, both axes to the same scale."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    scale = GRID / (np.max(high - low) or 1.0)
    return np.rint((xy - (low + high) / 2) * scale + GRID / 2).astype(int)
