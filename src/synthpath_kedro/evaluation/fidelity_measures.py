"""What the fidelity of a set is measured by, over all of it and class by class. A new measure is a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthpath_kedro.metrics.fidelity import Distance, debiased_frechet_distance, kernel_distance
from synthpath_kedro.metrics.stain import stain_statistics
from synthpath_kedro.metrics.texture import log_spectrum, spectral_distance
from synthpath_kedro.study.table import Table

FEATURES = "features"
"""Of the network, among what is stored of each image."""


@dataclass(frozen=True)
class Measure:
    """A distance between two sets of images.

    Attributes:
        name: in tables.
        label: in print.
        distance: of a candidate to a reference; does not depend on n, so that classes may be averaged.
        statistics: of the pixels of images (uint8 [n, H, W, 3]), float32 [n, d]; None: the network's features.
        unit: of the distance, in print; "": none.
        digits: decimals in print.
    """

    name: str
    label: str
    distance: Distance
    statistics: Callable[[np.ndarray], np.ndarray] | None = None
    unit: str = ""
    digits: int = 4

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def of_classes(self) -> str:
        """What tables call the mean over classes."""
        return f"{self.name}_of_classes"

    @property
    def tensor(self) -> str:
        """What it reads among what is stored of each image."""
        return FEATURES if self.statistics is None else self.name


MEASURES = Table(
    "measure of fidelity",
    Measure("kernel_distance", "kernel distance", kernel_distance),
    Measure("stain", "stain", debiased_frechet_distance, stain_statistics, "(0.01 OD)²", digits=2),
    Measure("texture", "texture", spectral_distance, log_spectrum, "dB²", digits=2),
)

HEADLINE = MEASURES["kernel_distance"]
"""Its mean over classes ranks generators."""

WHOLE_SET = {
    "frechet_distance": "Fréchet distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}
"""Measures of the whole set alone, in the network's features, with their labels in print."""
