"""The functions that ``ATTACKS`` names: images at most ``eps`` from ``pixels`` in every value and within [0, 1].

Each takes the classifier (logits of [0, 1] NCHW), pixels [N, 3, H, W], the true labels [N], which it drives away from,
the budget ``eps`` in [0, 1] pixel units (L-infinity), and a number of steps, which one-step attacks and corruptions
ignore. Random numbers come from torch's global generators.
"""

import torch
import torchattacks
from jaxtyping import Float, Int
from torch import Tensor, nn

Pixels = Float[Tensor, "images 3 height width"]
Labels = Int[Tensor, " images"]


def uniform_noise(classifier: nn.Module, pixels: Pixels, labels: Labels, eps: float, steps: int) -> Pixels:
    """Noise that is uniform in [-eps, eps]."""
    del steps
    # PGD's random start without a step; on the CPU, whose random numbers are the same for any batch size and device.
    start = torchattacks.PGD(classifier, eps=eps, steps=0, random_start=True)
    start.set_device(torch.device("cpu"))
    return start(pixels, labels).to(pixels.device)


def fgsm(classifier: nn.Module, pixels: Pixels, labels: Labels, eps: float, steps: int) -> Pixels:
    """One step along the gradient's sign (Goodfellow et al. 2015)."""
    del steps
    return torchattacks.FGSM(classifier, eps=eps)(pixels, labels)


def bim(classifier: nn.Module, pixels: Pixels, labels: Labels, eps: float, steps: int) -> Pixels:
    """``steps`` steps of eps / 4 (Kurakin et al. 2017)."""
    return torchattacks.BIM(classifier, eps=eps, alpha=eps / 4, steps=steps)(pixels, labels)


def pgd(classifier: nn.Module, pixels: Pixels, labels: Labels, eps: float, steps: int) -> Pixels:
    """``steps`` steps of eps / 4 from a random start (Madry et al. 2018)."""
    return torchattacks.PGD(classifier, eps=eps, alpha=eps / 4, steps=steps, random_start=True)(pixels, labels)


def square(classifier: nn.Module, pixels: Pixels, labels: Labels, eps: float, steps: int) -> Pixels:
    """Random search over squares, ``steps`` queries and no gradient (Andriushchenko et al. 2020)."""
    seed = torch.initial_seed() % 2**32
    return torchattacks.Square(classifier, eps=eps, n_queries=steps, seed=seed)(pixels, labels)


def autoattack(classifier: nn.Module, pixels: Pixels, labels: Labels, eps: float, steps: int) -> Pixels:
    """The standard ensemble (Croce and Hein 2020); hours on a CPU."""
    del steps
    with torch.no_grad():
        n_classes = classifier(pixels[:1]).shape[1]
    seed = torch.initial_seed() % 2**32
    return torchattacks.AutoAttack(classifier, eps=eps, n_classes=n_classes, seed=seed)(pixels, labels)
