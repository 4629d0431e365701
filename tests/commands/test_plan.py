from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Study = Callable[..., Result]


def test_the_plan_names_images_weights_and_steps_and_what_to_run_next(study: Study, conf: Path) -> None:
    result = study("plan", "--env", "tiny", "--no-probe")
    assert result.exit_code == 0, result.output
    assert "Images: 90 train, 45 val, 45 test at 16 pixels" in result.output
    for row in ("extractor efficientnet_lite0 │ packaged", "classification: resnet18", "evaluation: cnn"):
        assert row in result.output
    assert result.output.endswith("Next: kedro run --env=tiny\n")
    assert not (conf.parent / "data").exists()


def test_what_would_be_refused_is_listed_line_by_line(study: Study, conf: Path) -> None:
    (conf / "tiny/parameters_data_prep.yml").write_text(
        "data_prep: {source: image_folder, path: nowhere, image_size: 17}\n"
    )
    result = study("plan", "--env", "tiny", "--no-probe")
    assert result.exit_code == 1
    assert "Images: unknown before data_prep has run" in result.output
    assert "- data_prep.path: nowhere does not exist" in result.output
    assert "Error: the study tiny would be refused for the reasons above" in result.output


def test_a_wrong_parameter_is_refused_before_anything_is_estimated(study: Study, conf: Path) -> None:
    (conf / "tiny/parameters_diffusion.yml").write_text("diffusion: {max_epoch: 3}\n")
    result = study("plan", "--env", "tiny")
    assert result.exit_code == 1
    assert result.output.startswith("Error: unknown parameter diffusion.max_epoch; valid here: ")
