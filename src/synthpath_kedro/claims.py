"""One run at a time writes an artifact: a second one that would write the same is refused, naming the first."""

from typing import Any, cast

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from synthpath_kedro.data.locks import LOCKS, Claim
from synthpath_kedro.datasets import ScratchDataset
from synthpath_kedro.pipeline_registry import PIPELINES, SWEEPS
from synthpath_kedro.training.distributed import rank

SHARED = ("cached_features", "filter")
"""Namespaces of what all cells of a model use: made by whoever comes first, the same whoever makes it."""


class ClaimHooks:
    """Claims what a run writes, from before its first node until it ends: each cell, and otherwise each pipeline.

    Refused rather than waiting: the run that is under way makes the same, and a job that waits holds its machine.
    """

    def __init__(self) -> None:
        self._claims: list[Claim] = []

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._release()  # of a run that was interrupted in a notebook
        if rank() > 0:
            return
        folder = cast(ScratchDataset, catalog["scratch"]).path / LOCKS
        try:
            for name in sorted(_written(pipeline, catalog)):
                claim = Claim(folder / f"{name}.lock", name)
                claim.take()
                self._claims.append(claim)
        except BaseException:
            self._release()
            raise

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        self._release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        self._release()

    def _release(self) -> None:
        while self._claims:
            self._claims.pop().release()


def claimed_for(node: Node) -> str | None:
    """What a run claims for ``node``, as in "classification/cnn/mixed"; None for what is shared."""
    stage = next(name for name in (*PIPELINES, *SWEEPS) if name in node.tags)
    first, *rest = (node.namespace or "").split(".")
    if first != "classifiers":
        return "report" if stage == "evaluation" else stage
    return None if rest[-1] in SHARED else "/".join([stage, *rest])


def _written(pipeline: Pipeline, catalog: Any) -> set[str]:
    """What is claimed for the nodes of ``pipeline`` that leave something on the disk."""
    in_memory = (MemoryDataset, SharedMemoryDataset)
    nodes = [node for node in pipeline.nodes if any(not isinstance(catalog[name], in_memory) for name in node.outputs)]
    return {claimed for node in nodes if (claimed := claimed_for(node)) is not None}
