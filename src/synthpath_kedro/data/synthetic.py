"""The synthetic set as one set of labeled images, opened from its shards."""

from collections.abc import Iterator, Mapping

import numpy as np

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError

_WAY_OUT = "run the synthesis pipeline, which makes only what is missing or different"


def synthetic_labels(shards: Mapping[str, Artifact]) -> np.ndarray:
    """Labels int64 [n] of the whole set, in order of the shards' names."""
    return np.concatenate([shards[name].tensors["labels"] for name in sorted(shards)])


def open_synthetic(shards: Mapping[str, Artifact], manifest: Card, rows: np.ndarray | None = None) -> LabeledImages:
    """Joins the shards that the manifest lists, in order of their names.

    Args:
        shards: artifacts with ``images`` uint8 [n, H, W, 3] and ``labels`` int64 [n] by file name.
        manifest: digests of the shards by file name under "shards", class names, and the digest of the whole.
        rows: places in the whole set, ascending, of the images that are wanted: others are not copied into memory.

    Raises:
        InputError: a shard is missing, damaged, not the one that the manifest lists, or not listed.
    """
    if not {"shards", "class_names"} <= manifest.keys():
        raise InputError(f"07_model_output/synthetic/manifest.json is damaged; {_WAY_OUT}")
    listed: dict[str, str] = {name: entry["digest"] for name, entry in manifest["shards"].items()}
    present = {name: artifact.digest for name, artifact in shards.items()}
    if listed != present:
        culprits = sorted(name for name in listed.keys() | present.keys() if listed.get(name) != present.get(name))
        raise InputError(
            f"07_model_output/synthetic: manifest.json and the shards do not belong together ({', '.join(culprits)}); "
            f"{_WAY_OUT}"
        )
    labels = synthetic_labels(shards)
    return LabeledImages(
        np.concatenate(list(_images(shards, np.arange(len(labels)) if rows is None else rows))),
        labels if rows is None else labels[rows],
        tuple(manifest["class_names"]),
        card={key: value for key, value in manifest.items() if key != "shards"} | {"synthetic": manifest.get("digest")},
    )


def _images(shards: Mapping[str, Artifact], rows: np.ndarray) -> Iterator[np.ndarray]:
    start = 0
    for name in sorted(shards):
        images = shards[name].tensors["images"]
        first, last = np.searchsorted(rows, [start, start + len(images)])
        yield images if last - first == len(images) else images[rows[first:last] - start]
        start += len(images)
