"""The user's own synthetic images in one npz file."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np

from synthpath_kedro.data.artifact import digest_arrays
from synthpath_kedro.data.sources.npz import names_in, open_archive, read_labels_of, read_set, refuse_missing
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators.external import checked_set, class_labels, refuse_absent
from synthpath_kedro.generators.request import Request


def generate(request: Request) -> SyntheticSet:
    """Reads ``images`` and ``labels`` (or ``train_images`` and ``train_labels``), resized as real images are.

    Labels are the real images' class numbers; with an array ``class_names`` in the file they number its entries.

    Raises:
        InputError: the file is missing or broken, or its labels are not classes of the real images.
    """
    path, train = _file(request.source.path), request.real.train
    with open_archive(path, request.path_parameter) as archive:
        prefix = _prefix(archive, path)
        names = names_in(archive, path)
        images, labels, native = read_set(archive, path, prefix, train.image_size)
    labels = _real_classes(labels, names, train.class_names, path)
    digest = digest_arrays({"images": images, "labels": labels})
    return checked_set(request, images, labels, digest, " x ".join(map(str, native)) + " pixels", str(path))


def check(path: str, class_names: tuple[str, ...], parameter: str) -> None:
    """Raises InputError where the file at ``path`` does not have images of just the classes ``class_names``."""
    file = _file(path)
    with open_archive(file, parameter) as archive:
        labels, names = read_labels_of(archive, file, _prefix(archive, file)), names_in(archive, file)
    refuse_absent(_real_classes(labels, names, class_names, file), class_names, str(file))


def _file(path: str | None) -> Path:
    return Path(path or "").expanduser()


def _prefix(archive: ZipFile, path: Path) -> str:
    """Of the arrays' names: that of the MedMNIST layout where the file has no plain images."""
    stored = archive.namelist()
    prefix = "train_" if "train_images.npy" in stored and "images.npy" not in stored else ""
    refuse_missing(archive, path, [f"{prefix}images", f"{prefix}labels"])
    return prefix


def _real_classes(
    labels: np.ndarray, names: tuple[str, ...] | None, class_names: tuple[str, ...], path: Path
) -> np.ndarray:
    """int64 [N]: the real class of each image."""
    real = list(range(len(class_names))) if names is None else class_labels(list(names), class_names, str(path))
    outside = np.unique(labels[(labels < 0) | (labels >= len(real))])
    if len(outside):
        raise InputError(
            f"{path}: labels hold {', '.join(map(str, outside[:5]))}; they must lie in 0 to {len(real) - 1} "
            f"({', '.join(names or class_names)})"
        )
    return np.array(real, dtype=np.int64)[labels]
