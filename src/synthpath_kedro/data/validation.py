"""What every data set must fulfil before a study is built on it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from synthpath_kedro.data.class_names import printable
from synthpath_kedro.data.distribution import NO_FINDING
from synthpath_kedro.data.duplicates import hash_images, indices_of
from synthpath_kedro.data.groups import refuse_crossing
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError

Treatment = Literal["error", "drop", "keep"]

_NAMED = 3
"""Images that a refusal names."""


def validate_splits(
    splits: Splits, duplicates_across_splits: Treatment = "error", conflicting_labels: Treatment = "error"
) -> Splits:
    """Checks shapes, dtypes, labels, classes, groups, images with two labels and images shared between splits.

    Two images are the same if their pixels are, after resizing. An image of one color throughout (bare glass) is never
    counted as shared: it says nothing of the patient it came from.

    Args:
        splits: the three sets, already RGB and of one size.
        duplicates_across_splits: error; drop removes from train, then from val, what stands in a later split; keep.
            With drop and keep the card's ``duplicates_across_splits`` says how many images of which split were
            concerned.
        conflicting_labels: of the same image under different labels, in one split or in two: error; drop removes every
            copy, because nobody knows which label is right; keep. The card's ``conflicting_labels`` counts likewise.

    Returns:
        The sets to go on with.

    Raises:
        InputError: one line that names the split and what is wrong with it.
    """
    for name, images in splits:
        _check_images(name, images)
        _check_labels(name, images)
    _check_same_form(splits)
    splits = _treat_conflicts(splits, conflicting_labels)
    splits = _treat_duplicates(splits, duplicates_across_splits)
    for name, images in splits:
        _check_classes(name, images)
    if all(images.groups is not None for _, images in splits):
        refuse_crossing({name: images.groups for name, images in splits if images.groups is not None}, _origin(splits))
    return splits


def _origin(splits: Splits) -> str:
    return _origin_of(splits.train)


def _origin_of(images: LabeledImages) -> str:
    return str(images.card.get("file") or images.card.get("name") or "data_prep.source")


def _check_images(name: str, images: LabeledImages) -> None:
    shape, where = images.images.shape, f"{_origin_of(images)}: {name} images"
    if images.images.dtype != np.uint8:
        raise InputError(f"{where} are {images.images.dtype}; they must be uint8, 0 to 255: rescale and save them so")
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2]:
        raise InputError(f"{where} have shape {list(shape)}; they must be square RGB, [N, size, size, 3]")
    if shape[0] == 0:
        raise InputError(
            f"{_origin_of(images)}: the {name} split is empty; every split needs images of at least two classes"
        )


def _check_labels(name: str, images: LabeledImages) -> None:
    labels, where = images.labels, f"{_origin_of(images)}: {name} labels"
    if len(labels) != len(images):
        raise InputError(f"{where}: {len(labels)} for {len(images)} images; every image needs one")
    if labels.dtype != (np.uint8 if images.multi_label else np.int64):
        raise InputError(f"{where} are {labels.dtype}; they must be whole numbers")
    highest = 1 if images.multi_label else images.n_classes - 1
    outside = np.unique(labels[(labels < 0) | (labels > highest)])
    if len(outside):
        raise InputError(
            f"{where} hold {_shorten(outside.tolist())}; they must lie in 0 to {highest}"
            f"{' (multi-label)' if images.multi_label else f' ({images.n_classes} classes)'}: correct the labels"
        )
    if images.multi_label and labels.shape[1] != images.n_classes:
        raise InputError(
            f"{where} have {labels.shape[1]} columns for {images.n_classes} classes; one a class is needed"
        )
    if images.groups is not None and len(images.groups) != len(images):
        raise InputError(f"{where}: {len(images.groups)} groups for {len(images)} images; every image needs one")


def _check_same_form(splits: Splits) -> None:
    sizes = {name: images.image_size for name, images in splits}
    if len(set(sizes.values())) > 1:
        raise InputError(f"{_origin(splits)}: image sizes differ between splits: {sizes}; resize them to one")
    if len({images.class_names for _, images in splits}) > 1:
        raise InputError(f"{_origin(splits)}: class names differ between splits; all splits need the same classes")
    if len({images.multi_label for _, images in splits}) > 1:
        raise InputError(f"{_origin(splits)}: some splits have one label per image, others several; use one form")


def _check_classes(name: str, images: LabeledImages) -> None:
    counts = images.class_counts
    if not images.multi_label and np.count_nonzero(counts) < 2:
        only = images.class_names[int(counts.argmax())]
        raise InputError(
            f"{_origin_of(images)}: the {name} split holds one class only ({only}); at least two are needed to classify"
        )
    absent = [images.class_names[label] for label in np.flatnonzero(counts == 0)]
    if name == "train" and absent:
        raise InputError(
            f"{_origin_of(images)}: no image of {_shorten(absent)} in the train split; "
            "a class that is never trained on cannot be predicted: add images or remove the class"
        )


def _shorten(values: list) -> str:
    shown = ", ".join(str(value) for value in values[:5])
    return f"{shown}, ... ({len(values)} in all)" if len(values) > 5 else shown


def _treat_conflicts(splits: Splits, conflicting_labels: Treatment) -> Splits:
    found: dict[bytes, list[tuple[str, int]]] = {}
    for name, images in splits:
        for digest, indices in hash_images(images.images).items():
            found.setdefault(digest, []).extend((name, index) for index in indices)
    conflicts = [copies for copies in found.values() if len({_label(splits, *copy) for copy in copies}) > 1]
    if not conflicts:
        return splits
    concerned = {
        name: np.array([i for copies in conflicts for split, i in copies if split == name], int) for name, _ in splits
    }
    if conflicting_labels == "error":
        named = "; ".join(" = ".join(_describe(splits, *copy) for copy in copies[:3]) for copies in conflicts[:_NAMED])
        raise InputError(
            f"{_origin(splits)}: {len(conflicts)} image(s) stand under more than one label ({named}"
            f"{'; ...' if len(conflicts) > _NAMED else ''}); correct the labels, or set "
            "data_prep.conflicting_labels to drop (removes every copy) or keep"
        )
    if conflicting_labels == "drop":
        splits = Splits(**{name: _without(images, concerned[name]) for name, images in splits})
    counts = {name: len(indices) for name, indices in concerned.items()}
    return splits.map(lambda images: images.with_card(conflicting_labels={"treatment": conflicting_labels, **counts}))


def _label(splits: Splits, split: str, index: int) -> bytes:
    return getattr(splits, split).labels[index].tobytes()


def _describe(splits: Splits, split: str, index: int) -> str:
    """An image's file, or its place in its split with its label."""
    images: LabeledImages = getattr(splits, split)
    if images.files is not None:
        return printable(images.files[index])
    labels = np.atleast_1d(images.labels[index])
    classes = np.flatnonzero(labels) if images.multi_label else labels
    return f"{split} image {index} ({', '.join(images.class_names[label] for label in classes) or NO_FINDING})"


def _treat_duplicates(splits: Splits, duplicates_across_splits: Treatment) -> Splits:
    hashes = {name: hash_images(images.images) for name, images in splits}
    later = {"train": hashes["val"].keys() | hashes["test"].keys(), "val": hashes["test"].keys()}
    shared = {name: indices_of(hashes[name], later[name]) for name in later}
    counts = {name: len(indices) for name, indices in shared.items()}
    if not any(counts.values()):
        return splits
    if duplicates_across_splits == "error":
        raise InputError(
            f"{_origin(splits)}: {counts['train']} train image(s) stand also in val or test and {counts['val']} val "
            f"image(s) in test ({_name_some(splits, shared)}); set "
            "data_prep.duplicates_across_splits to drop (removes them from the earlier split) or keep"
        )
    if duplicates_across_splits == "drop":
        splits = replace(splits, **{name: _without(getattr(splits, name), shared[name]) for name in shared})
    return splits.map(
        lambda images: images.with_card(duplicates_across_splits={"treatment": duplicates_across_splits, **counts})
    )


def _name_some(splits: Splits, indices: Mapping[str, np.ndarray]) -> str:
    listed = [(name, index) for name, own in indices.items() for index in own]
    return ", ".join(_describe(splits, *one) for one in listed[:_NAMED]) + (", ..." if len(listed) > _NAMED else "")


def _without(images: LabeledImages, indices: np.ndarray) -> LabeledImages:
    return images if len(indices) == 0 else images.select(np.setdiff1d(np.arange(len(images)), indices))
