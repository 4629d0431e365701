from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from synthpath_kedro.cli import accept_colons, cli


@pytest.mark.parametrize(
    ("given_items", "read_as"),
    [
        ("model:clip,regime:mixed", "model=clip,regime=mixed"),
        ("model=clip,regime=mixed", "model=clip,regime=mixed"),
        ("model:clip,regime=mixed", "model=clip,regime=mixed"),
        ("data_prep.path=C:/tiles", "data_prep.path=C:/tiles"),
        ("data_prep.path:s3://tiles=1", "data_prep.path=s3://tiles=1"),
        ("", ""),
    ],
)
def test_items_are_split_at_the_first_equals_or_colon(given_items: str, read_as: str) -> None:
    assert accept_colons(given_items) == read_as


@given(st.dictionaries(st.from_regex(r"[a-z_.]{1,9}", fullmatch=True), st.from_regex(r"[\w:=/]{0,9}", fullmatch=True)))
def test_both_spellings_are_read_alike(items: dict[str, str]) -> None:
    with_colons = ",".join(f"{key}:{value}" for key, value in items.items())
    with_equals = ",".join(f"{key}={value}" for key, value in items.items())
    assert accept_colons(with_colons) == accept_colons(with_equals) == with_equals


def test_an_unknown_pipeline_is_refused_with_the_valid_ones() -> None:
    result = CliRunner().invoke(cli, ["run", "--pipeline=training"])
    assert result.exit_code == 1
    assert result.output.strip() == (
        "Error: unknown pipeline training; valid: data_prep, diffusion, synthesis, classification, evaluation, "
        "ratio_sweep, learning_curve, cross_validation"
    )


@pytest.mark.parametrize("by_variable", [True, False])
def test_an_unknown_environment_is_refused_with_the_known_ones(
    by_variable: bool, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    if by_variable:
        monkeypatch.setenv("KEDRO_ENV", "demmo")
    result = CliRunner().invoke(cli, ["run"] if by_variable else ["run", "--env=demmo"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: unknown environment demmo; conf has: base, demo, ")
