"""What happens around a run: parameters are checked before it, the answer is printed after it."""

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich import get_console
from rich.console import Console

from synthpath_kedro import pipeline_registry
from synthpath_kedro.datasets import ShardsDataset
from synthpath_kedro.datasets.rank_zero import RankZeroDataset
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import read_parameters
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.training.distributed import join, leave, rank, world_size

if TYPE_CHECKING:
    from synthpath_kedro.data.images import LabeledImages

logger = logging.getLogger(__name__)

LONG = 6 * 3600  # seconds
LOG_WIDTH = 160  # characters
SCRATCH = {"train_denoiser": "diffusion_scratch", "train_classifier": "classification_scratch"}  # by node
SPREAD = {"diffusion", "synthesis"}  # pipelines that several processes run together


class StudyHooks:
    """Checks what the user gave before anything runs, and shows what came out."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        widen_log(get_console())
        parameters = read_parameters(dict(context.config_loader["parameters"]))
        self._grid = Grid.from_parameters(parameters)
        if not self._grid.selected:
            raise InputError(
                f"the study has no cell {self._grid.model}/{self._grid.regime}; "
                f"classification.models: {', '.join(self._grid.models)}; "
                f"classification.regimes: {', '.join(self._grid.regimes)}"
            )
        pipeline_registry.use_grid(self._grid)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        if not self._grid.whole and not run_params["pipeline_names"]:
            raise InputError(
                "the parameters model and regime choose a cell of one pipeline; run it with "
                f"kedro run --pipeline=classification --params=model={self._grid.model},regime={self._grid.regime}"
            )
        if run_params["only_missing_outputs"]:
            _check_same_data_all_along(catalog)
        else:
            _check_inputs_exist(pipeline, catalog, run_params["env"])
        if world_size() > 1:
            setup_distributed(pipeline, catalog, run_params["pipeline_names"])

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        if world_size() > 1:
            leave()
        outputs = pipeline.all_outputs()
        if "report" in outputs:
            _show_result(catalog)
        if "accuracy_by_ratio_figure" in outputs:
            print(f"Figure written to {_path(catalog, 'accuracy_by_ratio_figure')}")


class CostHooks:
    """Says what training the denoiser and synthesis will cost, as soon as the training images are known."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._parameters = read_parameters(dict(context.config_loader["parameters"]))

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        self._to_tell = any(node.name == "train_denoiser" for node in pipeline.nodes)

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        if node.name == "prepare_images":
            self._tell(outputs["real_train"])

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        if node.name == "train_denoiser":
            self._tell(inputs["real_train"])

    def _tell(self, real_train: "LabeledImages") -> None:
        if not self._to_tell:
            return
        from synthpath_kedro.diffusion.cost import estimate_cost

        self._to_tell = False
        parameters = self._parameters
        cost = estimate_cost(parameters.diffusion, parameters.synthesis, len(real_train), real_train.image_size)
        logger.info(cost.describe())
        if cost.device == "CPU" and cost.seconds > LONG:
            logger.warning("This is a study for a GPU; the same study in minutes: kedro run --env=demo")


class ScratchHooks:
    """Removes what a training kept to resume from, once its result is saved."""

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        self._catalog = catalog

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        if dataset_name == node.outputs[-1]:
            self._remove(node)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        # ParallelRunner runs no hooks of datasets; torchrun's processes do, and have removed the files together.
        for node in pipeline.nodes if world_size() == 1 else ():
            self._remove(node)

    def _remove(self, node: Node) -> None:
        scratch = SCRATCH.get(node.name.rpartition(".")[2])
        if scratch is None:
            return
        from synthpath_kedro.training.trainer import remove_scratch

        remove_scratch(self._catalog.load(scratch).joinpath(*(node.namespace or "").split(".")))


class EarlyChecks:
    """Says before hours of training what synthesis and evaluation would say after them."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._parameters = read_parameters(dict(context.config_loader["parameters"]))

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        names = {node.name for node in pipeline.nodes}
        self._synthesis, self._attacks = "generate_shards" in names, any(name.endswith(".attack") for name in names)
        if {"train_denoiser", "generate_shards"} <= names:
            from synthpath_kedro.diffusion.synthesis import check_sampling

            check_sampling(self._parameters.synthesis, self._parameters.diffusion)

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        if node.name != "prepare_images":
            return
        real_train: LabeledImages = outputs["real_train"]
        if self._synthesis:
            from synthpath_kedro.diffusion.allocation import allocate

            allocate(self._parameters.synthesis, real_train.class_names, real_train.class_counts)
        if self._attacks:
            from synthpath_kedro.metrics.robustness import check_attacks

            check_attacks(self._parameters.evaluation.attacks, real_train.n_classes)


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
        stage = next((name for name in pipeline_registry.PIPELINES if name in node.tags), "")
        own = {"stage": stage, "seconds": round(time.monotonic() - self._starts[node.name], 3)}
        # Read anew each time: another process may train another cell.
        self._catalog.save("run_times", self._known() | {node.name: own})

    def _known(self) -> dict[str, dict[str, Any]]:
        try:
            known = self._catalog.load("run_times")
        except DatasetError:
            known = None  # damaged; it serves the table of cost alone
        return known if isinstance(known, dict) else {}


def widen_log(console: Console) -> None:
    """Lets a log that goes to a file or a scheduler keep its lines whole; rich would break them at 80 characters."""
    if not console.is_terminal:
        console.width = LOG_WIDTH


def setup_distributed(pipeline: Pipeline, catalog: DataCatalog, names: Sequence[str]) -> None:
    """Makes the first of several processes the one that saves and speaks."""
    if not names or set(names) - SPREAD:
        raise InputError(
            f"torchrun serves the pipelines {' and '.join(sorted(SPREAD))}; run the others without it: cells do not "
            "depend on each other, so start one process per cell with --params=model=...,regime=..."
        )
    join()
    kedro_io = logging.getLogger("kedro.io")
    level = kedro_io.level
    kedro_io.setLevel(logging.ERROR)  # the catalog warns of every dataset that is replaced
    for name in pipeline.all_outputs():
        if not isinstance(catalog[name], ShardsDataset):
            catalog[name] = RankZeroDataset(catalog[name])
    kedro_io.setLevel(level)
    if rank() > 0:
        logging.getLogger("kedro").setLevel(logging.WARNING)
        logging.getLogger("synthpath_kedro").setLevel(logging.WARNING)


def _check_same_data_all_along(catalog: DataCatalog) -> None:
    """Refuses to fill up a study whose data was prepared anew since: what is there would be kept."""
    from synthpath_kedro.data.lineage import check_same_data

    cards = {name: _card(catalog, name) for name in ("data_card", "denoiser", "synthetic_manifest")}
    if data_card := cards["data_card"]:
        cards["data_card"] = {"prepared": data_card.get("digest")}
    try:
        check_same_data({name: card for name, card in cards.items() if card})
    except InputError as error:
        raise InputError(f"--only-missing-outputs keeps what is there, but {error}") from error


def _card(catalog: DataCatalog, name: str) -> dict[str, Any]:
    if not catalog.exists(name):
        return {}
    found = catalog.load(name)
    return {"prepared": found.card.get("prepared")} if hasattr(found, "card") else found


def _check_inputs_exist(pipeline: Pipeline, catalog: DataCatalog, environment: str | None) -> None:
    missing = _missing_inputs(pipeline, catalog)
    if missing:
        option = f" --env={environment}" if environment else ""
        stages = ",".join(_stages_that_make(missing, catalog))
        raise InputError(
            f"{', '.join(sorted(missing))} not found; make it first: kedro run --pipelines={stages}{option}"
        )


def _missing_inputs(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    wanted = {name for name in pipeline.inputs() if not name.startswith(("params:", "parameters"))}
    return {name for name in wanted if not _is_optional(catalog, name) and not catalog.exists(name)}


def _stages_that_make(missing: set[str], catalog: DataCatalog) -> list[str]:
    stages = pipeline_registry.register_pipelines()
    needed: list[str] = []
    for name in reversed(pipeline_registry.PIPELINES):
        if missing & stages[name].all_outputs():
            needed.insert(0, name)
            missing = missing | _missing_inputs(stages[name], catalog)
    return needed


def _is_optional(catalog: DataCatalog, name: str) -> bool:
    return getattr(catalog[name], "_optional", False)


def _show_result(catalog: DataCatalog) -> None:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.tables import as_text

    title = "Table 4.1, real test set: accuracy / macro F1 / AUC"
    note = source_note(catalog.load("data_card"))
    # Printed, not logged: the console's log has a margin and breaks a table's lines.
    print(as_text(catalog.load("table_4_1"), title, note))
    print("study: single runs on PathMNIST at 64x64, as published")
    print(f"Report written to {_path(catalog, 'report')}")


def _path(catalog: DataCatalog, name: str) -> str:
    return str(getattr(catalog[name], "_filepath", name))
