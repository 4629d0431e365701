"""How much the tiles of one set differ in stain, light and magnification, beside what is on them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variation:
    """Half widths of uniform distributions, one draw per tile.

    Attributes:
        vectors: of each color of a stain's vector, unit optical densities.
        amounts: of the logarithm of a stain's amount.
        dimming: how far below its full value the lamp's light may be, 0 to 1; the whole width.
        tint: of each color of the light, gray levels.
        magnification: of the logarithm of the pixel's width.
    """

    vectors: float
    amounts: float
    dimming: float
    tint: float
    magnification: float


ONE_CENTER = Variation(vectors=0.03, amounts=0.18, dimming=0.04, tint=3.0, magnification=0.3)
"""One laboratory and scanner: the phantom as a data set."""

MANY_CENTERS = Variation(vectors=0.12, amounts=0.5, dimming=0.12, tint=8.0, magnification=0.7)
"""More than laboratories differ: the phantom as something to learn from for other data."""
