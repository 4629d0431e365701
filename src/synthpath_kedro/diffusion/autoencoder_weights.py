"""Finds an autoencoder that was trained elsewhere: on the hub, or in a folder of the hub's layout."""

import json
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.diffusion.autoencoder import (
    CLASS,
    ENCODES,
    check_diffusers,
    has_diffusers,
    latent_layout,
    small_autoencoder,
)
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS, BlockName, cached_hub_file, commit_of, hub_file
from synthpath_kedro.parameters import AutoencoderParameters

BLOCK = BlockName("diffusion.autoencoder", "diffusion.autoencoder.weights=train", random_weights=False)
PRETRAINED = "stabilityai/sd-vae-ft-mse"
CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
_HUB = "hf-hub:"


@dataclass(frozen=True)
class Published:
    """An autoencoder that was trained elsewhere.

    Attributes:
        folder: with ``CONFIG`` and ``WEIGHTS``.
        config: of its class in diffusers.
        source: where it comes from, in words.
        revision: its commit on the hub; "" for a folder.
    """

    folder: Path
    config: Card
    source: str
    revision: str = ""

    def load(self) -> nn.Module:
        """The network, in float32.

        Raises:
            InputError: the file of weights is damaged, or is not of the network that the configuration describes.
        """
        check_diffusers()
        import diffusers
        from diffusers.utils import logging

        level = logging.get_verbosity()
        logging.set_verbosity_error()
        try:
            network, found = getattr(diffusers, self.config[CLASS]).from_pretrained(
                self.folder, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
        except Exception as error:  # its types change with its version
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{self.folder / WEIGHTS} cannot be loaded ({reason}); {_HINT}") from error
        finally:
            logging.set_verbosity(level)
        if lost := [*found["missing_keys"], *found["mismatched_keys"]]:
            raise InputError(
                f"{self.folder / WEIGHTS} lacks {len(lost)} tensors of its {CONFIG}, such as {lost[0]}; {_HINT}"
            )
        return network.float()


_HINT = f"give {BLOCK.key('weights')} another folder, or {BLOCK.needs_no_download}"


def find_published(params: AutoencoderParameters) -> Published:
    """The autoencoder that ``params.weights`` names; its weights are not read yet.

    Raises:
        InputError: there is no such folder, the hub is out of reach, or it is not the autoencoder that the block
            describes.
    """
    repository = _repository(params.weights)
    found = _in_folder(params) if repository is None else _on_hub(repository, params.revision)
    channels, downsample = latent_layout(found.config)
    for key, stated, own in (
        ("latent_channels", params.latent_channels, channels),
        ("downsample", params.downsample, downsample),
    ):
        if stated != own:
            raise InputError(f"{BLOCK.key(key)} is {stated}, but that of {found.source} is {own}; set it to {own}")
    return found


def check_autoencoder(params: AutoencoderParameters) -> None:
    """Checks before a run what needs no download.

    Raises:
        InputError: diffusers is not installed, or a folder is not one with an autoencoder that fits.
    """
    check_diffusers()
    if not params.trained and _repository(params.weights) is None:
        find_published(params)


def autoencoder_config(params: AutoencoderParameters) -> Card | None:
    """The configuration of the autoencoder that ``params`` describe, without any download.

    Returns:
        None where it is on the hub and not in the cache, or diffusers is not installed.

    Raises:
        InputError: a folder is not one with an autoencoder that fits.
    """
    if not has_diffusers():
        return None
    if params.trained:
        return small_autoencoder(params)
    repository = _repository(params.weights)
    if repository is None:
        return find_published(params).config
    cached = cached_hub_file(repository, CONFIG, params.revision or REVISIONS.get(repository, "main"))
    return None if cached is None else _read_config(cached)


def _repository(weights: str) -> str | None:
    if weights == "pretrained":
        return PRETRAINED
    return weights.removeprefix(_HUB) if weights.startswith(_HUB) else None


def _on_hub(repository: str, revision: str | None) -> Published:
    config, weights = (hub_file(BLOCK, repository, name, revision) for name in (CONFIG, WEIGHTS))
    return Published(weights.parent, _read_config(config), f"{_HUB}{repository}", commit_of(weights))


def _in_folder(params: AutoencoderParameters) -> Published:
    folder = Path(params.weights).expanduser()
    valid = f"valid: train, pretrained, {_HUB}owner/name, or a folder with {CONFIG} and {WEIGHTS}"
    if not folder.is_dir():
        raise InputError(f"{BLOCK.key('weights')} is {params.weights!r}, which is not a folder; {valid}")
    if missing := [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]:
        raise InputError(f"{BLOCK.key('weights')} is {params.weights!r}, which has no {' nor '.join(missing)}; {valid}")
    return Published(folder, _read_config(folder / CONFIG), str(folder))


def _read_config(path: Path) -> Card:
    try:
        config = json.loads(path.read_text())
        name = config[CLASS]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the configuration of an autoencoder of diffusers; {_HINT}") from error
    if name not in ENCODES:
        raise InputError(f"{path} is of a {name}; valid: {', '.join(ENCODES)}; {_HINT}")
    return config
