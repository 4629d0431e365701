from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from synthpath_kedro.data.artifact import Artifact, Recipe, read_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.settings import CONFIG_LOADER_ARGS

Run = Callable[..., dict]


class KeptDataset(MemoryDataset):
    """Stays in memory when the runner has no more use for it; a recipe is made when it is saved."""

    def save(self, data: object) -> None:
        super().save(_made(data) if isinstance(data, Recipe) else data)

    def _release(self) -> None:
        pass


def _made(recipe: Recipe) -> Artifact:
    with TemporaryDirectory() as folder:
        recipe.write(Path(folder) / "made")
        made = read_artifact(Path(folder) / "made")
        return Artifact({name: np.array(array) for name, array in made.tensors.items()}, made.card)


@pytest.fixture
def parameters(project: Path) -> Parameters:
    """The tiny environment's parameters."""
    loader = OmegaConfigLoader(str(project / "conf"), env="tiny", **CONFIG_LOADER_ARGS)
    return read_parameters(dict(loader["parameters"]))


@pytest.fixture
def run(parameters: Parameters) -> Run:
    """Runs a pipeline on an in-memory catalog; gives every dataset that it made."""

    def run_pipeline(pipeline: Pipeline, **inputs: object) -> dict:
        values = {f"params:{name}": getattr(parameters, name) for name in Parameters.model_fields}
        values |= {"parameters": parameters.model_dump()} | {name.replace("__", "."): v for name, v in inputs.items()}
        catalog = DataCatalog({name: MemoryDataset(value, copy_mode="assign") for name, value in values.items()})
        for name in pipeline.all_outputs():
            catalog[name] = KeptDataset(copy_mode="assign")
        SequentialRunner().run(pipeline, catalog)
        return {name: catalog.load(name) for name in pipeline.all_outputs() if catalog.exists(name)}

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
