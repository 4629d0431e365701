"""``kedro study check``: the verdicts, for people and for CI."""

import json
from pathlib import Path
from typing import Any

import click

from synthpath_kedro.commands.environments import find_environment
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.regimes import REGIMES

FOUND = 3
"""Exit code where a verdict is one that was to fail."""
VERDICTS = ("helps", "hurts", "no_evidence", "no_verdict")
_KEYS = ("model", "regime", "set", "baseline", "metric", "difference", "ci_low", "ci_high", "verdict")


@click.command()
@click.option("--env", "name", help="The environment; default: KEDRO_ENV, else base.")
@click.option(
    "--fail-if",
    type=click.Choice(VERDICTS),
    multiple=True,
    help=f"Exit with {FOUND} where a comparison that is no control has this verdict; can be given several times.",
)
@click.option("--metric", default="accuracy", show_default=True, help="The metric that is checked; all: every one.")
@click.pass_context
def check(context: click.Context, name: str | None, fail_if: tuple[str, ...], metric: str) -> None:
    """Print the verdict of every comparison.

    The exit code is 0, 3 where a verdict is one that --fail-if names, and 1 where there is no verdict yet.
    """
    environment = find_environment(name)
    path = Path(environment.root, "08_reporting", "verdict.json")
    comparisons = read_verdicts(environment.project / path, path, environment.option)
    comparisons = _of_metric(comparisons, metric)
    for comparison in comparisons:
        click.echo(_line(comparison))
    found = [one["verdict"] for one in comparisons if one["verdict"] in fail_if and not _is_control(one)]
    if found:
        click.echo(f"{len(found)} of {len(comparisons)} comparisons: {', '.join(sorted(set(found)))}", err=True)
        context.exit(FOUND)


def read_verdicts(path: Path, shown: Path, option: str) -> list[dict[str, Any]]:
    """The comparisons of a verdict.json.

    Args:
        path: the file.
        shown: the same for messages.
        option: of ``kedro run``, which makes it.

    Raises:
        InputError: there is none, or it is damaged.
    """
    hint = f"make it with kedro run{option} --pipelines=evaluation --tags=report"
    if not path.exists():
        raise InputError(f"{shown} does not exist; {hint} (the whole study: kedro run{option})")
    try:
        comparisons = json.loads(path.read_text())["comparisons"]
        damaged = any(one["verdict"] not in VERDICTS or any(key not in one for key in _KEYS) for one in comparisons)
    except (ValueError, KeyError, TypeError):
        damaged = True
    if damaged:
        raise InputError(f"{shown} is damaged; remove it and {hint}")
    return list(comparisons)


def _of_metric(comparisons: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(one["metric"] for one in comparisons))
    if metric not in (*names, "all") and names:
        raise InputError(f"unknown metric {metric!r}; valid: all, {', '.join(names)}")
    return [one for one in comparisons if metric in (one["metric"], "all")]


def _is_control(one: dict[str, Any]) -> bool:
    regime = REGIMES.get(one["regime"])
    return regime is not None and regime.is_control


def _line(one: dict[str, Any]) -> str:
    compared = "/".join(filter(None, (one["model"], one["regime"], one["set"])))
    control = "control " if _is_control(one) else ""
    line = f"{control}{compared} against {one['baseline']}: {one['verdict'].replace('_', ' ')}"
    numbers = [one[key] for key in ("difference", "ci_low", "ci_high")]
    if any(number is None for number in numbers):
        return line
    difference, low, high = numbers
    return f"{line} ({one['metric']} {difference:+.3f}, 95 % CI {low:+.3f} to {high:+.3f})"
