"""The user's own synthetic images: what every source of them must fulfill."""

import logging
from collections.abc import Sequence

import numpy as np

from synthpath_kedro.data.duplicates import hash_images, indices_of
from synthpath_kedro.data.synthetic import SyntheticSet, from_arrays
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators.request import Request

log = logging.getLogger(__name__)


def checked_set(
    request: Request,
    images: np.ndarray,
    labels: np.ndarray,
    digest: str,
    native_size: str,
    where: str,
    names: Sequence[str] | None = None,
) -> SyntheticSet:
    """The set of these images, after the checks that real images pass too.

    Images that are copies of validation or test images are refused: they would make every score too high. Copies of
    training images are treated as ``synthesis.duplicates`` says, and counted on the card.

    Args:
        request: what was asked for.
        images: uint8 [N, size, size, 3], of the real images' size.
        labels: int64 [N], in the real images' classes.
        digest: of the user's files.
        native_size: of the user's images, before they were resized, in words.
        where: the file or folder, for messages.
        names: of each image, for messages; None: "image" and its number.

    Raises:
        InputError: a class has no image, an image is a copy of a validation or test image, or of a training image
            where ``synthesis.duplicates`` is error.
    """
    train = request.real.train
    kept, n_copies = _without_copies(request, images, where, names)
    dropped = " without the copies of training images (synthesis.duplicates: drop)"
    refuse_absent(labels[kept], train.class_names, where + (dropped if len(kept) < len(images) else ""))
    if n_copies:
        log.warning(
            "%s: %d of %d synthetic images are training images, pixel by pixel (synthesis.duplicates: %s)",
            where,
            n_copies,
            len(images),
            request.params.duplicates,
        )
    log.info("%s: %d synthetic images (%s) for %d classes", where, len(kept), native_size, train.n_classes)
    return from_arrays(
        images[kept],
        labels[kept],
        train.class_names,
        request.params.shard_size,
        name=request.name,
        source=request.source.source,
        prepared=train.prepared,
        phantom=train.phantom,
        made_from={"files": digest},
        parameters={"path": str(request.source.path), "duplicates": request.params.duplicates},
        duplicates={"real_train": n_copies, "treatment": request.params.duplicates},
        facts={"native_size": native_size},
    )


def class_labels(names: list[str], class_names: tuple[str, ...], where: str) -> list[int]:
    """The real class of each of the user's classes.

    Args:
        names: the user's, as they are written in ``where``.
        class_names: of the real images.
        where: the file or folder, for errors.

    Raises:
        InputError: a class is not one of the real images'.
    """
    from synthpath_kedro.data.export import folder_names

    known = {name: label for label, name in enumerate(class_names)}
    known |= {name: label for label, name in enumerate(folder_names(class_names)) if name not in known}
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"{where} has images of {', '.join(unknown[:5])}, which the real images do not have; "
            f"valid classes: {', '.join(class_names)}"
        )
    return [known[name] for name in names]


def refuse_absent(labels: np.ndarray, class_names: tuple[str, ...], where: str) -> None:
    """Raises InputError where a class of ``class_names`` has no image among ``labels``."""
    counts = np.bincount(labels, minlength=len(class_names))
    if absent := [name for name, count in zip(class_names, counts, strict=True) if count == 0]:
        raise InputError(
            f"{where} has no image of {', '.join(absent)}; every class of the real images needs synthetic ones "
            f"({', '.join(class_names)})"
        )


def _without_copies(
    request: Request, images: np.ndarray, where: str, names: Sequence[str] | None
) -> tuple[np.ndarray, int]:
    """The places of the images to use, and how many are copies of training images."""
    synthetic = hash_images(images)
    copies = {name: indices_of(synthetic, hash_images(split.images).keys()) for name, split in request.real}
    held_out = {name: len(copies[name]) for name in ("val", "test") if len(copies[name])}
    if held_out:
        found = " and ".join(f"{n} of the {name} set" for name, n in held_out.items())
        number = int(min(copies[name][0] for name in held_out))
        first = names[number] if names else f"image {number}"
        raise InputError(
            f"{where}: synthetic images are copies of real images that classifiers are tested on, {found} (the first "
            f"is {first}); scores would be too high: remove them"
        )
    n_copies = len(copies["train"])
    if n_copies and request.params.duplicates == "error":
        raise InputError(
            f"{where}: {n_copies} of {len(images)} synthetic images are training images, pixel by pixel; remove them, "
            "or set synthesis.duplicates to drop or keep"
        )
    everything = np.arange(len(images))
    return (np.setdiff1d(everything, copies["train"]) if request.params.duplicates == "drop" else everything), n_copies
