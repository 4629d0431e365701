"""Published weights: from the cache where they lie there, else downloaded, else one error within seconds."""

import hashlib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from synthpath_kedro.errors import InputError

REACH_SECONDS = 10.0
# Commits that hold model.safetensors; openai's main holds pickled weights alone.
REVISIONS = {
    "openai/clip-vit-base-patch32": "d15b5f29721ca72dac15f8526b284be910de18be",
    "timm/vit_small_patch14_dinov2.lvd142m": "4610ca143709d58a633b6397a74412c2c3842454",
}


def hub_file(model: str, repository: str, filename: str, revision: str | None) -> Path:
    """A file of a Hugging Face repository.

    Args:
        model: the classifier it is for, for errors.
        repository: owner/name.
        filename: its path in the repository.
        revision: commit, tag or branch; None for the commit in ``REVISIONS``.

    Raises:
        InputError: no revision is given nor known, or the file is not in the cache and the hub is out of reach or has
            no such file.
    """
    import huggingface_hub

    revision = revision or REVISIONS.get(repository)
    if revision is None:
        raise InputError(
            f"classification.{model}.revision is null and no commit of {repository} is known here; "
            f"give classification.{model}.revision=<commit> (main for the newest)"
        )
    cached = _cached(repository, filename, revision)
    if cached is not None:
        return cached
    if huggingface_hub.constants.HF_HUB_OFFLINE or not _reachable(huggingface_hub.constants.ENDPOINT):
        raise _out_of_reach(model, huggingface_hub.constants.ENDPOINT)
    try:
        return Path(huggingface_hub.hf_hub_download(repository, filename, revision=revision, etag_timeout=5))
    except Exception as error:  # its transport raises types of its own, which change with its version
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"cannot download {filename} of {repository} at revision {revision} ({reason}); {_ways_out(model)}"
        ) from error


def _cached(repository: str, filename: str, revision: str) -> Path | None:
    import huggingface_hub

    try:
        path = huggingface_hub.try_to_load_from_cache(repository, filename, revision=revision)
    except ValueError:  # not a repository's name; the hub says so in its own words
        return None
    return Path(path) if isinstance(path, str) else None


def checksummed_file(model: str, url: str) -> Path:
    """A file whose name ends in the first digits of its SHA-256, as torchvision's do, from torch.hub's folder.

    Raises:
        InputError: it is not in the folder and its host is out of reach, or its digits are not those of its name.
    """
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.exists():
        if not _reachable(url):
            raise _out_of_reach(model, url)
        _download(model, url, path)
    expected = path.stem.rsplit("-", 1)[-1]
    if not _sha256(path).startswith(expected):
        raise InputError(
            f"{path} is damaged: its SHA-256 does not begin with {expected}; remove the file and run again"
        )
    return path


def _download(model: str, url: str, path: Path) -> None:
    import torch

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1])
    except (OSError, RuntimeError) as error:
        raise InputError(f"cannot download {url} ({error}); {_ways_out(model)}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _reachable(url: str) -> bool:
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


def _out_of_reach(model: str, address: str) -> InputError:
    return InputError(
        f"classification.{model}.weights is 'pretrained', which is not in the cache, and {address} cannot be reached; "
        f"{_ways_out(model)}"
    )


def _ways_out(model: str) -> str:
    return (
        f"ways out: classification.{model}.weights=<file or folder>, or classification.{model}.weights=random, "
        "or a filled cache (HF_HOME, TORCH_HOME) or a proxy (HTTPS_PROXY)"
    )
