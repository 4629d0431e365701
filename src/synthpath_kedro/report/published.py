"""The original study's published numbers (single runs, PathMNIST at 64x64), and of what they are."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.data.data_card import DataCard

EPS = 8 / 255
STUDY_MODELS = ("cnn", "resnet18", "dinov2", "clip")
NOISE = "uniform_noise"
"""Name of the uniform noise in ``evaluation.attacks``."""

STUDY_ATTACKS = (NOISE, "fgsm", "bim")


DATA = {"source": "medmnist", "name": "pathmnist", "image_size": 64}
"""Of the data card."""

N_TRAIN = 89_996
NETWORKS: dict[str, dict[str, Any]] = {
    "cnn": {"variant": "two_blocks", "weights": "random", "input_size": 64},
    "resnet18": {"variant": "resnet18", "weights": "pretrained", "input_size": 224},
    "dinov2": {"variant": "vit_small_patch14_dinov2.lvd142m", "weights": "pretrained", "input_size": 224},
    "clip": {"variant": "openai/clip-vit-base-patch32", "weights": "pretrained", "input_size": 224},
}
"""By model, of its block in ``classification.backbones``."""


class Scores(NamedTuple):
    accuracy: float
    macro_f1: float
    auc: float


class Changed(NamedTuple):
    """A figure and its change from the same figure on clean real test images."""

    value: float
    change: float


class ChangedScores(NamedTuple):
    accuracy: Changed
    macro_f1: Changed
    auc: Changed


TABLE_4_1: dict[tuple[str, str], Scores] = {
    ("cnn", "real"): Scores(0.852, 0.846, 0.988),
    ("cnn", "synthetic"): Scores(0.852, 0.839, 0.987),
    ("cnn", "mixed"): Scores(0.882, 0.874, 0.993),
    ("resnet18", "real"): Scores(0.904, 0.900, 0.994),
    ("resnet18", "synthetic"): Scores(0.829, 0.815, 0.990),
    ("resnet18", "mixed"): Scores(0.895, 0.891, 0.992),
    ("dinov2", "real"): Scores(0.907, 0.905, 0.993),
    ("dinov2", "synthetic"): Scores(0.881, 0.876, 0.988),
    ("dinov2", "mixed"): Scores(0.922, 0.921, 0.994),
    ("clip", "real"): Scores(0.888, 0.881, 0.972),
    ("clip", "synthetic"): Scores(0.781, 0.777, 0.960),
    ("clip", "mixed"): Scores(0.883, 0.871, 0.964),
}
"""Real test set, by model and training regime."""

TABLE_4_2: dict[str, ChangedScores] = {
    "cnn": ChangedScores(Changed(0.852, 0.0), Changed(0.852, +0.006), Changed(0.982, -0.006)),
    "resnet18": ChangedScores(Changed(0.866, -0.038), Changed(0.867, -0.033), Changed(0.987, -0.007)),
    "dinov2": ChangedScores(Changed(0.868, -0.039), Changed(0.869, -0.036), Changed(0.984, -0.009)),
    "clip": ChangedScores(Changed(0.910, +0.022), Changed(0.910, +0.029), Changed(0.966, -0.006)),
}
"""Trained on real images, tested on synthetic ones, by model."""

TABLE_4_3: dict[tuple[str, str, str], Changed] = {
    ("cnn", "real", NOISE): Changed(0.142, -0.710),
    ("cnn", "real", "fgsm"): Changed(0.139, -0.713),
    ("cnn", "real", "bim"): Changed(0.121, -0.731),
    ("cnn", "synthetic", NOISE): Changed(0.180, -0.672),
    ("cnn", "synthetic", "fgsm"): Changed(0.123, -0.729),
    ("cnn", "synthetic", "bim"): Changed(0.061, -0.791),
    ("cnn", "mixed", NOISE): Changed(0.159, -0.723),
    ("cnn", "mixed", "fgsm"): Changed(0.113, -0.769),
    ("cnn", "mixed", "bim"): Changed(0.102, -0.780),
    ("resnet18", "real", NOISE): Changed(0.283, -0.621),
    ("resnet18", "real", "fgsm"): Changed(0.277, -0.627),
    ("resnet18", "real", "bim"): Changed(0.181, -0.723),
    ("resnet18", "synthetic", NOISE): Changed(0.320, -0.509),
    ("resnet18", "synthetic", "fgsm"): Changed(0.299, -0.530),
    ("resnet18", "synthetic", "bim"): Changed(0.085, -0.744),
    ("resnet18", "mixed", NOISE): Changed(0.224, -0.671),
    ("resnet18", "mixed", "fgsm"): Changed(0.214, -0.681),
    ("resnet18", "mixed", "bim"): Changed(0.027, -0.868),
    ("dinov2", "real", NOISE): Changed(0.736, -0.171),
    ("dinov2", "real", "fgsm"): Changed(0.653, -0.254),
    ("dinov2", "real", "bim"): Changed(0.191, -0.716),
    ("dinov2", "synthetic", NOISE): Changed(0.566, -0.315),
    ("dinov2", "synthetic", "fgsm"): Changed(0.501, -0.380),
    ("dinov2", "synthetic", "bim"): Changed(0.231, -0.650),
    ("dinov2", "mixed", NOISE): Changed(0.668, -0.254),
    ("dinov2", "mixed", "fgsm"): Changed(0.597, -0.325),
    ("dinov2", "mixed", "bim"): Changed(0.272, -0.650),
    ("clip", "real", NOISE): Changed(0.247, -0.641),
    ("clip", "real", "fgsm"): Changed(0.218, -0.670),
    ("clip", "real", "bim"): Changed(0.237, -0.651),
    ("clip", "synthetic", NOISE): Changed(0.257, -0.524),
    ("clip", "synthetic", "fgsm"): Changed(0.241, -0.540),
    ("clip", "synthetic", "bim"): Changed(0.266, -0.515),
    ("clip", "mixed", NOISE): Changed(0.240, -0.643),
    ("clip", "mixed", "fgsm"): Changed(0.213, -0.670),
    ("clip", "mixed", "bim"): Changed(0.167, -0.716),
}
"""Accuracy under attacks with a budget of ``EPS``, by model, training regime and attack."""

TABLE_4_3_WARNING = (
    "In the published table uniform noise costs the CNN trained on real images 0.710 of accuracy and FGSM 0.713. A "
    "possible explanation is that images were clamped to [0, 1] after they had been normalized; nothing "
    "published confirms it. Here every attack works in [0, 1] pixel space and the normalization is a layer of the "
    "attacked model: do not compare the two sets of numbers."
)


def models_as_published(data_card: "DataCard", cells: Iterable["CellMetadata"]) -> frozenset[str]:
    """Models beside which published numbers may stand: the published networks and weights, on PathMNIST as published.

    Args:
        data_card: of the prepared data.
        cells: of each trained cell; ``parameters`` holds the model's block under its name.
    """
    train = data_card.splits.get("train")
    as_used = {key: getattr(data_card, key) for key in DATA}
    if train is None or train.n != N_TRAIN or as_used != DATA:
        return frozenset()
    fits: dict[str, bool] = {}
    for cell in cells:
        network, block = NETWORKS.get(cell.model), cell.parameters.get(cell.model, {})
        same = network is not None and all(block.get(key) == value for key, value in network.items())
        fits[cell.model] = fits.get(cell.model, True) and same
    return frozenset(model for model, as_published in fits.items() if as_published)
