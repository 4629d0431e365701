"""How far mean color alone goes: the classifier of three numbers per image of Ignatov and Malivenko (2024)."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthpath_kedro.data.sharded import ShardedImages

_CHUNK = 1024
_MAX_ITERATIONS = 1000


def mean_colors(images: np.ndarray | ShardedImages) -> Float[np.ndarray, "images 3"]:
    """Mean red, green and blue of each image, 0 to 1.

    Args:
        images: uint8 [N, H, W, 3]; so many at a time are read that large sets stay on the disk.
    """
    starts = range(0, len(images), _CHUNK)
    means = [np.asarray(images[start : start + _CHUNK]).mean(axis=(1, 2)) for start in starts]
    return np.concatenate([np.empty((0, 3)), *means]) / 255


def color_baseline(
    colors: Float[np.ndarray, "train 3"],
    labels: Int[np.ndarray, " train"],
    test_colors: Float[np.ndarray, "test 3"],
    n_classes: int,
    weights: Float[np.ndarray, " train"] | None = None,
) -> Float[np.ndarray, "test classes"]:
    """Class probabilities of a multinomial logistic regression on standardized mean colors.

    Args:
        colors: of the training images, see ``mean_colors``.
        labels: of the training images, 0 ... ``n_classes`` - 1; a class without any has probability 0.
        test_colors: of the images to classify.
        n_classes: of the data.
        weights: of the training images in the likelihood; None: equal ones.
    """
    probabilities = np.zeros((len(test_colors), n_classes))
    present = np.unique(labels)
    if len(present) == 1:
        probabilities[:, present] = 1
        return probabilities
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MAX_ITERATIONS))
    model.fit(colors, labels, logisticregression__sample_weight=weights)
    probabilities[:, present] = model.predict_proba(test_colors)
    return probabilities
