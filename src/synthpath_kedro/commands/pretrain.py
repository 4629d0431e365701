"""``kedro study pretrain``: a denoiser trained on the digital phantom, to start from."""

import json
import logging
from pathlib import Path

import click

from synthpath_kedro.commands.environments import find_environment
from synthpath_kedro.data.artifact import AtomicFile, write_artifact


@click.command()
@click.option("--env", "name", help="The environment whose denoiser it is; default: KEDRO_ENV, else base.")
@click.option("--steps", type=click.IntRange(1), required=True, help="Optimizer steps, rounded up to epochs of 64.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file: NAME.safetensors."
)
def pretrain(name: str | None, steps: int, output: Path) -> None:
    """Train a denoiser on the digital phantom, for other trainings to start from.

    The tiles are new in every epoch, of widely varied stain, light and magnification. The environment gives network,
    image size, recipe and seed: the same file comes out each time. What it was made from lies beside it, as NAME.json.
    A killed training resumes.
    """
    from synthpath_kedro.diffusion.pretraining import pretrain_on_phantom
    from synthpath_kedro.training.trainer import remove_scratch

    logging.getLogger("synthpath_kedro").setLevel(logging.INFO)
    environment = find_environment(name)
    parameters = environment.read_parameters()
    scratch = environment.project / environment.root / "scratch" / "pretraining"
    denoiser = pretrain_on_phantom(
        parameters.diffusion, parameters.data_prep.image_size, parameters.seed, steps, scratch
    )
    write_artifact(output, denoiser)
    with AtomicFile(output.with_suffix(".json")) as file:
        file.write((json.dumps(denoiser.card, indent=2, sort_keys=True) + "\n").encode())
    remove_scratch(scratch)
    click.echo(f"{output} is written (digest {denoiser.digest[:12]}); set diffusion.start_from to it")
