"""What the frozen part of a classifier makes of images, computed once and stored."""

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
from synthpath_kedro.data.artifact import (
    Artifact,
    AtomicFile,
    Card,
    package_versions,
    read_artifact,
    readable_artifact,
    safetensors_header,
)
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.training.device import choose_device, placed
from synthpath_kedro.training.resident import Rows

log = logging.getLogger(__name__)

FEATURES = "features"
BATCH_SIZE = 64
_MAX_GB = 120.0
_MAX_GB_ON_CUDA = 0.0
"""A GPU computes features faster than a disk gives them back in random order: tens of GB per epoch in the study."""


def cache_features(
    model: str,
    images: LabeledImages,
    params: ClassificationParameters,
    seed: int,
    path: Path,
) -> Artifact:
    """The cached features of ``images``: float [N, *frozen] under "features", in the images' order, memory-mapped.

    The file is keyed by the frozen part's weights, input size, dtype and the images, and is written by the batch. Where
    they are larger than ``max_cached_features_gb`` or the free disk, it holds none and its card says
    ``"stored": false``; what reads it then computes them again.

    Args:
        model: a model with a frozen backbone.
        images: the images.
        params: the block ``classification``.
        seed: the study's seed, from which random backbones follow.
        path: the file, which is read where it has the same key, and written atomically else.

    Raises:
        InputError: the classifier cannot be built, or features do not fit float16.
    """
    classifier = build_classifier(model, images.class_names, params, seed).eval()
    size = cached_features_gb(classifier, len(images), params.cached_features_dtype)
    limit = max_cached_features_gb(params)
    key: Card = {
        "model": model,
        "input_size": classifier.input_size,
        "dtype": params.cached_features_dtype,
        "weights_digest": classifier.frozen_digest,
        "images_digest": images.digest,
        "stored": size <= limit,
    }
    existing = readable_artifact(path)
    if existing is not None and existing.card.get("key") == key:
        log.info("cached features of %d images for %s are up to date", len(images), model)
        return existing
    reason = f"{size:.1f} GB, more than classification.cached_features_max_gb ({limit:g})"
    with AtomicFile(path) as stream:
        _write(stream, path.parent, classifier, images, key, size, reason)
    return read_artifact(path)


def max_cached_features_gb(params: ClassificationParameters) -> float:
    """Largest cached features of a set of images that are stored, in GB: none on CUDA, unless ``params`` say so."""
    if params.cached_features_max_gb != "auto":
        return params.cached_features_max_gb
    return _MAX_GB_ON_CUDA if choose_device().type == "cuda" else _MAX_GB


def cached_features_gb(classifier: Classifier, n_images: int, dtype: str = "float32") -> float:
    """Size of the cached features of ``n_images`` images in GB (10^9 bytes)."""
    return n_images * prod(frozen_shape(classifier)) * np.dtype(dtype).itemsize / 1e9


def frozen_shape(classifier: Classifier) -> tuple[int, ...]:
    """Shape of one image's cached features."""
    size = classifier.input_size
    with torch.inference_mode():
        return tuple(classifier.frozen_features(torch.zeros(1, 3, size, size)).shape[1:])


def stored_features(
    cached: Artifact | None, name: str, classifier: Classifier, images: LabeledImages
) -> np.ndarray | None:
    """Stored features, float [N, *frozen], memory-mapped; None where there are none.

    Args:
        cached: what ``cache_features`` made.
        name: what the images are called, for errors.
        classifier: the classifier that goes on from the features.
        images: the images that the features must be of.

    Raises:
        InputError: they are of another frozen part, input size or other images; both are named.
    """
    if cached is None or FEATURES not in cached.tensors:
        return None
    key = cached.card["key"]
    for what, stored, wanted in (
        ("images", key["images_digest"][:12], images.digest[:12]),
        ("weights", key["weights_digest"][:12], classifier.frozen_digest[:12]),
        ("input size", key["input_size"], classifier.input_size),
    ):
        if stored != wanted:
            raise InputError(
                f"cached features of {name} are of {what} {stored}, the classifier has {what} {wanted}; "
                f"run the pipeline classification, which stores the cached features of {name} again"
            )
    return cached.tensors[FEATURES]


def _write(
    stream: BinaryIO,
    folder: Path,
    classifier: Classifier,
    images: LabeledImages,
    key: Card,
    size: float,
    reason_not_to: str,
) -> None:
    what = f"cached features of {len(images)} images for {key['model']} ({classifier.description})"
    free = shutil.disk_usage(folder).free / 1e9
    level = logging.INFO  # the parameters say so
    if key["stored"] and size > free:
        level = logging.WARNING
        reason_not_to = (
            f"{size:.1f} GB, and {folder} has {free:.1f} GB free "
            "(classification.cached_features_dtype=float16 halves them)"
        )
        key = {**key, "stored": False}
    card: Card = {
        "key": key,
        "stored": key["stored"],
        "weights": classifier.weights,
        "variant": classifier.variant,
        "versions": package_versions(),
    }
    if key["stored"]:
        log.info("storing %s: %.2f GB", what, size)
        _stream(stream, classifier, images, card)
    else:
        log.log(level, "%s are computed again in every epoch instead of stored: %s", what, reason_not_to)
        stream.write(safetensors_header({}, card))


def _stream(stream: BinaryIO, classifier: Classifier, images: LabeledImages, card: Card) -> None:
    dtype = card["key"]["dtype"]
    shape = (len(images), *frozen_shape(classifier))
    stream.write(safetensors_header({FEATURES: (shape, dtype)}, card))
    device = choose_device()
    placed(classifier)
    for batch in _batches(images.images):
        with torch.inference_mode():
            features = classifier.frozen_features(to_unit_interval(batch.to(device)))
        stream.write(_converted(features.cpu().contiguous().numpy(), dtype).tobytes())
    classifier.to("cpu")


def _converted(features: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "float16" and np.abs(features).max() > np.finfo(np.float16).max:
        raise InputError(
            "these cached features do not fit float16; valid here: classification.cached_features_dtype=float32"
        )
    return features.astype(dtype, copy=False)


def _batches(images: Rows) -> Iterator[torch.Tensor]:
    for start in range(0, len(images), BATCH_SIZE):
        yield torch.from_numpy(np.array(images[start : start + BATCH_SIZE]))
