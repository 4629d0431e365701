"""Figures of classes that are many, or called by names of other scripts."""

import logging
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from matplotlib.font_manager import get_font

from synthpath_kedro.report.figures.confusion_matrices import confusion_matrices
from synthpath_kedro.report.figures.style import fonts_for, new_figure

FONTS = Path(get_data_path(), "fonts/ttf")


def matrix(n_classes):
    return {"real": np.full((n_classes, n_classes), 2)}


def test_below_twenty_classes_every_cell_and_class_is_written(drawn):
    texts = drawn(confusion_matrices(matrix(19), [f"c{k}" for k in range(19)], "title"))
    assert "5" in texts
    assert {f"c{k}  {k}" for k in range(19)} <= texts


@pytest.mark.parametrize(("n_classes", "step"), [(20, 1), (25, 1), (26, 2), (100, 4)])
def test_from_twenty_classes_on_color_alone_and_at_most_25_labels(drawn, n_classes, step):
    figure = confusion_matrices(matrix(n_classes), [f"c{k}" for k in range(n_classes)], "title")
    drawn(figure)
    (axes,) = figure.axes
    assert len(axes.texts) == 0
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"c{k}  {k}" for k in range(0, n_classes, step)]
    assert len(axes.get_xticks()) <= 25


def test_a_name_in_another_script_takes_a_font_that_has_it(drawn):
    only_stix = set(get_font(str(FONTS / "STIXGeneral.ttf")).get_charmap())
    only_stix -= set(get_font(str(FONTS / "DejaVuSans.ttf")).get_charmap())
    name = chr(min(code for code in only_stix if code > 0x2000))
    figure = new_figure(4, 3, f"class {name}", None)
    drawn(figure)
    families = figure.findobj(lambda one: hasattr(one, "get_text") and name in one.get_text())[0].get_fontfamily()
    assert families[0] == "DejaVu Sans"
    assert len(families) > 1
    assert fonts_for("Tumör, fat") == ()


def test_a_character_that_no_font_has_is_said_once_and_raises_no_warning(drawn, caplog):
    nowhere = "\U000f1234"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            drawn(new_figure(4, 3, f"class {nowhere}", None))
    assert [record.message for record in caplog.records if "no installed font has" in record.message] == [
        f"no installed font has {nowhere}: boxes stand in figures; install one, such as Noto Sans"
    ]
