"""Time, memory and disk of the study-level part: features of every set, and what stands on them."""

import torch

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import FeatureParameters, Parameters
from synthpath_kedro.planning.classifiers import build_random, measure
from synthpath_kedro.planning.images import ImageCounts, count_synthetic
from synthpath_kedro.planning.origins import configuration_is_at_hand
from synthpath_kedro.planning.steps import Step

_BYTES = 4  # of a float32
_NAME = "report"


def estimate_report(parameters: Parameters, images: ImageCounts | None, probe: bool) -> Step:
    """The study-level part.

    Args:
        parameters: all of them.
        images: how many there are; None: not known.
        probe: time the extractor on this machine.
    """
    features = parameters.evaluation.features
    extractor = _extractor(features)
    if images is None:
        return Step(_NAME, note="unknown without the number of images")
    if extractor is None:
        return Step(_NAME, note="unknown: its extractor cannot be built here")
    per_set = [images.val, images.test, *count_synthetic(parameters).values()]
    n_images = min(images.train, features.train_images) + sum(min(features.images, n) for n in per_set)
    width = _width(extractor, parameters.data_prep.image_size)
    return Step(
        _NAME,
        seconds=n_images / measure(extractor, parameters.data_prep.image_size).forward if probe else None,
        memory_bytes=2.0 * n_images * width * _BYTES,
        disk_bytes=float(n_images * width * _BYTES),
        note="the features; near-duplicates, membership, t-SNE, intervals and figures not counted",
    )


def _width(extractor: Classifier, image_size: int) -> int:
    with torch.inference_mode():
        return extractor.eval().features(torch.zeros(1, 3, image_size, image_size)).shape[1]


def _extractor(features: FeatureParameters) -> Classifier | None:
    """The network of the features, with random weights; None where it cannot be built here."""
    spec = ClassifierSpec.of_extractor(features)
    if not configuration_is_at_hand(spec.backbone):
        return None
    try:
        return build_random(spec)
    except InputError:
        return None
