"""The denoiser at rest: one file, with the weights of every replicate."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import ConfigDict, Field

from synthpath_kedro.data.artifact import Artifact, Card, digest_arrays, package_versions
from synthpath_kedro.data.metadata import Metadata
from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.device import choose_device

KIND = "denoiser"

_OWN = ("epochs", "images_seen", "digest")

REMAKE = "remove it and run kedro run --pipelines=diffusion"


class DenoiserFacts(Metadata):
    """What a denoiser is built from again.

    Attributes:
        class_names: in label order.
        image_size: pixels.
        digest: of its weights.
        parameters: the block ``diffusion`` that it was trained with.
        encoder: of the one that it was trained with.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    WHAT: ClassVar = "its card"
    HINT: ClassVar = "it was not made by this program's diffusion"

    class_names: list[str]
    image_size: Annotated[int, Field(ge=1, le=4096)]
    digest: str
    parameters: DiffusionParameters
    encoder: dict[str, Any] = Field(default_factory=lambda: PIXELS.card)


def denoiser_artifact(
    weights: Mapping[str, torch.Tensor], params: DiffusionParameters, provenance: Card, encoder: Encoder = PIXELS
) -> Artifact:
    """The weights as named float32 arrays, with a card from which the denoiser can be rebuilt.

    Args:
        weights: by name; a leading ``denoiser.`` is dropped.
        params: the block ``diffusion`` it was trained with.
        provenance: class names, image size, digest of the data, seed and whatever else should be known.
        encoder: the one it was trained with.
    """
    tensors = {name.removeprefix("denoiser."): array for name, array in to_arrays(weights).items()}
    settings = params.model_dump(mode="json", exclude={"autoencoder"})  # its card has them
    card = {
        **provenance,
        "kind": KIND,
        "encoder": encoder.card,
        "denoiser": settings["denoiser"],
        "parameterization": settings["parameterization"],
        "noise_schedule": settings["noise_schedule"],
        "parameters": settings,
        "versions": package_versions(),
        "digest": digest_arrays(tensors),
    }
    return Artifact(tensors, card)


def to_arrays(weights: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Copies of the weights as float32 arrays."""
    return {name: tensor.detach().cpu().float().contiguous().numpy().copy() for name, tensor in weights.items()}


def join_replicates(checkpoints: Sequence[Artifact]) -> Artifact:
    """One artifact of all denoisers of a study.

    Args:
        checkpoints: made by ``denoiser_artifact``, trained with the same settings on the same data.

    Returns:
        Their tensors, prefixed "replicate_<k>."; the card of the first, whose ``digest`` is that of all tensors, and
        whose ``replicates`` hold what differs: ``epochs, images_seen, digest`` of each.
    """
    tensors = {
        f"{_prefix(replicate)}{name}": array
        for replicate, checkpoint in enumerate(checkpoints)
        for name, array in checkpoint.tensors.items()
    }
    own = [{key: one.card[key] for key in _OWN if key in one.card} for one in checkpoints]
    return Artifact(tensors, {**checkpoints[0].card, "replicates": own, "digest": digest_arrays(tensors)})


def split_replicates(checkpoint: Artifact) -> list[Artifact]:
    """The inverse of ``join_replicates``; a single denoiser, as older versions saved it, is the only replicate."""
    if "replicates" not in checkpoint.card:
        return [checkpoint]
    shared = {key: value for key, value in checkpoint.card.items() if key != "replicates"}
    return [
        Artifact(_without_prefix(checkpoint, _prefix(replicate)), {**shared, **own})
        for replicate, own in enumerate(checkpoint.card["replicates"])
    ]


def _prefix(replicate: int) -> str:
    return f"replicate_{replicate}."


def _without_prefix(checkpoint: Artifact, prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in checkpoint.tensors.items() if name.startswith(prefix)}


def load_denoiser(checkpoint: Artifact, device: torch.device | None = None, encoder: Encoder = PIXELS) -> Denoiser:
    """The denoiser, ready to sample from.

    Args:
        checkpoint: made by ``denoiser_artifact``, or one of ``split_replicates``.
        device: where to; ``choose_device``, unless given.
        encoder: the one that it was trained with.

    Raises:
        InputError: the artifact is something else, its weights are not those that its card describes, or it was
            trained with another encoder.
    """
    if checkpoint.card.get("kind") != KIND:
        raise InputError(
            f"the checkpoint is a {checkpoint.card.get('kind')!r}, not a {KIND!r}: "
            "run kedro run --pipelines=diffusion and use its result"
        )
    try:
        facts = DenoiserFacts.from_json(checkpoint.card)
    except InputError as error:
        raise InputError(f"the denoiser: {error}; {REMAKE}") from error
    if checkpoint.digest != facts.digest:
        raise InputError(f"the denoiser's weights are not those that were saved: the file is damaged; {REMAKE}")
    check_finite(checkpoint, "the denoiser")
    if facts.encoder != encoder.card:
        names = f"{_named(facts.encoder)}, not {_named(encoder.card)}"
        raise InputError(f"the denoiser was trained with encoder {names}; {REMAKE}")
    denoiser = make_denoiser(facts.parameters, len(facts.class_names), facts.image_size, encoder)
    try:
        denoiser.load_state_dict({name: torch.tensor(array) for name, array in checkpoint.tensors.items()})
    except RuntimeError as error:
        raise InputError(f"the denoiser's weights do not fit its card: from another version; {REMAKE}") from error
    return denoiser.requires_grad_(False).eval().to(device or choose_device())


def check_finite(checkpoint: Artifact, what: str) -> None:
    """Refuses weights that hold NaN or infinity: every image would.

    Raises:
        InputError: names ``what`` and the first such tensor.
    """
    for name, array in checkpoint.tensors.items():
        if not np.isfinite(array).all():
            raise InputError(f"{what}: its weights hold non-finite values (in {name}): its training failed; {REMAKE}")


def _named(encoder: Card) -> str:
    """Its name, and the autoencoder that two of that name differ in."""
    return " ".join(filter(None, (str(encoder.get("name")), str(encoder.get("autoencoder", ""))[:12])))
