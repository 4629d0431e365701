"""What the frozen part of a classifier makes of images, computed once and stored."""

import json
import logging
import shutil
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.data.artefact import Artefact, Card, Recipe, encode_card, package_versions
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters

log = logging.getLogger(__name__)

FEATURES = "features"
BATCH_SIZE = 64
_SAFETENSORS_DTYPES = {"float32": "F32", "float16": "F16"}


def trunk_recipe(model: str, images: LabelledImages, params: ClassificationParameters, seed: int) -> Recipe:
    """How the trunk features of ``images`` are made: float [N, *trunk] under "features", in the images' order.

    The file is keyed by the frozen part's weights, input size, dtype and the images, and is written by the batch. Where
    it would be larger than ``params.trunk_max_gb`` or the free disk it holds no features and its card says
    ``"stored": false``; training then computes them anew.

    Args:
        model: a model with a trunk.
        images: the images.
        params: the block ``classification``.
        seed: the study's seed, from which random backbones follow.
    """
    classifier = build_classifier(model, images.class_names, params, seed, images.image_size).eval()
    size = trunk_size_gb(classifier, len(images), params.trunk_dtype)
    key: Card = {
        "model": model,
        "input_size": classifier.input_size,
        "dtype": params.trunk_dtype,
        "weights_digest": classifier.frozen_digest,
        "images_digest": images.digest,
        "stored": size <= params.trunk_max_gb,
    }
    return Recipe(key, lambda path: _write(path, classifier, images, params, key, size))


def trunk_size_gb(classifier: Classifier, n_images: int, dtype: str = "float32") -> float:
    """Size of the trunk features of ``n_images`` images in GB (10^9 bytes)."""
    return n_images * prod(trunk_shape(classifier)) * np.dtype(dtype).itemsize / 1e9


def trunk_shape(classifier: Classifier) -> tuple[int, ...]:
    """Shape of one image's trunk features."""
    size = classifier.input_size
    with torch.inference_mode():
        return tuple(classifier.trunk(torch.zeros(1, 3, size, size)).shape[1:])


def check_trunk(trunk: Artefact, name: str, classifier: Classifier, images: LabelledImages) -> None:
    """Checks that stored features are those of this frozen part and these images.

    Raises:
        InputError: they are of others; both digests are named.
    """
    key = trunk.card["key"]
    for what, stored, wanted in (
        ("images", key["images_digest"], images.digest),
        ("weights", key["weights_digest"], classifier.frozen_digest),
    ):
        if stored != wanted:
            raise InputError(
                f"trunk features of {name} are of {what} {stored[:12]}, the cell has {what} {wanted[:12]}; "
                f"run the node that stores the trunk features of {name} again"
            )


def _write(
    path: Path, classifier: Classifier, images: LabelledImages, params: ClassificationParameters, key: Card, size: float
) -> None:
    what = f"trunk features of {len(images)} images for {key['model']} ({classifier.description})"
    free = shutil.disk_usage(path.parent).free / 1e9
    if not key["stored"]:
        log.warning(
            "%s: %.1f GB, more than classification.trunk_max_gb (%g): computed anew in every epoch instead of stored",
            what, size, params.trunk_max_gb,
        )  # fmt: skip
    elif size > free:
        log.warning(
            "%s: %.1f GB, and %s has only %.1f GB free: computed anew in every epoch instead of stored; "
            "classification.trunk_dtype=float16 halves them",
            what, size, path.parent, free,
        )  # fmt: skip
        key = {**key, "stored": False}
    else:
        log.info("storing %s: %.2f GB", what, size)
    card: Card = {
        "key": key,
        "stored": key["stored"],
        "weights": classifier.weights,
        "variant": classifier.variant,
        "versions": package_versions(),
    }
    with path.open("wb") as stream:
        if key["stored"]:
            _stream(stream, classifier, images, params.trunk_dtype, card)
        else:
            stream.write(_header({}, card))


def _stream(stream: BinaryIO, classifier: Classifier, images: LabelledImages, dtype: str, card: Card) -> None:
    shape = (len(images), *trunk_shape(classifier))
    n_bytes = prod(shape) * np.dtype(dtype).itemsize
    entry = {"dtype": _SAFETENSORS_DTYPES[dtype], "shape": shape, "data_offsets": [0, n_bytes]}
    stream.write(_header({FEATURES: entry}, card))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classifier.to(device)
    for batch in _batches(images.images):
        with torch.inference_mode():
            features = classifier.trunk(to_unit_interval(batch.to(device))).cpu()
        stream.write(features.contiguous().numpy().astype(dtype, copy=False).tobytes())
    classifier.to("cpu")


def _batches(images: np.ndarray) -> Iterator[torch.Tensor]:
    for start in range(0, len(images), BATCH_SIZE):
        yield torch.from_numpy(np.array(images[start : start + BATCH_SIZE]))


def _header(entries: dict[str, dict[str, object]], card: Card) -> bytes:
    """A safetensors header, padded with spaces so that the data begin at a multiple of eight bytes."""
    text = json.dumps({"__metadata__": encode_card(card), **entries}).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
