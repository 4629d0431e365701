"""What is done to test images: attacks on a classifier, and corruptions, which do not know it.

A new one is a function and a line here.
"""

from dataclasses import dataclass

from synthpath_kedro.study.table import Table


@dataclass(frozen=True)
class Attack:
    """A way to perturb images.

    Attributes:
        name: in the parameter ``evaluation.attacks`` and in tables.
        label: in print.
        perturb: "module:function", called as ``perturb(classifier, pixels, labels, eps, steps)``; see
            ``synthpath_kedro.metrics.attacks``.
        steps: how many it takes; None: the parameter ``evaluation.bim_steps``.
        on_curves: whether it is part of the epsilon sweep and of the attack in normalized space.
        min_classes: fewer it cannot serve.
        instead: name of the attack to use for fewer classes.
    """

    name: str
    label: str
    perturb: str
    steps: int | None = None
    on_curves: bool = False
    min_classes: int = 2
    instead: str | None = None


_ATTACKS = "synthpath_kedro.metrics.attacks"

ATTACKS = Table(
    "attack",
    Attack("uniform_noise", "uniform noise", f"{_ATTACKS}:uniform_noise", on_curves=True),
    Attack("fgsm", "FGSM", f"{_ATTACKS}:fgsm", on_curves=True),
    Attack("bim", "BIM", f"{_ATTACKS}:bim", on_curves=True),
    Attack("pgd20", "PGD-20", f"{_ATTACKS}:pgd", steps=20),
    # A step is a query.
    Attack("square", "Square", f"{_ATTACKS}:square", steps=100),
    # Its targeted loss compares the best four classes.
    Attack("autoattack", "AutoAttack", f"{_ATTACKS}:autoattack", min_classes=4, instead="pgd20"),
)
