"""What mean color alone says about the classes, trained as the study's regimes train."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.rows import CELL
from synthpath_kedro.metrics.classification import classification_metrics
from synthpath_kedro.metrics.color_baseline import color_baseline, mean_colors
from synthpath_kedro.study.grid import PUBLISHED_REGIMES
from synthpath_kedro.study.regimes import REGIMES

MODEL = "color"
VARIANT = "logistic regression on mean R, G, B"
WEIGHTS = "none"


class _Colors(NamedTuple):
    """Mean colors [N, 3] and labels [N]."""

    colors: np.ndarray
    labels: np.ndarray


def color_baseline_table(
    real_train: LabeledImages, real_test: LabeledImages, sets: Mapping[str, LabeledImages], mixing_ratio: float
) -> pd.DataFrame:
    """Metrics on the real test set, one row for real training images and two for each synthetic set.

    Flips, turns and repetition change no mean color, so that the published regimes stand for the others too, save those
    that draw classes or synthetic images in other proportions.

    Args:
        real_train: training images.
        real_test: test images.
        sets: synthetic sets by name.
        mixing_ratio: weight of the synthetic images where real ones are trained on too, 0 to 1.

    Returns:
        The columns of ``classification_table``; ``replicate`` is 0, since no seed is involved.
    """
    real, test = _colors(real_train), _colors(real_test)
    synthetic = {name: _colors(images) for name, images in sets.items()}
    rows = []
    for regime in map(REGIMES.find, PUBLISHED_REGIMES):
        share = float(regime.share(mixing_ratio))
        for name in synthetic if regime.uses_synthetic else [""]:
            sources = [(real, 1 - share), *([(synthetic[name], share)] if name else [])]
            probabilities = _trained_on(sources, test.colors, real_test.n_classes)
            facts = (MODEL, regime.name, name, 0, WEIGHTS, len(real_test), VARIANT)
            rows.append(dict(zip(CELL, facts, strict=True)) | classification_metrics(probabilities, test.labels))
    return pd.DataFrame(rows)


def _colors(images: LabeledImages) -> _Colors:
    return _Colors(mean_colors(images.images), images.labels)


def _trained_on(sources: list[tuple[_Colors, float]], test_colors: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities after training on images whose weights sum to the share of their source."""
    used = [(source, share) for source, share in sources if share > 0 and len(source.labels)]
    colors, labels = (np.concatenate(parts) for parts in zip(*(source for source, _ in used), strict=True))
    weights = np.concatenate([np.full(len(source.labels), share / len(source.labels)) for source, share in used])
    return color_baseline(colors, labels, test_colors, n_classes, weights * len(labels))
