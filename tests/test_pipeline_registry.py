import subprocess
import sys
import warnings
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
from synthpath_kedro.study.generators import GENERATORS
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
        "learning_curve",
        "cross_validation",
    }
    study = {node.name for node in pipelines["__default__"].nodes}
    assert study == {node.name for name in PIPELINES for node in pipelines[name].nodes}


def test_the_study_needs_nothing_but_parameters_folders_and_what_is_at_hand(pipelines: dict[str, Pipeline]) -> None:
    needed = {name for name in pipelines["__default__"].inputs() if not name.startswith("params:")}
    assert needed == {
        "parameters",
        "run_times",
        "sweep_tables",
        "raw_folder",
        "scratch",
        "logs",
        "synthetic_shards_at_hand",
        "cached_features_folder",
        "image_features_at_hand",
    }


def test_no_cell_depends_on_another(pipelines: dict[str, Pipeline]) -> None:
    cells = {cell.name for cell in Grid().cells}
    for node in pipelines["classification"].nodes:
        own = ".".join((node.namespace or "").split(".")[1:]).replace(".", "/")
        foreign = {name.rpartition("/")[0] for name in node.inputs} & cells - {own}
        assert not foreign, node.name


def test_one_cell_is_a_part_of_the_grid() -> None:
    whole = classification.create_pipeline(Grid())
    one = classification.create_pipeline(Grid(model="clip", regime="mixed"))
    assert {node.name for node in one.nodes} == {
        "classifiers.clip.mixed.train_classifier",
        "classifiers.clip.mixed.draw_history",
        "data_prep.check_study",
        "synthesis.collect_sets",
    }
    assert set(one.nodes) <= set(whole.nodes)


def test_one_cell_brings_its_cached_features_along() -> None:
    one = classification.create_pipeline(Grid(model="resnet18", regime="real"))
    assert {node.name for node in one.nodes} == {
        "classifiers.resnet18.cached_features.cache_real_train",
        "classifiers.resnet18.cached_features.cache_real_val",
        "classifiers.resnet18.cached_features.cache_real_test",
        "classifiers.resnet18.real.train_classifier",
        "classifiers.resnet18.real.draw_history",
        "data_prep.check_study",
    }


def test_evaluating_one_cell_makes_no_report() -> None:
    assert "report" in evaluation.create_pipeline(Grid()).all_outputs()
    one = evaluation.create_pipeline(Grid(model="clip", regime="mixed"))
    assert all(name.startswith("clip/mixed/") for name in one.all_outputs() - {"synthetic_sets"})


TWO_SETS = {"gan": GENERATORS["npz"], "ours": GENERATORS["diffusion"]}


def test_each_of_several_sets_has_its_own_cells_and_the_regimes_without_images_have_one() -> None:
    grid = Grid(models={"cnn": False}, sets=TWO_SETS)
    assert [cell.name for cell in grid.cells] == [
        "cnn/real",
        "cnn/synthetic/gan",
        "cnn/synthetic/ours",
        "cnn/mixed/gan",
        "cnn/mixed/ours",
    ]
    outputs = classification.create_pipeline(grid).all_outputs()
    assert {f"{cell.name}/classifier" for cell in grid.cells} <= outputs


def test_a_study_of_images_from_elsewhere_trains_no_denoiser() -> None:
    grid = Grid(models={"cnn": False}, sets={"gan": GENERATORS["npz"]})
    assert diffusion.create_pipeline(grid).nodes == []
    whole = diffusion.create_pipeline(grid) + synthesis.create_pipeline(grid) + evaluation.create_pipeline(grid)
    assert "denoiser" not in whole.datasets()
    assert "synthetic" in synthesis.create_pipeline(grid).all_outputs()


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


def test_confidence_filtering_interrupts_no_namespace() -> None:
    """Kedro warns of one, and cannot run or fold it as a whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = classification.create_pipeline(Grid(filtering_model="cnn"))
    assert "classifiers.cnn.filter.filter_diffusion" in {node.name for node in graph.nodes}


def _generator() -> Pipeline:
    return data_prep.create_pipeline() + diffusion.create_pipeline(Grid()) + synthesis.create_pipeline(Grid())


def _layer(catalog: DataCatalog, name: str) -> str | None:
    if name.startswith("param"):
        return None
    return ((getattr(catalog[name], "metadata", None) or {}).get("kedro-viz") or {}).get("layer")


def test_kedro_viz_opens_on_at_most_forty_elements(pipelines: dict[str, Pipeline]) -> None:
    """Folded: the namespaces, and the datasets between them, as Kedro-Viz counts them (parameters are hidden)."""
    study = pipelines["__default__"]
    parts = {(node.namespace or "").split(".")[0] for node in study.nodes}
    assert parts == {"data_prep", "diffusion", "synthesis", "classifiers", "evidence", "report"}
    between: set[str] = set()
    for part in parts:
        inside = study.only_nodes_with_namespaces([part])
        outside = study - inside
        between |= inside.inputs() | inside.outputs() | (outside.inputs() & inside.all_outputs())
    shown = parts | {name for name in between if not name.startswith("param")}
    assert len(shown) <= 40
