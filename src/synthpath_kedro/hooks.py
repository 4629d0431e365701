"""What happens around a run: parameters are checked before it, the answer is printed after it."""

import logging
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import AbstractVersionedDataset, DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich import get_console
from rich.console import Console

from synthpath_kedro import pipeline_registry
from synthpath_kedro.data.artifact import package_versions
from synthpath_kedro.datasets import ScratchDataset
from synthpath_kedro.datasets.rank_zero import RankZeroDataset
from synthpath_kedro.datasets.versioned import versions_from_the_future
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.run_log import close_run_log, open_run_log
from synthpath_kedro.study.grid import ALL, Grid
from synthpath_kedro.training.distributed import destroy_process_group, init_process_group, rank, world_size

logger = logging.getLogger(__name__)

LOG_WIDTH = 160  # characters
DISTRIBUTED_PIPELINES = {"diffusion", "synthesis"}
TRAINING_PIPELINES = {"diffusion", "synthesis", "classification", *pipeline_registry.SWEEPS}
FIGURES_OF_SWEEPS = ("accuracy_by_ratio_figure", "learning_curve_figure", "synthetic_count_figure")


class StudyHooks:
    """Checks what the user gave before anything runs, and shows what came out."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        widen_log(get_console())
        self._parameters = read_parameters(dict(context.config_loader["parameters"]))
        self._grid = Grid.from_parameters(self._parameters)
        if not self._grid.selected:
            raise InputError(_no_such_cell(self._grid))
        pipeline_registry.use_grid(self._grid)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        if not self._grid.whole and not run_params["pipeline_names"]:
            raise InputError(
                f"the parameters model ({self._grid.model}) and regime ({self._grid.regime}) choose a cell of one "
                "pipeline; run it with kedro run --pipeline=classification"
            )
        _check_runner(run_params["runner"])
        _check_versions(run_params["load_versions"] or {}, catalog)
        _check_something_runs(self._parameters, run_params["pipeline_names"] or [], pipeline)
        if TRAINING_PIPELINES & _tags(pipeline):
            from synthpath_kedro.checks import check_settings

            check_settings(self._parameters)
        if "cross_validation" in _tags(pipeline):
            from synthpath_kedro.checks import check_cross_validation

            check_cross_validation(self._parameters)
        if run_params["only_missing_outputs"]:
            _check_same_data_all_along(self._grid, catalog)
        else:
            _check_inputs_exist(pipeline, catalog)
        _warn_of_future_versions(pipeline, catalog)
        if world_size() > 1:
            _setup_distributed(pipeline, catalog, run_params["pipeline_names"])

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        if world_size() > 1:
            destroy_process_group()
        outputs = pipeline.all_outputs()
        if "report" in outputs and catalog.exists("summary"):
            _show_result(catalog)
        for name in FIGURES_OF_SWEEPS:
            if name in outputs:
                print(f"Figure written to {_path(catalog, name)}")
        if "cross_validation_comparison_table" in outputs:
            print(f"Table written to {_path(catalog, 'cross_validation_comparison_table')}")


class LogHooks:
    """Keeps the log of a run; registered first, so that it is told last that a run begins: refused ones leave none."""

    @hook_impl(trylast=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        if rank() == 0:
            open_run_log(Path(catalog.load("logs"), f"run_{run_params['run_id']}.log"))
            logger.debug("python %s on %s; %s", platform.python_version(), platform.platform(), package_versions())
            logger.debug("environment %s, pipelines %s", run_params["env"], run_params["pipeline_names"] or "all")

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        close_run_log()


class ScratchHooks:
    """Removes what a node kept to resume from, once its results are saved."""

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        self._catalog = catalog

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        if dataset_name == node.outputs[-1]:
            self._remove(node)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        # ParallelRunner runs no hooks of datasets.
        for node in pipeline.nodes if world_size() == 1 else ():
            self._remove(node)

    def _remove(self, node: Node) -> None:
        for name in node.inputs:
            dataset = self._catalog[name]
            if isinstance(dataset, ScratchDataset) and rank() == 0:
                dataset.remove(node.namespace or "")


class RunTimeHooks:
    """Keeps how long each node took, saving included, for the report's table of cost; ParallelRunner runs no hooks."""

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        self._catalog = catalog
        self._starts: dict[str, float] = {}

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        self._starts[node.name] = time.monotonic()

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        if rank() > 0:
            return
        pipeline = next((name for name in pipeline_registry.PIPELINES if name in node.tags), "")
        own = {"pipeline": pipeline, "seconds": round(time.monotonic() - self._starts[node.name], 3)}
        # Read again each time: another process may train another cell.
        self._catalog.save("run_times", self._known() | {node.name: own})

    def _known(self) -> dict[str, dict[str, Any]]:
        try:
            known = self._catalog.load("run_times")
        except (DatasetError, InputError):
            known = None  # damaged; it serves the table of cost alone
        return known if isinstance(known, dict) else {}


def widen_log(console: Console) -> None:
    """Lets a log that goes to a file or a scheduler keep its lines whole; rich would break them at 80 characters."""
    if not console.is_terminal:
        console.width = LOG_WIDTH


def _no_such_cell(grid: Grid) -> str:
    valid = dict.fromkeys(cell.regime for cell in grid.cells if grid.model in (ALL, cell.model))
    own = f"classification.backbones.{grid.model}.regimes"
    place = own if grid.model in grid.own_regimes else "classification.regimes"
    return (
        f"the study has no cell {grid.model}/{grid.regime}; regimes of {grid.model}: {', '.join(valid)} "
        f"(add it to {place})"
    )


def _tags(pipeline: Pipeline) -> set[str]:
    return {tag for node in pipeline.nodes for tag in node.tags}


def _check_something_runs(parameters: Parameters, names: Sequence[str], pipeline: Pipeline) -> None:
    if not pipeline.nodes and list(names) == ["diffusion"]:
        sets = ", ".join(f"{name} ({one.source})" for name, one in parameters.synthesis.synthetic_sets.items())
        raise InputError(
            f"this study trains no denoiser: its synthetic images come from {sets}; run kedro run "
            "--pipelines=synthesis, or set synthesis.source to diffusion"
        )


def _check_runner(runner: str) -> None:
    if "ThreadRunner" in runner:
        raise InputError(
            "runner ThreadRunner runs cells in threads that share one stream of random numbers, so that the same seed "
            "gives other results; use --runner=ParallelRunner, or none"
        )


def _warn_of_future_versions(pipeline: Pipeline, catalog: DataCatalog) -> None:
    for name, version in versions_from_the_future(catalog, sorted(pipeline.datasets())).items():
        logger.warning(
            "%s has a version dated in the future, %s (a clock was set back?): a run takes the version that it makes "
            "itself, else the newest by name, which is this one; remove it, or choose with --load-versions=%s:VERSION",
            name,
            version,
            name,
        )


def _setup_distributed(pipeline: Pipeline, catalog: DataCatalog, names: Sequence[str]) -> None:
    """Makes the first of several processes the one that saves and logs."""
    if not names or set(names) - DISTRIBUTED_PIPELINES:
        raise InputError(
            f"torchrun serves the pipelines {' and '.join(sorted(DISTRIBUTED_PIPELINES))}; run the others without it: "
            "cells do not depend on each other, so start one process per cell with --params=model=...,regime=..."
        )
    init_process_group()
    kedro_io = logging.getLogger("kedro.io")
    level = kedro_io.level
    kedro_io.setLevel(logging.ERROR)  # the catalog warns of every dataset that is replaced
    for name in pipeline.all_outputs():
        if not isinstance(catalog[name], MemoryDataset):  # in memory each process has its own
            catalog[name] = RankZeroDataset(catalog[name])
    kedro_io.setLevel(level)
    if rank() > 0:
        logging.getLogger("kedro").setLevel(logging.WARNING)
        logging.getLogger("synthpath_kedro").setLevel(logging.WARNING)


def _check_same_data_all_along(grid: Grid, catalog: DataCatalog) -> None:
    """Refuses to complete a study whose data was prepared again since: what is there would be kept."""
    from synthpath_kedro.data.lineage import check_same_data

    cards = {}
    if catalog.exists("data_card"):
        cards["data_card"] = {"prepared": catalog.load("data_card").digest}
    if catalog.exists("denoiser"):
        cards["denoiser"] = {"prepared": catalog.load("denoiser").card.get("prepared")}
    for name in (grid.of_set("synthetic", synthetic_set) for synthetic_set in grid.sets):
        if catalog.exists(name):
            cards[name] = {"prepared": catalog.load(name).card.prepared}
    try:
        check_same_data(cards)
    except InputError as error:
        raise InputError(f"--only-missing-outputs keeps what is there, but {error}") from error


def _check_versions(asked: Mapping[str, str], catalog: DataCatalog) -> None:
    """Refuses ``--load-versions`` of what has no such version."""
    for name, version in asked.items():
        dataset = catalog[name]
        if not isinstance(dataset, AbstractVersionedDataset) or dataset._version is None:
            raise InputError(f"--load-versions: {name} has no versions")
        if not dataset.exists():
            place = Path(dataset._filepath)
            there = sorted(path.parent.name for path in place.glob(f"*/{place.name}"))
            raise InputError(
                f"--load-versions: {name} has no version {version}; there are: {', '.join(there) or 'none'}"
            )


def _check_inputs_exist(pipeline: Pipeline, catalog: DataCatalog) -> None:
    missing = _missing_inputs(pipeline, catalog)
    if missing:
        pipelines = ",".join(_pipelines_that_make(missing, catalog))
        raise InputError(f"{', '.join(sorted(missing))} not found; make it first: kedro run --pipelines={pipelines}")


def _missing_inputs(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    wanted = {name for name in pipeline.inputs() if not name.startswith(("params:", "parameters"))}
    return {name for name in wanted if not _is_optional(catalog, name) and not catalog.exists(name)}


def _pipelines_that_make(missing: set[str], catalog: DataCatalog) -> list[str]:
    pipelines = pipeline_registry.register_pipelines()
    needed: list[str] = []
    for name in reversed(pipeline_registry.PIPELINES):
        if missing & pipelines[name].all_outputs():
            needed.insert(0, name)
            missing = missing | _missing_inputs(pipelines[name], catalog)
    return needed


def _is_optional(catalog: DataCatalog, name: str) -> bool:
    return getattr(catalog[name], "optional", False)


def _show_result(catalog: DataCatalog) -> None:
    # Printed, not logged: the console's log has a margin and breaks a table's lines.
    print(catalog.load("summary"))
    print(f"Report written to {_path(catalog, 'report')}")


def _path(catalog: DataCatalog, name: str) -> str:
    return str(getattr(catalog[name], "path", name))
