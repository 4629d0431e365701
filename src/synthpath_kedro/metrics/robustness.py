"""A classifier's predictions on perturbed images: attacks in [0, 1] pixel space at the data's own resolution."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.attacks import ATTACKS, Attack
from synthpath_kedro.study.table import load_attribute


def attack_probabilities(
    classifier: nn.Module,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    attack: Attack,
    eps: float,
    steps: int,
    batch_size: int,
    seed: int,
) -> Float[np.ndarray, "images classes"]:
    """Class probabilities of the attacked images.

    The classifier is attacked in evaluation mode and left as it was, without gradients. Attacks without
    random numbers do not depend on ``batch_size``, and neither does uniform noise.

    Args:
        classifier: takes [0, 1] NCHW, normalizes inside, returns logits.
        images: RGB.
        labels: true classes, which the attacks drive away from.
        attack: an entry of ``ATTACKS``.
        eps: perturbation budget in [0, 1] pixel units (L-infinity).
        steps: of an iterated attack whose entry does not say how many, 1 or more.
        batch_size: images per pass.
        seed: of noise and random starts.

    Returns:
        float32, one row per image.

    Raises:
        InputError: the classifier has fewer classes than the attack needs.
        ValueError: no images, or no steps.
    """
    if not len(images):
        raise ValueError("there are no images to attack")
    device = next(classifier.parameters()).device
    rows = []
    with _frozen(classifier), torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for start in range(0, len(images), batch_size):
            pixels = _pixels(images[start : start + batch_size]).to(device)
            truth = torch.from_numpy(np.array(labels[start : start + batch_size], dtype=np.int64)).to(device)
            attacked = perturb(classifier, pixels, truth, attack, eps, steps)
            rows.append(_probabilities(classifier, attacked))
    return np.concatenate(rows)


def perturb(
    classifier: nn.Module,
    pixels: Float[Tensor, "images 3 height width"],
    labels: Int[Tensor, " images"],
    attack: Attack,
    eps: float,
    steps: int,
) -> Float[Tensor, "images 3 height width"]:
    """Images at most ``eps`` from ``pixels`` in every value and within [0, 1]; see ``metrics.attacks``.

    Random numbers come from torch's global generators.

    Raises:
        InputError: the classifier has fewer classes than the attack needs.
        ValueError: no steps.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if isinstance(classifier, NormalizedSpace):
        pixels = classifier.normalize(pixels)
    if attack.min_classes > 2:  # a forward pass that the others are spared
        _check_classes(attack, n_classes=_probabilities(classifier, pixels[:1]).shape[1])
    function = load_attribute(attack.perturb)
    return function(classifier, pixels, labels, eps, steps if attack.steps is None else attack.steps)


class NormalizedSpace(nn.Module):
    """The artifact suspected behind the study's table 4.3, as an ablation; not a measure of robustness.

    Given to ``attack_probabilities`` in the classifier's place, it lets the attack work on already normalized images,
    which torchattacks clamps to [0, 1]: what is darker than ``mean`` or brighter than ``mean + std`` is lost, whatever
    the budget, and ``eps`` is in units of ``std``. (BIM clamps the bright side only.)

    Args:
        classifier: takes [0, 1] NCHW, normalizes inside, returns logits.
        mean: per channel, of the classifier's own normalization.
        std: per channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.classifier = classifier
        device = next(classifier.parameters()).device
        self.register_buffer("mean", torch.tensor(mean, device=device).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std, device=device).view(1, 3, 1, 1))

    def normalize(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.std

    def forward(self, normalized: Tensor) -> Tensor:
        return self.classifier(normalized * self.std + self.mean)


def check_attacks(attacks: Sequence[str], n_classes: int) -> None:
    """Refuses attacks that cannot be run on so few classes.

    Raises:
        InputError: an attack needs more, or there is no such attack.
    """
    for name in attacks:
        _check_classes(ATTACKS.find(name), n_classes)


def _check_classes(attack: Attack, n_classes: int) -> None:
    if n_classes < attack.min_classes:
        hint = f"use {attack.instead} instead" if attack.instead else "leave it out"
        raise InputError(
            f"evaluation.attacks: {attack.name} needs at least {attack.min_classes} classes, the data has "
            f"{n_classes}; {hint}"
        )


@contextmanager
def _frozen(classifier: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients on parameters inside; afterwards as before."""
    modes = [(module, module.training) for module in classifier.modules()]
    trainable = [parameter for parameter in classifier.parameters() if parameter.requires_grad]
    classifier.eval()
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter in trainable:
            parameter.requires_grad_(True)


def _pixels(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).contiguous().float() / 255


@torch.no_grad()
def _probabilities(classifier: nn.Module, pixels: Tensor) -> np.ndarray:
    return classifier(pixels).float().softmax(dim=1).cpu().numpy()
