"""One network's features of a set of images, made once and stored."""

import logging
from pathlib import Path

import numpy as np
import torch

from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.data.artifact import Artifact, Card, Recipe, package_versions, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.evaluation.extractors import Extractor

log = logging.getLogger(__name__)

FEATURES, LABELS, INDEX = "features", "labels", "index"


def feature_recipe(
    name: str, images: LabeledImages, extractor: Extractor, n: int, batch_size: int, seed: int
) -> Recipe:
    """How the features of a stratified part of ``images`` are made.

    The file holds ``features`` float32 [n, D], ``labels`` int64 [n] and ``index`` int64 [n], the images' places in the
    whole set.

    Args:
        name: what the set is called: real_train, real_val, real_test, synthetic.
        images: the whole set.
        extractor: the network.
        n: images at most.
        batch_size: images per forward pass.
        seed: of the draw.
    """
    key: Card = {
        "extractor": extractor.name,
        "extractor_digest": extractor.digest,
        "input_size": extractor.input_size,
        "images_digest": images.digest,
        "n": min(n, len(images)),
        "seed": seed,
    }
    card = {
        "key": key,
        "images": name,
        "total": len(images),
        "extractor": extractor.name,
        "weights": extractor.weights,
        "class_names": list(images.class_names),
        "prepared": images.card.get("prepared"),
        "phantom": images.card.get("phantom", False),
    }

    def write(path: Path) -> None:
        log.info("features of %d of %d images of %s (%s)", key["n"], len(images), name, extractor.name)
        index = stratified_subset(images.labels, n, seed)
        tensors = {
            FEATURES: extract(extractor, images.images, index, batch_size),
            LABELS: images.labels[index],
            INDEX: index,
        }
        write_artifact(path, Artifact(tensors, card | {"versions": package_versions()}))

    return Recipe(key, write)


def extract(extractor: Extractor, images: np.ndarray, index: np.ndarray, batch_size: int) -> np.ndarray:
    """Features float32 [n, D] of ``images`` (uint8 [N, H, W, 3]) at ``index``; on the GPU where there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    extractor.network.to(device)
    parts = [
        extractor.features(to_unit_interval(torch.from_numpy(images[rows]).to(device))).float().cpu().numpy()
        for rows in np.split(index, range(batch_size, len(index), batch_size))
    ]
    extractor.network.to("cpu")
    return np.concatenate(parts)
