"""Images sampled from the study's denoisers."""

from collections.abc import Sequence
from typing import Any

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.lineage import check_same_data
from synthpath_kedro.data.synthetic import SyntheticSet, assemble, below, join, part_folder
from synthpath_kedro.diffusion.autoencoder import load_encoder
from synthpath_kedro.diffusion.checkpoint import split_replicates
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators.request import Request
from synthpath_kedro.training.seeding import replicate_seed


def generate(request: Request) -> SyntheticSet:
    """Samples the set from the denoiser, shard by shard; of several denoisers each gives as many images.

    Raises:
        InputError: there is no denoiser, it was trained on other data, or the parameters do not fit it.
    """
    denoiser, train = request.denoiser, request.real.train
    if denoiser is None:
        raise InputError(f"the synthetic set {request.name} needs a denoiser: run kedro run --pipelines=diffusion")
    check_same_data({"denoiser": denoiser.card, "real_train": train.card})
    replicates = split_replicates(denoiser)
    folders = [f"{part_folder(k)}/" for k in range(len(replicates))] if len(replicates) > 1 else [""]
    encoder = load_encoder(request.autoencoder)
    parts = [_sample(request, encoder, *one) for one in zip(replicates, range(len(replicates)), folders, strict=True)]
    facts = _facts(request, denoiser.card, parts[0].card.parameters, [one.card for one in replicates])
    if len(parts) == 1:
        return assemble(parts[0].shards, parts[0].class_names, **facts)
    return join(parts, **facts)


def _sample(request: Request, encoder: Encoder, denoiser: Artifact, replicate: int, folder: str) -> SyntheticSet:
    """What one denoiser makes, below ``folder`` in scratch and among the existing shards."""
    seed = replicate_seed(request.seed, replicate)
    shards = generate_shards(
        denoiser,
        request.real.train.class_counts,
        request.params,
        seed,
        request.scratch / folder,
        below(folder, request.existing),
        encoder,
    )
    key = next(iter(shards.values())).card["key"]
    facts = _facts(request, denoiser.card, key["parameters"], [denoiser.card])
    return assemble(shards, denoiser.card["class_names"], **facts | {"seed": seed})


def _facts(request: Request, card: Card, parameters: Card, denoisers: Sequence[Card]) -> dict[str, Any]:
    return {
        "name": request.name,
        "source": request.source.source,
        "prepared": card["prepared"],
        "phantom": card["phantom"],
        "made_from": {"checkpoint": card["digest"]},
        "parameters": parameters,
        "seed": request.seed,
        "facts": {
            "denoiser": "class-conditional U-Net",
            "space": card.get("encoder", PIXELS.card)["name"],
            "parameterization": card["parameterization"],
            "noise_schedule": card["noise_schedule"],
            "epochs": _one_or_all([one["epochs"] for one in denoisers]),
            "images_seen": _one_or_all([one["images_seen"] for one in denoisers]),
            **({"start": card["start"]} if "start" in card else {}),
        },
    }


def _one_or_all(values: list[int]) -> int | str:
    """What all denoisers have in common, or each one's."""
    return values[0] if len(set(values)) == 1 else ", ".join(f"{value:,}" for value in values)
