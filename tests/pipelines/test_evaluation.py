"""Evaluation of cells and of the study, on predictions of known outcome."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.artefact import Artefact
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.grid import Grid
from synthpath_kedro.pipelines import evaluation
from synthpath_kedro.pipelines.evaluation.nodes import NOTHING, embed_features, score_cell

LABELS = np.arange(12) % 3


def predictions(model: str, regime: str, errors: int) -> Artefact:
    """Two replicates that are sure of themselves, and wrong on the first ``errors`` images."""
    answers = LABELS.copy()
    answers[:errors] = (answers[:errors] + 1) % 3
    probabilities = np.tile(np.eye(3, dtype=np.float32)[answers], (2, 1, 1))
    tensors = dict.fromkeys(("real_val", "real_test", "synthetic"), probabilities)
    return Artefact(tensors | {f"{name}_labels": LABELS for name in tensors}, card(model, regime))


def attacked(model: str, regime: str) -> Artefact:
    clean = np.tile(np.eye(3, dtype=np.float32)[LABELS], (2, 1, 1))
    wrong = np.roll(clean, 1, axis=2)
    tensors = {"clean": clean, "noise": clean, "fgsm": wrong, "bim": wrong, "labels": LABELS}
    return Artefact(tensors, card(model, regime) | {"attacks": ["noise", "fgsm", "bim"], "eps": 8 / 255})


def card(model: str, regime: str) -> dict:
    names = ["dark", "grey", "light"]
    return {"model": model, "regime": regime, "weights": "random", "variant": "v", "class_names": names}


def test_a_cells_metrics_are_means_over_replicates() -> None:
    metrics = score_cell(predictions("cnn", "real", 3), attacked("cnn", "real"))
    assert metrics["accuracy"] == 0.75
    assert metrics["synthetic_as_test_accuracy"] == 0.75
    assert (metrics["noise_accuracy"], metrics["fgsm_accuracy"]) == (1.0, 0.0)


def test_a_cell_that_was_not_trained_has_no_metrics(parameters) -> None:
    assert score_cell(None, None) == {}
    assert embed_features(None, parameters.evaluation, 0).empty
    assert NOTHING.tensors == {}


@pytest.fixture
def study(run: Callable, splits: Splits) -> dict:
    """The study-level part, with cnn/mixed not trained."""
    grid = Grid(models=("cnn",), regimes=("real", "mixed"))
    pipeline = evaluation.create_pipeline(grid).only_nodes_with_tags("report")
    cells: dict = {f"cnn__mixed__{name}": None for name in ("predictions", "attacked", "history", "tsne_figure")}
    history = pd.DataFrame({"model": ["cnn"], "regime": ["real"], "replicate": [0], "epoch": [1], "seconds": [2.0]})
    cells |= {
        "cnn__real__predictions": predictions("cnn", "real", 3),
        "cnn__real__attacked": attacked("cnn", "real"),
        "cnn__real__history": history.assign(images_per_second=15.0),
        "cnn__real__tsne_figure": None,
    }
    shared = {
        "diffusion_history": pd.DataFrame({"epoch": [1], "seconds": [4.0], "images_per_second": [7.5]}),
        "data_card": splits.card(),
        "synthetic_manifest": {"total": 12, "counts": {}, "class_names": ["dark", "grey", "light"]},
        "class_distribution": pd.DataFrame({"class": ["dark"], "train": [1]}),
    }
    available = cells | shared
    wanted = pipeline.inputs()
    images = {name: None for name in wanted if name.endswith("_figure") and "." not in name}
    given = {name: value for name, value in available.items() if name.replace("__", ".") in wanted}
    return run(pipeline, **given, **images)


def test_tables_have_a_row_a_replicate_of_the_cells_that_were_trained(study: dict) -> None:
    table = study["classification_table"]
    assert table[["model", "regime", "replicate", "n"]].to_numpy().tolist() == [
        ["cnn", "real", 0, 12],
        ["cnn", "real", 1, 12],
    ]
    assert table["accuracy"].tolist() == [0.75, 0.75]
    assert study["synthetic_as_test_table"]["accuracy_change"].tolist() == [0, 0]
    assert study["robustness_table"].query("attack == 'bim'")["change"].tolist() == [-1, -1]


def test_the_report_names_the_cell_that_is_missing(study: dict) -> None:
    assert "CNN mixed" in study["report"]
    assert "not trained" in study["table_4_1"].to_string()


def test_the_cost_counts_the_seconds_of_every_stage(study: dict) -> None:
    assert study["cost_table"]["seconds"].sum() == 6


def test_figures_of_the_study_are_drawn(study: dict) -> None:
    assert isinstance(study["accuracy_by_regime_figure"], Figure)
    assert isinstance(study["robustness_figure"], Figure)
