import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Study = Callable[..., Result]


def comparison(verdict: str, **changes: object) -> dict[str, object]:
    return {
        "model": "cnn",
        "regime": "mixed",
        "set": "diffusion",
        "baseline": "real",
        "metric": "accuracy",
        "difference": 0.03,
        "ci_low": 0.01,
        "ci_high": 0.05,
        "p_adjusted": 0.02,
        "verdict": verdict,
        **changes,
    }


@pytest.fixture
def write(conf: Path) -> Callable[..., Path]:
    """Writes the demo's verdict.json."""
    path = conf.parent / "data/demo/08_reporting/verdict.json"

    def write(*comparisons: dict[str, object], text: str | None = None) -> Path:
        path.parent.mkdir(parents=True)
        path.write_text(text if text is not None else json.dumps({"comparisons": comparisons}))
        return path

    return write


def test_every_comparison_is_one_line(study: Study, write: Callable[..., Path]) -> None:
    unknown = {"difference": None, "ci_low": None, "ci_high": None}
    write(comparison("helps"), comparison("no_verdict", regime="synthetic", **unknown))
    result = study("check", "--env", "demo")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "cnn/mixed/diffusion against real: helps (accuracy +0.030, 95 % CI +0.010 to +0.050)",
        "cnn/synthetic/diffusion against real: no verdict",
    ]


@pytest.mark.parametrize(
    ("fail_if", "exit_code"),
    [
        ([], 0),
        (["helps"], 0),
        (["hurts"], 3),
        (["helps", "no_evidence"], 3),
    ],
)
def test_the_exit_code_is_3_where_a_named_verdict_was_reached(
    fail_if: list[str], exit_code: int, study: Study, write: Callable[..., Path]
) -> None:
    write(comparison("hurts"), comparison("no_evidence"))
    options = [option for verdict in fail_if for option in ("--fail-if", verdict)]
    assert study("check", "--env", "demo", *options).exit_code == exit_code


def test_the_variable_names_the_environment_and_the_option_wins(
    study: Study, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(comparison("hurts"))
    monkeypatch.setenv("KEDRO_ENV", "demo")
    assert study("check", "--fail-if", "hurts").exit_code == 3
    assert study("check", "--env", "tiny", "--fail-if", "hurts").exit_code == 1


def test_without_a_verdict_it_says_how_to_make_one(study: Study) -> None:
    result = study("check", "--env", "demo")
    assert result.exit_code == 1
    assert result.output == (
        "Error: data/demo/08_reporting/verdict.json does not exist; make it with kedro run --env=demo "
        "--pipelines=evaluation --tags=report (the whole study: kedro run --env=demo)\n"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"comparisons": [{"verdict": "helps"}]}', '{"comparisons": 1}'])
def test_a_damaged_file_is_named(text: str, study: Study, write: Callable[..., Path]) -> None:
    write(text=text)
    result = study("check", "--env", "demo")
    assert result.exit_code == 1
    assert result.output.startswith("Error: data/demo/08_reporting/verdict.json is damaged; remove it and make it ")


def test_a_verdict_that_there_is_not_lists_those_there_are(study: Study) -> None:
    result = study("check", "--fail-if", "worse")
    assert result.exit_code == 2
    assert "'helps', 'hurts', 'no_evidence', 'no_verdict'" in result.output


def test_a_control_is_printed_as_one_and_fails_nothing(study: Study, write: Callable[..., Path]) -> None:
    write(comparison("hurts", regime="real_balanced", set=""), comparison("helps"))
    result = study("check", "--env", "demo", "--fail-if", "hurts")
    assert result.exit_code == 0
    assert result.output.startswith("control cnn/real_balanced against real: hurts")


def test_accuracy_is_checked_unless_another_metric_is_named(study: Study, write: Callable[..., Path]) -> None:
    write(comparison("helps"), comparison("hurts", metric="macro_f1"))
    assert study("check", "--env", "demo", "--fail-if", "hurts").exit_code == 0
    assert study("check", "--env", "demo", "--fail-if", "hurts", "--metric", "macro_f1").exit_code == 3
    assert study("check", "--env", "demo", "--fail-if", "hurts", "--metric", "all").exit_code == 3
    unknown = study("check", "--env", "demo", "--metric", "f1")
    assert unknown.exit_code == 1
    assert "unknown metric 'f1'; valid: all, accuracy, macro_f1" in unknown.output
