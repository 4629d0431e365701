"""Image files in one folder per class, and their pixels."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthpath_kedro.data.class_names import check_class_names, composed_name, printable
from synthpath_kedro.data.preprocessing import resize_image
from synthpath_kedro.data.sources.decoding import ENDINGS, UnusableImageError, decode_image
from synthpath_kedro.errors import InputError

_NAMES_BY_SPLIT = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_SPLIT_NAMES = {name: split for split, names in _NAMES_BY_SPLIT.items() for name in names}

EXPECTED = (
    "expected: <split>/<class>/ with the splits "
    + ", ".join(f"{names[0]} (or {', '.join(names[1:])})" for names in _NAMES_BY_SPLIT.values())
    + ", or <class>/ alone to have them drawn; rename or move the folders"
)

_LIKE_A_SPLIT = re.compile(
    r"(\d+[ _.-]*)?(train(ing)?|trn|val(id(ation)?)?|dev|eval(uation)?|test(ing)?|tst|hold[ _-]?out)"
    r"([ _.-]*(sets?|data|images?|imgs?|splits?|tiles?|patches|\d+))*",
    re.IGNORECASE,
)
_HIDDEN = ("thumbs.db", "desktop.ini", "__macosx")


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


@dataclass(frozen=True)
class ClassFolders:
    """What lies in the class folders of one folder.

    Attributes:
        names: of the classes, sorted, in Unicode's composed form.
        files: the images that are read.
        left_out: how much else was found, by file ending or in words; hidden files are not counted.
    """

    names: tuple[str, ...]
    files: ImageFiles
    left_out: Counter[str]


def split_of(folder_name: str) -> str | None:
    """The split that a folder's name says, in any case; None where it says none."""
    return _SPLIT_NAMES.get(folder_name.lower())


def subfolders(folder: Path) -> list[Path]:
    """Folders in ``folder`` and links to folders, by name, without hidden ones."""
    return _entries(folder)[0]


def list_classes(root: Path, folder: Path) -> ClassFolders:
    """Classes and files of the class folders in ``folder``, links to folders followed.

    Raises:
        InputError: there are fewer than two, their names look like splits, or they hold no image.
    """
    class_folders, others = _entries(folder)
    left_out = Counter(_kind(entry) for entry in others)
    _refuse_splits(folder, class_folders)
    names = check_class_names([class_folder.name for class_folder in class_folders], str(folder))
    found: list[str] = []
    labels: list[int] = []
    for label, class_folder in enumerate(class_folders):
        own = sorted(_image_names(class_folder, "", _above(root, folder, class_folder), left_out))
        found += own
        labels += [label] * len(own)
    if not found:
        raise InputError(f"{folder} holds no images; endings read: {', '.join(ENDINGS)}{in_words(left_out)}")
    prefixes = [class_folder.relative_to(root).as_posix() for class_folder in class_folders]
    paths = tuple(f"{prefixes[label]}/{name}" for name, label in zip(found, labels, strict=True))
    return ClassFolders(names, ImageFiles(paths, tuple(found), np.array(labels, dtype=np.int64)), left_out)


def count_files(folder: Path) -> int:
    """Images below ``folder``."""
    return sum(1 for _ in _image_names(folder, "", _above(folder), Counter()))


def left_out_of(folder: Path) -> Counter[str]:
    """What lies in ``folder`` itself and is no folder."""
    return Counter(_kind(entry) for entry in _entries(folder)[1])


def in_words(left_out: Mapping[str, int]) -> str:
    """What was left out, the most frequent first; empty where nothing was."""
    ordered = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{count:,} {kind}" for kind, count in ordered)
    return f"; left out: {listed}" if listed else ""


def _refuse_splits(folder: Path, class_folders: list[Path]) -> None:
    """Raises InputError where the layout is only almost the expected one: it would be read as something else."""
    if len(class_folders) < 2:
        inside = [inner.name for outer in class_folders for inner in subfolders(outer)]
        hint = f"; {class_folders[0]} looks like it: give that folder" if len(inside) > 1 else ""
        raise InputError(
            f"{folder} has {len(class_folders)} class folder(s); at least two are needed, one folder "
            f"per class with its images inside{hint}"
        )
    alike = [one.name for one in class_folders if _LIKE_A_SPLIT.fullmatch(one.name)]
    if alike:
        raise InputError(f"{folder}: {', '.join(alike[:5])} would be a class but looks like a split; {EXPECTED}")
    for class_folder in class_folders:
        inside = [inner.name for inner in subfolders(class_folder) if split_of(inner.name)]
        if inside:
            raise InputError(f"{class_folder} holds the splits {', '.join(inside[:5])} below the class; {EXPECTED}")


def _image_names(folder: Path, prefix: str, seen: set[str], left_out: Counter[str]) -> Iterator[str]:
    """Images below ``folder``, relative to it; each real folder once, so that links cannot run in circles."""
    real = os.path.realpath(folder)
    if real in seen:
        left_out["links in a circle"] += 1
        return
    seen.add(real)
    folders, others = _entries(folder)
    for entry in others:
        if _is_image(entry):
            yield f"{prefix}{entry.name}"
        else:
            left_out[_kind(entry)] += 1
    for inner in folders:
        yield from _image_names(inner, f"{prefix}{inner.name}/", seen, left_out)


def _above(*folders: Path) -> set[str]:
    """The real folders above the last of ``folders``: what a link to one of them would read is not below the class."""
    real = [Path(os.path.realpath(folder)) for folder in folders]
    return {str(parent) for folder in real for parent in folder.parents} | {str(folder) for folder in real[:-1]}


def _entries(folder: Path) -> tuple[list[Path], list[os.DirEntry[str]]]:
    """Folders (or links to some) and all else in ``folder``, by name, without what is hidden."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not _is_hidden(entry.name)]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from error
    entries.sort(key=lambda entry: (composed_name(entry.name), entry.name))
    folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    return folders, [entry for entry in entries if not entry.is_dir()]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _HIDDEN


def _is_image(entry: os.DirEntry[str]) -> bool:
    """A file, or a link to one or to nothing: that is an image that cannot be used, not one left out."""
    return entry.name.lower().endswith(ENDINGS) and (entry.is_file() or entry.is_symlink())


def _kind(entry: os.DirEntry[str]) -> str:
    """What is counted where ``entry`` is left out."""
    if _is_image(entry):
        return "images outside the class folders"
    if entry.is_file():
        return os.path.splitext(entry.name)[1].lower() or "without an ending"  # noqa: PTH122 - no path, a name
    return "links that lead nowhere" if entry.is_symlink() else "special files"


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
        return f"{printable(path)} ({error})"
    return None


def _refuse_unusable(problems: Sequence[str], root: Path, n_files: int) -> None:
    if problems:
        listed = ", ".join(sorted(problems)[:10]) + (", ..." if len(problems) > 10 else "")
        raise InputError(
            f"{root}: {len(problems)} of {n_files} images cannot be used: {listed}; fix, convert or remove them"
        )
