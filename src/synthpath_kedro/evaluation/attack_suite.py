"""Every attack on one classifier that the robustness table, its control and the curves are made from."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import Normalize
from synthpath_kedro.metrics.masking import LARGE_EPS
from synthpath_kedro.metrics.robustness import NormalizedSpace, attack_probabilities
from synthpath_kedro.parameters import EvaluationParameters
from synthpath_kedro.study.attacks import ATTACKS

CLEAN, LABELS, GROUPS, CURVE_ROWS, MASKING_ROWS = "clean", "labels", "groups", "curve_rows", "masking_rows"
MASKING = "masking."
"""Begins the names of the probabilities of the checks for masked gradients."""
MASKING_ATTACKS = {"one_step": "fgsm", "iterated": "pgd20", "large": "pgd20", "black_box": "square"}
"""The attack of each check, see ``MaskingChecks``."""


def curve_attacks(attacks: Sequence[str]) -> list[str]:
    """Those of ``attacks`` that are on the curves and attacked in normalized space."""
    return [attack for attack in attacks if attack in ATTACKS and ATTACKS[attack].on_curves]


def curve_name(attack: str, place: int) -> str:
    """Name of the probabilities under the ``place``-th budget of the curve."""
    return f"{attack}.curve_{place}"


def control_name(attack: str) -> str:
    """Name of the probabilities of the control."""
    return f"{attack}.control"


def attack_suite(
    classifier: Classifier,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    curve_rows: Int[np.ndarray, " curve"],
    params: EvaluationParameters,
    seed: int,
) -> dict[str, np.ndarray]:
    """Class probabilities by name: under each attack, and on a part of the images along the curves.

    Args:
        classifier: one replicate.
        images: RGB, the images of the robustness table.
        labels: their classes.
        curve_rows: which of them the curves and the control are made of.
        params: names attacks, budgets and steps.
        seed: of noise and random starts.

    Returns:
        One array per attack, float32 [images, classes]; ``<attack>.curve_<k>`` for every budget of
        ``params.epsilon_sweep`` and ``<attack>.control`` (see ``NormalizedSpace``), float32 [curve, classes].
    """

    def attacked(model: Classifier | NormalizedSpace, attack: str, eps: float, rows: np.ndarray) -> np.ndarray:
        entry, steps = ATTACKS.find(attack), params.bim_steps
        return attack_probabilities(model, images[rows], labels[rows], entry, eps, steps, params.batch_size, seed)

    everything = np.arange(len(images))
    found: dict[str, np.ndarray] = {
        attack: attacked(classifier, attack, params.eps, everything) for attack in params.attacks
    }
    for attack in curve_attacks(params.attacks):
        for place, eps in enumerate(params.epsilon_sweep):
            known = eps == params.eps
            curve = found[attack][curve_rows] if known else attacked(classifier, attack, eps, curve_rows)
            found[curve_name(attack, place)] = curve
        found[control_name(attack)] = attacked(_control(classifier), attack, params.eps, curve_rows)
    return found


def masking_suite(
    classifier: Classifier,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    params: EvaluationParameters,
    seed: int,
) -> dict[str, np.ndarray]:
    """Class probabilities of the checks for masked gradients: ``masking.<check>``, float32 [images, classes]."""
    budgets = {name: max(params.eps, LARGE_EPS) if name == "large" else params.eps for name in MASKING_ATTACKS}
    return {
        MASKING + name: attack_probabilities(
            classifier, images, labels, ATTACKS[attack], budgets[name], params.bim_steps, params.batch_size, seed
        )
        for name, attack in MASKING_ATTACKS.items()
    }


def _control(classifier: Classifier) -> NormalizedSpace:
    normalize = next(module for module in classifier.modules() if isinstance(module, Normalize))
    return NormalizedSpace(classifier, normalize.mean.flatten().tolist(), normalize.std.flatten().tolist())
