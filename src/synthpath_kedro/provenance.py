"""With which parameters, files, data and code each node's results were made: a study is completed by its like alone."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import BaseModel

from synthpath_kedro.data.artifact import AtomicFile, Card
from synthpath_kedro.errors import InputError
from synthpath_kedro.pipeline_registry import PIPELINES
from synthpath_kedro.training.distributed import rank

_DECIDES_NOTHING = ("training", "model", "regime")
"""Blocks that say how a run goes and which cells it is about, not what comes out."""
_GATES = ("study_check", "generator_cost")
"""What a node waits for without reading it."""
_PATHS = ("path", "start_from", "weights")


class ProvenanceHooks:
    """Records with what each node's results were made, one file per node below ``provenance``.

    ``--only-missing-outputs`` keeps what is there: it is refused where that was made with anything else.
    """

    _folder: Path | None = None

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._folder, self._catalog = Path(catalog.load("provenance")), catalog
        self._facts = {node.name: _facts(node, pipeline, catalog) for node in pipeline.nodes}
        if run_params["only_missing_outputs"]:
            _check_made_alike(pipeline, catalog, self._now, self._folder)
        elif "ParallelRunner" in str(run_params["runner"]):  # its processes do not say what they have saved
            for node in pipeline.nodes:
                self._place(node).unlink(missing_ok=True)

    @hook_impl
    def before_dataset_saved(self, node: Node) -> None:
        if self._folder is not None and rank() == 0:
            self._place(node).unlink(missing_ok=True)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        if self._folder is not None and rank() == 0 and dataset_name == node.outputs[-1]:
            self._record(node)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        for node in pipeline.nodes if rank() == 0 else ():
            if not self._place(node).exists():
                self._record(node)

    def _record(self, node: Node) -> None:
        if _saved(node, self._catalog):
            with AtomicFile(self._place(node)) as file:
                file.write(json.dumps(self._now(node), indent=1, sort_keys=True).encode())

    def _now(self, node: Node) -> Card:
        """With what the node makes its results now."""
        return self._facts[node.name] | {"code": code_digest(), "data": _prepared(self._catalog)}

    def _place(self, node: Node) -> Path:
        return _place(self._folder or Path(), node)


@cache
def code_digest() -> str:
    """SHA-256 of this package's modules."""
    sha = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        sha.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return sha.hexdigest()


def _check_made_alike(pipeline: Pipeline, catalog: DataCatalog, now: Any, folder: Path) -> None:
    """Refuses to keep results that were made with something else than what would make them now."""
    others = {node: _difference(_read(_place(folder, node)), now(node)) for node in _there(pipeline, catalog)}
    others = {node: difference for node, difference in others.items() if difference}
    if others:
        node, difference = next(iter(others.items()))
        stages = [name for name in PIPELINES if any(name in node.tags for node in others)]
        later = PIPELINES[PIPELINES.index(stages[0]) :] if stages else PIPELINES
        raise InputError(
            f"--only-missing-outputs keeps what is there, but {difference} ({node.name} and {len(others) - 1} more "
            f"nodes); make it again: kedro run --pipelines={','.join(later)}"
        )


def _there(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Node]:
    """The nodes of which a result lies on the disk."""
    return (node for node in pipeline.nodes if any(catalog.exists(name) for name in _saved(node, catalog)))


def _difference(then: Card | None, now: Card) -> str:
    """In words; "" where there is none."""
    if then is None:
        return "it is not known with which parameters it was made"
    for what in ("parameters", "files"):
        before, after = then.get(what, {}), now[what]
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                if what == "files":
                    return f"the files at {key} are not those that it was made from"
                return f"{key} is {after.get(key)!r} and it was made with {before.get(key)!r}"
    if then.get("data") not in (None, now["data"]) and now["data"] is not None:
        return f"the data was prepared again since (then {str(then['data'])[:12]}, now {str(now['data'])[:12]})"
    return "" if then.get("code") == now["code"] else "it was made by another version of this program"


def _facts(node: Node, pipeline: Pipeline, catalog: DataCatalog) -> Card:
    blocks: Card = {}
    for name in sorted(_parameters(node, pipeline, catalog)):
        value = catalog.load(name)
        own = {} if name == "parameters" else {name.removeprefix("params:"): value}
        blocks |= dict(value) if name == "parameters" else own
    decide = {key: value for key, value in blocks.items() if key.partition(".")[0] not in _DECIDES_NOTHING}
    parameters = dict(_flat(decide))
    paths = {key: value for key, value in parameters.items() if key.rpartition(".")[2] in _PATHS}
    return {"parameters": parameters, "files": {key: found for key, path in paths.items() if (found := _files(path))}}


def _parameters(node: Node, pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    """Names of the parameters that it reads, itself or by what is only in memory."""
    makers = {name: maker for maker in pipeline.nodes for name in maker.outputs}
    found: set[str] = set()
    to_do, seen = [node], {node.name}
    while to_do:
        for name in to_do.pop().inputs:
            if name == "parameters" or name.startswith("params:"):
                found.add(name)
            elif name in _GATES:
                continue
            elif isinstance(catalog[name], MemoryDataset) and name in makers and makers[name].name not in seen:
                seen.add(makers[name].name)
                to_do.append(makers[name])
    return found


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    values = values.model_dump(mode="json") if isinstance(values, BaseModel) else values
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, json.loads(json.dumps(values, default=str))


def _files(path: Any) -> str:
    """What tells whether files are those of before: names, sizes and times; "" where there are none."""
    place = Path(str(path)).expanduser()
    if not path or not place.exists():
        return ""
    found = [place] if place.is_file() else sorted(one for one in place.rglob("*") if one.is_file())
    stats = [(one.relative_to(place.parent).as_posix(), one.stat()) for one in found]
    listed = json.dumps([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])
    return hashlib.sha256(listed.encode()).hexdigest()


def _prepared(catalog: DataCatalog) -> str | None:
    return catalog.load("data_card").digest if catalog.exists("data_card") else None


def _saved(node: Node, catalog: DataCatalog) -> list[str]:
    return [name for name in node.outputs if not isinstance(catalog[name], MemoryDataset)]


def _place(folder: Path, node: Node) -> Path:
    return folder / f"{node.name}.json"


def _read(path: Path) -> Card | None:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return None  # damaged: not known
