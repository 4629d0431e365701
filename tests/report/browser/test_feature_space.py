import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from synthpath_kedro.report.figures.style import CLASS_COLORS, REAL
from synthpath_kedro.report.pages.feature_space import render_feature_space

NAMES = ("adipose", "mucus", "stroma")
TILES = {
    source: np.random.default_rng(seed).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    for seed, source in enumerate(("real_test", "synthetic"))
}


def lattice():
    """25 points, five by five: at (x, y) a tile of class (x + 5 y) % 3, real where x + 5 y is even."""
    place = np.arange(25)
    return pd.DataFrame(
        {
            "x": place % 5,
            "y": place // 5,
            "label": place % 3,
            "source": np.where(place % 2, "synthetic", "real_test"),
            "index": 19 - place // 2,
        }
    )


def tile_of(place):
    row = lattice().iloc[place]
    return TILES[row["source"]][row["index"]]


@pytest.fixture
def html():
    other = lattice().assign(x=lambda points: -points["x"])
    return render_feature_space({"CNN": lattice(), "CLIP": other}, TILES, NAMES, "Feature space", "Digital phantom")


@pytest.fixture
def page(open_page, html):
    return open_page(html)


def walk(page, *keys):
    """Arrow keys from the middle of the lattice, place 12, which comes into view with the first."""
    page.press(Keys.ARROW_DOWN, *keys, on="#points")


def ring_position(page):
    """Where the point in view stands, in pixels from the middle of the canvas."""
    ring, canvas = page.find("#ring").rect, page.find("#points").rect
    return tuple(
        round(ring[axis] + ring[side] / 2 - canvas[axis] - canvas[side] / 2)
        for axis, side in (("x", "width"), ("y", "height"))
    )


def hover(page, position):
    ActionChains(page.driver, duration=0).move_to_element_with_offset(page.find("#points"), *position).perform()


def card(page):
    return page.find("#card p").text.split("\n") if page.find("#card").is_displayed() else None


def rgb(color):
    return 255 * np.array(to_rgb(color))


def test_the_arrow_keys_walk_from_tile_to_tile(page):
    walk(page)
    assert card(page) == ["adipose", "real test"]
    assert (page.pixels("#tile") == tile_of(12)).all()
    for key, place in ((Keys.ARROW_RIGHT, 13), (Keys.ARROW_UP, 18), (Keys.ARROW_LEFT, 17), (Keys.ARROW_DOWN, 12)):
        page.press(key, on="#points")
        assert (page.pixels("#tile") == tile_of(place)).all()
    page.press(Keys.ESCAPE, on="#points")
    assert card(page) is None


def test_walking_on_at_the_edge_stays_there(page):
    walk(page, *[Keys.ARROW_LEFT] * 9)
    assert (page.pixels("#tile") == tile_of(10)).all()


def test_hovering_a_point_shows_its_tile_and_leaving_hides_it(page):
    walk(page, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_UP)
    corner = ring_position(page)
    page.press(Keys.ESCAPE, on="#points")
    hover(page, corner)
    assert card(page) == ["adipose", "synthetic"]
    assert (page.pixels("#tile") == tile_of(15)).all()
    assert page.find("#tile").get_attribute("aria-label") == "synthetic tile, adipose"
    hover(page, (corner[0] + 40, corner[1]))
    assert card(page) is None


def test_the_card_never_covers_its_point(page):
    walk(page, *[Keys.ARROW_LEFT] * 2, *[Keys.ARROW_UP] * 2)
    for key in (*[Keys.ARROW_RIGHT] * 4, *[Keys.ARROW_DOWN] * 4, *[Keys.ARROW_LEFT] * 4, *[Keys.ARROW_UP] * 3):
        box, ring = page.find("#card").rect, page.find("#ring").rect
        assert (
            box["x"] >= ring["x"] + ring["width"]
            or box["x"] + box["width"] <= ring["x"]
            or box["y"] >= ring["y"] + ring["height"]
            or box["y"] + box["height"] <= ring["y"]
        )
        page.press(key, on="#points")


def test_a_tap_shows_the_tile_on_a_phone(phone, page):
    walk(page, Keys.ARROW_RIGHT)
    x, y = ring_position(page)
    page.press(Keys.ESCAPE, on="#points")
    middle = phone.execute_script(
        "const box = arguments[0].getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]",
        page.find("#points"),
    )
    point = {"x": middle[0] + x + 8, "y": middle[1] + y}
    phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert card(page) == ["mucus", "synthetic"]
    assert (page.pixels("#tile") == tile_of(13)).all()


def test_a_real_point_whose_tile_is_not_embedded_says_so(open_page):
    page = open_page(render_feature_space({"CNN": lattice()}, {**TILES, "real_test": None}, NAMES, "Title"))
    walk(page)
    assert page.find("#no-tile").text == "tile not embedded"
    assert not page.find("#tile").is_displayed()
    assert card(page) == ["adipose", "real test"]
    page.press(Keys.ARROW_LEFT, on="#points")
    assert not page.find("#no-tile").is_displayed()
    assert (page.pixels("#tile") == tile_of(11)).all()


def test_the_page_works_without_any_tile(open_page):
    page = open_page(render_feature_space({"CNN": lattice()}, dict.fromkeys(TILES), NAMES, "Title"))
    walk(page)
    assert page.find("#no-tile").is_displayed()
    assert page.picture_widths == []


def test_points_change_their_color_between_the_two_colorings(page):
    walk(page, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    position = ring_position(page)
    assert page.pixels("#points", position) == pytest.approx(rgb(CLASS_COLORS[1]), abs=2)
    page.find("#coloring label:last-child").click()
    assert page.pixels("#points", position) == pytest.approx(rgb(REAL.color), abs=2)
    page.press(Keys.ARROW_LEFT, on="#coloring input:checked")
    assert page.pixels("#points", position) == pytest.approx(rgb(CLASS_COLORS[1]), abs=2)


def test_the_legend_counts_and_filters(page):
    entries = [entry.text.split("\n") for entry in page.all("#legend label")]
    assert entries == [
        ["real test", "13"],
        ["synthetic", "12"],
        ["0 adipose", "9"],
        ["1 mucus", "8"],
        ["2 stroma", "8"],
    ]
    walk(page)
    page.find("#classes label:nth-of-type(1) input").click()
    assert card(page) is None
    page.press(Keys.ARROW_DOWN, *[Keys.ARROW_LEFT] * 9, *[Keys.ARROW_DOWN] * 9, on="#points")
    assert card(page)[0] in {"mucus", "stroma"}
    page.find("#sources label:nth-of-type(1) input").click()
    page.find("#classes .pick button:last-child").click()
    page.press(Keys.ESCAPE, Keys.ARROW_DOWN, on="#points")
    assert card(page) is None
    page.find("#classes .pick button:first-child").click()
    page.press(Keys.ARROW_DOWN, on="#points")
    assert card(page)[1] == "synthetic"


def test_another_model_shows_its_own_embedding(page):
    walk(page, Keys.ARROW_LEFT)
    assert (page.pixels("#tile") == tile_of(11)).all()
    page.find("#model option:last-child").click()
    assert card(page) is None
    assert page.find("#points").get_attribute("aria-label") == (
        "t-SNE of CLIP: 13 real test and 12 synthetic images of 3 classes"
    )
    walk(page, Keys.ARROW_LEFT)
    assert (page.pixels("#tile") == tile_of(13)).all()


def test_zooming_keeps_the_point_in_view_at_its_place_and_drags(page):
    walk(page, Keys.ARROW_LEFT)
    before = ring_position(page)
    page.find("#closer").click()
    assert ring_position(page) == pytest.approx(before, abs=1)
    page.press(Keys.ARROW_RIGHT, on="#points")
    assert (page.pixels("#tile") == tile_of(12)).all()
    here = ring_position(page)
    canvas = page.find("#points")
    drag = ActionChains(page.driver, duration=0).move_to_element_with_offset(canvas, -100, -200).click_and_hold()
    drag.move_by_offset(30, 20).release().perform()
    page.find("#whole").click()
    walk(page)
    assert ring_position(page) != here
    assert not page.find("#farther").is_enabled()


def test_nothing_is_wider_than_a_phone(phone, page):
    assert page.picture_widths == [40]
    assert page.overflow == 0
    walk(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.overflow == 0
