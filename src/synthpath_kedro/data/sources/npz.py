"""Files in the MedMNIST layout: {train,val,test}_{images,labels} in one npz, never unpickled."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from synthpath_kedro.data.class_names import check_class_names
from synthpath_kedro.data.groups import encode_groups
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.preprocessing import resize_images, to_rgb
from synthpath_kedro.data.sources.medmnist_info import class_names_of
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DataPrepParameters

SPLITS = ("train", "val", "test")
MEDMNIST_LAYOUT = tuple(f"{split}_{part}" for split in SPLITS for part in ("images", "labels"))
_CHUNK_BYTES = 2**26


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype


def read_npz(params: DataPrepParameters) -> Splits:
    """Reads ``data_prep.path``, a file in the MedMNIST layout.

    Class names come from the file's array ``class_names``; without it from MedMNIST, if data_prep.name or the file's
    name is that of a set with as many classes; else they are "class 0", "class 1", ...

    Raises:
        InputError: the file is missing, broken, or its arrays are not what is needed.
    """
    if params.path is None:
        raise InputError("data_prep.path is null; source npz needs the npz file to read: set data_prep.path to it")
    path = Path(params.path).expanduser()
    with open_archive(path) as archive:
        refuse_missing(archive, path, MEDMNIST_LAYOUT)
        names = names_in(archive, path)
        labels = read_labels(archive, path)
        names = names or _names_for(labels, path, params.name)
        return read_splits(archive, path, labels, names, params)


def read_splits(
    archive: zipfile.ZipFile,
    path: Path,
    labels: dict[str, np.ndarray],
    names: tuple[str, ...],
    params: DataPrepParameters,
) -> Splits:
    """Images (resized as they are read, so that memory holds only the small ones), labels and groups."""
    headers = {split: _check_images(archive, path, f"{split}_", len(labels[split])) for split in SPLITS}
    groups = _read_groups(archive, path, labels, params.group)
    card = {"file": path.name, "native_size": list(headers["train"].shape[1:3])}

    def read(split: str) -> LabeledImages:
        images = _read_images(archive, path, f"{split}_images", params.image_size)
        return LabeledImages(images, labels[split], names, groups.get(split), card)

    return Splits(read("train"), read("val"), read("test"))


def read_set(
    archive: zipfile.ZipFile, path: Path, prefix: str, image_size: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """One set of the archive: images uint8 [N, image_size, image_size, 3], labels int64 [N], and the native size.

    Args:
        archive: of ``path``.
        path: for errors.
        prefix: of the arrays' names: "train_" for train_images and train_labels.
        image_size: pixels that images are resized to.

    Raises:
        InputError: labels are not one whole number per image, or images are not gray or RGB of 8 bits.
    """
    labels = read_labels_of(archive, path, prefix)
    header = _check_images(archive, path, prefix, len(labels))
    images = _read_images(archive, path, f"{prefix}images", image_size)
    return images, labels, header.shape[1:3]


def read_labels_of(archive: zipfile.ZipFile, path: Path, prefix: str) -> np.ndarray:
    """Labels int64 [N] of one set of the archive; as ``read_set``."""
    labels = _read_array(archive, path, f"{prefix}labels")
    _check_labels(labels, f"{path}: {prefix}labels")
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise InputError(f"{path}: {prefix}labels have {labels.shape[1]} columns; one class number per image is needed")
    return labels.reshape(-1).astype(np.int64)


@contextmanager
def open_archive(path: Path, parameter: str = "data_prep.path") -> Iterator[zipfile.ZipFile]:
    """The npz as a zip archive; whatever is wrong with its bytes, now or later, becomes an InputError.

    Args:
        path: the file.
        parameter: that named it, for errors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as error:
        raise InputError(f"{parameter}: {path} does not exist; give the npz file") from error
    except IsADirectoryError as error:
        raise InputError(f"{parameter}: {path} is a folder; give the npz file itself") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        struct.error,
        EOFError,
        UnicodeDecodeError,
        NotImplementedError,
    ) as error:
        raise InputError(f"{path} is not a whole npz file ({error}); copy or download it again") from error
    except OSError as error:
        raise InputError(f"{parameter}: cannot read {path}: {error.strerror or error}") from error


def read_labels(archive: zipfile.ZipFile, path: Path) -> dict[str, np.ndarray]:
    """Labels of each split: int64 [N], or uint8 [N, classes] of 0 and 1 where images have several."""
    labels = {split: _read_array(archive, path, f"{split}_labels") for split in SPLITS}
    for split, values in labels.items():
        _check_labels(values, f"{path}: {split}_labels")
    flat = {
        split: values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values for split, values in labels.items()
    }
    if all(values.ndim == 1 for values in flat.values()):
        return {split: values.astype(np.int64) for split, values in flat.items()}
    return _check_multi_label(flat, path)


def _check_labels(labels: np.ndarray, where: str) -> None:
    if labels.dtype.kind not in "iub":
        raise InputError(
            f"{where} are {labels.dtype}; they must be whole numbers (an integer dtype), 0 for the first class"
        )
    if labels.ndim not in (1, 2) or (labels.ndim == 2 and labels.shape[1] == 0):
        raise InputError(
            f"{where} have shape {list(labels.shape)}; they must be [N], [N, 1], or [N, classes] for a multi-label set"
        )


def _check_multi_label(labels: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    shapes = {split: values.shape[1:] for split, values in labels.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(
            f"{path}: labels of train, val and test differ in columns; they need one a class, or one label per image"
        )
    values = np.concatenate(list(labels.values()))
    if np.any((values != 0) & (values != 1)):
        raise InputError(
            f"{path}: labels with {values.shape[1]} columns hold {int(values.max())}; multi-label sets have 0 and 1 "
            "only"
        )
    if np.all(values.sum(axis=1) == 1):
        raise InputError(f"{path}: labels are one-hot; save the class numbers instead: labels.argmax(axis=1)")
    return {split: rows.astype(np.uint8) for split, rows in labels.items()}


def names_in(archive: zipfile.ZipFile, path: Path) -> tuple[str, ...] | None:
    """The array ``class_names``; None where there is none."""
    if "class_names.npy" not in archive.namelist():
        return None
    names = _read_array(archive, path, "class_names")
    if names.dtype.kind != "U" or names.ndim != 1 or len(np.unique(names)) < len(names):
        raise InputError(
            f"{path}: class_names must be a list of different names, one a class in label order (dtype str)"
        )
    return check_class_names(names.tolist(), str(path))


def _names_for(labels: dict[str, np.ndarray], path: Path, name: str | None) -> tuple[str, ...]:
    n_classes = labels["train"].shape[1] if labels["train"].ndim == 2 else _count_classes(labels, path)
    for candidate in (name or "", path.stem.split("_")[0]):
        names = class_names_of(candidate)
        if names is not None and len(names) == n_classes:
            return names
    return tuple(f"class {label}" for label in range(n_classes))


def _count_classes(labels: dict[str, np.ndarray], path: Path) -> int:
    """Classes of a file that does not name them: its labels must then run from 0 without a gap."""
    found = np.unique(np.concatenate(list(labels.values())))
    if not np.array_equal(found, np.arange(len(found))):
        gap = next((label for place, label in enumerate(found.tolist()) if label != place), None)
        raise InputError(
            f"{path}: label {gap} is outside the range: labels must run from 0 to classes - 1 without a gap and "
            f"{len(found)} different ones were found; relabel the images, or add an array "
            "class_names that names every class"
        )
    return len(found)


def _read_groups(
    archive: zipfile.ZipFile, path: Path, labels: dict[str, np.ndarray], group: str | None
) -> dict[str, np.ndarray]:
    if group is None:
        return {}
    missing = [f"{split}_{group}" for split in SPLITS if f"{split}_{group}.npy" not in archive.namelist()]
    if missing:
        raise InputError(
            f"data_prep.group is {group!r}, but {path} has no {', '.join(missing)}; found: {', '.join(_keys(archive))}"
        )
    names = {split: _read_array(archive, path, f"{split}_{group}") for split in SPLITS}
    for split, values in names.items():
        if values.size != len(labels[split]):
            raise InputError(
                f"{path}: {split}_{group} has {values.size} entries for {len(labels[split])} images; one each is needed"
            )
    return encode_groups(names, str(path))


def _check_images(archive: zipfile.ZipFile, path: Path, prefix: str, n_labels: int) -> _Header:
    with _open_member(archive, path, f"{prefix}images") as (_, header):
        where, shape = f"{path}: {prefix}images", list(header.shape)
        if header.dtype != np.uint8:
            raise InputError(f"{where} are {header.dtype}; they must be uint8, 0 to 255: rescale and save them so")
        if len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3):
            raise InputError(
                f"{where} have shape {shape}, channels first; save them as [N, H, W, 3]: images.transpose(0, 2, 3, 1)"
            )
        if len(shape) == 4 and shape[3] not in (1, 3):
            raise InputError(
                f"{where} have {shape[3]} channels; they must be gray or RGB (drop an alpha channel: images[..., :3])"
            )
        if len(shape) not in (3, 4) or 0 in shape[1:3]:
            raise InputError(f"{where} have shape {shape}; they must be [N, H, W] (gray) or [N, H, W, 3] (RGB)")
        if shape[0] != n_labels:
            raise InputError(
                f"{where}: {shape[0]} images, but {prefix}labels has {n_labels}; every image needs one label"
            )
        return header


def _read_images(archive: zipfile.ZipFile, path: Path, key: str, size: int) -> np.ndarray:
    """Uint8 [N, size, size, 3], resized chunk by chunk."""
    with _open_member(archive, path, key) as (stream, header):
        n, shape = header.shape[0], header.shape[1:]
        bytes_each = int(np.prod(shape))
        images = np.empty((n, size, size, 3), dtype=np.uint8)
        if header.fortran_order:
            images[:] = resize_images(to_rgb(_shape(stream.read(), header)), size)
            return images
        chunk = max(1, _CHUNK_BYTES // bytes_each)
        for start in range(0, n, chunk):
            stop = min(start + chunk, n)
            pixels = np.frombuffer(stream.read((stop - start) * bytes_each), dtype=np.uint8)
            images[start:stop] = resize_images(to_rgb(pixels.reshape(stop - start, *shape)), size)
    return images


def _read_array(archive: zipfile.ZipFile, path: Path, key: str) -> np.ndarray:
    with _open_member(archive, path, key) as (stream, header):
        return _shape(stream.read(), header)


def _shape(values: bytes, header: _Header) -> np.ndarray:
    return np.ndarray(header.shape, header.dtype, values, order="F" if header.fortran_order else "C")


@contextmanager
def _open_member(archive: zipfile.ZipFile, path: Path, key: str) -> Iterator[tuple[IO[bytes], _Header]]:
    """One array of the archive, its stream standing at the first value."""
    member = f"{key}.npy"
    with _open_stream(archive, member) as stream:
        header = _read_header(stream, f"{path}: {key}")
        expected = stream.tell() + int(np.prod(header.shape, dtype=np.int64)) * header.dtype.itemsize
        if archive.getinfo(member).file_size != expected:
            raise InputError(f"{path}: {key} is not as long as its header says; copy or download the file again")
        yield stream, header


def _open_stream(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except RuntimeError as error:  # encrypted, or packed in a way that Python cannot read
        raise zipfile.BadZipFile(str(error)) from error


def _read_header(stream: IO[bytes], where: str) -> _Header:
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        header = _Header(*readers[npy.read_magic(stream)](stream))
    except (ValueError, KeyError) as error:
        raise InputError(f"{where} is not a numpy array; save it with numpy.savez_compressed") from error
    if header.dtype.hasobject:
        raise InputError(
            f"{where} holds pickled Python objects, which are never loaded (they can run code); "
            "save it as a plain array: uint8 for images, integers for labels, str for names"
        )
    return header


def refuse_missing(archive: zipfile.ZipFile, path: Path, needed: Sequence[str]) -> None:
    """Raises InputError where the archive lacks an array; names what is needed and what was found."""
    missing = [key for key in needed if f"{key}.npy" not in archive.namelist()]
    if missing:
        raise InputError(
            f"{path} has no {', '.join(missing)}; needed: {', '.join(needed)}; "
            f"found: {', '.join(_keys(archive)) or 'nothing'}"
        )


def _keys(archive: zipfile.ZipFile) -> list[str]:
    return ["".join(name.removesuffix(".npy").splitlines()) for name in archive.namelist()]
