"""Where a denoiser's training starts: from the weights of one that was trained before, on other data."""

import logging
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch

from synthpath_kedro.data.artifact import Artifact, Card, read_artifact
from synthpath_kedro.diffusion.checkpoint import KIND, DenoiserFacts, check_finite, split_replicates
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters

log = logging.getLogger(__name__)

PACKAGED = Path(__file__).parent / "packaged"
"""Denoisers that come with this package: <name>.safetensors."""

_FILE = "denoiser.safetensors"
_LABELS = "network.label_embedding.weight"
_ATTENTION = ".attention."
_SAME = (
    "parameterization",
    "denoiser.base_channels",
    "denoiser.channel_multipliers",
    "denoiser.residual_blocks",
)
"""Settings that decide the shapes or the meaning of weights."""


@dataclass(frozen=True)
class Start:
    """A trained denoiser to start from.

    Attributes:
        name: as ``diffusion.start_from`` has it.
        checkpoint: with the averaged weights of every replicate.
    """

    name: str
    checkpoint: Artifact

    @property
    def phantom(self) -> bool:
        """Whether it, or what it started from, was trained on the digital phantom."""
        card = self.checkpoint.card
        return bool(card.get("phantom") or card.get("start", {}).get("phantom"))

    @property
    def card(self) -> Card:
        """What a denoiser that started from it records."""
        card = self.checkpoint.card
        facts = {"name": self.name, "digest": card["digest"], "phantom": self.phantom}
        return facts | {key: card[key] for key in ("data", "data_digest", "images_seen") if key in card}

    def check_data(self, *, phantom: bool, allowed: bool) -> None:
        """Refuses a start that has seen tiles like those of the study's test set.

        Args:
            phantom: whether the study's images are rendered.
            allowed: ``diffusion.allow_phantom_start``.

        Raises:
            InputError: both are the phantom's, and nobody allowed it.
        """
        if self.phantom and phantom and not allowed:
            raise InputError(
                f"diffusion.start_from is {self.name}, a denoiser trained on the phantom, and the study's images are "
                "the phantom's too: it has seen endless tiles of the test set's kind; set start_from to null, or "
                "allow_phantom_start to true"
            )

    def apply_to(self, denoiser: Denoiser, class_names: tuple[str, ...], replicate: int = 0) -> None:
        """Gives ``denoiser`` the weights: class embeddings by name; what the start lacks stays as it is.

        Args:
            denoiser: untrained, of the same architecture.
            class_names: in label order.
            replicate: which denoiser this is; where the start has fewer, they take turns.

        Raises:
            InputError: weights are missing or of another shape.
        """
        replicates = split_replicates(self.checkpoint)
        weights = replicates[replicate % len(replicates)].tensors
        own = dict(denoiser.named_parameters())
        without = own.keys() - weights.keys()
        shared = own.keys() - without - {_LABELS}
        if any(_ATTENTION not in name for name in without) or any(
            own[name].shape != weights[name].shape for name in shared
        ):
            raise InputError(
                f"the weights of diffusion.start_from {self.name} do not fit its card: it is of another version; "
                "set start_from to null"
            )
        if any(_ATTENTION in name for name in weights.keys() - own.keys()):
            log.warning("the self-attention of start_from %s is left out where this denoiser has none", self.name)
        with torch.no_grad():
            for name in shared:
                own[name].copy_(torch.tensor(weights[name]))
            _copy_labels(own[_LABELS], torch.tensor(weights[_LABELS]), class_names, self.checkpoint.card["class_names"])


def read_start(params: DiffusionParameters, encoder: Encoder | None = None) -> Start | None:
    """What ``params.start_from`` names, if anything.

    Args:
        params: the block ``diffusion`` of the training to start.
        encoder: of the training; None: not known yet.

    Raises:
        InputError: it is missing or damaged, no denoiser, or of another architecture; says which setting differs.
    """
    if params.start_from is None:
        return None
    start = Start(params.start_from, _read(params.start_from, find_start(params.start_from)))
    _check_architecture(start, params, encoder)
    return start


def find_start(name: str) -> Path:
    """The file that ``diffusion.start_from`` names: a packaged denoiser, a file, or the newest version in a folder.

    Raises:
        InputError: there is none.
    """
    packaged = {path.stem: path for path in sorted(PACKAGED.glob("*.safetensors"))}
    if name in packaged:
        return packaged[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    versions = [found for pattern in (_FILE, f"*/{_FILE}") for found in path.glob(pattern) if found.is_file()]
    if versions:
        return max(versions)
    what = f"has no {_FILE}" if path.is_dir() else "does not exist"
    raise InputError(
        f"diffusion.start_from: {name} {what}; give a denoiser's file, a folder 06_models/{_FILE}"
        + (f", or one that is packaged: {', '.join(packaged)}" if packaged else "")
    )


def _read(name: str, path: Path) -> Artifact:
    try:
        checkpoint = read_artifact(path)
    except InputError as error:
        raise InputError(
            f"diffusion.start_from: {name} cannot be read ({error.__cause__}); give another file"
        ) from error
    if checkpoint.card.get("kind") != KIND:
        raise InputError(f"diffusion.start_from: {name} is a {checkpoint.card.get('kind')!r}, not a {KIND!r}")
    if checkpoint.digest != checkpoint.card.get("digest"):
        raise InputError(
            f"diffusion.start_from: {name} is damaged: its weights are not those that were saved; copy it again"
        )
    try:
        DenoiserFacts.from_json(checkpoint.card)
    except InputError as error:
        raise InputError(f"diffusion.start_from: {name}: {error}; give another file") from error
    check_finite(checkpoint, f"diffusion.start_from: {name}")
    return checkpoint


def _check_architecture(start: Start, params: DiffusionParameters, encoder: Encoder | None) -> None:
    card = start.checkpoint.card
    trained = DiffusionParameters.model_validate(card["parameters"])
    for key in _SAME:
        theirs, own = _plain(attrgetter(key)(trained)), _plain(attrgetter(key)(params))
        if theirs != own:
            raise InputError(
                f"diffusion.{key} is {own}, and the denoiser of start_from {start.name} has {theirs}: set it to that, "
                "or start_from to null"
            )
    if (trained.textures > 0) != (params.textures > 0):
        raise InputError(
            f"diffusion.textures is {params.textures}, and the denoiser of start_from {start.name} has "
            f"{trained.textures}: set it to that, or start_from to null"
        )
    if encoder is not None and card.get("encoder", PIXELS.card) != encoder.card:
        raise InputError(
            f"the denoiser of diffusion.start_from {start.name} works in the space of another encoder "
            f"({card['encoder']['name']}) than this training ({encoder.card['name']}): set start_from to null"
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _copy_labels(
    own: torch.Tensor, trained: torch.Tensor, class_names: tuple[str, ...], trained_names: list[str]
) -> None:
    """The rows of classes of the same name, and of no class, which is the last."""
    known = {name: row for row, name in enumerate(trained_names)}
    for row, name in enumerate(class_names):
        if name in known:
            own[row] = trained[known[name]]
    own[-1] = trained[-1]
