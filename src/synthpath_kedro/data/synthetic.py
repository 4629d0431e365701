"""The synthetic set as one set of labelled images, opened from its shards."""

from collections.abc import Mapping

import numpy as np

from synthpath_kedro.data.artefact import Artefact, Card
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.errors import InputError


def open_synthetic(shards: Mapping[str, Artefact], manifest: Card) -> LabelledImages:
    """Joins the shards that the manifest lists, in order of their names.

    Args:
        shards: artefacts with ``images`` uint8 [n, H, W, 3] and ``labels`` int64 [n] by file name.
        manifest: digests of the shards by file name under "shards", class names, and the digest of the whole.

    Raises:
        InputError: a shard is missing, is not the one that the manifest lists, or is not listed.
    """
    listed: dict[str, str] = {name: entry["digest"] for name, entry in manifest["shards"].items()}
    present = {name: artefact.card["digest"] for name, artefact in shards.items()}
    if listed != present:
        culprits = sorted(name for name in listed.keys() | present.keys() if listed.get(name) != present.get(name))
        raise InputError(
            f"07_model_output/synthetic: manifest.json and the shards do not belong together ({', '.join(culprits)}); "
            "run the synthesis pipeline, which makes only what is missing or different"
        )
    names = sorted(shards)
    return LabelledImages(
        np.concatenate([shards[name].tensors["images"] for name in names]),
        np.concatenate([shards[name].tensors["labels"] for name in names]),
        tuple(manifest["class_names"]),
        card={key: value for key, value in manifest.items() if key != "shards"} | {"synthetic": manifest.get("digest")},
    )
