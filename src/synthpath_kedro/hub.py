"""Published weights: from the cache where they lie there, else downloaded, else one error within seconds."""

import hashlib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthpath_kedro.errors import InputError

REACH_SECONDS = 10.0
# Commits that hold safetensors; openai's main holds pickled weights alone.
REVISIONS = {
    "openai/clip-vit-base-patch32": "d15b5f29721ca72dac15f8526b284be910de18be",
    "stabilityai/sd-vae-ft-mse": "31f26fdeee1355a5c34592e401dd41e45d25a493",
    "timm/vit_small_patch14_dinov2.lvd142m": "4610ca143709d58a633b6397a74412c2c3842454",
}


@dataclass(frozen=True)
class BlockName:
    """Where a network's parameters lie, for errors.

    Attributes:
        prefix: of their keys: "classification.backbones.clip".
        needs_no_download: a parameter and its value with which nothing is downloaded.
        random_weights: whether random weights are of any use.
    """

    prefix: str
    needs_no_download: str
    random_weights: bool = True

    def key(self, name: str) -> str:
        """The full name of the parameter ``name``."""
        return f"{self.prefix}.{name}"

    @classmethod
    def of_model(cls, model: str) -> "BlockName":
        """The block of a model that the study trains."""
        prefix = f"classification.backbones.{model}"
        return cls(prefix, f"{prefix}.weights=random")


def hub_file(block: BlockName, repository: str, filename: str, revision: str | None) -> Path:
    """A file of a Hugging Face repository; HF_TOKEN opens gated ones.

    Args:
        block: of the network it is for, for errors.
        repository: owner/name.
        filename: its path in the repository.
        revision: commit, tag or branch; None for the commit in ``REVISIONS``.

    Raises:
        InputError: no revision is given nor known, or the file is not in the cache and the hub is out of reach, has no
            such file, or does not show it.
    """
    revision = revision or REVISIONS.get(repository)
    if revision is None:
        raise InputError(
            f"{block.key('revision')} is null and no commit of {repository} is known here; "
            f"give {block.key('revision')}=<commit> (main for the newest)"
        )
    return first_hub_file(block, repository, (filename,), revision)


def first_hub_file(block: BlockName, repository: str, filenames: Sequence[str], revision: str) -> Path:
    """The first of ``filenames`` that a Hugging Face repository has.

    Raises:
        InputError: as for ``hub_file``.
    """
    import huggingface_hub

    for filename in filenames:
        if (cached := cached_hub_file(repository, filename, revision)) is not None:
            return cached
    endpoint = huggingface_hub.constants.ENDPOINT
    if huggingface_hub.constants.HF_HUB_OFFLINE or not is_reachable(endpoint):
        raise _out_of_reach(block, f"{filenames[0]} of {repository}", endpoint)
    *others, last = filenames
    for filename in others:
        try:
            return _downloaded(block, repository, filename, revision)
        except huggingface_hub.errors.EntryNotFoundError:
            continue
    try:
        return _downloaded(block, repository, last, revision)
    except huggingface_hub.errors.EntryNotFoundError as error:
        raise _failed(block, repository, last, revision, error) from error


def commit_of(path: Path) -> str:
    """The commit that a file in the hub's cache belongs to; "" for any other file."""
    return path.parent.name if path.parent.parent.name == "snapshots" else ""


def _downloaded(block: BlockName, repository: str, filename: str, revision: str) -> Path:
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(repository, filename, revision=revision, etag_timeout=5))
    except huggingface_hub.errors.EntryNotFoundError:
        raise
    except huggingface_hub.errors.RepositoryNotFoundError as error:
        # The hub does not tell a gated or private repository from one that does not exist.
        page = f"{huggingface_hub.constants.ENDPOINT}/{repository}"
        raise InputError(
            f"{block.prefix}: {repository} cannot be read with this token: it is gated, private or does not exist; "
            f"accept its license at {page} and set HF_TOKEN; other {_ways_out(block)}"
        ) from error
    except Exception as error:  # its transport raises types of its own, which change with its version
        raise _failed(block, repository, filename, revision, error) from error


def _failed(block: BlockName, repository: str, filename: str, revision: str, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(
        f"cannot download {filename} of {repository} at revision {revision} ({reason}); {_ways_out(block)}"
    )


def cached_hub_file(repository: str, filename: str, revision: str) -> Path | None:
    """A file of a repository, where an earlier run has downloaded it."""
    import huggingface_hub

    try:
        path = huggingface_hub.try_to_load_from_cache(repository, filename, revision=revision)
    except ValueError:  # not a repository's name; the hub says so in its own words
        return None
    return Path(path) if isinstance(path, str) else None


def checksummed_file(block: BlockName, url: str) -> Path:
    """A file whose name ends in the first digits of its SHA-256, as torchvision's do, from torch.hub's folder.

    Raises:
        InputError: it is not in the folder and its host is out of reach, or its digits are not those of its name.
    """
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.exists():
        if not is_reachable(url):
            raise _out_of_reach(block, path.name, url)
        _download(block, url, path)
    expected = path.stem.rsplit("-", 1)[-1]
    if not _sha256(path).startswith(expected):
        raise InputError(
            f"{path} is damaged: its SHA-256 does not begin with {expected}; remove the file and run again"
        )
    return path


def _download(block: BlockName, url: str, path: Path) -> None:
    import torch

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1])
    except (OSError, RuntimeError) as error:
        raise InputError(f"cannot download {url} ({error}); {_ways_out(block)}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_reachable(url: str) -> bool:
    """Whether anything answers; in a thread, because looking up a name can take longer than any timeout."""
    answered: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - https addresses of our own
        try:
            urllib.request.urlopen(request, timeout=REACH_SECONDS / 2).close()  # noqa: S310
        except urllib.error.HTTPError:
            answered.append(True)
        except (OSError, ValueError):
            answered.append(False)
        else:
            answered.append(True)

    _within(REACH_SECONDS, ask)
    return answered == [True]


def _within(seconds: float, task: Callable[[], None]) -> None:
    thread = threading.Thread(target=task, daemon=True)
    thread.start()
    thread.join(seconds)


def _out_of_reach(block: BlockName, what: str, address: str) -> InputError:
    return InputError(
        f"{block.prefix}: {what} is not in the cache, and {address} cannot be reached; {_ways_out(block)}"
    )


def _ways_out(block: BlockName) -> str:
    return (
        f"give {block.key('weights')}=<file or folder>, or {block.needs_no_download}, "
        "or a filled cache (HF_HOME, TORCH_HOME) or a proxy (HTTPS_PROXY)"
    )
