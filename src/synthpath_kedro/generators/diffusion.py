"""Images sampled from the study's denoiser."""

from synthpath_kedro.data.lineage import check_same_data
from synthpath_kedro.data.synthetic import SyntheticSet, assemble
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators.request import Request


def generate(request: Request) -> SyntheticSet:
    """Samples the set from the denoiser, shard by shard.

    Raises:
        InputError: there is no denoiser, it was trained on other data, or the parameters do not fit it.
    """
    denoiser, train = request.denoiser, request.real.train
    if denoiser is None:
        raise InputError(f"the synthetic set {request.name} needs a denoiser: run kedro run --pipelines=diffusion")
    check_same_data({"denoiser": denoiser.card, "real_train": train.card})
    shards = generate_shards(
        denoiser, train.class_counts, request.params, request.seed, request.scratch, request.existing
    )
    key = next(iter(shards.values())).card["key"]
    return assemble(
        shards,
        denoiser.card["class_names"],
        name=request.name,
        source=request.source.source,
        prepared=denoiser.card["prepared"],
        phantom=denoiser.card["phantom"],
        made_from={"checkpoint": denoiser.card["digest"]},
        parameters=key["parameters"],
        seed=request.seed,
        facts={
            "denoiser": "class-conditional U-Net",
            "parameterization": denoiser.card["parameterization"],
            "noise_schedule": denoiser.card["noise_schedule"],
            "epochs": denoiser.card["epochs"],
            "images_seen": denoiser.card["images_seen"],
        },
    )
