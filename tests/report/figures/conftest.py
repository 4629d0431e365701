import warnings

import pytest
from matplotlib.text import Text

from synthpath_kedro.report.figures.style import png_bytes


@pytest.fixture
def drawn():
    """Texts of a figure after it has been drawn without a warning."""

    def draw(figure):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert png_bytes(figure).startswith(b"\x89PNG")
        return {text.get_text() for text in figure.findobj(Text)}

    return draw


@pytest.fixture
def overhang():
    """Inches by which what is drawn reaches over a figure's edges."""

    def measure(figure):
        box, (width, height) = figure.get_tightbbox(figure.canvas.get_renderer()), figure.get_size_inches()
        return max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)

    return measure
