from dataclasses import replace
from io import StringIO
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from rich.console import Console

from synthpath_kedro.datasets import JSONDataset, ScratchDataset
from synthpath_kedro.hooks import LOG_WIDTH, RunTimeHooks, ScratchHooks, _no_such_cell, widen_log
from synthpath_kedro.study.grid import Grid


def test_only_a_log_that_nobody_watches_is_widened():
    file, terminal = Console(file=StringIO()), Console(file=StringIO(), force_terminal=True, width=72)
    widen_log(file)
    widen_log(terminal)
    assert (file.width, terminal.width) == (LOG_WIDTH, 72)
    file.print("x" * LOG_WIDTH)
    assert file.file.getvalue() == "x" * LOG_WIDTH + "\n"


@pytest.fixture
def unfinished(tmp_path):
    """The folder of a cell's training, and the hooks of a run that knows it."""
    folder = tmp_path / "classifiers" / "cnn" / "mixed"
    folder.mkdir(parents=True)
    (folder / "last.ckpt").touch()
    hooks = ScratchHooks()
    images = MemoryDataset(0)
    hooks.before_pipeline_run(
        catalog=DataCatalog({"scratch": ScratchDataset(filepath=str(tmp_path)), "images": images})
    )
    return folder, hooks


TRAINING = SimpleNamespace(
    namespace="classifiers.cnn.mixed",
    inputs=["images", "scratch"],
    outputs=["cnn/mixed/classifier", "cnn/mixed/history"],
)


def test_unfinished_work_goes_when_the_last_result_is_saved_and_not_before(unfinished):
    folder, hooks = unfinished
    hooks.after_dataset_saved(dataset_name="cnn/mixed/classifier", node=TRAINING)
    assert folder.exists()
    hooks.after_dataset_saved(dataset_name="cnn/mixed/history", node=TRAINING)
    assert not folder.exists()


def test_unfinished_work_goes_at_the_end_where_no_hook_was_told_of_datasets(unfinished):
    folder, hooks = unfinished
    hooks.after_pipeline_run(pipeline=SimpleNamespace(nodes=[TRAINING]))
    assert not folder.exists()


@pytest.mark.parametrize(
    ("namespace", "inputs"),
    [
        ("ratio_sweep.cnn_at_0_5", ["scratch"]),
        ("classifiers.cnn.cached_features", ["scratch"]),
        ("classifiers.cnn.mixed", ["images"]),
    ],
)
def test_other_nodes_leave_the_unfinished_work_of_a_cell(unfinished, namespace, inputs):
    folder, hooks = unfinished
    node = SimpleNamespace(namespace=namespace, inputs=inputs, outputs=["made"])
    hooks.after_dataset_saved(dataset_name="made", node=node)
    assert folder.exists()


@pytest.mark.parametrize("damaged", ["{", "[1]"])
def test_times_of_other_processes_are_kept_and_a_damaged_file_is_replaced(tmp_path, damaged):
    catalog = DataCatalog({"run_times": JSONDataset(filepath=str(tmp_path / "times.json"), optional=True)})
    first, second = RunTimeHooks(), RunTimeHooks()
    for hooks in (first, second):
        hooks.before_pipeline_run(catalog=catalog)
    for hooks, name in ((first, "a"), (second, "b")):
        node = SimpleNamespace(name=name, tags={"diffusion"})
        hooks.before_node_run(node=node)
        hooks.after_dataset_saved(node=node)
    assert set(catalog.load("run_times")) == {"a", "b"}
    (tmp_path / "times.json").write_text(damaged)
    second.after_dataset_saved(node=node)
    assert set(catalog.load("run_times")) == {"b"}


def test_a_pair_that_the_study_does_not_have_is_refused_with_those_of_the_model():
    grid = Grid(models={"cnn": False, "clip": True}, own_regimes={"clip": ("real", "mixed")}, model="clip")
    assert _no_such_cell(replace(grid, regime="mixed_augmented")) == (
        "the study has no cell clip/mixed_augmented; regimes of clip: real, mixed "
        "(add it to classification.backbones.clip.regimes)"
    )
    assert _no_such_cell(replace(grid, model="all", regime="real_balanced")) == (
        "the study has no cell all/real_balanced; regimes of all: real, synthetic, mixed "
        "(add it to classification.regimes)"
    )
