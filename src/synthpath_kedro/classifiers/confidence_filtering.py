"""Confidence filtering: synthetic images that a classifier trained on real ones assigns to their own class."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthpath_kedro.classifiers.cached_features import stored_features
from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.training.device import placed


@dataclass(frozen=True)
class Filtered:
    """What the classifier predicts for every synthetic image.

    Attributes:
        kept: bool [N].
        predicted: int64 [N], the class the classifier assigns.
        confidence: float32 [N], its probability of the image's own label.
    """

    kept: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray

    def table(self, images: LabeledImages) -> pd.DataFrame:
        """One row per class: class, generated, other_class, low_confidence, kept (numbers of images)."""
        agrees = self.predicted == images.labels
        rows = [
            {
                "class": name,
                "generated": int((images.labels == label).sum()),
                "other_class": int(((images.labels == label) & ~agrees).sum()),
                "low_confidence": int(((images.labels == label) & agrees & ~self.kept).sum()),
                "kept": int(((images.labels == label) & self.kept).sum()),
            }
            for label, name in enumerate(images.class_names)
        ]
        return pd.DataFrame(rows)


def filter_synthetic(
    checkpoint: Artifact,
    synthetic: LabeledImages,
    min_confidence: float,
    batch_size: int,
    cached: Artifact | None = None,
) -> Filtered:
    """Drops images that the classifier assigns to another class, or to their own with too little confidence.

    Args:
        checkpoint: a cell trained on real images; its replicates' probabilities are averaged.
        synthetic: the images.
        min_confidence: probability of the image's own label, at least.
        batch_size: images per forward pass.
        cached: stored cached features of ``synthetic``, if there are any.
    """
    probabilities = []
    for classifier in load_classifiers(checkpoint):
        features = stored_features(cached, "synthetic", classifier, synthetic)
        inputs = synthetic.images if features is None else features
        probabilities.append(predict(placed(classifier), inputs, batch_size).probabilities)
    mean = np.mean(probabilities, axis=0)
    predicted = mean.argmax(axis=1)
    confidence = mean[np.arange(len(synthetic)), synthetic.labels].astype(np.float32)
    return Filtered((predicted == synthetic.labels) & (confidence >= min_confidence), predicted, confidence)
