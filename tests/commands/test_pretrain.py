import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from synthpath_kedro.data.artifact import read_artifact

Study = Callable[..., Result]


def test_pretrain_writes_the_denoiser_of_an_environment_and_its_card(study: Study, conf: Path) -> None:
    done = study("pretrain", "--env", "tiny", "--steps", "2", "--output", "start/phantom.safetensors")
    assert done.exit_code == 0, done.output
    denoiser = read_artifact(conf.parent / "start/phantom.safetensors")
    assert done.output.endswith(
        f"start/phantom.safetensors is written (digest {denoiser.digest[:12]}); set diffusion.start_from to it\n"
    )
    assert json.loads((conf.parent / "start/phantom.json").read_text()) == denoiser.card
    assert denoiser.card["image_size"] == 16
    assert denoiser.card["images_seen"] == 60
    assert not (conf.parent / "data/tiny/scratch/pretraining").exists()


def test_pretrain_says_which_options_it_needs(study: Study) -> None:
    done = study("pretrain", "--env", "tiny")
    assert done.exit_code == 2
    assert "--steps" in done.output
