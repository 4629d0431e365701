import json
from base64 import b64decode
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError
from synthpath_kedro.report.pages.reader_study import DrawnTiles, draw_tiles, render_drawn, render_reader_study

NAMES = ("adipose", "mucus", "stroma")


def images_of(labels, first=0, size=4):
    """One image a label, each of a gray level of its own from ``first`` on."""
    levels = np.arange(first, first + len(labels), dtype=np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (len(labels), size, size, 3))
    return LabeledImages(pixels, np.asarray(labels, np.int64), NAMES)


@pytest.fixture
def real():
    return images_of(np.arange(60) % 3)


@pytest.fixture
def synthetic():
    return images_of(np.arange(60) % 3, first=100)


def gray_levels(drawn):
    return drawn.tiles[:, 0, 0, 0]


def test_half_the_tiles_are_synthetic_and_none_is_shown_twice(real, synthetic):
    drawn = draw_tiles(real, synthetic, 50, seed=0)
    assert Counter(drawn.sources) == {"real": 25, "synthetic": 25}
    assert len(set(gray_levels(drawn))) == 50


def test_source_and_class_belong_to_the_tile(real, synthetic):
    drawn = draw_tiles(real, synthetic, 50, seed=0)
    for level, source, label in zip(gray_levels(drawn), drawn.sources, drawn.labels, strict=True):
        assert source == ("synthetic" if level >= 100 else "real")
        assert drawn.classes[label] == NAMES[level % 100 % 3]


def test_every_class_comes_as_often_real_as_synthetic_and_as_even_as_can_be(real, synthetic):
    drawn = draw_tiles(real, synthetic, 50, seed=0)
    counts = Counter(zip(drawn.sources, drawn.labels, strict=True))
    assert sorted(counts["real", label] for label in range(3)) == [8, 8, 9]
    assert all(counts["real", label] == counts["synthetic", label] for label in range(3))


def test_a_rare_class_gives_all_it_has_and_the_others_fill_up(synthetic):
    real = images_of([0] * 30 + [1] * 2 + [2] * 30)
    drawn = draw_tiles(real, synthetic, 40, seed=0)
    assert Counter(drawn.labels) == {0: 18, 1: 4, 2: 18}


def test_a_class_that_one_set_lacks_is_not_shown(synthetic):
    drawn = draw_tiles(images_of([0, 2] * 20), synthetic, 20, seed=0)
    assert drawn.classes == ("adipose", "stroma")
    assert Counter(drawn.labels) == {0: 10, 1: 10}


def test_fewer_images_than_asked_for_give_a_shorter_test(synthetic):
    assert len(draw_tiles(images_of([0, 1, 2]), synthetic, 50, seed=0).tiles) == 6


def test_two_images_show_one_class(real, synthetic):
    drawn = draw_tiles(real, synthetic, 2, seed=0)
    assert (len(drawn.tiles), len(drawn.classes), set(drawn.sources)) == (2, 1, {"real", "synthetic"})


def test_each_combination_of_labels_is_a_class_of_a_multi_label_set():
    labels = np.array([[0, 0, 0], [1, 0, 1], [1, 0, 1], [0, 1, 0]], np.uint8)
    images = replace(images_of([0] * 4), labels=labels)
    drawn = draw_tiles(images, images, 8, seed=0)
    shown = Counter(drawn.classes[label] for label in drawn.labels)
    assert shown == {"none": 2, "adipose + stroma": 4, "mucus": 2}


def test_order_depends_on_the_seed_alone(real, synthetic):
    first, again, other = (draw_tiles(real, synthetic, 50, seed=seed) for seed in (0, 0, 1))
    assert first.sources == again.sources
    assert (first.tiles == again.tiles).all()
    assert first.sources != other.sources


def test_sources_are_shuffled_over_the_test(real, synthetic):
    in_first_half = [draw_tiles(real, synthetic, 50, seed=seed).sources[:25].count("real") for seed in range(200)]
    assert np.mean(in_first_half) == pytest.approx(12.5, abs=0.5)
    assert np.std(in_first_half) > 1


@pytest.mark.parametrize(
    ("n_images", "other", "message"),
    [
        (1, images_of([0, 1, 2]), "a reader study needs at least 2 images, not 1"),
        (50, images_of([0, 1, 2], size=8), "real images are 4 pixels wide, synthetic ones 8"),
        (50, images_of([]), "real and synthetic images share no class"),
    ],
)
def test_what_cannot_be_tested_is_refused(real, n_images, other, message):
    with pytest.raises(InputError, match=message):
        draw_tiles(real, other, n_images, seed=0)


def test_the_page_differs_with_the_truth_in_its_key_alone(real, synthetic, content_of):
    drawn = draw_tiles(real, synthetic, 10, seed=0)
    swapped = {"real": "synthetic", "synthetic": "real"}
    pages = [
        render_drawn(tiles, "Test", None)
        for tiles in (drawn, drawn._replace(sources=tuple(swapped[source] for source in drawn.sources)))
    ]
    blind = []
    for page in pages:
        content = content_of(page)
        blind.append(page.replace(content["key"], "").replace(content["digest"], ""))
    assert pages[0] != pages[1]
    assert blind[0] == blind[1]


def test_the_key_holds_the_truth(real, synthetic, content_of):
    drawn = draw_tiles(real, synthetic, 10, seed=0)
    content = content_of(render_reader_study(real, synthetic, 10, 0, "Test", phantom=False))
    truth = json.loads(b64decode(content["key"]))
    assert DrawnTiles(drawn.tiles, *(tuple(truth[key]) for key in ("sources", "labels", "classes")))[1:] == drawn[1:]
    assert content["n"] == 10


def test_another_test_keeps_its_answers_apart(real, synthetic, content_of):
    pages = [render_reader_study(real, synthetic, 10, seed, "Test", phantom=False) for seed in (0, 0, 1)]
    digests = [content_of(page)["digest"] for page in pages]
    assert pages[0] == pages[1]
    assert digests[0] != digests[2]


def test_only_a_phantom_is_called_one(real, synthetic):
    for phantom in (False, True):
        page = render_reader_study(real, synthetic, 10, 0, "Test", phantom)
        assert ("Digital phantom, not tissue" in page) == phantom


def test_the_instructions_say_which_of_several_sets_is_shown(real, synthetic):
    page = render_reader_study(
        real, synthetic, 8, 0, "Real or synthetic?", False, "Of 2 synthetic sets this shows gan."
    )
    assert "whether it shows the class it claims. Of 2 synthetic sets this shows gan.</p>" in page
