import pytest

from synthpath_kedro.commands.run_options import given_options, with_options


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"env": None, "conf_source": None, "params": {}}, ""),
        ({"env": "tiny"}, " --env=tiny"),
        (
            {"env": "tiny", "conf_source": "my conf", "params": {"seed": 3, "data_prep": {"path": "a b"}}},
            " --env=tiny '--conf-source=my conf' '--params=seed=3,data_prep.path=a b'",
        ),
    ],
)
def test_a_recommended_command_carries_what_was_given(options: dict, given: str) -> None:
    message = "no denoiser: run kedro run --pipelines=diffusion, or kedro run"
    assert with_options(message, given_options(options)) == (
        f"no denoiser: run kedro run{given} --pipelines=diffusion, or kedro run{given}"
    )


def test_what_the_command_says_itself_stays() -> None:
    assert with_options("in minutes: kedro run --env=demo", " --env=tiny") == "in minutes: kedro run --env=demo"
