from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from synthpath_kedro.report.figures.style import CLASS_COLORS, class_color, class_marker

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def cielab(color, sight):
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(sight) @ linear, 0, 1)
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in TO_XYZ @ seen / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_nine_class_colors_can_be_told_apart(sight):
    seen = [cielab(color, SIGHT[sight]) for color in CLASS_COLORS]
    assert len(seen) == 9
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 28


def test_more_classes_than_colors_differ_in_their_markers():
    looks = [(class_color(label), class_marker(label)) for label in range(27)]
    assert len(set(looks)) == 27
