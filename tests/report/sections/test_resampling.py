"""The sections of learning curve and cross-validation: what their sentences rest on."""

import numpy as np
import pytest

from synthpath_kedro.evaluation.cross_validation_tables import cross_validation_comparison
from synthpath_kedro.report.labels import worth_label
from synthpath_kedro.report.section import build_section
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.report.values import text


@pytest.mark.parametrize(
    ("worth", "words"),
    [(310.4, "+310"), (-45, "-45"), (0.2, "0"), (np.inf, "more than +2,000"), (-np.inf, "less than -100")],
)
def test_a_number_beyond_the_curve_is_called_more_than_its_end(worth: float, words: str) -> None:
    assert worth_label(worth, least=-100, most=2000) == words


def test_the_learning_curve_says_how_many_real_images_the_set_is_worth(evidence) -> None:
    content = build_section(SECTIONS["learning_curve"], evidence)
    (table,) = content.tables
    assert [tuple(map(text, row)) for row in table.rows] == [
        ("CNN", "mixed", "100", "+310", "less than 0 to more than +900"),
        ("CNN", "mixed", "1,000", "more than 0", "-12 to more than 0"),
    ]
    assert "test images and training seeds, not over trainings of the generator" in table.caption
    assert set(content.figures) == {"learning_curve"}
    (note,) = content.notes
    assert "one denoiser was trained on just those" in note.text
    assert "its images (diffusion) sampled again" in note.text
    assert "Sets made elsewhere" not in note.text


def test_two_ends_beyond_the_curve_are_said_once(evidence) -> None:
    worth = evidence["real_images_worth"].assign(ci_low=np.inf, ci_high=np.inf)
    (table,) = build_section(SECTIONS["learning_curve"], evidence | {"real_images_worth": worth}).tables
    assert [row[-1] for row in table.rows] == ["more than +900", "more than 0"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("npz", "Sets made elsewhere (diffusion) are the same at each number"),
        ("phantom", "Images that need no training (diffusion) were made separately at each number"),
    ],
)
def test_the_learning_curve_says_how_images_without_a_denoiser_were_made(evidence, source: str, words: str) -> None:
    cards = {"diffusion": evidence["generator_cards"]["diffusion"].model_copy(update={"source": source})}
    content = build_section(SECTIONS["learning_curve"], evidence | {"generator_cards": cards})
    assert words in content.notes[0].text
    assert "denoiser" not in content.notes[0].text


def test_counts_that_no_set_holds_are_named(evidence) -> None:
    content = build_section(SECTIONS["synthetic_count"], evidence)
    caption = content.figures["synthetic_count"].caption
    assert "Left out, because a set has fewer images: 2, 4, 8 synthetic images per real one." in caption
    (table,) = content.tables
    assert [text(row[2]) for row in table.rows] == ["0", "900"]


def test_the_cross_validation_says_how_it_was_done(evidence) -> None:
    (table,) = build_section(SECTIONS["cross_validation"], evidence).tables
    assert table.caption.startswith("Difference of accuracies over 1 repeat of 3 folds of all real images")
    assert "patients unknown" in table.caption
    assert "about 960 images and tested on about 240" in table.caption


@pytest.mark.parametrize(("shift", "words"), [(0.1, "helps"), (-0.1, "hurts"), (0.0, "no evidence")])
def test_a_verdict_of_the_cross_validation_is_in_words(evidence, shift: float, words: str) -> None:
    folds = evidence["cross_validation"].copy()
    mixed = folds["regime"] == "mixed"
    folds["accuracy"] = 0.7 + 0.01 * folds["fold"] + np.where(mixed, shift + 0.001 * folds["fold"] - 0.001, 0)
    comparison = cross_validation_comparison(folds.assign(prepared="ab"), 0.02)
    content = build_section(SECTIONS["cross_validation"], evidence | {"cross_validation_comparison": comparison})
    (row,) = content.tables[0].rows
    assert [text(value) for value in row[:4]] == ["CNN", "mixed against real", words, f"{shift:+.3f}"]
