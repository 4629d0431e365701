"""How many synthetic images each class gets."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import SynthesisParameters


def allocate(params: SynthesisParameters, class_names: Sequence[str], real_counts: np.ndarray) -> np.ndarray:
    """Images of each class, int64 [classes]; they sum to ``n_images`` (explicit: to the sum of the counts given).

    Args:
        params: the block ``synthesis``. ``balanced`` gives every class the same, ``match_real`` the shares of the real
            training set, ``inverse_frequency`` shares inverse to them (a class without real images gets none),
            ``explicit`` what ``counts`` says.
        class_names: in label order.
        real_counts: int [classes], images of each class in the real training set.

    Raises:
        InputError: ``counts`` names per class that there is not, or asks for nothing at all.
    """
    if params.allocation == "explicit":
        return _explicit(params.counts or {}, class_names)
    weights = {
        "balanced": [Fraction(1) for _ in class_names],
        "match_real": [Fraction(int(count)) for count in real_counts],
        "inverse_frequency": [Fraction(1, int(count)) if count else Fraction(0) for count in real_counts],
    }[params.allocation]
    return largest_remainder(weights, params.n_images)


def largest_remainder(weights: Sequence[Fraction], total: int) -> np.ndarray:
    """Whole numbers in proportion to ``weights`` that sum to ``total``; ties go to the first."""
    quotas = [weight * total / sum(weights) for weight in weights]
    counts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda i: counts[i] - quotas[i])
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return np.array(counts, dtype=np.int64)


def interleaved_labels(counts: np.ndarray) -> np.ndarray:
    """One label per image, int64 [sum], with every class spread evenly from the first image to the last.

    A stretch of the set then holds the classes in the set's proportions, so that an unfinished set can be used.
    """
    labels = np.repeat(np.arange(len(counts)), counts)
    positions = np.concatenate([(np.arange(count) + 0.5) / max(count, 1) for count in counts])
    return labels[np.argsort(positions, kind="stable")]


def _explicit(counts: Mapping[str, int], class_names: Sequence[str]) -> np.ndarray:
    unknown = sorted(set(counts) - set(class_names))
    if unknown:
        raise InputError(
            f"synthesis.counts names {', '.join(unknown)}, which the data does not have: use {', '.join(class_names)}"
        )
    if not sum(counts.values()):
        raise InputError("synthesis.counts asks for no image at all: give at least one class a count above 0")
    return np.array([counts.get(name, 0) for name in class_names], dtype=np.int64)
