"""The project's command line: Kedro's own, with one clear line for a user's mistake."""

import copy
import functools
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
from kedro import KedroDeprecationWarning
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run

from synthpath_kedro.commands.environments import check_environment, find_project
from synthpath_kedro.errors import InputError
from synthpath_kedro.stopping import Stopped, stoppable

COMMANDS = "synthpath_kedro.commands"
STUDY_COMMANDS = ("new", "plan", "pretrain", "use", "check", "see")


@click.group(name="synthpath_kedro")
def cli() -> None:
    """Does synthetic data help this classifier on this data?"""


def accept_colons(value: Any) -> Any:
    """Turns "model:clip,regime:mixed" into what Kedro reads, "model=clip,regime=mixed".

    Each item is split at the first "=" or ":", whichever comes first.
    """
    if not isinstance(value, str):
        return value
    return ",".join(_split_at_equals(item) for item in value.split(","))


def _split_at_equals(item: str) -> str:
    key = item.partition("=")[0]
    return item.replace(":", "=", 1) if ":" in key else item


def _accepting_colons(option: click.Parameter) -> click.Parameter:
    option = copy.copy(option)
    read = option.callback
    assert read is not None
    option.callback = lambda context, parameter, value: read(context, parameter, accept_colons(value))
    return option


def explain_end(command: Callable[..., Any]) -> Callable[..., Any]:
    """Ends in one line, and never as if it had succeeded: for a user's mistake, a signal, or a node that just exits.

    The exit code is 1 for a mistake, 143 for SIGTERM and 130 for SIGINT.
    """

    @functools.wraps(command)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            with stoppable():
                return command(*args, **kwargs)
        except Stopped as stop:
            click.echo(f"Error: {stop}", err=True)
            sys.exit(stop.exit_code)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
            raise click.ClickException("something ended the program before its results were there") from end
        except Exception as error:
            mistake = _find_mistake(error)
            if mistake is None:
                raise
            raise click.ClickException(mistake) from error

    return explained


def _find_mistake(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, InputError | MissingConfigException):
            return " ".join(str(error).split())
        error = error.__cause__ or error.__context__
    return None


def _check_pipeline_names(names: list[str]) -> None:
    from synthpath_kedro.pipeline_registry import PIPELINES, SWEEPS

    unknown = [name for name in names if name not in (*PIPELINES, *SWEEPS, "__default__")]
    if unknown:
        raise InputError(f"unknown pipeline {', '.join(unknown)}; valid: {', '.join((*PIPELINES, *SWEEPS))}")


@explain_end
def _run(pipeline: str | None, pipelines: list[str], **options: Any) -> Any:
    _check_pipeline_names([*([pipeline] if pipeline else []), *pipelines])
    check_environment(options["env"], find_project())
    with warnings.catch_warnings():
        # --pipeline is how users of this project name a pipeline; Kedro would rather have --pipelines.
        warnings.simplefilter("ignore", KedroDeprecationWarning)
        return kedro_run.callback(pipeline=pipeline, pipelines=pipelines, **options)  # type: ignore[misc]


run = copy.copy(kedro_run)
run.callback = _run
run.params = [_accepting_colons(option) if option.name == "params" else option for option in kedro_run.params]
cli.add_command(run)


class StudyCommands(click.Group):
    """The commands of ``synthpath_kedro.commands``, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Names, in the order in which they are used."""
        return list(STUDY_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, which shows a user's mistake as one line."""
        if cmd_name not in STUDY_COMMANDS:
            return None
        command = copy.copy(getattr(import_module(f"{COMMANDS}.{cmd_name}"), cmd_name))
        command.callback = explain_end(command.callback)
        return command


@cli.group(cls=StudyCommands)
def study() -> None:
    """Environments of your own, what a study will cost, DVC, and a check for CI."""
