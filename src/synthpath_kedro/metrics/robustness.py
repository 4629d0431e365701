"""What a classifier says about perturbed images: attacks in [0, 1] pixel space at the data's own resolution."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torchattacks
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from synthpath_kedro.errors import InputError

_AUTOATTACK_CLASSES = 4
ATTACKS = ("noise", "fgsm", "bim", "pgd", "autoattack")


def attack_probabilities(
    classifier: nn.Module,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    attack: str,
    eps: float,
    steps: int,
    batch_size: int,
    seed: int,
) -> Float[np.ndarray, "images classes"]:
    """Class probabilities of the attacked images.

    The classifier is attacked in evaluation mode and handed back as it came, without gradients. Attacks without
    random numbers do not depend on ``batch_size``, and neither does the noise.

    Args:
        classifier: takes [0, 1] NCHW, normalizes inside, returns logits.
        images: RGB.
        labels: true classes, which the attacks drive away from.
        attack: one of ``ATTACKS``, see ``perturb``.
        eps: perturbation budget in [0, 1] pixel units (L-infinity).
        steps: of the iterated attacks, 1 or more.
        batch_size: images per pass.
        seed: of the noise and of random starts.

    Returns:
        float32, one row per image.

    Raises:
        InputError: unknown attack, or autoattack with fewer than 4 classes.
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
    attack: str,
    eps: float,
    steps: int,
) -> Float[Tensor, "images 3 height width"]:
    """Images at most ``eps`` from ``pixels`` in every value and within [0, 1] (torchattacks).

    ``noise`` is uniform in [-eps, eps], ``fgsm`` one step (Goodfellow et al. 2015), ``bim`` ``steps`` steps of eps / 4
    (Kurakin et al. 2017), ``pgd`` the same from a random start (Madry et al. 2018), ``autoattack`` the standard
    ensemble (Croce and Hein 2020), hours on a CPU. Random numbers come from torch's global generators.

    Raises:
        InputError: unknown attack, or autoattack with fewer than 4 classes.
        ValueError: no steps.
    """
    if attack not in ATTACKS:
        raise InputError(f"evaluation.attacks: {attack!r} is not an attack; choose from {', '.join(ATTACKS)}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if isinstance(classifier, NormalizedSpace):
        pixels = classifier.normalize(pixels)
    if attack == "noise":
        return _uniform_noise(classifier, pixels, labels, eps)
    if attack == "fgsm":
        return torchattacks.FGSM(classifier, eps=eps)(pixels, labels)
    if attack == "bim":
        return torchattacks.BIM(classifier, eps=eps, alpha=eps / 4, steps=steps)(pixels, labels)
    if attack == "pgd":
        return torchattacks.PGD(classifier, eps=eps, alpha=eps / 4, steps=steps, random_start=True)(pixels, labels)
    return _autoattack(classifier, eps, n_classes=_probabilities(classifier, pixels[:1]).shape[1])(pixels, labels)


class NormalizedSpace(nn.Module):
    """The artifact suspected behind the study's table 4.3, as a labeled control; not a measure of robustness.

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
        InputError: autoattack with fewer than 4 classes.
    """
    if "autoattack" in attacks and n_classes < _AUTOATTACK_CLASSES:
        raise InputError(
            f"evaluation.attacks: autoattack's targeted loss needs at least {_AUTOATTACK_CLASSES} classes, the data "
            f"has {n_classes}; use pgd20 instead"
        )


def _autoattack(classifier: nn.Module, eps: float, n_classes: int) -> torchattacks.AutoAttack:
    check_attacks(["autoattack"], n_classes)
    return torchattacks.AutoAttack(classifier, eps=eps, n_classes=n_classes, seed=torch.initial_seed() % 2**32)


def _uniform_noise(classifier: nn.Module, pixels: Tensor, labels: Tensor, eps: float) -> Tensor:
    """PGD's random start without a step; drawn on the CPU, where one stream serves any batch size and device."""
    start = torchattacks.PGD(classifier, eps=eps, steps=0, random_start=True)
    start.set_device(torch.device("cpu"))
    return start(pixels, labels).to(pixels.device)


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
