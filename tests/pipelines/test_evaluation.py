"""Evaluation of cells and of the study, on predictions of known outcome."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, digest_arrays
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines import evaluation
from synthpath_kedro.pipelines.classification.nodes import train_classifier
from synthpath_kedro.pipelines.evaluation.cell.nodes import (
    NOTHING,
    attack_cell,
    embed_features,
    predict_cell,
    score_cell,
)
from synthpath_kedro.pipelines.evaluation.generator.nodes import draw_closest_pairs, tabulate_privacy
from synthpath_kedro.pipelines.evaluation.pages.nodes import write_feature_space
from synthpath_kedro.pipelines.evaluation.tables.nodes import tabulate_classification, tabulate_robustness
from synthpath_kedro.report.figures.style import new_figure
from synthpath_kedro.study.grid import Grid

LABELS = np.arange(12) % 3
NAMES = ("dark", "gray", "light")


def predictions(model: str, regime: str, errors: int) -> Artifact:
    """Two replicates that are sure of themselves, and wrong on the first ``errors`` images."""
    answers = LABELS.copy()
    answers[:errors] = (answers[:errors] + 1) % 3
    probabilities = np.tile(np.eye(3, dtype=np.float32)[answers], (2, 1, 1))
    tensors = dict.fromkeys(("real_val", "real_test", "synthetic"), probabilities)
    return Artifact(tensors | {f"{name}_labels": LABELS for name in tensors}, card(model, regime))


def attacked(model: str, regime: str) -> Artifact:
    clean = np.tile(np.eye(3, dtype=np.float32)[LABELS], (2, 1, 1))
    wrong = np.roll(clean, 1, axis=2)
    tensors = {"clean": clean, "noise": clean, "fgsm": wrong, "bim": wrong, "labels": LABELS}
    for attack in ("noise", "fgsm", "bim"):
        tensors |= {f"{attack}.curve_0": tensors[attack][:, :6], f"{attack}.control": wrong[:, :6]}
    attacks = {"attacks": ["noise", "fgsm", "bim"], "eps": 8 / 255, "epsilon_sweep": [8 / 255]}
    return Artifact(tensors | {"curve_rows": np.arange(6)}, card(model, regime) | attacks)


def features(model: str, regime: str) -> Artifact:
    values = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    tensors = dict.fromkeys(("real_test", "synthetic"), values)
    tensors |= {f"{name}_labels": LABELS for name in tensors} | {f"{name}_index": LABELS for name in tensors}
    return Artifact(tensors, card(model, regime))


def card(model: str, regime: str) -> dict:
    return {"model": model, "regime": regime, "weights": "random", "variant": "v", "class_names": list(NAMES)}


def test_a_cells_metrics_are_means_over_replicates() -> None:
    metrics = score_cell(predictions("cnn", "real", 3), attacked("cnn", "real"))
    assert metrics["accuracy"] == 0.75
    assert metrics["synthetic_as_test_accuracy"] == 0.75
    assert (metrics["noise_accuracy"], metrics["fgsm_accuracy"]) == (1.0, 0.0)


def test_a_cell_that_was_not_trained_has_no_metrics(parameters) -> None:
    assert score_cell(None, None) == {}
    assert embed_features(None, parameters.evaluation, 0).empty
    assert NOTHING.tensors == {}


def test_embedded_points_keep_their_place_in_the_whole_sets(parameters) -> None:
    points = embed_features(features("cnn", "real"), parameters.evaluation, 0)
    assert list(points) == ["x", "y", "label", "source", "index"]
    assert points["source"].value_counts().to_dict() == {"real_test": 12, "synthetic": 12}
    assert points["index"].tolist() == [*LABELS, *LABELS]


@pytest.fixture
def generated(splits: Splits, parameters: Parameters) -> dict:
    """What a generator leaves: a denoiser that has learned nothing and twelve noisy copies of training images."""
    network = make_denoiser(parameters.diffusion, 3, 16)
    facts = {"class_names": list(NAMES), "image_size": 16, "prepared": "p", "phantom": True}
    noise = np.random.default_rng(0).integers(0, 4, (12, 16, 16, 3), dtype=np.uint8)
    arrays = {"images": splits.train.images[:12] + noise, "labels": splits.train.labels[:12]}
    shard = Artifact(arrays, {"digest": digest_arrays(arrays)})
    manifest = {"shards": {"s": {"digest": shard.digest}}, "total": 12, "class_names": list(NAMES), "prepared": "p"}
    manifest["parameters"] = {"num_steps": 77}
    return {
        "denoiser": denoiser_artifact(network.state_dict(), parameters.diffusion, facts),
        "synthetic_shards": {"s": shard},
        "synthetic_manifest": manifest,
    }


@pytest.fixture
def classifier(splits: Splits, parameters: Parameters, tmp_path: Path) -> Artifact:
    return train_classifier(("cnn", "real"), splits.train, splits.val, parameters.classification, 0, tmp_path)[0]


def test_what_the_attacked_images_were_before_is_taken_from_the_predictions(
    classifier: Artifact, splits: Splits, generated: dict, parameters: Parameters
) -> None:
    shards, manifest = generated["synthetic_shards"], generated["synthetic_manifest"]
    params = parameters.evaluation.model_copy(update={"attack_images": 6})
    predicted, _ = predict_cell(classifier, splits.val, splits.test, shards, manifest, params, 0)
    attacked = attack_cell(classifier, predicted, splits.test, params, 0)
    assert attacked.tensors["clean"].shape == attacked.tensors["fgsm"].shape == (2, 6, 3)
    known = {row.tobytes() for row in predicted.tensors["real_test"][0]}
    assert all(row.tobytes() in known for row in attacked.tensors["clean"][0])
    assert attack_cell(classifier, None, splits.test, params, 0) is NOTHING


def test_predictions_of_another_classifier_are_refused(
    classifier: Artifact, splits: Splits, parameters: Parameters
) -> None:
    other = Artifact({}, {"classifier": "another"})
    with pytest.raises(
        InputError, match=r"predictions of cnn/real was made from classifier another, cnn/real from classifier"
    ):
        attack_cell(classifier, other, splits.test, parameters.evaluation, 0)


def test_attacked_images_of_another_classifier_are_refused() -> None:
    predicted, other = predictions("cnn", "real", 3), attacked("cnn", "real")
    predicted.card["classifier"], other.card["classifier"] = "new", "old"
    refusal = "predictions of cnn/real was made from classifier new, attacked images of cnn/real from classifier old"
    with pytest.raises(InputError, match=refusal):
        score_cell(predicted, other)
    with pytest.raises(InputError, match="attacked images of cnn/real was made from classifier old"):
        tabulate_robustness(other, None, None, predicted)
    assert len(tabulate_robustness(attacked("cnn", "real"), None, predictions("cnn", "real", 3), None)) == 2 * 3 * 2


def test_copies_and_losses_of_different_denoisers_are_not_tabulated_together() -> None:
    nearest, losses = Artifact({}, {"checkpoint": "old"}), Artifact({}, {"checkpoint": "new"})
    with pytest.raises(InputError, match=r"nearest training images was made from denoiser old, denoiser losses .* new"):
        tabulate_privacy(nearest, losses)


def test_the_report_shows_the_parameters_that_the_results_were_made_with(study: dict) -> None:
    words = " ".join(re.sub("<[^>]*>", " ", study["report"]).split())
    assert "steps 77" in words  # the manifest's; conf has another number


@pytest.fixture
def run_study(run: Callable, splits: Splits, generated: dict, parameters: Parameters) -> Callable:
    """Runs the study-level part of one model on what its cells left."""

    def run_with(cells: dict) -> dict:
        grid = Grid(models={"cnn": False}, regimes=("real", "synthetic", "mixed"))
        pipeline = evaluation.create_pipeline(grid).only_nodes_with_tags("report")
        wanted = pipeline.inputs()
        missing = dict.fromkeys(name for name in wanted if name.startswith("cnn."))
        shared = generated | {
            "diffusion_history": pd.DataFrame({"epoch": [1], "seconds": [4.0], "images_per_second": [7.5]}),
            "data_card": splits.card(),
            "run_times": None,
            "real_train": splits.train,
            "real_val": splits.val,
            "real_test": splits.test,
            "class_distribution": pd.DataFrame({"class": ["dark"], "train": [1]}),
        }
        images = {name: new_figure(1, 1, name, None) for name in wanted if name.endswith("_figure") and "." not in name}
        return run(pipeline, **missing | cells, **shared, **images) | {"parameters": parameters}

    return run_with


@pytest.fixture
def study(run_study: Callable) -> dict:
    """The study-level part, with cnn/mixed not trained."""
    history = pd.DataFrame({"model": ["cnn"], "regime": ["real"], "replicate": [0], "epoch": [1], "seconds": [2.0]})
    cells: dict = {"cnn.real.history": history.assign(images_per_second=15.0)}
    for regime, errors in (("real", 3), ("synthetic", 12)):
        cells[f"cnn.{regime}.predictions"] = predictions("cnn", regime, errors)
        cells[f"cnn.{regime}.attacked"] = attacked("cnn", regime)
        cells[f"cnn.{regime}.features"] = features("cnn", regime)
    return run_study(cells)


def test_a_study_without_any_cell_still_has_its_report(run_study: Callable) -> None:
    study = run_study({})
    assert study["comparison_table"].empty
    assert "No pair of cells that could be compared has been trained." in study["report"]
    assert "Membership inference" in study["report"]


def test_tables_have_a_row_a_replicate_of_the_cells_that_were_trained(study: dict) -> None:
    table = study["classification_table"]
    assert table[["model", "regime", "replicate", "n"]].to_numpy().tolist() == [
        ["cnn", "real", 0, 12],
        ["cnn", "real", 1, 12],
        ["cnn", "synthetic", 0, 12],
        ["cnn", "synthetic", 1, 12],
    ]
    assert table["accuracy"].tolist() == [0.75, 0.75, 0, 0]
    assert study["synthetic_as_test_table"]["accuracy_change"].tolist() == [0, 0]
    robustness = study["robustness_table"].query("attack == 'bim' and regime == 'real'")
    assert robustness[["control", "change"]].to_numpy().tolist() == [[False, -1], [False, -1], [True, -1], [True, -1]]
    assert len(study["per_class_table"]) == 2 * 2 * 3
    assert study["calibration_table"]["nll"].notna().all()
    assert study["knn_mixing_table"]["class"].tolist() == [*NAMES, "all"] * 2


def test_the_verdict_stands_first_in_the_report(study: dict) -> None:
    (row,) = study["comparison_table"].to_dict("records")
    assert (row["regime"], row["verdict"], row["difference"]) == ("synthetic", "hurts", -0.75)
    report = study["report"]
    assert "no test of significance" not in report.lower()
    assert report.index('class="verdict hurts"') < report.index("Table 4.1")


def test_table_4_3_shows_no_control(study: dict) -> None:
    row = study["table_4_3"].query("model == 'CNN' and regime == 'real'").iloc[0]
    assert (row["n"], row["random noise"]) == ("12", "1.000 ± 0.000 (+0.000 ± 0.000)")
    assert "Control, no measure of robustness" in study["report"]


def test_fidelity_and_privacy_are_measured_and_copies_are_found(study: dict) -> None:
    assert set(study["fidelity_table"]["n"]) == {12}
    assert len(study["fidelity_per_class_table"]) == 4 * 3
    privacy = study["privacy_table"].set_index(["space", "measure"])
    assert privacy.loc[("pixels", "near_duplicates"), "value"] == 1
    assert privacy.loc[("pixels", "near_duplicates"), "finding"] == "near-duplicates found"
    assert (study["denoiser_losses"].tensors["real_train"] > 0).all()


def test_the_report_names_the_cell_that_is_missing(study: dict) -> None:
    assert "CNN mixed" in study["report"]
    assert "not trained" in study["table_4_1"].to_string()


def test_the_cost_counts_the_seconds_of_every_stage(study: dict) -> None:
    assert study["cost_table"]["seconds"].sum() == 6


def test_figures_of_the_study_are_drawn(study: dict) -> None:
    figures = {name for name, value in study.items() if isinstance(value, Figure)}
    assert figures == {
        "accuracy_by_regime_figure",
        "f1_by_class_figure",
        "reliability_figure",
        "robustness_figure",
        "robustness_curves_figure",
        "cnn.confusion_figure",
        "closest_pairs_figure",
        "nearest_distances_figure",
    }


def test_real_tiles_are_embedded_only_where_they_may_be_shown(study: dict, splits: Splits, generated: dict) -> None:
    assert 'alt="Nine real training images of each class"' in study["report"]
    (band, *_) = draw_pairs(study, splits, generated, embed_real_images=True).axes
    (hidden, *_) = draw_pairs(study, splits, generated, embed_real_images=False).axes
    assert [label.get_text() for label in band.get_yticklabels()] == ["synthetic", "training"]
    assert [label.get_text() for label in hidden.get_yticklabels()] == ["synthetic"]


def draw_pairs(study: dict, splits: Splits, generated: dict, embed_real_images: bool) -> Figure:
    shards, manifest = generated["synthetic_shards"], generated["synthetic_manifest"]
    params, report = study["parameters"].evaluation, study["parameters"].report
    report = report.model_copy(update={"embed_real_images": embed_real_images})
    return draw_closest_pairs(study["nearest_training_images"], splits.train, shards, manifest, params, report)


def test_cells_of_different_data_are_not_tabulated_together() -> None:
    other = predictions("clip", "real", 0)
    other.card["prepared"] = "another"
    with pytest.raises(InputError, match="cnn/real was made from data None, clip/real from data another"):
        tabulate_classification(predictions("cnn", "real", 0), None, other)


def test_cells_of_different_synthetic_images_are_not_tabulated_together() -> None:
    cells = [predictions("cnn", regime, 0) for regime in ("real", "synthetic", "mixed")]
    for cell, digest in zip(cells, (None, "one", "another"), strict=True):
        cell.card["synthetic"] = digest
    with pytest.raises(InputError, match=r"cnn/synthetic was made from synthetic images one, cnn/mixed .* another"):
        tabulate_classification(*cells)
    assert len(tabulate_classification(*cells[:2])) == 4


def test_a_classifier_is_not_evaluated_on_synthetic_images_that_replaced_its_own(
    splits: Splits, generated: dict, parameters: Parameters
) -> None:
    classifier = Artifact({}, {"model": "cnn", "regime": "mixed", "prepared": "p", "synthetic": "old"})
    shards, manifest = generated["synthetic_shards"], generated["synthetic_manifest"] | {"digest": "new"}
    with pytest.raises(InputError, match=r"cnn/mixed was made from synthetic images old, synthetic from .* new"):
        predict_cell(classifier, splits.val, splits.test, shards, manifest, parameters.evaluation, 0)


def test_the_feature_space_shows_no_tiles_of_other_synthetic_images(
    splits: Splits, generated: dict, parameters: Parameters
) -> None:
    shards, manifest = generated["synthetic_shards"], generated["synthetic_manifest"] | {"digest": "new"}
    found = features("cnn", "real")
    found.card.update(prepared="p", synthetic="new")
    points = embed_features(found, parameters.evaluation, 0)
    embedded = (points, found, None, None)
    assert "CNN" in write_feature_space(splits.test, shards, manifest, parameters.report, *embedded)
    found.card["synthetic"] = "old"
    with pytest.raises(InputError, match=r"synthetic was made from synthetic images new, t-SNE of cnn/real .* old"):
        write_feature_space(splits.test, shards, manifest, parameters.report, *embedded)
