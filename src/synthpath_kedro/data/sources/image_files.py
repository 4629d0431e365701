"""Image files in one folder per class, and their pixels."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthpath_kedro.data.preprocessing import resize_image
from synthpath_kedro.data.sources.decoding import ENDINGS, UnusableImageError, decode_image
from synthpath_kedro.errors import InputError


@dataclass(frozen=True)
class ImageFiles:
    """Image files in the order of their names.

    Attributes:
        paths: relative to the root.
        names: relative to the class's folder; what data_prep.group reads.
        labels: int64 [files].
    """

    paths: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray

    def select(self, indices: np.ndarray) -> "ImageFiles":
        paths = tuple(self.paths[index] for index in indices)
        return ImageFiles(paths, tuple(self.names[index] for index in indices), self.labels[indices])


def subfolders(folder: Path) -> list[Path]:
    """Folders in ``folder`` by name, without hidden ones."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from error
    return [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]


def list_classes(root: Path, folder: Path) -> tuple[tuple[str, ...], ImageFiles]:
    """Class names (sorted) and files of the class folders in ``folder``."""
    class_folders = subfolders(folder)
    if len(class_folders) < 2:
        raise InputError(
            f"{folder} has {len(class_folders)} class folder(s); at least two are needed, one folder "
            "per class with its images inside"
        )
    names: list[str] = []
    labels: list[int] = []
    for label, class_folder in enumerate(class_folders):
        found = sorted(path.relative_to(class_folder).as_posix() for path in _image_files(class_folder))
        names += found
        labels += [label] * len(found)
    if not names:
        raise InputError(f"{folder} holds no images; endings read: {', '.join(ENDINGS)}")
    prefixes = [class_folder.relative_to(root).as_posix() for class_folder in class_folders]
    paths = tuple(f"{prefixes[label]}/{name}" for name, label in zip(names, labels, strict=True))
    files = ImageFiles(paths, tuple(names), np.array(labels, dtype=np.int64))
    return tuple(class_folder.name for class_folder in class_folders), files


def _image_files(folder: Path) -> Iterator[Path]:
    """Images below ``folder``, without hidden files and folders."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and name.lower().endswith(ENDINGS):
                yield Path(parent) / name


def read_images(root: Path, files: Mapping[str, ImageFiles], size: int) -> dict[str, np.ndarray]:
    """Uint8 [N, size, size, 3] of each split, decoded by a pool of threads."""
    images = {split: np.empty((len(listed.paths), size, size, 3), dtype=np.uint8) for split, listed in files.items()}
    problems: list[str] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for split, listed in files.items():
            outcomes = pool.map(lambda path, place: _decode(root, path, place), listed.paths, images[split])
            problems += [problem for problem in outcomes if problem]
    _refuse_unusable(problems, root, sum(len(listed.paths) for listed in files.values()))
    return images


def _decode(root: Path, path: str, place: np.ndarray) -> str | None:
    """Puts the image into ``place``, uint8 [size, size, 3]; or gives the file's name with what is wrong with it."""
    try:
        place[:] = resize_image(decode_image(root / path), len(place))
    except UnusableImageError as error:
        return f"{path} ({error})"
    return None


def _refuse_unusable(problems: Sequence[str], root: Path, n_files: int) -> None:
    if problems:
        listed = ", ".join(sorted(problems)[:10]) + (", ..." if len(problems) > 10 else "")
        raise InputError(
            f"{root}: {len(problems)} of {n_files} images cannot be used: {listed}; fix, convert or remove them"
        )
