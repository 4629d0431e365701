from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

Study = Callable[..., Result]


def test_base_is_in_use_until_another_is_chosen(study: Study, conf: Path) -> None:
    assert study("use").output == "base\n"
    chosen = study("use", "demo")
    assert chosen.exit_code == 0
    assert chosen.output == "DVC is about demo now (study.yaml, results in data/demo). Next: dvc repro\n"
    assert study("use").output == "demo\n"


def test_the_file_says_what_the_study_is_about(study: Study, conf: Path) -> None:
    study("use", "tiny")
    found = yaml.safe_load((conf.parent / "study.yaml").read_text())
    assert {key: found[key] for key in ("environment", "root", "models", "regimes", "sets")} == {
        "environment": "tiny",
        "root": "data/tiny",
        "models": ["cnn", "resnet18"],
        "regimes": ["real", "mixed"],
        "sets": ["diffusion"],
    }
    assert list(found["cells"]) == ["tiny-cnn-real", "tiny-cnn-mixed", "tiny-resnet18-real", "tiny-resnet18-mixed"]


def test_a_key_is_looked_up_in_the_file_that_decides_it(study: Study, conf: Path) -> None:
    study("use", "tiny")
    set_in = yaml.safe_load((conf.parent / "study.yaml").read_text())["set_in"]["classification"]
    assert set_in["max_epochs"] == "conf/tiny/parameters_classification.yml"
    assert set_in["gamma"] == "conf/base/parameters_classification.yml"


def test_the_denoisers_start_is_a_file_that_dvc_sees(study: Study, conf: Path) -> None:
    def start(name: str | None) -> str:
        (conf / "tiny/parameters_diffusion.yml").write_text(yaml.safe_dump({"diffusion": {"start_from": name}}))
        study("use", "tiny")
        return yaml.safe_load((conf.parent / "study.yaml").read_text())["start"]

    assert start(None) == "src/synthpath_kedro/diffusion/start.py"
    assert start("data/06_models/denoiser.safetensors") == "data/06_models/denoiser.safetensors"
    packaged = conf.parent / "src/synthpath_kedro/diffusion/packaged/drawn.safetensors"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    assert start("drawn") == "src/synthpath_kedro/diffusion/packaged/drawn.safetensors"


def test_conf_local_belongs_to_base(study: Study, conf: Path) -> None:
    (conf / "local/parameters_classification.yml").write_text("classification:\n  models: [cnn]\n")
    study("use", "base")
    found = yaml.safe_load((conf.parent / "study.yaml").read_text())
    assert found["models"] == ["cnn"]
    assert found["set_in"]["classification"]["models"] == "conf/local/parameters_classification.yml"


def test_an_unknown_environment_is_refused_with_those_there_are(study: Study) -> None:
    result = study("use", "demmo")
    assert result.exit_code == 1
    assert result.output == "Error: unknown environment demmo; conf has: base, demo, latent, local, small-data, tiny\n"


def test_a_wrong_parameter_is_refused_and_the_file_left_as_it_was(study: Study, conf: Path) -> None:
    study("use", "demo")
    (conf / "tiny/parameters.yml").write_text("sed: 1\n")
    result = study("use", "tiny")
    assert result.exit_code == 1
    assert result.output.startswith("Error: unknown parameter sed; valid here: ")
    assert study("use").output == "demo\n"


@pytest.mark.parametrize("change", ["classification:\n  regimes: [real]\n", "classification:\n  gamma: 0.2\n"])
def test_a_file_that_conf_has_outgrown_is_noticed(change: str, study: Study, conf: Path) -> None:
    study("use", "base")
    assert study("use", "base", "--check", "data/environment").exit_code == 0
    assert Path("data/environment").read_text() == "base\n"
    (conf / "local/parameters_classification.yml").write_text(change)
    result = study("use", "base", "--check", "data/environment")
    assert result.exit_code == 1
    assert result.output == (
        "Error: study.yaml is not up to date with conf/base; run kedro study use base, then dvc repro again\n"
    )


def test_the_help_lists_the_commands(study: Study) -> None:
    output = study("--help").output
    assert [name for name in ("new", "plan", "pretrain", "use", "check", "see") if f"\n  {name} " in output] == [
        "new",
        "plan",
        "pretrain",
        "use",
        "check",
    ]
