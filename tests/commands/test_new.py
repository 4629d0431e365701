from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from synthpath_kedro.commands.environments import Environment

Study = Callable[..., Result]


@pytest.fixture
def tiles(conf: Path) -> Path:
    folder = conf.parent / "tiles"
    folder.mkdir()
    return folder


def test_a_new_environment_has_its_own_root_images_and_nothing_that_base_says_already(
    study: Study, conf: Path, tiles: Path
) -> None:
    options = ("--source", "image_folder", "--path", "tiles", "--group", "(p[0-9]+)", "--image-size", "48")
    result = study("new", "mine", "--like", "demo", *options)
    assert result.exit_code == 0, result.output
    assert yaml.safe_load((conf / "mine/globals.yml").read_text()) == {"data_root": "data/mine"}
    assert {path.name for path in (conf / "mine").iterdir()} == {path.name for path in (conf / "demo").iterdir()}
    mine = Environment("mine", conf.parent).read_parameters()
    assert (mine.data_prep.source, mine.data_prep.path) == ("image_folder", "tiles")
    assert (mine.data_prep.group, mine.data_prep.image_size) == ("(p[0-9]+)", 48)
    demo = Environment("demo", conf.parent).read_parameters()
    assert mine.diffusion == demo.diffusion
    assert mine.classification == demo.classification
    written = yaml.safe_load((conf / "mine/parameters_data_prep.yml").read_text())["data_prep"]
    assert "duplicates_across_splits" not in written


def test_it_says_what_to_run_next(study: Study, tiles: Path) -> None:
    lines = study("new", "mine", "--path", "tiles").output.splitlines()
    assert lines[0] == "conf/mine is written. Next:"
    assert [line.split("   ")[0].strip() for line in lines[1:]] == [
        "kedro study plan --env=mine",
        "kedro run --env=mine",
        "kedro study use mine",
    ]


def test_synthetic_images_made_elsewhere_take_the_place_of_the_denoisers(study: Study, conf: Path, tiles: Path) -> None:
    (conf.parent / "made.npz").touch()
    assert study("new", "mine", "--path", "tiles", "--synthetic-path", "made.npz").exit_code == 0
    synthesis = Environment("mine", conf.parent).read_parameters().synthesis
    assert (synthesis.source, synthesis.path) == ("npz", "made.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo"], "conf/demo exists already; choose another name, or remove the folder"),
        (["base"], "conf/base exists already"),
        (["my study"], "environment 'my study': a name is letters, digits, - and _, beginning with a letter"),
        (["../mine"], "environment '../mine': a name is"),
        (["logs"], "data/logs is a folder of the base environment; choose another name"),
        (
            ["mine", "--like", "demmo"],
            "unknown environment demmo; conf has: base, demo, latent, local, small-data, tiny",
        ),
        (["mine", "--path", "nowhere"], "--path: nowhere does not exist; give the folder or file of the images"),
        (["mine", "--source", "npz"], "source npz reads images: give --path"),
        (["mine", "--synthetic-source", "image_folder"], "source image_folder reads images: give --synthetic-path"),
        (["mine", "--path", "tiles", "--synthetic-source", "phantom", "--synthetic-path", "tiles"], "reads no images"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    arguments: list[str], message: str, study: Study, conf: Path, tiles: Path
) -> None:
    before = sorted(conf.rglob("*"))
    result = study("new", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.count("\n") == 1
    assert sorted(conf.rglob("*")) == before


def test_an_unknown_source_is_a_usage_error(study: Study) -> None:
    assert study("new", "mine", "--source", "dicom").exit_code == 2
