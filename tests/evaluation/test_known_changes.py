"""What fidelity is trusted for: known changes of the phantom move the right numbers and leave the others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.stain import EOSIN, HEMATOXYLIN, WHITE
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.evaluation.known_changes import (
    CHANGES,
    FAIR,
    NEIGHBORHOOD,
    OF_CLASSES,
    OF_SET,
    another_mix,
    blurred,
    brighter,
    compressed,
    describe,
    duplicates,
    known_changes_table,
    missing_class,
    restained,
)
from synthpath_kedro.parameters.evaluation import FeatureParameters

LABELS = np.arange(540) % len(TISSUES)
N_FAIR = 6
LEFT, MOVED = 4, 6
"""Standard deviations of fair draws."""


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    project = Path(__file__).parents[2]
    features = yaml.safe_load((project / "conf/base/parameters_evaluation.yml").read_text())["evaluation"]["features"]
    extractor = load_extractor(FeatureParameters.model_validate(features | {"input_size": 32}))
    sets = [render_tiles(LABELS, 32, (seed, 0), 0.0) for seed in range(N_FAIR + 1)]
    reference, *draws = (describe(images, LABELS, extractor) for images in sets)
    return known_changes_table([(reference, one) for one in draws], sets[1], extractor, tuple(TISSUES), seed=0)


def deviations(table: pd.DataFrame, change: str) -> pd.Series:
    """How far each number is from fair draws, in their standard deviations."""
    fair = table.loc[FAIR]
    return (table.loc[change] - fair.mean()).abs() / fair.std()


@pytest.mark.parametrize("change", CHANGES.values(), ids=lambda one: one.name)
def test_a_known_change_moves_the_right_numbers_and_leaves_the_others(table, change):
    found = deviations(table, change.name)
    assert found[list(change.moves)].min() > MOVED
    assert (found[list(change.keeps)] < LEFT).all()


def test_every_number_is_moved_by_some_change_and_left_by_another():
    moved, left = (set().union(*(getattr(one, what) for one in CHANGES.values())) for what in ("moves", "keeps"))
    assert moved | {"precision"} == left == {*OF_CLASSES, *OF_SET, *NEIGHBORHOOD}


def test_a_stain_moves_the_kernel_distance_by_little(table):
    headline = table["kernel_distance_of_classes"]
    for change in ("stain shifted by .5", "brightness +12"):
        assert headline[change] < 0.05 * headline["permuted labels"]


def test_permuted_labels_leave_what_ignores_labels_to_the_last_digit(table):
    first = table.loc[FAIR].iloc[0]
    changed = [
        name
        for name in table
        if table.loc["permuted labels", name] != pytest.approx(first[name], abs=1e-9, nan_ok=True)
    ]
    assert changed == ["kernel_distance_of_classes", "stain_of_classes", "texture_of_classes"]


def test_changes_of_pixels_are_what_their_names_say():
    density = np.array([0.4 * HEMATOXYLIN, 0.4 * EOSIN])
    light = np.rint(WHITE * 10**-density).astype(np.uint8)[None, None]
    assert np.abs(restained(light, 0).astype(int) - light).max() <= 1
    dimmer = restained(light, 1)[0, 0].astype(int) - light[0, 0]
    assert dimmer[0].max() < 0  # more hematoxylin, less light
    assert brighter(np.array([0, 250], np.uint8)).tolist() == [12, 255]
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    assert blurred(images).std() < 0.6 * images.std()
    assert np.array_equal(blurred(images[:1]), blurred(images)[:1])
    smooth = blurred(images, 4)
    assert 0 < np.abs(compressed(smooth, 50).astype(int) - smooth).mean() < 4


def test_draws_are_what_their_names_say():
    rng = np.random.default_rng(0)
    rows, labels = duplicates(LABELS, rng)
    assert (len(rows), len(set(rows)), np.bincount(labels).tolist()) == (540, 108, [60] * 9)
    assert len(set(missing_class(LABELS, rng)[1])) == 8
    rows, labels = another_mix(LABELS, rng)
    assert np.bincount(labels).tolist() == [20, 25, 30, 35, 40, 45, 50, 55, 60]
    assert len(set(rows)) == len(rows)
