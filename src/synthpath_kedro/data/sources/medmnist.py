"""The 2D sets of MedMNIST (Yang et al. 2023, Scientific Data), downloaded by its own package or read where they lie."""

import hashlib
import socket
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from synthpath_kedro.data.sources import DEFAULT_MEDMNIST
from synthpath_kedro.data.sources.medmnist_info import info_of, names_in
from synthpath_kedro.data.sources.npz import MEDMNIST_LAYOUT, open_archive, read_labels, read_splits, refuse_missing
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DataPrepParameters

_PROBE_SECONDS = 8.0
_STALL_SECONDS = 30.0
_WAYS_OUT = (
    "set data_prep.path to a folder that holds the file, or data_prep.source to npz (your own file), "
    "image_folder or phantom (no data needed)"
)


def read_medmnist(params: DataPrepParameters, raw_folder: Path) -> Splits:
    """Reads the set ``data_prep.name`` at ``data_prep.download_size``, downloading it where it is not at hand.

    The file's MD5 is compared with the package's before it is read, wherever it came from.

    Raises:
        InputError: no such 2D set or size, a wrong checksum, or no network.
    """
    name = (params.name or DEFAULT_MEDMNIST).lower()
    info = info_of(name)
    path = _find(name, params.download_size, params.path, raw_folder)
    if not path.exists():
        _download(path, info, params.download_size)
    _verify(path, info[_key("MD5", params.download_size)])
    with open_archive(path) as archive:
        refuse_missing(archive, path, MEDMNIST_LAYOUT)
        splits = read_splits(archive, path, read_labels(archive, path), names_in(info), params)
    facts = {"task": info["task"], "license": info["license"], "md5": info[_key("MD5", params.download_size)]}
    return splits.map(lambda images: images.with_card(**facts))


def _key(word: str, size: int) -> str:
    return word if size == 28 else f"{word}_{size}"


def _find(name: str, size: int, given: str | None, raw_folder: Path) -> Path:
    """Where the file lies or will lie."""
    if given is None:
        return raw_folder / f"{_key(name, size)}.npz"
    path = Path(given).expanduser()
    if path.is_dir() or path.suffix != ".npz":
        return path / f"{_key(name, size)}.npz"
    if not path.exists():
        raise InputError(
            f"data_prep.path: {path} does not exist; give the npz file, its folder, or null to download it"
        )
    return path


def _verify(path: Path, expected: str) -> None:
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise InputError(f"data_prep.path: cannot read {path}: {error.strerror}") from error
    if found != expected:
        raise InputError(
            f"{path} has MD5 {found}, MedMNIST's is {expected}: it is damaged, or another size or version; remove it "
            "to download it again, or set data_prep.source to npz to use it as it is"
        )


def _download(path: Path, info: dict[str, Any], size: int) -> None:
    """Lets the package download into a folder beside ``path`` and moves the file into place when it is whole."""
    import medmnist

    url = info[_key("url", size)]
    _probe(url, path.name)
    with _scratch_folder(path.parent) as scratch, _socket_timeout(_STALL_SECONDS):
        try:
            getattr(medmnist, info["python_class"])(split="test", download=True, root=str(scratch), size=size)
        except RuntimeError as error:
            # The package turns whatever happened, an interrupt too, into a RuntimeError.
            cause = error.__context__
            if isinstance(cause, KeyboardInterrupt):
                raise cause from None
            raise InputError(f"downloading {path.name} from {url} failed ({cause or error}); {_WAYS_OUT}") from error
        (scratch / f"{path.stem}.npz").replace(path)


def _probe(url: str, file_name: str) -> None:
    """Asks the server for the file in a thread: a hanging name look-up obeys no timeout."""
    outcome: list[str] = []
    thread = threading.Thread(target=lambda: outcome.append(_reason_unreachable(url)), daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    reason = outcome[0] if outcome else f"no answer in {_PROBE_SECONDS:.0f} s"
    if reason:
        host = urlsplit(url).netloc
        raise InputError(f"cannot download {file_name} from {host} ({reason}); {_WAYS_OUT}")


def _reason_unreachable(url: str) -> str:
    """Empty where the server answers, else why not."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "synthpath-kedro"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):  # noqa: S310
            return ""
    except (OSError, ValueError) as error:
        return " ".join(str(getattr(error, "reason", error)).split())


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=".medmnist-", dir=parent)
    except OSError as error:
        raise InputError(
            f"cannot write to {parent}: {error.strerror}; give write permission or set data_prep.path to another folder"
        ) from error
    with scratch as name:
        yield Path(name)


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
