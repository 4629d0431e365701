"""The project's command line: Kedro's own, with one clear line for a user's mistake."""

import copy
import functools
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from kedro import KedroDeprecationWarning
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run

from synthpath_kedro.errors import InputError
from synthpath_kedro.pipeline_registry import PIPELINES, SWEEPS
from synthpath_kedro.study.grid import Grid


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


def explain_input_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Shows a user's mistake as one line instead of a traceback; the exit code is 1."""

    @functools.wraps(command)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
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
    unknown = [name for name in names if name not in (*PIPELINES, *SWEEPS, "__default__")]
    if unknown:
        raise InputError(f"unknown pipeline {', '.join(unknown)}; valid: {', '.join((*PIPELINES, *SWEEPS))}")


def _check_environment(name: str | None) -> None:
    name = name or os.environ.get("KEDRO_ENV")
    known = sorted(path.name for path in Path("conf").glob("*") if path.is_dir())
    if name and known and name not in known:
        raise InputError(f"unknown environment {name}; conf has: {', '.join(known)}")


@explain_input_errors
def _run(pipeline: str | None, pipelines: list[str], **options: Any) -> Any:
    _check_pipeline_names([*([pipeline] if pipeline else []), *pipelines])
    _check_environment(options["env"])
    with warnings.catch_warnings():
        # --pipeline is how users of this project name a pipeline; Kedro would rather have --pipelines.
        warnings.simplefilter("ignore", KedroDeprecationWarning)
        return kedro_run.callback(pipeline=pipeline, pipelines=pipelines, **options)  # type: ignore[misc]


run = copy.copy(kedro_run)
run.callback = _run
run.params = [_accepting_colons(option) if option.name == "params" else option for option in kedro_run.params]
cli.add_command(run)


@cli.command()
@click.argument("name", type=click.Choice(["environment", *PIPELINES, "report"]))
@click.argument("model", required=False)
@click.argument("regime", required=False)
@explain_input_errors
def stage(name: str, model: str | None, regime: str | None) -> None:
    """Run one stage of dvc.yaml in the environment that KEDRO_ENV names."""
    from synthpath_kedro.stages import create_output_dirs, read_environment, record_environment

    project = Path.cwd()
    if name == "environment":
        record_environment(project)
        return
    create_output_dirs(project, name, model, regime)
    environment, parameters = read_environment(project)
    options = ["--pipelines=evaluation", "--tags=report"] if name == "report" else [f"--pipelines={name}"]
    if model and regime:
        if (model, regime) not in {cell[:2] for cell in Grid.from_parameters(parameters).cells}:
            click.echo(f"{model}/{regime} is not a cell of the {environment} study")
            return
        options.append(f"--params=model={model},regime={regime}")
    run.main(args=options, standalone_mode=False)
