"""Artifacts at rest: named arrays and a card in one safetensors file, written atomically."""

import glob
import hashlib
import io
import json
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from synthpath_kedro.errors import InputError

log = logging.getLogger(__name__)

Card = dict[str, Any]

PART = ".part"
"""Ending of temporary names."""
_ABANDONED_SECONDS = 24 * 3600.0

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class Artifact:
    """Named arrays and the card that says where they came from.

    Attributes:
        tensors: arrays by name; memory-mapped and read-only when they come from a file.
        card: plain JSON: digests of what it was made from, parameters, seed, package versions.
        path: the file that the arrays are memory-mapped from; None for arrays in memory.
    """

    tensors: Mapping[str, np.ndarray]
    card: Card = field(default_factory=dict)
    path: Path | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of names, shapes, dtypes and bytes of the tensors; the card does not count."""
        return digest_arrays(self.tensors)


def digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 (hex) of named arrays: names in sorted order, dtype, shape and bytes."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        sha.update(array.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide the numbers."""
    names = ("synthpath-kedro", "torch", "torchvision", "timm", "transformers", "lightning", "numpy", "scikit-learn")
    return {name: version(name) for name in names}


def part_prefix(path: Path) -> str:
    """How this process's temporary names of ``path`` begin: they carry its host and its number."""
    return f".{path.name}.{socket.gethostname()}.{os.getpid()}."


def stale_parts(path: Path) -> Iterator[Path]:
    """Temporary files or folders of ``path`` that nobody writes any more.

    Their process has ended, or runs on another host and has not touched them for a day.
    """
    named = re.compile(rf"\.{re.escape(path.name)}\.(?P<host>.+)\.(?P<pid>\d+)\.\w+{re.escape(PART)}")
    for part in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        owner = named.fullmatch(part.name)
        if owner and owner["host"] == socket.gethostname():
            stale = not is_alive(int(owner["pid"]))
        else:
            stale = _untouched(part) > _ABANDONED_SECONDS
        if stale:
            yield part


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True


def _untouched(path: Path) -> float:
    """Seconds since ``path`` was written to; 0 where it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside ``path`` and renames it to ``path`` when the block ends well.

    Several processes may write the same ``path``: each has a name of its own, and the last one to end is kept.
    An error in the block stays what it is: the block may compute for hours between two writes. ``AtomicFile`` names the
    writes that fail.

    Raises:
        InputError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left_by_a_killed_run in stale_parts(path):
            left_by_a_killed_run.unlink(missing_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=part_prefix(path), suffix=PART, dir=path.parent)
    except OSError as error:
        raise InputError(
            f"cannot write to {path.parent}: {error.strerror}; give write permission or set data_root in globals.yml"
        ) from error
    os.close(descriptor)
    temporary = Path(name)
    temporary.chmod(0o666 & ~_umask())
    try:
        yield temporary
        try:
            temporary.replace(path)
        except OSError as error:
            raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


_NO_ERROR: tuple[Any, ...] = (None, None, None)


class AtomicFile(io.BufferedWriter):
    """Writes to a temporary name and takes its own name when it is closed, unless an exception closes it.

    Raises:
        InputError: the folder cannot be written to, or a write fails.
    """

    def __init__(self, path: Path) -> None:
        self._renaming, self._handled = atomic_path(path), sys.exc_info()[1]
        super().__init__(_Writes(self._renaming.__enter__(), path))

    def close(self) -> None:
        """Writes what is left and gives the file its name."""
        if self.closed:
            return
        try:
            super().close()
        finally:
            # An exception that was handled already when the file was opened is none of its own.
            error = sys.exc_info()
            self._renaming.__exit__(*(_NO_ERROR if error[1] is self._handled else error))


class _Writes(io.FileIO):
    """The file below an ``AtomicFile``."""

    def __init__(self, temporary: Path, path: Path) -> None:
        super().__init__(temporary, "w")
        self._path = path

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise _cannot_write(self._path, error) from error


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write {path}: {error.strerror or error}; earlier versions are as they were; make room or choose "
        "another data_root in globals.yml, and run again"
    )


def place_file(source: Path, target: Path) -> None:
    """Gives ``source`` the name ``target`` too, atomically: a hard link, or a copy where the file system has none."""
    if target.exists() and target.samefile(source):
        return
    with atomic_path(target) as temporary:
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:
            _copy(source, temporary, target)


def _copy(source: Path, temporary: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, temporary)
    except OSError as error:
        raise _cannot_write(target, error) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def encode_card(card: Card) -> dict[str, str]:
    """The card as safetensors metadata: one key, sorted JSON (several keys would give other bytes each process)."""
    return {"card": json.dumps(card, sort_keys=True, allow_nan=False)}


def safetensors_header(arrays: Mapping[str, tuple[tuple[int, ...], str]], card: Card) -> bytes:
    """What stands before the bytes of ``arrays`` in a file that is written as they are computed.

    Args:
        arrays: shape and numpy's name of the dtype by name, in the order in which their bytes follow.
        card: of the artifact.

    Returns:
        A safetensors header, padded with spaces so that the data begin at a multiple of eight bytes.
    """
    tensors: dict[str, object] = {"__metadata__": encode_card(card)}
    start = 0
    for name, (shape, dtype) in arrays.items():
        end = start + prod(shape) * np.dtype(dtype).itemsize
        tensors[name] = {"dtype": _CODES[np.dtype(dtype)], "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(tensors).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def write_artifact(path: Path, artifact: Artifact) -> None:
    """Writes ``artifact`` to ``path`` (safetensors), atomically."""
    tensors = {name: np.ascontiguousarray(array) for name, array in artifact.tensors.items()}
    content = save(tensors, metadata=encode_card(artifact.card))
    with AtomicFile(path) as file:
        file.write(content)


def read_artifact(path: Path) -> Artifact:
    """Reads a safetensors file; its tensors are memory-mapped, read-only views.

    Raises:
        InputError: the file is missing, truncated or not a safetensors file of ours.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            card = dict(json.loads((file.metadata() or {})["card"]))
        with path.open("rb") as stream:
            header_size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(header_size))
        tensors = {
            name: _map_tensor(path, 8 + header_size, entry) for name, entry in header.items() if name != "__metadata__"
        }
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"cannot read {path}: {error}; remove the file and run the pipeline that makes it") from error
    return Artifact(tensors, card, path)


def readable_artifact(path: Path) -> Artifact | None:
    """The artifact at ``path``; None where there is none that can be read: whoever needs it makes it again."""
    try:
        return read_artifact(path) if path.exists() else None
    except InputError:
        log.warning("%s is damaged: it is made again", path)
        return None


def _map_tensor(path: Path, start: int, entry: Mapping[str, Any]) -> np.ndarray:
    shape, dtype = tuple(entry["shape"]), _DTYPES[entry["dtype"]]
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=start + entry["data_offsets"][0], shape=shape)
