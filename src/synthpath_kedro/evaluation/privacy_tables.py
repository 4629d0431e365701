"""Whether the synthetic images give training images away, as one table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.training_search import (
    HELD_OUT,
    SPACES,
    SYNTHETIC,
    Found,
    count_suspects,
    read_found,
)

NEAR_DUPLICATES, RELATIVE_DISTANCE, AUTHENTICITY = "near_duplicates", "relative_distance", "authenticity"
ANY_SPACE = "any"

COLUMNS = (
    *("set", "measure", "space", "n", "suspects", "upper_bound", "p", "alarm"),
    *("value", "held_out", "ci_low", "ci_high", "n_train", "n_held_out", "extractor", "weights"),
)


def privacy_table(nearest: Artifact, set_name: str) -> pd.DataFrame:
    """One row per space and measure of one synthetic set, the count over all spaces first.

    Args:
        nearest: ``training_search.to_tensors`` of synthetic and held-out images; its card holds ``n_train`` by space,
            the ``extractor`` and its ``weights``.
        set_name: of the synthetic set.

    Returns:
        Columns ``set, measure`` (near_duplicates, relative_distance, authenticity), ``space`` (any, pixels,
        features), ``n`` synthetic images examined, ``suspects`` (near-duplicates),
        ``upper_bound`` of their share in the whole set, ``p, alarm`` (of the count over all spaces; missing where the
        measure has none), then ``value`` (share of suspects, median relative distance, share authentic), the same
        for held-out real images in ``held_out``, the 95 % interval ``ci_low, ci_high`` (nan), and
        ``n_train, n_held_out, extractor, weights``.
    """
    found = read_found(nearest)
    rows = [_of_any(found, nearest), *(row for space in SPACES for row in _of_space(found[space], space, nearest))]
    table = pd.DataFrame(rows).assign(set=set_name).reindex(columns=list(COLUMNS))
    return table.astype({"n": "Int64", "suspects": "Int64", "alarm": "boolean"})


def _of_any(found: Mapping[str, Mapping[str, Found]], nearest: Artifact) -> dict[str, Any]:
    count = count_suspects(found)
    copied = nearest.card.get("duplicates", {}).get("real_train")
    return {
        "space": ANY_SPACE,
        "measure": NEAR_DUPLICATES,
        **_network(nearest),
        "n": count.examined,
        "suspects": count.suspects,
        "upper_bound": count.upper_bound,
        "value": count.share,
        "held_out": count.held_out_share,
        "p": count.p,
        # Copies pixel by pixel, counted over the whole set as it was read, are an alarm whatever the sample shows.
        "alarm": bool(count.alarm or copied),
        "n_train": max(nearest.card["n_train"].values()),
        "n_held_out": max(len(sets[HELD_OUT].index) for sets in found.values()),
    }


def _of_space(found: Mapping[str, Found], space: str, nearest: Artifact) -> list[dict[str, Any]]:
    synthetic, held_out = found[SYNTHETIC], found[HELD_OUT]
    shared = {
        "space": space,
        **(_network(nearest) if space == "features" else {"extractor": "", "weights": ""}),
        "n": len(synthetic.index),
        "n_train": nearest.card["n_train"][space],
        "n_held_out": len(held_out.index),
    }
    return [
        shared
        | {
            "measure": NEAR_DUPLICATES,
            "suspects": int(synthetic.suspects.sum()),
            "value": float(synthetic.suspects.mean()),
            "held_out": float(held_out.suspects.mean()),
        },
        shared
        | {
            "measure": RELATIVE_DISTANCE,
            "value": float(np.nanmedian(synthetic.relative)),
            "held_out": float(np.nanmedian(held_out.relative)),
        },
        shared
        | {
            "measure": AUTHENTICITY,
            "value": float(synthetic.authentic.mean()),
            "held_out": float(held_out.authentic.mean()),
        },
    ]


def _network(nearest: Artifact) -> dict[str, Any]:
    return {"extractor": nearest.card["extractor"], "weights": nearest.card["weights"]}
