"""How many images a source has, without reading their pixels."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from numpy.lib import format as npy

from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.sources import DEFAULT_MEDMNIST
from synthpath_kedro.data.sources.image_files import count_files, split_of, subfolders
from synthpath_kedro.data.sources.medmnist_info import info_of
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DataPrepParameters, Parameters, SyntheticSetParameters
from synthpath_kedro.study.generators import GENERATORS

_SPLITS = ("train", "val", "test")
_PHANTOM_CLASSES = 9


@dataclass(frozen=True)
class ImageCounts:
    """Images of each split.

    Attributes:
        train: training images.
        val: validation images.
        test: test images.
        n_classes: classes; None where the source does not say so cheaply.
        exact: whether data_prep will find just these; else a split is yet to be drawn, or images to be left out.
    """

    train: int
    val: int
    test: int
    n_classes: int | None = None
    exact: bool = True

    @property
    def total(self) -> int:
        """Of all splits."""
        return self.train + self.val + self.test


def count_images(params: DataPrepParameters, card: Path) -> ImageCounts | None:
    """The images that data_prep will give or has given.

    Args:
        params: the block ``data_prep``.
        card: 03_primary/card.json of the environment, which counts where it is of the same parameters.

    Returns:
        The counts, or None where the source is not there yet, or not as it should be.
    """
    prepared = _read_card(card)
    if prepared is not None and prepared.parameters == params.model_dump(mode="json"):
        train, val, test = (prepared.splits[split].n for split in _SPLITS)
        return ImageCounts(train, val, test, len(prepared.class_names))
    try:
        return _count(params)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def count_synthetic(parameters: Parameters) -> dict[str, int]:
    """Images of each synthetic set by name; 0 for one of the user's own that cannot be read, which is refused later."""
    return {name: _count_set(one, parameters) for name, one in parameters.synthesis.synthetic_sets.items()}


def count_sampled(parameters: Parameters) -> int:
    """Synthetic images that are sampled from the study's own denoisers."""
    counts, sets = count_synthetic(parameters), parameters.synthesis.synthetic_sets.items()
    return sum(counts[name] for name, one in sets if GENERATORS[one.source].needs_denoiser)


def _count_set(one: SyntheticSetParameters, parameters: Parameters) -> int:
    if one.path is not None:
        return _count_own(Path(one.path).expanduser())
    params = parameters.synthesis
    generated = sum(params.counts.values()) if params.counts else params.n_images
    return generated * (parameters.diffusion.replicates if GENERATORS[one.source].needs_denoiser else 1)


def _count_own(path: Path) -> int:
    try:
        if path.is_dir():
            return count_files(path)
        with zipfile.ZipFile(path) as archive:
            return _length(archive, "images" if "images.npy" in archive.namelist() else "train_images")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return 0


def _count(params: DataPrepParameters) -> ImageCounts | None:
    exact = not params.class_fractions
    path = Path(params.path).expanduser() if params.path else None
    match params.source:
        case "phantom":
            phantom = params.phantom
            return ImageCounts(phantom.n_train, phantom.n_val, phantom.n_test, _PHANTOM_CLASSES, exact)
        case "medmnist":
            info = info_of((params.name or DEFAULT_MEDMNIST).lower())
            train, val, test = (info["n_samples"][split] for split in _SPLITS)
            return ImageCounts(train, val, test, len(info["label"]), exact)
        case "npz" if path:
            return _in_npz(path, exact)
        case "image_folder" if path:
            return _in_folder(path, params, exact)
    return None


def _read_card(path: Path) -> DataCard | None:
    try:
        return DataCard.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, InputError):
        return None


def _in_npz(path: Path, exact: bool) -> ImageCounts:
    with zipfile.ZipFile(path) as archive:
        train, val, test = (_length(archive, f"{split}_images") for split in _SPLITS)
        named = "class_names.npy" in archive.namelist()
        return ImageCounts(train, val, test, _length(archive, "class_names") if named else None, exact)


def _length(archive: zipfile.ZipFile, name: str) -> int:
    with archive.open(f"{name}.npy") as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        return int(read(stream)[0][0])


def _in_folder(root: Path, params: DataPrepParameters, exact: bool) -> ImageCounts | None:
    folders = subfolders(root)
    by_split: dict[str, dict[str, int]] = {}
    for folder in folders:
        if split := split_of(folder.name):
            by_split[split] = {one.name: count_files(one) for one in subfolders(folder)}
    val, test = params.split.val, params.split.test
    if not by_split:
        classes = {folder.name: count_files(folder) for folder in folders}
        n = sum(classes.values())
        return ImageCounts(n - round(n * val) - round(n * test), round(n * val), round(n * test), len(classes), False)
    counts = {split: sum(classes.values()) for split, classes in by_split.items()}
    if not {"train", "test"} <= counts.keys():
        return None
    n_classes = len(by_split["train"])
    if "val" in counts:
        return ImageCounts(counts["train"], counts["val"], counts["test"], n_classes, exact)
    drawn = round(counts["train"] * val)
    return ImageCounts(counts["train"] - drawn, drawn, counts["test"], n_classes, False)
