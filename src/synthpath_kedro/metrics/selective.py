"""Selective prediction: errors among the images that a classifier is most confident of (Geifman and El-Yaniv 2017)."""

from math import ceil

import numpy as np
from jaxtyping import Bool, Float

Confidence = Float[np.ndarray, " images"]
Mask = Bool[np.ndarray, " images"]

_ROUNDING = 1e-9


def accepted(confidence: Confidence, coverage: float) -> Mask:
    """The most confident images: so large a share of all, and those that tie with the last of them.

    Args:
        confidence: of each image, such as its likeliest class's probability.
        coverage: share to accept, above 0 to 1.
    """
    place = max(ceil(coverage * len(confidence) - _ROUNDING), 1)
    return confidence >= np.sort(confidence)[-place]


def selective_risk(confidence: Confidence, wrong: Mask, coverage: float) -> float:
    """Share of errors among the accepted images."""
    return float(wrong[accepted(confidence, coverage)].mean())


def aurc(confidence: Confidence, wrong: Mask) -> float:
    """Area under the risk-coverage curve: the selective risk, averaged over every image's confidence as threshold.

    0 without errors; the error rate where confidence does not tell errors apart. Images that tie are accepted together,
    so that their order does not matter.
    """
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last = np.searchsorted(-descending, -descending, side="right")
    return float((np.cumsum(wrong[order])[last - 1] / last).mean())
