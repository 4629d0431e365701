"""The options of ``kedro run``: mistakes in them that Kedro finds, and advice that keeps them."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.utils import load_obj

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.table import nearest_names

_RUNNERS = ("SequentialRunner", "ParallelRunner", "ThreadRunner")
_KEPT = {"env": "--env", "conf_source": "--conf-source"}
_COMMAND = re.compile(r"kedro run\b((?: --?[\w-]+(?:=\S+)?)*)")


def check_runner(name: str | None) -> None:
    """Refuses a runner that does not exist.

    Raises:
        InputError: there is no class of that name.
    """
    try:
        load_obj(name or _RUNNERS[0], "kedro.runner")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"unknown runner {name}; valid: {', '.join(_RUNNERS)}, or the dotted path of a class"
            f"{nearest_names(str(name), _RUNNERS)}"
        ) from error


def check_selection(error: Exception, names: Sequence[str], options: Mapping[str, Any]) -> None:
    """Explains an ``error`` of Kedro's when it chose the nodes that are to run.

    Args:
        error: whatever ended the run.
        names: of the pipelines; none: the whole study.
        options: of the command line.

    Raises:
        InputError: the pipelines have no such node, tag, dataset or namespace, or nothing is left to run.
    """
    if not isinstance(error, ValueError) or not _raised_in(error, Pipeline.__module__):
        return
    pipeline = sum((pipelines[name] for name in names or ["__default__"]), Pipeline([]))
    nodes = {node.name for node in pipeline.nodes}
    known: dict[str, tuple[str, Collection[str]]] = {
        "tags": ("tag", {tag for node in pipeline.nodes for tag in node.tags}),
        "node_names": ("node", nodes),
        "from_nodes": ("node", nodes),
        "to_nodes": ("node", nodes),
        "from_inputs": ("dataset", pipeline.datasets()),
        "to_outputs": ("dataset", pipeline.datasets()),
        "namespaces": ("namespace", {prefix for name in nodes for prefix in _prefixes(name)}),
    }
    for option, (what, valid) in known.items():
        for name in options[option] or ():
            if name not in valid:
                raise InputError(f"unknown {what} {name}; {_hint(name, valid)}") from error
    chosen = ", ".join(f"{what} {', '.join(options[key])}" for key, (what, _) in known.items() if options[key])
    if chosen:
        raise InputError(f"no node is left to run: these exclude each other: {chosen}") from error


def given_options(options: Mapping[str, Any]) -> str:
    """What a recommended command carries on: environment, source of the configuration and parameters."""
    kept = [f"{flag}={options[key]}" for key, flag in _KEPT.items() if options.get(key)]
    parameters = ",".join(f"{key}={value}" for key, value in _flat(options.get("params") or {}).items())
    if parameters:
        kept.append(f"--params={parameters}")
    return "".join(f" {shlex.quote(option)}" for option in kept)


def with_options(message: str, given: str) -> str:
    """``message`` whose commands ``kedro run`` carry on the options that were ``given``, as far as they have not."""
    flags = shlex.split(given)

    def complete(command: re.Match[str]) -> str:
        present = {option.partition("=")[0] for option in command[1].split()}
        missing = [flag for flag in flags if flag.partition("=")[0] not in present]
        return "kedro run" + "".join(f" {shlex.quote(flag)}" for flag in missing) + command[1]

    return _COMMAND.sub(complete, message)


def _raised_in(error: Exception, module: str) -> bool:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_globals.get("__name__") == module


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")[:-1]
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _hint(name: str, valid: Collection[str]) -> str:
    listed = sorted(valid)
    within = [one for one in listed if name in one]
    nearest = f"; did you mean {' or '.join(within[:3])}?" if within else nearest_names(name, listed)
    return f"valid: {', '.join(listed)}{nearest}" if len(listed) <= 20 else f"there are {len(listed)}{nearest}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found
