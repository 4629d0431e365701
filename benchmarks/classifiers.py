"""Training on stored cached features beside the same without them and beside a plain PyTorch loop, and the data path.

All training is of study-size backbones (random weights) on 64 real, 64 synthetic and 8 validation images resized to
224, for the epochs of the study under each of the three regimes. What is compared runs in turn, regime by regime. The
slow sides run for a few epochs; the rest is extrapolated from the time of the last one.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from measure import THREADS, Comparison, compare, report, seconds, set_up
from PIL import Image
from study import read_study
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet18

from synthpath_kedro.classifiers.batches import EpochBatches, Source
from synthpath_kedro.classifiers.cached_features import cache_features
from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing, to_unit_interval
from synthpath_kedro.classifiers.training import TrainedCell, train_cell
from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.regimes import regime_batches
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.study.regimes import REGIMES

CLASS_NAMES = tuple(f"tissue {label}" for label in range(9))
TRAINED = ("real", "synthetic", "mixed")
TILE, INPUT = 64, 224
EPOCHS, FEW_EPOCHS = 10, 2
N_DATA_PATH = 10_000
PRECISION = 1e-4  # of probabilities; float32


def tiles(n: int, seed: int) -> LabeledImages:
    """Noise of a brightness that tells the class."""
    labels = np.arange(n) % len(CLASS_NAMES)
    noise = np.random.default_rng(seed).integers(0, 100, (n, TILE, TILE, 3))
    images = (noise + 17 * labels[:, None, None, None]).astype(np.uint8)
    return LabeledImages(images, labels, CLASS_NAMES, card={"prepared": "benchmark"})


SETS = {"real_train": tiles(64, 0), "real_val": tiles(8, 1), "synthetic": tiles(64, 2)}


def study(model: str, max_epochs: int = EPOCHS) -> ClassificationParameters:
    """The study's parameters with random weights, one replicate and no early stop."""
    changes = {"models": [model], "replicates": 1, "max_epochs": max_epochs, "patience": max_epochs}
    return read_study(classification=changes).classification


@dataclass
class Times:
    """Seconds of the whole training; those of ours apart."""

    features: float = 0.0
    training: float = 0.0
    validation: float = 0.0
    stored: float = 0.0
    unstored: float = 0.0
    plain: float = 0.0


def train(model: str, regime: str, epochs: int, trunk: dict[str, Artifact] | None) -> TrainedCell:
    with tempfile.TemporaryDirectory() as scratch:
        return train_cell(model, regime, *SETS.values(), study(model, epochs), 0, Path(scratch), trunk)


def store_features(model: str, folder: Path) -> dict[str, Artifact]:
    return {name: cache_features(model, images, study(model), 0, folder, None) for name, images in SETS.items()}


def timed(work: Callable[[], TrainedCell]) -> tuple[float, TrainedCell]:
    made: list[TrainedCell] = []
    return seconds(lambda: made.append(work())), made[0]


def bench_training(model: str, peer_name: str) -> None:
    times = Times()
    with tempfile.TemporaryDirectory() as folder:
        trunk: dict[str, Artifact] = {}
        times.features = seconds(lambda: trunk.update(store_features(model, Path(folder))))
        for regime in TRAINED:
            measure_regime(times, model, regime, trunk)
    n_images = EPOCHS * len(TRAINED) * len(SETS["real_train"])
    ours = times.features + times.stored
    show_where_it_goes(model, times)
    for what, theirs, peer in (
        ("stored features against none", times.unstored, f"the same without, {FEW_EPOCHS} epochs extrapolated"),
        ("ours against a plain loop", times.plain, f"{peer_name}, {FEW_EPOCHS} epochs extrapolated"),
    ):
        name = f"{model} at {INPUT}, {EPOCHS} epochs x 3 regimes, {what}"
        report(Comparison(name, n_images / ours, n_images / theirs, theirs / ours, "images/s", peer))


def measure_regime(times: Times, model: str, regime: str, trunk: dict[str, Artifact]) -> None:
    took, whole = timed(lambda: train(model, regime, EPOCHS, trunk))
    steps = len(SETS["real_train"]) / whole.history["images_per_second"]
    times.stored += took
    times.training += steps.sum()
    times.validation += (whole.history["seconds"] - steps).sum()

    took, unstored = timed(lambda: train(model, regime, FEW_EPOCHS, None))
    times.unstored += took + (EPOCHS - FEW_EPOCHS) * unstored.history["seconds"].iloc[-1]
    check_same_predictions(train(model, regime, FEW_EPOCHS, trunk), unstored)

    epochs = plain_training(model)
    first, *others = [seconds(lambda: next(epochs)) for _ in range(FEW_EPOCHS)]
    times.plain += first + sum(others) + (EPOCHS - FEW_EPOCHS) * others[-1]


def check_same_predictions(stored: TrainedCell, unstored: TrainedCell) -> None:
    one, other = (probabilities(cell) for cell in (stored, unstored))
    difference = float(np.abs(one - other).max())
    print(f"probabilities with and without stored features differ by at most {difference:.1e}", file=sys.stderr)
    if difference > PRECISION:
        raise SystemExit("stored features change the predictions")


def probabilities(cell: TrainedCell) -> np.ndarray:
    return predict(load_classifiers(cell.checkpoint)[0], SETS["real_val"].images, 64).probabilities


def show_where_it_goes(model: str, times: Times) -> None:
    parts = {
        "features": times.features,
        "training": times.training,
        "validation": times.validation,
        "rest (checkpoints, building)": times.stored - times.training - times.validation,
        "all without features": times.unstored,
        "all of the plain loop": times.plain,
    }
    print(f"{model}, seconds: " + ", ".join(f"{name} {part:.1f}" for name, part in parts.items()), file=sys.stderr)


class Tiles(Dataset):
    """One image at a time through torchvision's transforms."""

    def __init__(self, images: LabeledImages, size: int) -> None:
        self.images, self.labels = images.images, images.labels
        resize = [] if size == TILE else [transforms.Resize(size)]
        self.transform = transforms.Compose([*resize, transforms.ToTensor(), transforms.Normalize(*IMAGENET)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def plain_network(model: str) -> tuple[nn.Module, list[nn.Module]]:
    """timm's or torchvision's network and those of its parts that are trained."""
    if model == "dinov2":
        vit = timm.create_model(study(model).backbone(model).variant, img_size=INPUT, num_classes=len(CLASS_NAMES))
        return vit, [vit.blocks[-1], vit.norm, vit.head]
    network = resnet18(num_classes=len(CLASS_NAMES))
    return network, [network.layer4, network.fc]


def plain_training(model: str) -> Iterator[None]:
    """The training as it is usually written: an epoch and its validation at each turn."""
    backbone = study(model).backbone(model)
    network, trained = plain_network(model)
    network.requires_grad_(False)
    for part in trained:
        part.requires_grad_(True)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=backbone.learning_rate)
    batches = DataLoader(Tiles(SETS["real_train"], INPUT), backbone.batch_size, shuffle=True)
    validation = DataLoader(Tiles(SETS["real_val"], INPUT), backbone.batch_size)
    while True:
        network.eval()
        for part in trained:
            part.train()
        for images, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for images, labels in validation:
                F.cross_entropy(network(images), labels)
        yield


def bench_data_path() -> None:
    images = tiles(N_DATA_PATH, 0)
    normalize = preprocessing(TILE, IMAGENET)
    source = Source(images.images, images.labels)
    loader = DataLoader(Tiles(images, TILE), 64, shuffle=True, num_workers=THREADS)

    def ours() -> None:
        for batch, _ in EpochBatches(source, None, regime_batches(REGIMES["real"], len(images), 0, 64, 0.5, 0, 0)):
            normalize(to_unit_interval(batch))

    def peer() -> None:
        for _ in loader:
            pass

    compare(
        f"data path, {TILE}x{TILE} tiles to normalized float batches",
        ours,
        peer,
        f"torchvision.transforms in a DataLoader with {THREADS} workers",
        (len(images), len(images)),
        "tiles/s",
    )


def main() -> None:
    set_up()
    bench_data_path()
    bench_training("resnet18", "torchvision in a plain PyTorch loop")
    bench_training("dinov2", "timm in a plain PyTorch loop")


if __name__ == "__main__":
    main()
