"""What fidelity and privacy need of a set of images, made once and stored: a network's features, pixel statistics."""

import logging

import numpy as np
import torch

from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.data.artifact import Artifact, Card, package_versions
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.evaluation.extractors import Extractor
from synthpath_kedro.evaluation.fidelity_measures import FEATURES, MEASURES
from synthpath_kedro.parameters.block import Precision
from synthpath_kedro.training.device import choose_device, placed
from synthpath_kedro.training.precision import FLOAT32, computing_in, resolve_precision
from synthpath_kedro.training.resident import Rows

log = logging.getLogger(__name__)

LABELS, INDEX = "labels", "index"


def image_features(
    name: str,
    images: LabeledImages,
    extractor: Extractor,
    n: int,
    batch_size: int,
    seed: int,
    existing: Artifact | None,
    precision: Precision = FLOAT32,
) -> Artifact:
    """The features of a stratified part of ``images``, and what ``MEASURES`` read off its pixels.

    Args:
        name: what the set is called: real_train, real_val, real_test, synthetic.
        images: the whole set.
        extractor: the network.
        n: images at most.
        batch_size: images per forward pass.
        seed: of the draw.
        existing: the features of an earlier run, which are returned where they have the same key.
        precision: of the network.

    Returns:
        ``features`` float32 [n, D], ``labels`` int64 [n], ``index`` int64 [n], the images' places in the whole set, and
        float32 [n, d] by the measure's name.
    """
    precision = resolve_precision(precision, choose_device())
    measures = {measure.name: measure.statistics for measure in MEASURES.values() if measure.statistics}
    key: Card = {
        "extractor": extractor.name,
        "extractor_digest": extractor.digest,
        "input_size": extractor.input_size,
        "precision": precision,
        "statistics": list(measures),
        "images_digest": images.digest,
        "n": min(n, len(images)),
        "seed": seed,
    }
    if existing is not None and existing.card.get("key") == key:
        log.info("features of %s are up to date", name)
        if existing.card["prepared"] == images.prepared:
            return existing
        # The same images, but of other data: beside other training images, for example.
        return Artifact(existing.tensors, existing.card | {"prepared": images.prepared, "phantom": images.phantom})
    log.info("features of %d of %d images of %s (%s)", key["n"], len(images), name, extractor.name)
    index = stratified_subset(images.labels, n, seed)
    tensors = {
        FEATURES: extract(extractor, images.images, index, batch_size, precision),
        LABELS: images.labels[index],
        INDEX: index,
    }
    for measure, statistics in measures.items():
        tensors[measure] = np.concatenate(
            [statistics(np.asarray(images.images[rows])) for rows in _batches(index, batch_size)]
        )
    card = {
        "key": key,
        "images": name,
        "total": len(images),
        "extractor": extractor.name,
        "weights": extractor.weights,
        "license": extractor.license,
        "class_names": list(images.class_names),
        "prepared": images.prepared,
        "phantom": images.phantom,
        "versions": package_versions(),
    }
    return Artifact(tensors, card)


def extract(
    extractor: Extractor, images: Rows, index: np.ndarray, batch_size: int, precision: Precision = FLOAT32
) -> np.ndarray:
    """Features float32 [n, D] of ``images`` (uint8 [N, H, W, 3]) at ``index``; on the GPU where there is one."""
    device = choose_device()
    placed(extractor.network)
    with computing_in(precision, device):
        parts = [
            extractor.features(to_unit_interval(torch.from_numpy(np.asarray(images[rows])).to(device)))
            .float()
            .cpu()
            .numpy()
            for rows in _batches(index, batch_size)
        ]
    extractor.network.to("cpu")
    return np.concatenate(parts)


def _batches(index: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return np.split(index, range(batch_size, len(index), batch_size))
