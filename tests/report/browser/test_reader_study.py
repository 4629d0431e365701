import csv
import re
from io import StringIO

import numpy as np
import pytest
from scipy.stats import binomtest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from sklearn.metrics import cohen_kappa_score

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.pages.reader_study import draw_tiles, render_reader_study

COLUMNS = ("study", "image", "source", "class", "answer", "class_confirmed", "seconds")
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
    """Returns when the page's controls are enabled, which its script does as it shows the reader's place."""
    WebDriverWait(page.driver, 60).until(lambda _: page.all("#controls:enabled"))


@pytest.fixture(scope="module")
def answers():
    """Right some times: neither all nor half."""
    return np.random.default_rng(5).choice(["real", "synthetic"], 12).tolist()


@pytest.fixture(scope="module")
def confirmed():
    """Whether the tile shows its class, as the reader says: mostly."""
    return np.random.default_rng(6).choice(["yes", "no"], 12, p=[0.7, 0.3]).tolist()


def in_turn(answers, confirmed):
    """The two answers to each tile one after the other."""
    return [given for both in zip(answers, confirmed, strict=True) for given in both]


def answer_by_keyboard(page, answers, confirmed=("yes",) * 12):
    page.find("#begin").click()
    page.press("".join(given[0] for given in in_turn(answers, confirmed)))


def expected_row(name, right):
    low, high = binomtest(sum(right), len(right)).proportion_ci(0.95, "wilson")
    percent = [int(np.floor(100 * share + 0.5)) for share in (np.mean(right), low, high)]
    return [name, f"{sum(right)} of {len(right)}", f"{percent[0]} %", f"{percent[1]} to {percent[2]} %"]


def expected_table(drawn, found):
    """Of tiles that were marked rightly, or whose class was confirmed."""
    found, sources = np.asarray(found), np.array(drawn.sources)
    rows = [expected_row("All tiles", found)]
    rows += [expected_row(source, found[sources == source]) for source in ("real", "synthetic")]
    rows += [expected_row(name, found[np.array(drawn.labels) == label]) for label, name in enumerate(drawn.classes)]
    return rows


def expected_tables(drawn, answers, confirmed=("yes",) * 12):
    right = np.array(answers) == np.array(drawn.sources)
    return [expected_table(drawn, right), expected_table(drawn, np.array(confirmed) == "yes")]


def plain(text):
    return text.replace("\u00a0", " ")


def texts(page, rows, columns=None):
    cells = [row.find_elements("css selector", "th, td") for row in page.all(rows)]
    return [[plain(cell.text) for cell in row[:columns]] for row in cells]


def shown_tables(page):
    page.find("#finish").click()
    return [texts(page, f"#{table} tbody tr", 4) for table in ("shares", "confirmed")]


def test_answers_by_keyboard_give_the_numbers_that_python_gives(page, drawn, answers, confirmed):
    answer_by_keyboard(page, answers, confirmed)
    assert shown_tables(page) == expected_tables(drawn, answers, confirmed)
    _, right, share, interval = expected_tables(drawn, answers)[0][0]
    assert plain(page.find("#headline").text) == f"{right} right: accuracy {share}"
    kappa = cohen_kappa_score(answers, drawn.sources)
    assert plain(page.find("#interval").text) == (
        f"95 % interval {interval} (Wilson), Cohen\N{RIGHT SINGLE QUOTATION MARK}s kappa with the truth {kappa:.2f}"
    )


def test_the_result_says_in_how_many_tiles_of_either_source_the_class_is_seen(page, drawn, answers):
    yes = ["yes" if source == "real" or i % 2 else "no" for i, source in enumerate(drawn.sources)]
    answer_by_keyboard(page, answers, yes)
    page.find("#finish").click()
    synthetic = np.mean([given == "yes" for given, one in zip(yes, drawn.sources, strict=True) if one == "synthetic"])
    assert (
        f"You find the class it claims in 100 % of the real tiles and in {np.floor(100 * synthetic + 0.5):.0f} % of the"
        in plain(page.find("#meaning").text)
    )


def test_answers_by_mouse_give_the_numbers_that_python_gives(page, drawn, answers, confirmed):
    page.find("#begin").click()
    for given in in_turn(answers, confirmed):
        page.find(f"#{given}").click()
    assert shown_tables(page) == expected_tables(drawn, answers, confirmed)


def test_answers_by_touch_on_a_phone_give_the_numbers_that_python_gives(phone, page, drawn, answers, confirmed):
    def tap(selector):
        box = phone.execute_script("return arguments[0].getBoundingClientRect().toJSON()", page.find(selector))
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    tap("#begin")
    for number, given in enumerate(in_turn(answers, confirmed), start=1):
        tap(f"#{given}")
        WebDriverWait(phone, 5).until(lambda _, n=number: page.find("#progress").get_property("value") == n)
    assert shown_tables(page) == expected_tables(drawn, answers, confirmed)


def test_arrow_keys_answer_too(page, drawn, answers, confirmed):
    page.find("#begin").click()
    left = ("real", "yes")
    page.press(*(Keys.ARROW_LEFT if given in left else Keys.ARROW_RIGHT for given in in_turn(answers, confirmed)))
    assert shown_tables(page) == expected_tables(drawn, answers, confirmed)


def test_a_class_is_named_only_when_the_source_is_marked(page, drawn):
    page.find("#begin").click()
    names = [drawn.classes[label] for label in drawn.labels]
    for name in names:
        assert page.find("#ask-class").text == "Then its class is named."
        page.press("r")
        assert page.find("#ask-class").text == f"Does it show {name}?"
        page.press("n")


def test_a_second_tap_and_keys_of_the_other_question_answer_nothing(page):
    page.find("#begin").click()
    page.find("#yes").click()
    page.press("yn")
    assert page.find("#progress").get_property("value") == 0
    page.find("#real").click()
    page.find("#real").click()
    page.press("rs")
    assert page.find("#progress").get_property("value") == 1
    assert [page.find(f"#{choice}").get_attribute("aria-pressed") for choice in ("real", "synthetic", "yes")] == [
        "true",
        "false",
        "false",
    ]
    assert page.find("#place").text == "Tile 1 of 12"


def test_controls_are_disabled_until_the_script_is_ready(browser, open_page, sets):
    """As long as the tiles are not decoded nothing can be clicked; a click cannot be lost."""
    never = "HTMLImageElement.prototype.decode = () => new Promise((done) => { window.decoded = done; });"
    slow = {"source": "localStorage.clear();" + never}
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", slow)
    html = render_reader_study(*sets, 12, 3, "Can you tell?", phantom=True)
    page = open_page(html, wait=False)
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    assert not page.find("#begin").is_enabled()
    assert not page.find("#files").is_enabled()
    browser.execute_script("window.decoded()")
    wait_until_shown(page)
    page.find("#begin").click()
    assert page.find("#test").is_displayed()


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
        page.press("ry")


def test_nothing_in_view_or_in_the_elements_tells_real_from_synthetic(page, drawn):
    page.find("#begin").click()
    seen = set()
    for _ in drawn.tiles:
        seen.add(re.sub(r"\d+", "#", page.find("#stage").get_attribute("outerHTML")))
        page.press("sy")
    assert len(seen) == 1
    assert not re.search("real|synthetic|adipose|mucus|stroma", seen.pop())


def test_progress_is_shown(page):
    page.find("#begin").click()
    assert page.find("#place").text == "Tile 1 of 12"
    page.press("rysn")
    assert page.find("#place").text == "Tile 3 of 12"
    assert page.find("#progress").get_property("position") == pytest.approx(4 / 24)


def test_backspace_goes_one_back_and_the_answer_is_given_again(page, drawn):
    page.find("#begin").click()
    page.press("ryryr", *[Keys.BACKSPACE] * 3)
    assert page.find("#place").text == "Tile 2 of 12"
    assert (page.pixels("#tile") == drawn.tiles[1]).all()
    answers = ["real", *["synthetic"] * 11]
    page.press("sy" * 11)
    assert shown_tables(page) == expected_tables(drawn, answers)


def test_the_last_answer_can_be_taken_back_until_the_result_is_seen(page):
    answer_by_keyboard(page, ["real"] * 12)
    page.find("#back").click()
    assert page.find("#place").text == "Tile 12 of 12"
    page.press("n")
    page.find("#finish").click()
    page.press(Keys.BACKSPACE, "s")
    assert page.find("#result").is_displayed()


def test_reloading_loses_no_answer(page, drawn, answers, confirmed):
    given = in_turn(answers, confirmed)
    page.find("#begin").click()
    page.press("".join(one[0] for one in given[:15]))
    reload(page)
    assert page.find("#place").text == "Tile 8 of 12"
    page.press("".join(one[0] for one in given[15:]))
    reload(page)
    assert shown_tables(page) == expected_tables(drawn, answers, confirmed)
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
    page.press("ryryry")
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


def test_the_file_to_keep_holds_every_answer(page, drawn, answers, confirmed, tmp_path, digest):
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    answer_by_keyboard(page, answers, confirmed)
    page.find("#finish").click()
    page.find("#download").click()
    file = WebDriverWait(page.driver, 10).until(
        lambda _: [file for file in tmp_path.glob("reader_study_*.csv") if file.stat().st_size]
    )[0]
    assert file.name == f"reader_study_{digest}.csv"
    rows = list(csv.DictReader(StringIO(file.read_text())))
    assert list(rows[0]) == list(COLUMNS)
    assert {row["study"] for row in rows} == {digest}
    assert [int(row["image"]) for row in rows] == list(range(1, 13))
    assert [row["source"] for row in rows] == list(drawn.sources)
    assert [row["class"] for row in rows] == [drawn.classes[label] for label in drawn.labels]
    assert [row["answer"] for row in rows] == answers
    assert [row["class_confirmed"] for row in rows] == confirmed
    assert all(0 <= float(row["seconds"]) < 60 for row in rows)
    pool(page, file)
    assert not texts(page, "#refused li")
    assert texts(page, "#readers tbody tr", 1) == [[file.stem]]


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


def test_nothing_is_wider_than_a_phone(phone, page, answers, reader_files):
    assert page.picture_widths == [32]
    assert page.overflow == 0
    pool(page, *reader_files)
    assert page.overflow == 0
    answer_by_keyboard(page, answers)
    assert page.overflow == 0
    page.find("#finish").click()
    assert page.overflow == 0


@pytest.fixture(scope="module")
def digest(sets):
    html = render_reader_study(*sets, 12, 3, "Can you tell?", phantom=True)
    return re.search(r'"digest":"(\w+)"', html).group(1)


@pytest.fixture
def make_file(drawn, digest, tmp_path):
    """A reader's file, changed as a test says."""

    def make(name, answers, confirmed, study=digest, n=12, **changed):
        columns = {
            "study": [study] * 12,
            "image": range(1, 13),
            "source": drawn.sources,
            "class": [drawn.classes[label] for label in drawn.labels],
            "answer": answers,
            "class_confirmed": confirmed,
            "seconds": ["1.50"] * 12,
        }
        columns |= {column: [value, *list(columns[column])[1:]] for column, value in changed.items()}
        file = tmp_path / f"{name}.csv"
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            writer.writerows(list(zip(*columns.values(), strict=True))[:n])
        return file

    return make


READERS = np.random.default_rng(8)
GIVEN = {
    name: (READERS.choice(["real", "synthetic"], 12, p=[p, 1 - p]), READERS.choice(["yes", "no"], 12, p=[0.6, 0.4]))
    for name, p in (("ada", 0.5), ("<b>ben</b>", 0.6), ("cleo", 0.3))
}


@pytest.fixture
def reader_files(make_file):
    return [make_file(name.replace("/", "\N{DIVISION SLASH}"), *given) for name, given in GIVEN.items()]


def pool(page, *files):
    if not page.all("#pool[open]"):
        page.find("#pool summary").click()
    before = page.driver.execute_script("return (window.pooled = document.querySelector('#readers tbody'))")
    page.find("#files").send_keys("\n".join(map(str, files)))
    WebDriverWait(page.driver, 10).until(
        lambda _: page.all("#refused li") or page.all("#readers tbody") not in ([], [before])
    )


def expected_reader(name, sources, answers, confirmed, interval):
    right, yes, real = answers == sources, confirmed == "yes", sources == "real"
    percent = [
        f"{np.floor(100 * share + 0.5):.0f} %" for share in (right.mean(), right[~real].mean(), right[real].mean())
    ]
    shares = [f"{np.floor(100 * yes[chosen].mean() + 0.5):.0f} %" for chosen in (real, ~real)]
    return [name, percent[0], interval, *percent[1:], f"{cohen_kappa_score(answers, sources):.2f}", *shares]


def fleiss_kappa(ratings):
    """Of the textbook: ratings [readers, tiles]."""
    counts = np.stack([(ratings == value).sum(axis=0) for value in np.unique(ratings)], axis=1)
    readers = ratings.shape[0]
    observed = ((counts**2).sum(axis=1) - readers) / (readers * (readers - 1))
    expected = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return (observed.mean() - expected) / (1 - expected)


def test_files_of_several_readers_give_one_table(page, drawn, reader_files):
    pool(page, *reader_files)
    sources, names = np.array(drawn.sources), [file.stem for file in reader_files]
    single = []
    for name, (answers, confirmed) in zip(names, GIVEN.values(), strict=True):
        interval = expected_row(name, answers == sources)[3]
        single.append(expected_reader(name, sources, answers, confirmed, interval))
    shown = texts(page, "#readers tbody tr")
    assert shown[:3] == single
    answers, confirmed = (np.stack([given[k] for given in GIVEN.values()]) for k in (0, 1))
    tiles = (answers == sources).mean(axis=0)
    share = tiles.mean()
    worth = np.clip(share * (1 - share) / (tiles.var(ddof=1) / 12), 12, 36)
    z = 1.959963984540054
    half = z / (worth + z**2) * np.sqrt(worth * share * (1 - share) + z**2 / 4)
    middle = (worth * share + z**2 / 2) / (worth + z**2)
    ends = [f"{np.floor(100 * end + 0.5):.0f}" for end in (middle - half, middle + half)]
    everybody = expected_reader(
        "All 3 readers", np.tile(sources, 3), answers.ravel(), confirmed.ravel(), f"{ends[0]} to {ends[1]} %"
    )
    assert shown[3] == everybody


def test_kappa_between_readers_is_scikit_learns_and_of_three_fleisss(page, reader_files):
    pool(page, *reader_files)
    names = [file.stem for file in reader_files]
    given = list(GIVEN.values())
    shown = texts(page, "#pairs tbody tr")
    assert [row[0] for row in shown] == [
        f"{names[0]} and {names[1]}",
        f"{names[0]} and {names[2]}",
        f"{names[1]} and {names[2]}",
        "All 3 readers (Fleiss)",
    ]
    pairs = [[cohen_kappa_score(given[i][k], given[j][k]) for k in (0, 1)] for i, j in ((0, 1), (0, 2), (1, 2))]
    together = [fleiss_kappa(np.stack([one[k] for one in given])) for k in (0, 1)]
    assert np.array([row[1:] for row in shown], float) == pytest.approx(np.array([*pairs, together]), abs=0.0051)


def test_one_reader_has_no_pairs_and_two_who_always_say_yes_no_kappa(page, make_file, drawn):
    yes, right = ["yes"] * 12, list(drawn.sources)
    one, other = make_file("one", right, yes), make_file("other", [*right[:-1], "real"], yes, seconds="2.00")
    pool(page, one)
    assert not page.find("#between").is_displayed()
    pool(page, one, other)
    assert texts(page, "#pairs tbody tr")[0][2] == "undefined"
    assert texts(page, "#readers tbody tr")[0][5] == "1.00"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study": "0123456789abcdef"}, 'it is of another study ("0123456789abcdef", this page is '),
        ({"n": 11}, "it has 11 tiles, this study has 12: ask the reader for the whole file."),
        ({"image": "7"}, 'line 2: image "7" instead of 1: '),
        (
            {"source": "<img src=x onerror=alert(1)>"},
            'line 2: source "<img src=x onerror=alert(1)>", but this tile is ',
        ),
        ({"class": "bone"}, 'line 2: class "bone", but this tile\'s is '),
        ({"answer": "maybe"}, 'line 2: answer "maybe" is neither real nor synthetic: '),
        ({"class_confirmed": ""}, 'line 2: class_confirmed "" is neither yes nor no: '),
        ({"seconds": "-1"}, 'line 2: seconds "-1" is not a number, 0 or more: '),
    ],
)
def test_a_file_that_is_no_use_is_refused_in_one_line_and_the_others_count(
    page, make_file, reader_files, changes, message
):
    answers, confirmed = GIVEN["ada"]
    pool(page, reader_files[0], make_file("bad", answers, confirmed, **changes))
    ((line,),) = ([item.text] for item in page.all("#refused li"))
    assert line.startswith("bad.csv: " + message)
    assert texts(page, "#readers tbody tr", 1) == [["ada"]]


def test_files_that_are_something_else_are_refused(page, make_file, tmp_path):
    old, picture, twice = tmp_path / "old.csv", tmp_path / "picture.csv", make_file("once", *GIVEN["ada"])
    old.write_text("image,source,class,answer,seconds\n1,real,adipose,real,1.0\n")
    picture.write_bytes(bytes(range(256)) * 4)
    again = tmp_path / "again.csv"
    again.write_bytes(twice.read_bytes())
    large = tmp_path / "large.csv"
    large.write_bytes(b'"' * 1_000_001)
    pool(page, old, picture, twice, again, large)
    lines = [item.text for item in page.all("#refused li")]
    assert [line.partition(":")[0] for line in lines] == ["old.csv", "picture.csv", "again.csv", "large.csv"]
    assert all(f'its first line is not "{",".join(COLUMNS)}"' in line for line in lines[:2])
    assert "it is the same as once.csv" in lines[2]
    assert "it is larger than 1 MB" in lines[3]
    assert texts(page, "#readers tbody tr", 1) == [["once"]]


def test_a_file_that_a_spreadsheet_has_saved_again_is_read(page, make_file):
    file = make_file("sheet", *GIVEN["ada"])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().rstrip(b"\r\n"))
    pool(page, file)
    assert not page.all("#refused li")
    assert texts(page, "#readers tbody tr", 1) == [["sheet"]]


@pytest.mark.parametrize("screen", ["browser", "phone"])
def test_both_questions_are_in_view_without_scrolling(screen, request, page):
    driver = request.getfixturevalue(screen)
    page.find("#begin").click()
    height, room = driver.execute_script("return [document.documentElement.scrollHeight, innerHeight]")
    assert height <= room


def test_results_of_others_are_out_of_sight_during_the_test(page, reader_files):
    pool(page, *reader_files)
    page.find("#begin").click()
    assert not page.find("#pool").is_displayed()
