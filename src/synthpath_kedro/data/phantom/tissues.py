"""The nine classes: how much hematoxylin and eosin each tissue-like texture takes up at each pixel.

Every tissue is a function of the tiles' random numbers and of the plane they are cut in; it returns the amounts of
hematoxylin and eosin, float32 [N, H, W] each, where 1 is an optical density of 1 along the stain's unit vector.
"""

from collections.abc import Callable

import numpy as np

from synthpath_kedro.data.phantom.cells import divide
from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.noise import above, bend, noise, ridge
from synthpath_kedro.data.phantom.nuclei import scatter_nuclei
from synthpath_kedro.data.phantom.plane import Plane, coverage

Amounts = tuple[np.ndarray, np.ndarray]


def adipose(draws: Draws, plane: Plane) -> Amounts:
    """Large clear cells between thin septa that here and there thicken, hold a flat nucleus, or are torn."""
    bent = bend(draws, plane, draws.uniform(1, 5), 17)
    border = divide(draws, bent, draws.uniform(28, 54), jitter=0.75).border
    fold = noise(draws, plane, 22)
    thickness = draws.uniform(0.7, 1.7) * (0.35 + 2.2 * fold**2)
    septum = coverage(border - thickness, plane.pixel + 0.8) * (0.45 + 0.55 * noise(draws, plane, 9))
    film = draws.uniform(0, 0.14) * above(noise(draws, plane, 20), 0.6)
    flat = scatter_nuclei(draws, bent, (13, 13), (4.2, 1.7), presence=draws.uniform(0.1, 0.5)) * coverage(border - 3, 2)
    return 0.12 * septum + 0.6 * flat, draws.uniform(0.35, 0.7) * septum + film


def background(draws: Draws, plane: Plane) -> Amounts:
    """Bare glass: almost white, a faint uneven haze, and specks of dust."""
    haze = draws.uniform(0.005, 0.06) * noise(draws, plane, 45)
    speck = scatter_nuclei(draws, plane, (24, 24), (1.6, 0.9), presence=draws.uniform(0, 0.12))
    return 0.5 * haze + draws.uniform(0.03, 0.3) * speck, haze + draws.uniform(0.02, 0.2) * speck


def debris(draws: Draws, plane: Plane) -> Amounts:
    """Necrosis: pink-purple granules and smudges without structure, small holes, dust of broken nuclei."""
    bent = bend(draws, plane, 3, 9)
    grain = noise(draws, plane, draws.uniform(2.4, 4))
    clump = noise(draws, bent, 7)
    smudge = noise(draws, plane, 24)
    crack = above(ridge(noise(draws, bent, draws.uniform(8, 14))) - 0.5 * clump, draws.uniform(0.24, 0.5), 0.3)
    dust = scatter_nuclei(draws, plane, (6, 6), (1.7, 1.3), draws.uniform(0.15, 0.35) + 0.3 * above(smudge, 0.6))
    ghost = scatter_nuclei(draws, plane, (12, 12), (3.8, 3.2), draws.uniform(0.1, 0.5), hollow=0.5)
    eosin = draws.uniform(0.24, 0.36) * (0.3 + 0.9 * grain + 0.6 * clump)
    hematoxylin = draws.uniform(0.03, 0.2) * (smudge + 0.6 * grain) + 0.16 * ghost
    return hematoxylin * (1 - crack) + 0.7 * dust, eosin * (1 - 0.92 * crack)


def lymphocytes(draws: Draws, plane: Plane) -> Amounts:
    """Dense sheets of small, dark, round nuclei with little between them."""
    gap = noise(draws, plane, 26)
    presence = draws.uniform(0.65, 1.15) - 0.9 * above(gap, draws.uniform(0.5, 0.9), 0.15)
    spacing = draws.uniform(7, 9)
    radius = spacing * draws.uniform(0.36, 0.46)
    nucleus = scatter_nuclei(draws, plane, (spacing, spacing), (radius, 0.88 * radius), presence=presence)
    chromatin = 0.75 + 0.5 * noise(draws, plane, 1.8)
    matrix = draws.uniform(0.05, 0.3) * (0.3 + noise(draws, plane, 8)) * (1 - 0.8 * above(gap, 0.75, 0.1))
    return draws.uniform(0.58, 0.88) * nucleus * chromatin + 0.25 * matrix, matrix + 0.15 * nucleus


def mucus(draws: Draws, plane: Plane) -> Amounts:
    """Pale, blue-gray, wispy pools drawn out into streaks, with a few pink strands and lost cells."""
    bent = bend(draws, plane, draws.uniform(5, 16), 30)
    pool = noise(draws, bent, 26)
    streak = ridge(noise(draws, bent, 26, draws.uniform(4, 7)))
    wisp = ridge(noise(draws, bent, 13, 2.8))
    strand = above(noise(draws, bent, 28, 7), draws.uniform(0.68, 0.95), 0.12)
    lost = scatter_nuclei(draws, bent, (15, 15), (3.4, 2.2), presence=draws.uniform(0, 0.12))
    hematoxylin = draws.uniform(0.08, 0.18) * (0.35 + pool + 0.7 * streak + 0.5 * wisp)
    return hematoxylin + 0.55 * lost, 0.3 * hematoxylin + draws.uniform(0.1, 0.4) * strand + 0.1 * lost


def smooth_muscle(draws: Draws, plane: Plane) -> Amounts:
    """Parallel, wavy, pink fibers; long thin nuclei along them, and narrow clefts."""
    wave = draws.uniform(1, 5) * (2 * noise(draws, plane, 34, 50) - 1)
    ripple = draws.uniform(0, 1.8) * (2 * noise(draws, plane, 10, 22) - 1)
    bent = plane.moved(0, wave + ripple)
    width = draws.uniform(3.2, 5.2)
    fiber = noise(draws, bent, 45, width)
    fibril = noise(draws, bent, 22, 0.5 * width)
    cleft = above(noise(draws, bent, 32, 6), draws.uniform(0.72, 1.0), 0.1)
    spindle = scatter_nuclei(draws, bent, (19, 6), (6.5, 1.5), draws.uniform(0.1, 0.45), turn=0.12)
    eosin = draws.uniform(0.22, 0.36) * (0.45 + 0.8 * fiber + 0.5 * fibril)
    return 0.08 + 0.58 * spindle, eosin * (1 - 0.85 * cleft)


def normal_mucosa(draws: Draws, plane: Plane) -> Amounts:
    """Round crypts: a lumen, pale goblet cells around it, a ring of basal nuclei; lymphoid cells between crypts."""
    bent = bend(draws, plane, draws.uniform(3, 7), 26)
    spacing = draws.uniform(58, 84)
    crypt = divide(draws, bent, spacing, jitter=0.45)
    reach = np.hypot(crypt.x, crypt.y)
    radius = spacing * (0.36 + 0.12 * crypt.trait)
    depth = np.minimum(radius - reach, crypt.border - 1.5)
    inside = coverage(-depth, plane.pixel + 0.8)
    inward = np.clip(reach / radius, 0, 1)
    lumen = coverage(inward - draws.uniform(0.1, 0.22), 0.12)
    clear = inside * np.maximum(lumen, 0.85 * _goblets(draws, crypt.x, crypt.y, inward))
    ring = coverage(np.abs(depth - 3.4) - 2.8, plane.pixel + 0.8)
    basal = scatter_nuclei(draws, bent, (4.8, 4.8), (2.4, 1.9)) * ring
    lymphoid = scatter_nuclei(draws, plane, (7.6, 7.6), (2.8, 2.3), draws.uniform(0.25, 0.7)) * (1 - inside)
    lamina = draws.uniform(0.06, 0.24) * (0.4 + noise(draws, plane, 12, 5))
    hematoxylin = (0.14 * inside + 0.05) * (1 - 0.7 * clear) + 0.6 * np.maximum(basal * inside, lymphoid)
    return hematoxylin, (lamina + inside * (0.24 - lamina)) * (1 - 0.88 * clear)


def cancer_associated_stroma(draws: Draws, plane: Plane) -> Amounts:
    """Loose, wavy bundles of collagen that change direction, with gaps, spindle nuclei and stray round cells."""
    bent = bend(draws, bend(draws, plane, draws.uniform(6, 15), 36), draws.uniform(1.5, 4), 12)
    width = draws.uniform(4, 7)
    bundle = noise(draws, bent, 34, width)
    fibril = ridge(noise(draws, bent, 18, 0.6 * width))
    gap = above(noise(draws, bent, 20, 6), draws.uniform(0.56, 0.8), 0.2)
    spindle = scatter_nuclei(draws, bent, (12, 6), (4.8, 1.7), draws.uniform(0.15, 0.45), turn=0.5)
    stray = scatter_nuclei(draws, plane, (10, 10), (2.6, 2.2), draws.uniform(0, 0.18))
    eosin = draws.uniform(0.2, 0.32) * (0.3 + 0.8 * bundle + 0.5 * fibril)
    hematoxylin = draws.uniform(0.04, 0.12) * (0.5 + bundle) * (1 - 0.6 * gap)
    return hematoxylin + 0.58 * np.maximum(spindle, stray), eosin * (1 - 0.8 * gap)


def adenocarcinoma_epithelium(draws: Draws, plane: Plane) -> Amounts:
    """Crowded, pseudostratified, large dark nuclei of uneven size in glands with ragged lumina."""
    bent = bend(draws, bend(draws, plane, draws.uniform(6, 14), 30), 2.5, 9)
    gland = noise(draws, bent, draws.uniform(28, 44))
    opening, edge = draws.uniform(0.62, 0.95), draws.uniform(0.08, 0.3)
    lumen = above(gland, opening, 0.06)
    stroma = above(edge - gland, 0, 0.08)
    lined = (1 - above(gland, opening - 0.1, 0.08)) * (1 - stroma)
    spacing = draws.uniform(6.5, 9.0)
    nucleus = scatter_nuclei(
        draws,
        bent,
        (1.2 * spacing, 0.85 * spacing),
        (0.62 * spacing, 0.38 * spacing),
        turn=0.6,
        hollow=draws.uniform(0.2, 0.6),
    )
    spindle = scatter_nuclei(draws, bent, (14, 7), (4.5, 1.5), presence=0.4, turn=0.4) * stroma
    grain = 0.7 + 0.6 * noise(draws, plane, 2.2)
    fiber = 0.3 * (0.4 + noise(draws, bent, 25, 4))
    secretion = lumen * draws.uniform(0, 0.2) * above(noise(draws, plane, 9), 0.5, 0.3)
    hematoxylin = 0.14 + draws.uniform(0.36, 0.6) * nucleus * lined * grain + 0.45 * spindle
    eosin = 0.2 + stroma * (fiber - 0.2)
    return hematoxylin * (1 - lumen) + 0.2 * secretion, eosin * (1 - lumen) + secretion


TISSUES: dict[str, Callable[[Draws, Plane], Amounts]] = {
    "adipose": adipose,
    "background": background,
    "debris": debris,
    "lymphocytes": lymphocytes,
    "mucus": mucus,
    "smooth muscle": smooth_muscle,
    "normal colon mucosa": normal_mucosa,
    "cancer-associated stroma": cancer_associated_stroma,
    "colorectal adenocarcinoma epithelium": adenocarcinoma_epithelium,
}
"""Tissue by class name, in PathMNIST's label order."""


def _goblets(draws: Draws, x: np.ndarray, y: np.ndarray, inward: np.ndarray) -> np.ndarray:
    """Pale vacuoles side by side around the lumen, wider towards the base."""
    n_around = np.floor(draws.uniform(8, 13))
    wall = np.abs(np.sin(n_around / 2 * np.arctan2(y, x) + draws.uniform(0, np.pi)))
    band = np.clip(1 - np.abs(inward - 0.48) / 0.3, 0, 1)
    return draws.uniform(0.6, 1.0) * np.minimum(1, 1.8 * wall * band)
