import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report.figures.closest_pairs import Pairs, closest_pairs
from synthpath_kedro.report.figures.confusion_matrices import confusion_matrices
from synthpath_kedro.report.figures.nearest_distances import Distances, nearest_distances
from synthpath_kedro.report.figures.reliability import reliability
from synthpath_kedro.report.figures.risk_coverage import risk_coverage
from synthpath_kedro.report.figures.style import png_bytes

NOTE = "Digital phantom, not tissue"
NAMES = tuple(f"colorectal adenocarcinoma epithelium, $5 a slide_{label}" for label in range(14))


def matrices(n_classes, *regimes):
    return {regime: np.random.default_rng(0).integers(0, 9, (n_classes, n_classes)) for regime in regimes}


def bins(*models):
    row = {"n_bin": 4, "confidence": 0.75, "accuracy": 0.5}
    cells = [(m, r, s) for m in models for r in ("real", "mixed") for s in ("before", "after")]
    return pd.DataFrame([{"model": m, "regime": r, "set": "", "scaling": s, **row} for m, r, s in cells])


def curves(*models):
    cells = [(m, r, c) for m in models for r in ("real", "mixed") for c in (0.1, 0.5, 1.0)]
    return pd.DataFrame([{"model": m, "regime": r, "set": "", "coverage": c, "risk": c / 4} for m, r, c in cells])


def pairs(n, real=True, size=(8, 8)):
    images = np.random.default_rng(0).integers(0, 256, (n, *size, 3), dtype=np.uint8)
    return Pairs(images, images if real else None, [f"{k}.00" for k in range(n)])


def distances():
    rng = np.random.default_rng(0)
    return Distances(np.append(2 * rng.random(50), np.nan), 2 * rng.random(20))


FIGURES = {
    "confusion of one cell": lambda: confusion_matrices(matrices(9, "real"), NAMES[:9], "CNN", NOTE),
    "confusion of three cells": lambda: confusion_matrices(
        matrices(14, "real", "synthetic", "mixed"), NAMES, "CNN", NOTE
    ),
    "confusion of two classes": lambda: confusion_matrices(matrices(2, "real", "mixed"), ("a", "b"), "CNN", NOTE),
    "reliability of one model": lambda: reliability(bins("cnn"), note=NOTE),
    "reliability of five models": lambda: reliability(bins(*"abcde"), note=NOTE),
    "risk against coverage of one model": lambda: risk_coverage(curves("cnn"), note=NOTE),
    "risk against coverage of five models": lambda: risk_coverage(curves(*"abcde"), note=NOTE),
    "twelve pairs": lambda: closest_pairs({"in pixels": pairs(12), "in features": pairs(12)}, note=NOTE),
    "one pair": lambda: closest_pairs({"in pixels": pairs(1)}, note=NOTE),
    "distances": lambda: nearest_distances({"in pixels": distances(), "in features": distances()}, note=NOTE),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_carry_the_note_and_fit_their_size(name, drawn, overhang):
    figure = FIGURES[name]()
    assert NOTE in drawn(figure)
    assert overhang(figure) < 0.02


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_input_gives_the_same_picture(name):
    assert png_bytes(FIGURES[name]()) == png_bytes(FIGURES[name]())


def test_a_matrix_is_in_per_cent_of_each_true_class(drawn):
    figure = confusion_matrices({"real": np.array([[3, 1], [0, 0]])}, ("a", "b"), "CNN")
    shown = figure.axes[0].images[0].get_array()
    assert shown.tolist() == [[75, 25], [0, 0]]
    assert {"75", "25", "trained on real"} <= drawn(figure)


def test_without_cells_a_figure_says_so(drawn):
    assert "no cell has been trained" in drawn(confusion_matrices({}, ("a",), "CNN"))
    assert "no cell has been trained" in drawn(reliability(pd.DataFrame(columns=["model", "regime", "set"])))


def test_empty_bins_are_not_drawn():
    table = bins("cnn")
    empty = table.iloc[:1].assign(n_bin=0, confidence=np.nan, accuracy=np.nan)
    points = reliability(pd.concat([table, empty])).axes[0].collections[0].get_offsets()
    assert points.tolist() == [[0.75, 0.5]]


def test_training_images_are_left_out_where_they_must_not_be_shown(drawn):
    assert "training" in drawn(closest_pairs({"in pixels": pairs(3)}))
    hidden = closest_pairs({"in pixels": pairs(3, real=False)})
    assert "training" not in drawn(hidden)
    assert hidden.axes[0].images[0].get_array().shape[0] == 8


def test_every_cell_has_its_curve_of_risk_and_without_cells_the_figure_says_so(drawn):
    figure = risk_coverage(curves("cnn", "clip"))
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.025, 0.125, 0.25]
    assert "no cell has been trained" in drawn(risk_coverage(pd.DataFrame(columns=["model", "regime", "set"])))
