"""A folder of image files: <split>/<class>/* or <class>/*."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from synthpath_kedro.data.groups import encode_groups
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.sources.image_files import (
    EXPECTED,
    ImageFiles,
    left_out_of,
    list_classes,
    read_images,
    split_of,
    subfolders,
)
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.stratified import stratified_split
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DataPrepParameters


def read_image_folder(params: DataPrepParameters, seed: int) -> Splits:
    """Reads ``data_prep.path``: image files at any depth below a class's folder, links to folders followed.

    With folders train, test and val (or training, testing, valid, validation, dev; in any case) these are the splits;
    without val it is taken from train, in the share data_prep.split.val of train's images. Without split folders the
    splits are drawn, stratified and seeded. What is found and not read is counted on the card as ``left_out``.
    Each image is cropped to its central square and resized as it is read, so that memory holds only the small ones.

    Raises:
        InputError: folders do not fit the layout, files cannot be used (all are listed), data_prep.group does not match
            a file, or a group crosses splits.
    """
    root = _root(params.path)
    pattern = _pattern(params.group)
    names, files, drawn, left_out = _list_splits(root, params, pattern, seed)
    groups = _groups_of_splits(files, pattern, root)
    images = read_images(root, files, params.image_size)
    card = {"split": params.split.model_dump() | {"seed": seed}} if drawn else {}
    card |= {"left_out": dict(sorted(left_out.items()))} if left_out else {}

    def labeled(split: str) -> LabeledImages:
        listed = files[split]
        return LabeledImages(images[split], listed.labels, names, groups.get(split), card, listed.paths)

    return Splits(labeled("train"), labeled("val"), labeled("test"))


def _list_splits(
    root: Path, params: DataPrepParameters, pattern: re.Pattern[str] | None, seed: int
) -> tuple[tuple[str, ...], dict[str, ImageFiles], bool, Counter[str]]:
    """Class names, the files of train, val and test, whether any of these was drawn here, and what was left out."""
    folders = _split_folders(root)
    if not folders:
        found = list_classes(root, root)
        return found.names, _draw_splits(found.files, params, pattern, seed), True, found.left_out
    names, given, left_out = _list_given_splits(root, folders)
    if "val" in given:
        return names, {split: given[split] for split in ("train", "val", "test")}, False, left_out
    train, val = _split_off_val(given["train"], params, pattern, seed)
    return names, {"train": train, "val": val, "test": given["test"]}, True, left_out


def _root(path: str | None) -> Path:
    if path is None:
        raise InputError("data_prep.path is null; source image_folder needs the folder: set data_prep.path to it")
    root = Path(path).expanduser()
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise InputError(f"data_prep.path: {root} {problem}; give a folder with <split>/<class>/ or <class>/ of images")
    return root


def _pattern(group: str | None) -> re.Pattern[str] | None:
    try:
        return None if group is None else re.compile(group)
    except re.error as error:
        raise InputError(
            f"data_prep.group is {group!r}, not a regular expression ({error}); example: '^([^_]+)_' takes what stands "
            "before the first underscore"
        ) from error


def _split_folders(root: Path) -> dict[str, Path]:
    """Folders by split; empty where the root's folders are classes."""
    found: dict[str, Path] = {}
    others = []
    for folder in subfolders(root):
        split = split_of(folder.name)
        if split is None:
            others.append(folder.name)
        elif split in found:
            raise InputError(f"{root}: {found[split].name} and {folder.name} both name the {split} split; keep one")
        else:
            found[split] = folder
    if not found:
        return {}
    if others:
        raise InputError(f"{root} mixes split folders with others ({', '.join(others[:5])}); {EXPECTED}")
    if not {"train", "test"} <= set(found):
        raise InputError(
            f"{root} has split folders {', '.join(found)}; train and test are needed (val is optional), or "
            "class folders alone to have the splits drawn"
        )
    return found


def _list_given_splits(
    root: Path, folders: dict[str, Path]
) -> tuple[tuple[str, ...], dict[str, ImageFiles], Counter[str]]:
    listed = {split: list_classes(root, folder) for split, folder in folders.items()}
    names = listed["train"].names
    for split, found in listed.items():
        if found.names != names:
            differing = ", ".join(sorted(set(found.names) ^ set(names))[:5])
            raise InputError(
                f"{root}: the classes of {split} and train differ ({differing}); every split needs the "
                "same class folders"
            )
    left_out = sum((found.left_out for found in listed.values()), left_out_of(root))
    return names, {split: found.files for split, found in listed.items()}, left_out


def _split_off_val(
    train: ImageFiles, params: DataPrepParameters, pattern: re.Pattern[str] | None, seed: int
) -> tuple[ImageFiles, ImageFiles]:
    if params.split.val == 0:
        raise InputError("data_prep.split.val is 0 and the folder has no val; set it above 0 (a share of train)")
    groups = _group_codes(train, pattern)
    kept, val, _ = stratified_split(train.labels, groups, params.split.val, 0.0, seed)
    return train.select(kept), train.select(val)


def _draw_splits(
    files: ImageFiles, params: DataPrepParameters, pattern: re.Pattern[str] | None, seed: int
) -> dict[str, ImageFiles]:
    for key, share in (("val", params.split.val), ("test", params.split.test)):
        if share == 0:
            raise InputError(f"data_prep.split.{key} is 0 and the folder has no splits of its own; set it above 0")
    groups = _group_codes(files, pattern)
    drawn = stratified_split(files.labels, groups, params.split.val, params.split.test, seed)
    return {split: files.select(indices) for split, indices in zip(("train", "val", "test"), drawn, strict=True)}


def _group_codes(files: ImageFiles, pattern: re.Pattern[str] | None) -> np.ndarray | None:
    return None if pattern is None else np.unique(_group_names(files, pattern), return_inverse=True)[1].reshape(-1)


def _group_names(files: ImageFiles, pattern: re.Pattern[str]) -> list[str]:
    """What the expression's first capture group, or else its whole match, gives for each file's name."""
    matches = [pattern.search(name) for name in files.names]
    texts = [match and (match.group(1) if pattern.groups else match.group()) for match in matches]
    unmatched = [path for path, text in zip(files.paths, texts, strict=True) if not text]
    if unmatched:
        raise InputError(
            f"data_prep.group {pattern.pattern!r} gives no patient for {len(unmatched)} of {len(texts)} file names "
            f"({', '.join(unmatched[:3])}{', ...' if len(unmatched) > 3 else ''}); widen the expression or "
            "rename the files"
        )
    return [text for text in texts if text]


def _groups_of_splits(
    files: dict[str, ImageFiles], pattern: re.Pattern[str] | None, root: Path
) -> dict[str, np.ndarray]:
    if pattern is None:
        return {}
    return encode_groups({split: _group_names(listed, pattern) for split, listed in files.items()}, str(root))
