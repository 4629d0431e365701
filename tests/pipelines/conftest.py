from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.markers import HOOK_NAMESPACE
from kedro.framework.hooks.specs import DatasetSpecs, NodeSpecs
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from pluggy import PluginManager

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.parameters import Parameters, read_parameters

Run = Callable[..., dict]


class Made:
    """Remembers what nodes gave: the runner releases a dataset as soon as no node needs it."""

    def __init__(self) -> None:
        self.data: dict[str, object] = {}

    @hook_impl
    def after_node_run(self, outputs: dict[str, object]) -> None:
        self.data |= outputs


@pytest.fixture
def parameters(project: Path) -> Parameters:
    """The tiny environment's parameters."""
    loader = OmegaConfigLoader(
        str(project / "conf"),
        env="tiny",
        base_env="base",
        default_run_env="local",
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )
    return read_parameters(dict(loader["parameters"]))


@pytest.fixture
def run(parameters: Parameters) -> Run:
    """Runs a pipeline on an in-memory catalog; gives every dataset that it made."""

    def run_pipeline(pipeline: Pipeline, **inputs: object) -> dict:
        values = {f"params:{name}": getattr(parameters, name) for name in Parameters.model_fields}
        values |= {"parameters": parameters.model_dump()} | {name.replace("__", "."): v for name, v in inputs.items()}
        catalog = DataCatalog({name: MemoryDataset(value, copy_mode="assign") for name, value in values.items()})
        for name in pipeline.all_outputs():
            catalog[name] = MemoryDataset(copy_mode="assign")
        made = Made()
        hooks = PluginManager(HOOK_NAMESPACE)
        for specifications in (NodeSpecs, DatasetSpecs):
            hooks.add_hookspecs(specifications)
        hooks.register(made)
        SequentialRunner().run(pipeline, catalog, hooks)
        return made.data

    return run_pipeline


@pytest.fixture
def splits() -> Splits:
    """Three classes of 16x16 images that differ in brightness."""
    generator = np.random.default_rng(0)

    def draw(n: int) -> LabeledImages:
        labels = np.arange(n) % 3
        pixels = generator.integers(0, 60, (n, 16, 16, 3)) + 90 * labels[:, None, None, None]
        card = {"source": "test", "name": "test", "prepared": "p"}
        return LabeledImages(pixels.astype(np.uint8), labels, ("dark", "gray", "light"), card=card)

    return Splits(draw(30), draw(12), draw(12))
