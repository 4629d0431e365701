"""The project's command line: Kedro's own, with one clear line for a user's mistake."""

import copy
import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from kedro import KedroDeprecationWarning
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DatasetError, DatasetNotFoundError
from omegaconf.errors import OmegaConfBaseException

from synthpath_kedro.commands.environments import check_environment, find_project
from synthpath_kedro.commands.run_options import check_runner, check_selection, given_options, with_options
from synthpath_kedro.errors import InputError
from synthpath_kedro.run_log import close_run_log
from synthpath_kedro.stopping import Stopped, stoppable

COMMANDS = "synthpath_kedro.commands"
BUG = os.EX_SOFTWARE
"""Exit code of a fault of the program's own, 70; that of a user's mistake is 1."""
_MISTAKES = (InputError, MissingConfigException, OmegaConfBaseException, DatasetNotFoundError)
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

    def read_items(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            return read(context, parameter, accept_colons(value))
        except click.ClickException:
            raise
        except Exception as error:  # of YAML and OmegaConf, which read each value
            reason = " ".join(str(error).split())
            raise click.BadParameter(
                f"{value!r} cannot be read ({reason[:200]}); write such a value into a parameters file of an "
                "environment (kedro study new), or give a file to --config"
            ) from error

    option.callback = read_items
    return option


def explain_end(command: Callable[..., Any]) -> Callable[..., Any]:
    """Ends in one line, and never as if it had succeeded: for a user's mistake, a signal, or a node that just exits.

    A fault of the program's own keeps its traceback, on the terminal and in the run's log. The exit code is 1 for a
    mistake, 70 for such a fault, 143 for SIGTERM and 130 for SIGINT.
    """

    @functools.wraps(command)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            with stoppable():
                return command(*args, **kwargs)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Stopped as stop:
            close_run_log(stop)
            click.echo(f"Error: {stop}", err=True)
            sys.exit(stop.exit_code)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
            raise click.ClickException("something ended the program before its results were there") from end
        except Exception as error:
            log = close_run_log(error)
            mistake = _find_mistake(error)
            if mistake is not None:
                raise click.ClickException(mistake) from error
            _show_bug(error, log)
            sys.exit(BUG)

    return explained


def _find_mistake(error: BaseException) -> str | None:
    """The user's mistake that ``error`` is, or that Kedro has wrapped; None for a fault of the program's own.

    What was handled before ``error`` was raised (``__context__``) is another matter.
    """
    wrapped = error
    while isinstance(wrapped, DatasetError) and wrapped.__cause__ is not None:
        wrapped = wrapped.__cause__
    return " ".join(str(wrapped).split()) if isinstance(wrapped, _MISTAKES) else None


def _show_bug(error: Exception, log: Path | None) -> None:
    kept = "" if log is None else f", also in {log}"
    click.echo("".join(traceback.format_exception(error)), err=True)
    click.echo(
        f"Error: {type(error).__name__} is a fault of this program, not of what you gave; please report it with the "
        f"lines above{kept}",
        err=True,
    )


def _check_pipeline_names(names: list[str]) -> None:
    from synthpath_kedro.pipeline_registry import PIPELINES, SWEEPS

    unknown = [name for name in names if name not in (*PIPELINES, *SWEEPS, "__default__")]
    if unknown:
        raise InputError(f"unknown pipeline {', '.join(unknown)}; valid: {', '.join((*PIPELINES, *SWEEPS))}")


@explain_end
def _run(pipeline: str | None, pipelines: list[str], **options: Any) -> Any:
    names = [*([pipeline] if pipeline else []), *pipelines]
    _check_pipeline_names(names)
    check_runner(options["runner"])
    check_environment(options["env"], find_project(), options["conf_source"])
    try:
        with warnings.catch_warnings():
            # --pipeline is how users of this project name a pipeline; Kedro would rather have --pipelines.
            warnings.simplefilter("ignore", KedroDeprecationWarning)
            return kedro_run.callback(pipeline=pipeline, pipelines=pipelines, **options)  # type: ignore[misc]
    except Exception as error:
        mistake = _find_mistake(error)
        if mistake is not None:
            raise InputError(with_options(mistake, given_options(options))) from error
        check_selection(error, names, options)
        raise


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
