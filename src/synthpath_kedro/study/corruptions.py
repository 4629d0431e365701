"""What other stains, scanners and files do to test images, whatever classifies them.

A new one is a function and a line here, and its levels in ``evaluation.corruption_levels``.
"""

from dataclasses import dataclass

from synthpath_kedro.study.table import Table


@dataclass(frozen=True)
class Corruption:
    """A kind of degradation that slides and scanners bring about.

    Attributes:
        name: in the parameters ``evaluation.corruptions`` and ``evaluation.corruption_levels``, and in tables.
        label: in print.
        meaning: what a level is, in words and with its unit.
        corrupt: "module:function", called as ``corrupt(image, level, random)``; see
            ``synthpath_kedro.metrics.corruptions``.
        least: no level is below.
        most: no level is above.
        tick: a level in print, short, in format's own language.
    """

    name: str
    label: str
    meaning: str
    corrupt: str
    least: float
    most: float
    tick: str = "{:g}"


_CORRUPTIONS = "synthpath_kedro.metrics.corruptions"

CORRUPTIONS = Table(
    "corruption",
    Corruption(
        "stain",
        "stain",
        "color vectors and amounts of hematoxylin and eosin, moved by so many times the distance to another laboratory",
        f"{_CORRUPTIONS}:stain",
        least=-2,
        most=2,
        tick="shift {:g}",
    ),
    Corruption(
        "brightness",
        "brightness",
        "share of the light that is lost",
        f"{_CORRUPTIONS}:brightness",
        least=-1,
        most=1,
        tick="{:.0%}",
    ),
    Corruption(
        "blur",
        "blur",
        "defocus, standard deviation of a Gaussian in pixels of the prepared images",
        f"{_CORRUPTIONS}:blur",
        least=0,
        most=100,
        tick="{:g} px",
    ),
    Corruption(
        "jpeg",
        "JPEG",
        "quality of the compression, 1 to 95 (scanners: 70 to 90), color at half the resolution",
        f"{_CORRUPTIONS}:jpeg",
        least=1,
        most=95,
        tick="q {:g}",
    ),
    Corruption(
        "noise",
        "sensor noise",
        "standard deviation of independent Gaussian noise in gray levels of 255",
        f"{_CORRUPTIONS}:noise",
        least=0,
        most=255,
    ),
    Corruption(
        "resolution",
        "resolution",
        "how many times wider the pixels of a coarser scanner are (2: a 10x objective instead of a 20x)",
        f"{_CORRUPTIONS}:resolution",
        least=1,
        most=100,
        tick="1/{:g}",
    ),
)
