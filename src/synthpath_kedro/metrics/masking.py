"""Whether attacks that follow the gradient can be trusted (Athalye et al. 2018, section 3.1; Carlini et al. 2019).

A classifier whose gradients are masked (input rounded, logits saturated, noise inside) resists gradient attacks and
nothing else. Three signs tell: a huge budget does not bring accuracy to 0, one step fools more images than many, or an
attack that sees no gradient fools more images than one that does.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy import stats

LARGE_EPS = 32 / 255
"""A budget at which every image can be made into another class, in [0, 1] pixel units."""
NEAR_ZERO = 0.1
LEVEL = 0.05

Right = Bool[np.ndarray, " images"]


@dataclass(frozen=True)
class MaskingChecks:
    """Which images are still classified correctly, on the same images.

    Attributes:
        clean: as they were.
        one_step: after one gradient step.
        iterated: after many, with the same budget.
        large: after many, with ``LARGE_EPS`` or more.
        black_box: after an attack without gradients, with the first budget.
    """

    clean: Right
    one_step: Right
    iterated: Right
    large: Right
    black_box: Right

    def signs(self) -> list[str]:
        """What speaks for masked gradients, in words; nothing where nothing does."""
        found = []
        if self.large.mean() > NEAR_ZERO:
            found.append(f"a budget of 32/255 still leaves {self.large.mean():.2f} of accuracy")
        if fools_more(self.one_step, self.iterated):
            found.append("one step fools more images than the iterated attack")
        if fools_more(self.black_box, self.iterated):
            found.append("an attack without gradients fools more images than the iterated one")
        return found


def fools_more(one: Right, other: Right) -> bool:
    """Whether ``one`` attack leaves fewer images right than the ``other``, beyond chance.

    A one-sided sign test over the images on which they differ: five of five at least, so that an honest classifier is
    not called masked for an image or two.
    """
    only_one, only_other = int((~one & other).sum()), int((one & ~other).sum())
    differ = only_one + only_other
    return bool(differ and stats.binomtest(only_one, differ, alternative="greater").pvalue <= LEVEL)
