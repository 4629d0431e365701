import csv
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.pages.reader_study import draw_tiles, render_reader_study

NAMES = ("adipose", 'mucus, "thick"', "stroma")


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 60, 8, 8, 3), dtype=np.uint8)
    real, synthetic = (LabeledImages(images, np.arange(60) % 3, NAMES) for images in pixels)
    return real, synthetic


@pytest.fixture(scope="module")
def drawn(sets):
    return draw_tiles(*sets, 12, seed=3)


@pytest.fixture
def page(open_page, browser, sets):
    """The page as a new reader opens it: nothing that an earlier test left in the browser's storage."""
    forget = {"source": "localStorage.clear()"}
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", forget)
    page = open_page(render_reader_study(*sets, 12, 3, "Can you tell?", phantom=True))
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    wait_until_shown(page)
    return page


def reload(page):
    page.reload()
    wait_until_shown(page)


def wait_until_shown(page):
    """Returns when the page's script has shown the reader's place, which it does once the tiles are decoded."""
    WebDriverWait(page.driver, 60).until(lambda _: page.all("body[data-ready]"))


@pytest.fixture(scope="module")
def answers():
    """Right 13 of 12 times or so: neither all nor half."""
    return np.random.default_rng(5).choice(["real", "synthetic"], 12).tolist()


def answer_by_keyboard(page, answers):
    page.find("#begin").click()
    page.press("".join(answer[0] for answer in answers))


def expected_row(name, right):
    low, high = binomtest(sum(right), len(right)).proportion_ci(0.95, "wilson")
    percent = [int(np.floor(100 * share + 0.5)) for share in (np.mean(right), low, high)]
    return [name, f"{sum(right)} of {len(right)}", f"{percent[0]} %", f"{percent[1]} to {percent[2]} %"]


def expected_table(drawn, answers):
    right = np.array(answers) == np.array(drawn.sources)
    rows = [expected_row("All tiles", right)]
    rows += [expected_row(source, right[np.array(drawn.sources) == source]) for source in ("real", "synthetic")]
    rows += [expected_row(name, right[np.array(drawn.labels) == label]) for label, name in enumerate(drawn.classes)]
    return rows


def shown_table(page):
    page.find("#finish").click()
    rows = [row.find_elements("css selector", "th, td") for row in page.all("#shares tbody tr")]
    return [[cell.text.replace("\u00a0", " ") for cell in row[:4]] for row in rows]


def test_answers_by_keyboard_give_the_numbers_that_python_gives(page, drawn, answers):
    answer_by_keyboard(page, answers)
    assert shown_table(page) == expected_table(drawn, answers)
    _, right, share, interval = expected_table(drawn, answers)[0]
    assert page.find("#headline").text.replace("\u00a0", " ") == f"{right} right: accuracy {share}"
    assert page.find("#interval").text.replace("\u00a0", " ") == f"95 % interval {interval} (Wilson)"


def test_answers_by_mouse_give_the_numbers_that_python_gives(page, drawn, answers):
    page.find("#begin").click()
    for answer in answers:
        page.find(f"#{answer}").click()
    assert shown_table(page) == expected_table(drawn, answers)


def test_answers_by_touch_on_a_phone_give_the_numbers_that_python_gives(phone, page, drawn, answers):
    def tap(selector):
        box = page.find(selector).rect
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    tap("#begin")
    for number, answer in enumerate(answers, start=1):
        tap(f"#{answer}")
        WebDriverWait(phone, 5).until(lambda _, n=number: page.find("#progress").get_property("value") == n)
    assert shown_table(page) == expected_table(drawn, answers)


def test_arrow_keys_answer_too(page, drawn, answers):
    page.find("#begin").click()
    page.press(*(Keys.ARROW_LEFT if answer == "real" else Keys.ARROW_RIGHT for answer in answers))
    assert shown_table(page) == expected_table(drawn, answers)


@pytest.mark.parametrize(
    ("n_right", "verdict"),
    [(12, "you can tell synthetic tiles from real ones"), (6, "no evidence"), (0, "take one for the other")],
)
def test_the_result_says_what_the_interval_means(page, drawn, n_right, verdict):
    other = {"real": "synthetic", "synthetic": "real"}
    answer_by_keyboard(page, [s if i < n_right else other[s] for i, s in enumerate(drawn.sources)])
    page.find("#finish").click()
    assert verdict in page.find("#meaning").text


def test_each_tile_is_shown_as_it_was_drawn(page, drawn):
    page.find("#begin").click()
    for tile in drawn.tiles:
        assert (page.pixels("#tile") == tile).all()
        page.press("r")


def test_nothing_in_view_or_in_the_elements_tells_real_from_synthetic(page, drawn):
    page.find("#begin").click()
    seen = set()
    for _ in drawn.tiles:
        seen.add(re.sub(r"\d+", "#", page.find("#stage").get_attribute("outerHTML")))
        page.press("s")
    assert len(seen) == 1
    assert not re.search("real|synthetic|adipose|mucus|stroma", seen.pop())


def test_progress_is_shown(page):
    page.find("#begin").click()
    assert page.find("#place").text == "Tile 1 of 12"
    page.press("rs")
    assert page.find("#place").text == "Tile 3 of 12"
    assert page.find("#progress").get_property("value") == 2


def test_backspace_goes_one_back_and_the_answer_is_given_again(page, drawn):
    page.find("#begin").click()
    page.press("rrr", Keys.BACKSPACE, Keys.BACKSPACE)
    assert page.find("#place").text == "Tile 2 of 12"
    assert (page.pixels("#tile") == drawn.tiles[1]).all()
    answers = ["real", *["synthetic"] * 11]
    page.press("s" * 11)
    assert shown_table(page) == expected_table(drawn, answers)


def test_the_last_answer_can_be_taken_back_until_the_result_is_seen(page):
    answer_by_keyboard(page, ["real"] * 12)
    page.find("#back").click()
    assert page.find("#place").text == "Tile 12 of 12"
    page.press("r")
    page.find("#finish").click()
    page.press(Keys.BACKSPACE, "s")
    assert page.find("#result").is_displayed()


def test_reloading_loses_no_answer(page, drawn, answers):
    page.find("#begin").click()
    page.press("".join(answer[0] for answer in answers[:7]))
    reload(page)
    assert page.find("#place").text == "Tile 8 of 12"
    page.press("".join(answer[0] for answer in answers[7:]))
    reload(page)
    assert shown_table(page) == expected_table(drawn, answers)
    reload(page)
    assert page.find("#result").is_displayed()


def test_another_test_does_not_take_up_these_answers(page, open_page, sets):
    page.find("#begin").click()
    page.press("rrr")
    other = open_page(render_reader_study(*sets, 12, 4, "Can you tell?", phantom=True))
    wait_until_shown(other)
    assert other.find("#intro").is_displayed()


def test_start_again_asks_first_and_then_forgets_all(page):
    page.find("#begin").click()
    page.press("rrr")
    page.find("#test .again").click()
    page.driver.switch_to.alert.dismiss()
    assert page.find("#place").text == "Tile 4 of 12"
    page.find("#test .again").click()
    page.driver.switch_to.alert.accept()
    reload(page)
    assert page.find("#intro").is_displayed()


def test_keys_with_control_and_keys_before_the_beginning_answer_nothing(page):
    page.press("rs")
    assert page.find("#intro").is_displayed()
    page.find("#begin").click()
    page.press(Keys.CONTROL, "s", on="body")
    assert page.find("#place").text == "Tile 1 of 12"


def test_the_file_to_keep_holds_every_answer(page, drawn, answers, tmp_path):
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    answer_by_keyboard(page, answers)
    page.find("#finish").click()
    page.find("#download").click()
    text = WebDriverWait(page.driver, 10).until(
        lambda _: "".join(map(Path.read_text, tmp_path.glob("reader_study_*.csv")))
    )
    rows = list(csv.DictReader(StringIO(text)))
    assert list(rows[0]) == ["image", "source", "class", "answer", "seconds"]
    assert [int(row["image"]) for row in rows] == list(range(1, 13))
    assert [row["source"] for row in rows] == list(drawn.sources)
    assert [row["class"] for row in rows] == [drawn.classes[label] for label in drawn.labels]
    assert [row["answer"] for row in rows] == answers
    assert all(0 <= float(row["seconds"]) < 60 for row in rows)


def test_the_result_shows_every_tile_where_it_belongs(page, drawn, answers):
    answer_by_keyboard(page, answers)
    page.find("#finish").click()
    groups = {
        "Synthetic, taken for real": ("synthetic", "real"),
        "Real, taken for synthetic": ("real", "synthetic"),
        "Synthetic, recognized": ("synthetic", "synthetic"),
        "Real, recognized": ("real", "real"),
    }
    for place, (name, pair) in enumerate(groups.items(), start=1):
        numbers = [i for i, given in enumerate(zip(drawn.sources, answers, strict=True), start=1) if given == pair]
        section = f".group:nth-child({place})"
        assert page.find(f"{section} h3").text == f"{name}: {len(numbers)}"
        assert [canvas.get_attribute("aria-label") for canvas in page.all(f"{section} canvas")] == [
            f"tile {number}" for number in numbers
        ]
        assert (page.pixels(f"{section} canvas") == drawn.tiles[numbers[0] - 1]).all()


def test_the_tile_is_enlarged_by_a_whole_number(page):
    page.find("#begin").click()
    assert page.find("#tile").size == {"width": 96, "height": 96}


def test_nothing_is_wider_than_a_phone(phone, page, answers):
    assert page.picture_widths == [32]
    assert page.overflow == 0
    answer_by_keyboard(page, answers)
    assert page.overflow == 0
    page.find("#finish").click()
    assert page.overflow == 0
