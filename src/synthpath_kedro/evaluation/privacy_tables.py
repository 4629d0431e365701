"""Whether the synthetic images give training images away, as one table."""

from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.training_search import HELD_OUT, SPACES, SYNTHETIC, read_found
from synthpath_kedro.metrics.privacy import near_duplicates

NEAR_DUPLICATES, MEDIAN_DISTANCE, AUTHENTICITY = "near_duplicates", "median_distance", "authenticity"

COLUMNS = (
    *("set", "measure", "space", "n", "suspects", "upper_bound", "p", "alarm"),
    *("value", "held_out", "ci_low", "ci_high", "threshold", "n_train", "n_held_out", "extractor", "weights"),
)


def privacy_table(nearest: Artifact, set_name: str) -> pd.DataFrame:
    """One row per space and measure of one synthetic set.

    Args:
        nearest: ``training_search.to_tensors`` of synthetic and held-out images in pixels and in features; its card
            holds ``n_train`` by space, the ``extractor`` and its ``weights``.
        set_name: of the synthetic set.

    Returns:
        Columns ``set, measure`` (near_duplicates, median_distance, authenticity), ``space`` (pixels, features),
        ``n`` synthetic images, ``suspects`` (near-duplicates), ``upper_bound`` (nan),
        ``p, alarm`` (true, false, or missing where the measure has none), then ``value``, the same for held-out real
        images in ``held_out``, the 95 % interval ``ci_low, ci_high``, the near-duplicates'
        ``threshold, n_train, n_held_out, extractor, weights``. Pixel distances are RMS differences in gray levels.
    """
    rows = [row for space in SPACES for row in _of_space(nearest, space)]
    table = pd.DataFrame(rows).assign(set=set_name, upper_bound=np.nan).reindex(columns=list(COLUMNS))
    return table.astype({"n": "Int64", "suspects": "Int64", "alarm": "boolean"})


def _of_space(nearest: Artifact, space: str) -> list[dict[str, Any]]:
    synthetic, held_out = (read_found(nearest, space, name) for name in (SYNTHETIC, HELD_OUT))
    copies = near_duplicates(synthetic.distances, held_out.distances)
    shared = {
        "space": space,
        "extractor": nearest.card["extractor"] if space == "features" else "",
        "weights": nearest.card["weights"] if space == "features" else "",
        "n": len(synthetic.index),
        "n_train": nearest.card["n_train"][space],
        "n_held_out": len(held_out.index),
    }
    return [
        shared
        | {
            "measure": NEAR_DUPLICATES,
            "suspects": int((synthetic.distances < copies.threshold).sum()),
            "value": copies.share,
            "held_out": copies.held_out_share,
            "threshold": copies.threshold,
            "p": copies.p,
            "alarm": bool(copies.caught()),
        },
        shared
        | {
            "measure": MEDIAN_DISTANCE,
            "value": float(np.median(synthetic.distances)),
            "held_out": float(np.median(held_out.distances)),
        },
        shared
        | {
            "measure": AUTHENTICITY,
            "value": float(synthetic.authentic.mean()),
            "held_out": float(held_out.authentic.mean()),
        },
    ]
