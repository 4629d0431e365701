"""``kedro study plan``: what a study will need, before anything runs."""

import shutil
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthpath_kedro.commands.environments import Environment, find_environment
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.plan import Plan, make_plan

_WIDTH = 120  # characters, where the output is no terminal


@click.command()
@click.option("--env", "name", help="The environment; default: KEDRO_ENV, else base.")
@click.option("--probe/--no-probe", default=True, show_default=True, help="Time short steps on this machine.")
def plan(name: str | None, probe: bool) -> None:
    """Say what a study will need: weights, time, memory, disk, and what would be refused.

    Nothing is trained, written or downloaded. The exit code is 1 where the study would be refused.
    """
    environment = find_environment(name)
    parameters = environment.read_parameters()
    found = make_plan(parameters, environment.project / environment.root, probe)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    _show(found, environment, parameters, console)
    if found.refusals:
        console.print("[bold]It would be refused:[/bold]")
        for reason in found.refusals:
            console.print(f"- {escape(reason)}")
        raise InputError(f"the study {environment.name} would be refused for the reasons above")
    console.print(f"Nothing is known that would stop it. Next: kedro run{environment.option}")


def _show(found: Plan, environment: Environment, parameters: Parameters, console: Console) -> None:
    images = found.images
    console.print(f"[bold]Plan of the study {environment.name}[/bold], results in {escape(environment.root)}")
    if images is None:
        console.print("Images: unknown before data_prep has run")
    else:
        about = "" if images.exact else "about "
        size = parameters.data_prep.image_size
        console.print(f"Images: {about}{images.train} train, {images.val} val, {images.test} test at {size} pixels")
    console.print(_origins_table(found))
    console.print(_steps_table(found))
    console.print("Estimates: short measurements on this machine, counted up. Classifiers may stop sooner (patience).")
    free = _free_bytes(environment.project / environment.root)
    if found.disk_bytes is not None and found.disk_bytes > free:
        console.print(f"[bold]The disk has {_bytes(free)} free, less than the results take.[/bold]")


def _origins_table(found: Plan) -> Table:
    table = Table(
        "data and first weights", "status", "from", title="At hand and to be downloaded", title_justify="left"
    )
    for one in found.origins:
        table.add_row(one.name, one.status, escape(one.place))
    return table


def _steps_table(found: Plan) -> Table:
    table = Table("step", title="Estimates", title_justify="left")
    for column in ("time", "memory", "disk"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("note")
    for step in found.steps:
        row = (_duration(step.seconds), _bytes(step.memory_bytes), _bytes(step.disk_bytes))
        table.add_row(step.name, *row, step.note)
    known = [step.seconds for step in found.steps if step.seconds is not None]
    disk = sum(step.disk_bytes for step in found.steps if step.disk_bytes is not None)
    table.add_section()
    table.add_row(
        "together, of what is known", _duration(sum(known) if known else None), _bytes(found.memory_bytes), _bytes(disk)
    )
    table.add_section()
    for step in found.on_request:
        table.add_row(f"kedro run --pipelines={step.name}", _duration(step.seconds), "", "", step.note)
    return table


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if seconds < 1:
        return "< 1 s"
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.0f} days"
    return str(timedelta(seconds=round(seconds)))


def _bytes(number: float | None) -> str:
    if number is None:
        return "unknown"
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _free_bytes(folder: Path) -> int:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free
