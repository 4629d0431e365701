"""How every figure looks: one palette, one set of sizes, titles and the note in the same place.

Everything is set on the figure itself. Matplotlib's global settings and pyplot stay untouched, so that figures can be
drawn in parallel.
"""

import logging
import warnings
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.legend import Legend
from matplotlib.text import Annotation, Text

from synthpath_kedro.study.regimes import REGIMES

logger = logging.getLogger(__name__)

FONT = "DejaVu Sans"
"""Matplotlib brings it along."""

CLASS_COLORS = (
    "#2936a6",
    "#ebbf3b",
    "#800d1e",
    "#14cccc",
    "#69800d",
    "#b681eb",
    "#a65b72",
    "#a4cc8f",
    "#4f2459",
)
"""At least 28 CIE76 units apart under normal sight, protanopia, deuteranopia and tritanopia (Machado et al. 2009)."""

CLASS_MARKERS = ("o", "^", "s")
REAL, SYNTHETIC = REGIMES["real"], REGIMES["synthetic"]
"""Their colors and markers are those of real and of synthetic images too."""

SET_COLORS = (SYNTHETIC.color, "#0f8a7d", "#800d1e", "#69800d", "#b681eb")
SET_MARKERS = (SYNTHETIC.marker, "^", "D", "P", "X")
SPLIT_COLORS = {"train": "#2936a6", "val": "#7fb2d9", "test": "#ebbf3b"}

INK = "#1f2937"
FAINT = "#6b7280"
GRID = "#e5e7eb"
WARNING = "#b3261e"

TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 13.0, 9.5, 8.5
DPI = 130
_CHARACTERS_PER_INCH = 9.0
"""Of a title in DejaVu Sans at ``TITLE_SIZE``."""

_PANELS_BESIDE = 3

_LEGEND_MARK, _LEGEND_CHARACTER = 0.75, 0.075
"""Inches: of a legend entry's marker and margins, of a character beside it."""


class StudyFigure(Figure):
    """A figure whose texts are drawn in a font that has their characters, where one is installed."""

    def draw(self, renderer: Any) -> None:
        """As Matplotlib's, with fonts chosen for what the figure's own does not have."""
        for text in self.findobj(Text):
            if others := fonts_for(text.get_text()):
                text.set_fontfamily([FONT, *others])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # said once, by fonts_for
            super().draw(renderer)


def fonts_for(text: str) -> tuple[str, ...]:
    """Names of installed fonts that have the characters of ``text`` that ``FONT`` lacks; logs once which none has."""
    return _fonts_with(frozenset(map(ord, text)) - _characters(findfont(FONT)) - {ord("\n")})


@lru_cache(maxsize=256)
def _fonts_with(characters: frozenset[int]) -> tuple[str, ...]:
    names: list[str] = []
    for font in fontManager.ttflist if characters else ():
        if font.name.startswith("Last Resort"):  # draws every character as a box
            continue
        if found := characters & _characters(font.fname):
            names.append(font.name)
            characters -= found
    if characters:
        shown = "".join(map(chr, sorted(characters)))
        logger.warning("no installed font has %s: boxes stand in figures; install one, such as Noto Sans", shown)
    return tuple(names)


@lru_cache(maxsize=64)
def _characters(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())


Style = dict[str, Any]
"""Keyword arguments of a drawing call."""


def new_figure(width: float, height: float, title: str, note: str | None) -> Figure:
    """An empty figure with its title at the top left and, under it in red, the note.

    Args:
        width: inches.
        height: inches, title included.
        title: broken into lines where it is wider than the figure.
        note: such as "Digital phantom, not tissue".
    """
    figure = StudyFigure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    lines = wrap(title, int(width * _CHARACTERS_PER_INCH)) or [""]
    heading = figure.suptitle(
        literal("\n".join([*lines, *([" "] if note else [])])),
        x=0.01,
        ha="left",
        fontsize=TITLE_SIZE,
        fontweight="bold",
        color=INK,
    )
    if note:
        style: Style = {"fontsize": TEXT_SIZE, "fontweight": "bold", "color": WARNING}
        figure.add_artist(Annotation(literal(note), xy=(0, 0), xycoords=heading, va="bottom", ha="left", **style))
    return figure


def new_panels(
    names: Sequence[str], title: str, note: str | None, *, one_scale: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with a dressed panel under each of ``names``, at most three beside each other.

    All panels have one vertical scale, or each its own.
    """
    columns = min(_PANELS_BESIDE, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(max(6.0, 4.2 * columns), 1.0 + 3.6 * rows, title, note)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=one_scale).ravel()
    for axes, name in zip(panels, names, strict=False):
        name_panel(dress(axes), literal(name))
    for axes in panels[len(names) :]:
        axes.remove()
    return figure, list(panels[: len(names)])


def log_scale(axes: Axes, numbers: Sequence[int], label: str) -> None:
    """A logarithmic horizontal axis with a tick at each of ``numbers`` of images."""
    axes.set_xscale("log")
    axes.set_xticks(list(numbers), [f"{number:,}" for number in numbers])
    axes.minorticks_off()
    axes.margins(x=0.12)
    axes.set_xlabel(label)


def blank_figure(title: str, note: str | None, reason: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure = new_figure(6, 2, title, note)
    strip(figure.add_subplot()).text(0.5, 0.5, reason, ha="center", va="center", fontsize=TEXT_SIZE, color=FAINT)
    return figure


def dress(axes: Axes, *, grid: str | None = "y") -> Axes:
    """Thin, quiet axes: two spines, small gray labels, grid lines behind the data along ``grid`` (x, y, both)."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(labelsize=SMALL_SIZE, labelcolor=INK, color=FAINT)
    axes.xaxis.label.set(size=TEXT_SIZE, color=INK)
    axes.yaxis.label.set(size=TEXT_SIZE, color=INK)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    return axes


def name_panel(axes: Axes, name: str) -> None:
    """A small bold heading over one panel of a figure."""
    axes.set_title(name, fontsize=TEXT_SIZE + 0.5, fontweight="bold", color=INK)


def strip(axes: Axes) -> Axes:
    """Axes without ticks and spines, for pictures and embeddings."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def add_legend(owner: Axes | Figure, handles: Sequence, labels: Sequence[str], **place: Any) -> Legend:
    """A frameless legend in the figure's own text size."""
    texts = [literal(label) for label in labels]
    return owner.legend(list(handles), texts, frameon=False, fontsize=SMALL_SIZE, labelcolor=INK, **place)


def add_legend_below(figure: Figure, handles: Sequence, labels: Sequence[str]) -> Legend:
    """A legend under the figure, in as many columns as fit beside each other, at most four."""
    width = _LEGEND_MARK + max(map(len, labels)) * _LEGEND_CHARACTER
    columns = int(min(4, max(1, figure.get_figwidth() // width)))
    return add_legend(figure, handles, labels, loc="outside lower center", ncols=columns)


def class_color(index: int) -> str:
    """Color of class ``index``; repeats after nine, with another marker."""
    return CLASS_COLORS[index % len(CLASS_COLORS)]


def class_marker(index: int) -> str:
    """Marker of class ``index``, so that classes that share a color differ."""
    return CLASS_MARKERS[index // len(CLASS_COLORS) % len(CLASS_MARKERS)]


def set_color(index: int) -> str:
    """Color of the study's ``index``-th synthetic set."""
    return SET_COLORS[index % len(SET_COLORS)]


def set_marker(index: int) -> str:
    """Marker of the study's ``index``-th synthetic set."""
    return SET_MARKERS[index % len(SET_MARKERS)]


def literal(text: str) -> str:
    """``text`` as it stands: a dollar sign in a class name starts no formula."""
    return text.replace("$", r"\$")


def wrapped(text: str, characters: int) -> str:
    """``text`` in lines of at most ``characters``, broken at spaces, hyphens and underscores where it has any."""
    lines = wrap(text.replace("_", "_ "), characters)
    return literal("\n".join(line.replace("_ ", "_") for line in lines) or text)


def png_bytes(figure: Figure) -> bytes:
    """``figure`` as PNG; the same figure gives the same bytes."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()
