"""Hematoxylin and eosin: from amounts of stain to the colors a slide scanner records.

Light that crosses a stained section is absorbed as Beer and Lambert say: the optical density
OD = -log10(I / I_0) is the sum of the stains' densities, each its amount times its color vector (Ruifrok and Johnston,
"Quantification of histochemical staining by color deconvolution", Anal. Quant. Cytol. Histol. 23, 2001). Slides differ
in these vectors and amounts (Macenko et al., "A method for normalizing histology slides for quantitative analysis",
ISBI 2009), and so do the tiles here.
"""

from dataclasses import dataclass

import numpy as np

from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.variation import ONE_CENTER, Variation

# Medians over PathMNIST's tiles of lymphocytes, muscle, mucosa, stroma and tumor, found by Macenko's method.
HEMATOXYLIN = np.array([0.505, 0.762, 0.404], np.float32)
EOSIN = np.array([0.207, 0.867, 0.450], np.float32)

# The other center at stain_shift 1: what is added to the vectors, what multiplies the amounts and the lamp's light.
SHIFTED_HEMATOXYLIN = np.array([0.07, -0.01, -0.09], np.float32)
SHIFTED_EOSIN = np.array([-0.03, 0.0, 0.07], np.float32)
SHIFTED_AMOUNT = np.array([1.15, 0.88], np.float32)
SHIFTED_BRIGHTNESS = 0.95

WHITE = np.array([244.0, 243.0, 245.0], np.float32)
SENSOR_NOISE = 1.5


@dataclass(frozen=True)
class Staining:
    """How each tile of a batch was stained and lit.

    Attributes:
        vectors: float32 [N, 2, 3], unit optical densities of hematoxylin and eosin in R, G, B.
        amounts: float32 [N, 2], factors on the amounts of the two stains.
        light: float32 [N, 3], gray levels of a clear pixel, 0 to 255.
    """

    vectors: np.ndarray
    amounts: np.ndarray
    light: np.ndarray


def draw_staining(draws: Draws, stain_shift: float, variation: Variation = ONE_CENTER) -> Staining:
    """Stains each tile a little differently, around a center that ``stain_shift`` moves.

    Args:
        draws: the tiles' random numbers.
        stain_shift: 0 (the training center) to 1 (another laboratory and scanner).
        variation: how much the tiles differ around it.
    """
    shift = np.float32(stain_shift)
    center = np.stack([HEMATOXYLIN + shift * SHIFTED_HEMATOXYLIN, EOSIN + shift * SHIFTED_EOSIN])
    vectors = center + draws.uniform(-variation.vectors, variation.vectors, 2, 3)
    amounts = SHIFTED_AMOUNT**shift * np.exp(draws.uniform(-variation.amounts, variation.amounts, 2))
    light = WHITE * np.float32(SHIFTED_BRIGHTNESS) ** shift * draws.uniform(1 - variation.dimming, 1.0, 1)
    light = light + draws.uniform(-variation.tint, variation.tint, 3)
    return Staining(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), amounts, light)


def optical_density(hematoxylin: np.ndarray, eosin: np.ndarray, staining: Staining) -> np.ndarray:
    """OD = sum of amount times vector over the stains: float32 [N, H, W, 3] from two [N, H, W]."""
    weights = staining.vectors * staining.amounts[:, :, None]
    absorbed_by_hematoxylin = hematoxylin[..., None] * weights[:, None, None, 0]
    return absorbed_by_hematoxylin + eosin[..., None] * weights[:, None, None, 1]


def transmit(density: np.ndarray, staining: Staining) -> np.ndarray:
    """I = I_0 10^-OD: float32 [N, H, W, 3], gray levels 0 to 255."""
    return staining.light[:, None, None] * np.exp(density * np.float32(-np.log(10)))
