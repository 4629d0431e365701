"""A cell's replicates as one classifier."""

import numpy as np
from jaxtyping import Float

from synthpath_kedro.data.artifact import Artifact

ENSEMBLE = "ensemble"
"""Stands in the column ``replicate`` of long tables."""


def ensemble(cell: Artifact, images: str) -> Float[np.ndarray, "images classes"]:
    """Mean of the replicates' probabilities of ``images`` (Lakshminarayanan et al. 2017).

    Args:
        cell: predictions, float32 [replicates, N, classes] by name of the images.
        images: such as ``real_test``.
    """
    return cell.tensors[images].mean(axis=0, dtype=np.float64)
