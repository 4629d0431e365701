from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from rich.console import Console

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.datasets import FolderDataset, JSONDataset
from synthpath_kedro.errors import InputError
from synthpath_kedro.hooks import LOG_WIDTH, EarlyChecks, RunTimeHooks, ScratchHooks, widen_log
from synthpath_kedro.settings import CONFIG_LOADER_ARGS


def test_only_a_log_that_nobody_watches_is_widened():
    file, terminal = Console(file=StringIO()), Console(file=StringIO(), force_terminal=True, width=72)
    widen_log(file)
    widen_log(terminal)
    assert (file.width, terminal.width) == (LOG_WIDTH, 72)
    file.print("x" * LOG_WIDTH)
    assert file.file.getvalue() == "x" * LOG_WIDTH + "\n"


@pytest.fixture
def working_files(tmp_path):
    """The folder of a cell's training, and the hooks of a run that knows it."""
    folder = tmp_path / "cnn" / "mixed"
    folder.mkdir(parents=True)
    (folder / "last.ckpt").touch()
    hooks = ScratchHooks()
    hooks.before_pipeline_run(catalog=DataCatalog({"classification_scratch": FolderDataset(filepath=str(tmp_path))}))
    return folder, hooks


TRAINING = SimpleNamespace(
    name="cnn.mixed.train_classifier",
    namespace="cnn.mixed",
    outputs=["cnn.mixed.classifier", "cnn.mixed.history"],
)


def test_working_files_go_when_the_last_result_is_saved_and_not_before(working_files):
    folder, hooks = working_files
    hooks.after_dataset_saved(dataset_name="cnn.mixed.classifier", node=TRAINING)
    assert folder.exists()
    hooks.after_dataset_saved(dataset_name="cnn.mixed.history", node=TRAINING)
    assert not folder.exists()


def test_working_files_go_at_the_end_where_nobody_told_of_datasets(working_files):
    folder, hooks = working_files
    hooks.after_pipeline_run(pipeline=SimpleNamespace(nodes=[TRAINING]))
    assert not folder.exists()


def test_a_sweep_leaves_the_working_files_of_the_models_cells(working_files):
    folder, hooks = working_files
    sweep = SimpleNamespace(name="cnn.train_at_0_5", namespace="cnn", outputs=["cnn_at_0_5_scores"])
    hooks.after_dataset_saved(dataset_name="cnn_at_0_5_scores", node=sweep)
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


def early_checks(parameters, *names):
    hooks = EarlyChecks()
    hooks.after_context_created(context=SimpleNamespace(config_loader={"parameters": parameters}))
    hooks.before_pipeline_run(pipeline=SimpleNamespace(nodes=[SimpleNamespace(name=name) for name in names]))
    return hooks


def test_what_the_classes_do_not_allow_is_said_before_training(project, splits_of):
    values = dict(OmegaConfigLoader(str(project / "conf"), env="tiny", **CONFIG_LOADER_ARGS)["parameters"])
    attacks = values | {"evaluation": values["evaluation"] | {"attacks": ["noise", "autoattack"]}}
    counts = values["synthesis"] | {"allocation": "explicit", "counts": {"bone": 5}}
    prepared = {"real_train": splits_of(3)}
    node = SimpleNamespace(name="prepare_images")
    with pytest.raises(InputError, match="at least 4 classes, the data has 3; use pgd20 instead"):
        early_checks(attacks, "cnn.real.attack").after_node_run(node=node, outputs=prepared)
    with pytest.raises(InputError, match=r"synthesis\.counts names bone, which the data does not have"):
        early_checks(values | {"synthesis": counts}, "generate_shards").after_node_run(node=node, outputs=prepared)
    early_checks(attacks, "train_denoiser").after_node_run(node=node, outputs=prepared)


@pytest.fixture
def splits_of():
    return lambda n: LabeledImages(np.zeros((n, 8, 8, 3), np.uint8), np.arange(n), tuple("abcdefg"[:n]))
