"""The user's own synthetic images in one folder per class."""

import hashlib
import logging
from pathlib import Path

import numpy as np

from synthpath_kedro.data.artifact import digest_arrays
from synthpath_kedro.data.sources.image_files import ImageFiles, in_words, list_classes, read_images, subfolders
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators.external import checked_set, class_labels, refuse_absent
from synthpath_kedro.generators.request import Request

log = logging.getLogger(__name__)


def generate(request: Request) -> SyntheticSet:
    """Reads ``<class>/*`` below the set's path; images are cropped and resized as real ones are.

    Raises:
        InputError: the folder does not exist, has other classes than the real images, or holds unusable images.
    """
    root = _folder(request.source.path, request.path_parameter)
    files, labels = _listed(root, request.real.train.class_names)
    images = read_images(root, {"synthetic": files}, request.real.train.image_size)["synthetic"]
    listed = hashlib.sha256("\n".join(files.paths).encode(errors="surrogateescape")).hexdigest()
    digest = hashlib.sha256((listed + digest_arrays({"images": images, "labels": labels})).encode()).hexdigest()
    return checked_set(request, images, labels, digest, "resized as real images are", str(root), files.paths)


def check(path: str, class_names: tuple[str, ...], parameter: str) -> None:
    """Raises InputError where the folder at ``path`` does not have images of just the classes ``class_names``."""
    root = _folder(path, parameter)
    _, labels = _listed(root, class_names)
    refuse_absent(labels, class_names, str(root))


def _listed(root: Path, class_names: tuple[str, ...]) -> tuple[ImageFiles, np.ndarray]:
    """The files, and the real class int64 [N] of each."""
    own = [folder.name for folder in subfolders(root)]
    # An export of ours has the split above the classes.
    found = list_classes(root, root / "train" if own == ["train"] else root)
    if found.left_out:
        log.warning("%s: %d images%s", root, len(found.files.paths), in_words(found.left_out))
    return found.files, np.array(class_labels(list(found.names), class_names, str(root)), np.int64)[found.files.labels]


def _folder(path: str | None, parameter: str) -> Path:
    root = Path(path or "").expanduser()
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise InputError(f"{parameter}: {root} {problem}; give a folder with one folder of images per class")
    return root
