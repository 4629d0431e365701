"""Whether the synthetic images or their denoiser give training images away, as one table."""

from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.rows import GENERATOR, SHARED
from synthpath_kedro.evaluation.training_search import HELD_OUT, SPACES, SYNTHETIC, read_found
from synthpath_kedro.metrics.privacy import membership_inference, near_duplicates

COPIES_FOUND, NO_COPIES_FOUND = "near-duplicates found", "no more near-duplicates than chance gives"
MEMBERS_FOUND, NO_MEMBERS_FOUND = (
    "training images can be told apart",
    "no evidence that training images can be told apart",
)
LOSS = "denoiser loss"

_COLUMNS = (
    *SHARED,
    "space",
    "measure",
    "extractor",
    "n_train",
    "n_held_out",
    "value",
    "held_out",
    "low",
    "high",
    "threshold",
    "p",
    "finding",
)


def privacy_table(nearest: Artifact, losses: Artifact) -> pd.DataFrame:
    """One row per space and measure.

    Args:
        nearest: ``training_search.to_tensors`` of synthetic and held-out images in pixels and in features; its card
            holds ``n_train`` by space, the ``extractor`` and its ``weights``.
        losses: of the denoiser: ``real_train`` and ``real_val`` float64 [n].

    Returns:
        Columns ``model`` (denoiser), ``regime`` (synthetic), ``replicate`` (0, there is one denoiser), ``weights`` of
        the extractor, ``n`` synthetic images, ``space`` (pixels, features, denoiser loss), ``measure``
        (median_distance, near_duplicates, authenticity, membership_auc), ``extractor``, ``n_train``, ``n_held_out``,
        ``value``, the same for held-out real images in ``held_out`` (for the AUC: 0.5), 95 % interval ``low, high``,
        the near-duplicates' ``threshold``, ``p``, and the ``finding`` in words. Pixel distances are RMS differences in
        gray levels.
    """
    rows = [row for space in SPACES for row in _of_space(nearest, space)]
    table = pd.DataFrame([*rows, _membership(losses)]).assign(**GENERATOR)
    return table[list(_COLUMNS)].astype({"n": "Int64"})


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
            "measure": "near_duplicates",
            "value": copies.share,
            "held_out": copies.held_out_share,
            "threshold": copies.threshold,
            "p": copies.p,
            "finding": COPIES_FOUND if copies.caught() else NO_COPIES_FOUND,
        },
        shared
        | {
            "measure": "median_distance",
            "value": float(np.median(synthetic.distances)),
            "held_out": float(np.median(held_out.distances)),
        },
        shared
        | {
            "measure": "authenticity",
            "value": float(synthetic.authentic.mean()),
            "held_out": float(held_out.authentic.mean()),
        },
    ]


def _membership(losses: Artifact) -> dict[str, Any]:
    found = membership_inference(losses.tensors["real_train"], losses.tensors["real_val"])
    return {
        "space": LOSS,
        "measure": "membership_auc",
        "extractor": "",
        "weights": "",
        "n_train": found.n_train,
        "n_held_out": found.n_held_out,
        "value": found.auc,
        "held_out": 0.5,
        "low": found.low,
        "high": found.high,
        "finding": MEMBERS_FOUND if found.low > 0.5 else NO_MEMBERS_FOUND,
    }
