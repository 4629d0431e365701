import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from synthpath_kedro import pipeline_registry
from synthpath_kedro.pipeline_registry import PIPELINES
from synthpath_kedro.pipelines import classification, data_prep, diffusion, evaluation, synthesis
from synthpath_kedro.settings import CONFIG_LOADER_ARGS
from synthpath_kedro.study.grid import Grid


@pytest.fixture
def pipelines() -> Iterator[dict[str, Pipeline]]:
    pipeline_registry.use_grid(Grid())
    yield pipeline_registry.register_pipelines()
    pipeline_registry.use_grid(Grid())


def test_the_study_is_the_five_pipelines(pipelines: dict[str, Pipeline]) -> None:
    assert set(pipelines) == {
        "__default__",
        "data_prep",
        "diffusion",
        "synthesis",
        "classification",
        "evaluation",
        "ratio_sweep",
    }
    study = {node.name for node in pipelines["__default__"].nodes}
    assert study == {node.name for name in PIPELINES for node in pipelines[name].nodes}


def test_the_study_needs_nothing_but_parameters_and_places(pipelines: dict[str, Pipeline]) -> None:
    needed = {name for name in pipelines["__default__"].inputs() if not name.startswith("params:")}
    constants = {name for name in needed if name.endswith((".cell", ".name"))}
    assert needed - constants == {
        "parameters",
        "run_times",
        "raw_folder",
        "diffusion_scratch",
        "classification_scratch",
    }


def test_no_cell_depends_on_another(pipelines: dict[str, Pipeline]) -> None:
    graph = pipelines["classification"]
    cells = {cell.namespace for cell in Grid().cells}
    for node in graph.nodes:
        foreign = cells - {node.namespace}
        assert not [name for name in node.inputs if name.rpartition(".")[0] in foreign]


def test_one_cell_is_a_part_of_the_grid() -> None:
    whole = classification.create_pipeline(Grid())
    one = classification.create_pipeline(Grid(model="clip", regime="mixed"))
    assert {node.name for node in one.nodes} == {"clip.mixed.train_classifier", "clip.mixed.draw_history"}
    assert set(one.nodes) <= set(whole.nodes)


def test_one_cell_brings_its_trunk_features_along() -> None:
    one = classification.create_pipeline(Grid(model="resnet18", regime="real"))
    assert {node.name for node in one.nodes} == {
        "resnet18.cache_features_of_real_train",
        "resnet18.cache_features_of_real_val",
        "resnet18.cache_features_of_real_test",
        "resnet18.real.train_classifier",
        "resnet18.real.draw_history",
    }


def test_evaluating_one_cell_makes_no_report() -> None:
    assert "report" in evaluation.create_pipeline(Grid()).all_outputs()
    one = evaluation.create_pipeline(Grid(model="clip", regime="mixed"))
    assert all(name.startswith("clip.mixed.") for name in one.all_outputs())


def test_listing_the_pipelines_imports_no_torch(project: Path) -> None:
    code = (
        "import sys; from synthpath_kedro.pipeline_registry import register_pipelines; register_pipelines();"
        "print([name for name in ('torch', 'lightning', 'timm', 'transformers') if name in sys.modules])"
    )
    listed = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "[]"


def test_layers_of_the_graph_follow_each_other(project: Path) -> None:
    """Kedro-Viz shows no layers at all where one depends on itself through another."""
    loader = OmegaConfigLoader(str(project / "conf"), env="tiny", **CONFIG_LOADER_ARGS)
    catalog = DataCatalog.from_config(loader["catalog"])
    follows: dict[str, set[str]] = {}
    grid = Grid(filtering_model="cnn")
    for node in (classification.create_pipeline(grid) + evaluation.create_pipeline(grid)).nodes + _generator().nodes:
        before, after = ({_layer(catalog, name) for name in names} - {None} for names in (node.inputs, node.outputs))
        for layer in after:
            follows.setdefault(str(layer), set()).update(str(name) for name in before - {layer})
    order = list(TopologicalSorter(follows).static_order())
    assert order.index("primary") < order.index("denoiser") < order.index("synthetic") < order.index("classifiers")
    assert order[-1] == "reporting"


def _generator() -> Pipeline:
    return data_prep.create_pipeline() + diffusion.create_pipeline() + synthesis.create_pipeline()


def _layer(catalog: DataCatalog, name: str) -> str | None:
    if name.startswith("param"):
        return None
    return ((getattr(catalog[name], "metadata", None) or {}).get("kedro-viz") or {}).get("layer")
