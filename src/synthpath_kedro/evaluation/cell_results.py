"""What one trained cell has left, in one place."""

from dataclasses import dataclass

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.study.grid import Cell


@dataclass(frozen=True)
class CellResults:
    """The results of one cell; a part that was not made is None.

    Attributes:
        cell: model, regime and set.
        predictions: probabilities on every set of images; its card is the cell's.
        features: of the first replicate, for t-SNE.
        attacked: probabilities under attack.
        tsne: one row per image: x, y, label, source, index.
        tsne_figure: PNG.
        history: one row per epoch of a replicate.
        corrupted: probabilities of corrupted images.
    """

    cell: Cell
    predictions: Artifact
    features: Artifact | None
    attacked: Artifact | None
    tsne: pd.DataFrame | None
    tsne_figure: bytes | None
    history: pd.DataFrame | None
    corrupted: Artifact | None = None
