import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthpath_kedro.report.figures.style import CLASS_COLORS, REAL, SYNTHETIC, set_color
from synthpath_kedro.report.pages import feature_space
from synthpath_kedro.report.pages.feature_space import render_feature_space

NAMES = ("adipose", "mucus", "stroma")
TILES = {
    source: np.random.default_rng(seed).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    for seed, source in enumerate(("real_test", "synthetic"))
}


@pytest.fixture
def points():
    """Three real and three synthetic images, of twenty each."""
    return pd.DataFrame(
        {
            "x": [0.0, 4.0, 2.0, 1.0, 3.0, 2.0],
            "y": [1.0, 1.0, 0.0, 2.0, 2.0, 1.0],
            "label": [0, 1, 2, 0, 1, 2],
            "source": ["real_test"] * 3 + ["synthetic"] * 3,
            "index": [7, 3, 11, 0, 19, 5],
        }
    )


def sheet_of(html):
    data = re.search(r'<img id="sheet".*?base64,([^"]+)"', html)
    return np.asarray(Image.open(BytesIO(b64decode(data.group(1))))) if data else None


def tile_at(sheet, content, place):
    size, columns = content["size"], content["columns"]
    top, left = size * (place // columns), size * (place % columns)
    return sheet[top : top + size, left : left + size]


def test_every_point_finds_its_own_tile(points, content_of):
    html = render_feature_space({"CNN": points, "CLIP": points[::-2]}, TILES, NAMES, "Title")
    content, sheet = content_of(html), sheet_of(html)
    for model, table in zip(content["models"], (points, points[::-2]), strict=True):
        found = set()
        for label, source, place in zip(model["label"], model["source"], model["tile"], strict=True):
            row = table[(table["label"] == label) & (table["source"] == ["real_test", "synthetic"][source])].iloc[0]
            assert (tile_at(sheet, content, place) == TILES[row["source"]][row["index"]]).all()
            found.add((label, source))
        assert len(found) == len(table)


def test_only_tiles_of_points_are_embedded(points, content_of):
    html = render_feature_space({"CNN": points}, TILES, NAMES, "Title")
    assert sorted(content_of(html)["models"][0]["tile"]) == list(range(6))
    assert sheet_of(html).shape == (8, 12, 3)


def test_tiles_that_must_not_be_shared_are_not_in_the_page(points, content_of):
    html = render_feature_space({"CNN": points}, {**TILES, "real_test": None}, NAMES, "Title")
    content, sheet = content_of(html), sheet_of(html)
    model = content["models"][0]
    assert {(s, t < 0) for s, t in zip(model["source"], model["tile"], strict=True)} == {(0, True), (1, False)}
    assert sheet.shape == (8, 8, 3)
    assert all((tile_at(sheet, content, i) == TILES["synthetic"][index]).all() for i, index in enumerate((0, 5, 19)))
    assert "Tiles of real test images are not embedded" in html
    assert "are not embedded" not in render_feature_space({"CNN": points}, TILES, NAMES, "Title")


def test_without_any_tile_there_is_no_picture(points):
    html = render_feature_space({"CNN": points}, dict.fromkeys(TILES), NAMES, "Title")
    assert sheet_of(html) is None
    assert "Tiles of real test and synthetic images are not embedded" in html


def test_both_axes_have_one_scale_and_fill_the_square(points, content_of):
    model = content_of(render_feature_space({"CNN": points}, TILES, NAMES, "Title"))["models"][0]
    assert sorted(model["x"]) == [0, 2500, 5000, 5000, 7500, 10000]
    assert sorted(model["y"]) == [2500, 5000, 5000, 5000, 7500, 7500]


def test_points_at_one_place_stand_in_the_middle(points, content_of):
    model = content_of(render_feature_space({"CNN": points.assign(x=1, y=2)}, TILES, NAMES, "Title"))["models"][0]
    assert {*model["x"], *model["y"]} == {5000}


def test_classes_and_sources_look_as_in_every_figure(points, content_of):
    content = content_of(render_feature_space({"CNN": points}, TILES, NAMES, "Title"))
    assert [(c["name"], c["color"], c["marker"]) for c in content["classes"]] == [
        (name, color, "o") for name, color in zip(NAMES, CLASS_COLORS[:3], strict=True)
    ]
    assert content["sources"] == [
        {"name": "real test", "color": REAL.color, "marker": "o"},
        {"name": "synthetic", "color": SYNTHETIC.color, "marker": "s"},
    ]


def test_tiles_of_a_large_study_are_shrunk_and_the_page_says_so(points, content_of, monkeypatch):
    whole = render_feature_space({"CNN": points}, TILES, NAMES, "Title")
    monkeypatch.setattr(feature_space, "MAX_BYTES", 6 * 4 * 4 * 3 - 1)
    shrunk = render_feature_space({"CNN": points}, TILES, NAMES, "Title")
    assert [content_of(page)["size"] for page in (whole, shrunk)] == [4, 2]
    assert "averaged from" not in whole
    assert "averaged from 4 &times; 4 to 2 &times; 2 pixels" in shrunk


def test_the_same_points_give_the_same_page(points):
    pages = {render_feature_space({"CNN": points.copy()}, TILES, NAMES, "Title") for _ in range(2)}
    assert len(pages) == 1


def test_one_model_needs_no_choice(points):
    assert '<select id="model"' not in render_feature_space({"CNN": points}, TILES, NAMES, "Title")
    html = render_feature_space({"CNN": points, "CLIP": points}, TILES, NAMES, "Title")
    assert re.findall(r"<option[^>]*>(.*?)</option>", html) == ["CNN", "CLIP"]


def test_points_without_tiles_to_look_up_are_refused(points):
    with pytest.raises(ValueError, match="real_test"):
        render_feature_space({"CNN": points}, {"synthetic": TILES["synthetic"]}, NAMES, "Title")
    with pytest.raises(ValueError, match="no points"):
        render_feature_space({}, TILES, NAMES, "Title")


def test_several_sets_have_names_and_colors_of_their_own(points, content_of):
    table = points.assign(source=["real_test"] * 3 + ["gan", "gan", "oracle"])
    tiles = {"real_test": TILES["real_test"], "gan": TILES["synthetic"], "oracle": TILES["synthetic"]}
    sources = content_of(render_feature_space({"CNN": table}, tiles, NAMES, "Title"))["sources"]
    assert [(source["name"], source["color"]) for source in sources] == [
        ("real test", REAL.color),
        ("gan", set_color(0)),
        ("oracle", set_color(1)),
    ]
