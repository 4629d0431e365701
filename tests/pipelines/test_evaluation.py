"""Evaluation of cells and of the study, on predictions of known outcome."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, digest_arrays
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.missing import MISSING
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet, from_arrays
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact, join_replicates
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.cell_results import CellResults
from synthpath_kedro.evaluation.robustness_tables import masking_table
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines import evaluation
from synthpath_kedro.pipelines.classification.nodes import train_classifier
from synthpath_kedro.pipelines.evaluation.cell.nodes import (
    attack_cell,
    collect_cells,
    corrupt_cell,
    embed_features,
    gather_cell,
    predict_cell,
    score_cell,
)
from synthpath_kedro.pipelines.evaluation.evidence.generator_nodes import (
    draw_closest_pairs,
    measure_denoiser_losses,
    tabulate_privacy,
)
from synthpath_kedro.pipelines.evaluation.evidence.table_nodes import tabulate_corruptions, tabulate_robustness
from synthpath_kedro.pipelines.evaluation.report.nodes import _of_this_data, write_feature_space
from synthpath_kedro.report.figures.style import new_figure, png_bytes
from synthpath_kedro.study.grid import Cell, Grid
from synthpath_kedro.study.regimes import REGIMES

LABELS = np.arange(12) % 3
NAMES = ("dark", "gray", "light")


def predictions(model: str, regime: str, errors: int) -> Artifact:
    """Two replicates that are sure of themselves, and wrong on the first ``errors`` images."""
    answers = LABELS.copy()
    answers[:errors] = (answers[:errors] + 1) % 3
    probabilities = np.tile(np.eye(3, dtype=np.float32)[answers], (2, 1, 1))
    tensors = dict.fromkeys(("real_val", "real_test", "synthetic.diffusion"), probabilities)
    return Artifact(tensors | {f"{name}_labels": LABELS for name in tensors}, card(model, regime))


def attacked(model: str, regime: str) -> Artifact:
    clean = np.tile(np.eye(3, dtype=np.float32)[LABELS], (2, 1, 1))
    wrong = np.roll(clean, 1, axis=2)
    tensors = {"clean": clean, "uniform_noise": clean, "fgsm": wrong, "bim": wrong, "labels": LABELS}
    for attack in ("uniform_noise", "fgsm", "bim"):
        tensors |= {f"{attack}.curve_0": tensors[attack][:, :6], f"{attack}.control": wrong[:, :6]}
    attacks = {"attacks": ["uniform_noise", "fgsm", "bim"], "eps": 8 / 255, "epsilon_sweep": [8 / 255]}
    return Artifact(tensors | {"curve_rows": np.arange(6)}, card(model, regime) | attacks)


def corrupted(model: str, regime: str, rows: int = 12) -> Artifact:
    """Blur changes nothing, the levels of stain take a quarter and three."""
    clean = np.tile(np.eye(3, dtype=np.float32)[LABELS], (2, 1, 1))
    wrong = np.roll(clean, 1, axis=2)
    stained = [np.where(np.arange(12)[:, None] < errors, wrong, clean) for errors in (3, 9)]
    tensors = {"clean": clean, "labels": LABELS, "rows": np.arange(rows), "blur": clean[None]}
    levels = {"corruption_levels": {"blur": [1.0], "stain": [0.5, 1.0]}}
    return Artifact(tensors | {"stain": np.stack(stained)}, card(model, regime) | levels)


def features(model: str, regime: str) -> Artifact:
    values = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    tensors = dict.fromkeys(("real_test", "synthetic.diffusion"), values)
    tensors |= {f"{name}_labels": LABELS for name in tensors} | {f"{name}_index": LABELS for name in tensors}
    return Artifact(tensors, card(model, regime))


def card(model: str, regime: str) -> dict:
    names = {"model": model, "regime": regime, "set": cell(model, regime).set}
    return names | {"weights": "random", "variant": "v", "class_names": list(NAMES), "prepared": "p"}


def cell(model: str, regime: str) -> Cell:
    return Cell(model, regime, "diffusion" if REGIMES[regime].uses_synthetic else "")


def results(model: str, regime: str, errors: int) -> CellResults:
    found = {"predictions": predictions(model, regime, errors), "features": features(model, regime)}
    return CellResults(
        cell(model, regime),
        **found,
        attacked=attacked(model, regime),
        corrupted=corrupted(model, regime),
        tsne=None,
        tsne_figure=None,
        history=None,
    )


def test_a_cells_metrics_are_means_over_replicates() -> None:
    metrics = score_cell(predictions("cnn", "real", 3), attacked("cnn", "real"), corrupted("cnn", "real"))
    assert metrics["accuracy"] == 0.75
    assert metrics["synthetic_as_test_accuracy"] == 0.75
    assert (metrics["uniform_noise_accuracy"], metrics["fgsm_accuracy"]) == (1.0, 0.0)
    assert (metrics["stain_corruption_accuracy"], metrics["mean_corruption_accuracy"]) == (0.5, 0.75)


def test_a_cell_that_was_not_trained_has_no_metrics(parameters) -> None:
    assert score_cell(MISSING, MISSING, MISSING) is MISSING
    assert embed_features(MISSING, parameters.evaluation, 0) is MISSING
    nothing = dict.fromkeys(
        ("features", "attacked", "corrupted", "tsne", "tsne_figure", "history", "history_figure", "metrics"), MISSING
    )
    assert gather_cell(MISSING, **nothing, cell=cell("cnn", "real")) is MISSING
    assert collect_cells(MISSING, MISSING) == []


def test_cells_left_out_are_neither_attacked_nor_embedded_and_keep_their_other_metrics(parameters) -> None:
    chosen = parameters.evaluation.attack_cells.model_copy(update={"models": ("cnn",), "regimes": ("real",)})
    params = parameters.evaluation.model_copy(update={"attack_cells": chosen, "tsne_cells": chosen})
    left_out = Artifact({}, card("cnn", "synthetic"))
    assert attack_cell(left_out, predictions("cnn", "synthetic", 3), None, params, 0) is MISSING
    assert embed_features(features("cnn", "synthetic"), params, 0) is MISSING
    metrics = score_cell(predictions("cnn", "synthetic", 3), MISSING, MISSING)
    assert metrics["accuracy"] == pytest.approx(0.75)
    assert "bim_accuracy" not in metrics
    assert not chosen.include("clip", "real")


def test_embedded_points_keep_their_place_in_the_whole_sets(parameters) -> None:
    points = embed_features(features("cnn", "real"), parameters.evaluation, 0)
    assert list(points) == ["x", "y", "label", "source", "index"]
    assert points["source"].value_counts().to_dict() == {"real_test": 12, "diffusion": 12}
    assert points["index"].tolist() == [*LABELS, *LABELS]


@pytest.fixture
def denoiser(parameters: Parameters) -> Artifact:
    """A denoiser that has learned nothing."""
    network = make_denoiser(parameters.diffusion, 3, 16)
    facts = {"class_names": list(NAMES), "image_size": 16, "prepared": "p", "phantom": True}
    return denoiser_artifact(network.state_dict(), parameters.diffusion, facts)


def test_losses_of_several_denoisers_are_averaged_image_by_image(
    denoiser: Artifact, splits: Splits, parameters: Parameters
) -> None:
    def losses(checkpoint: Artifact) -> Mapping[str, np.ndarray]:
        return measure_denoiser_losses(checkpoint, splits.train, splits.val, parameters.evaluation, 0).tensors

    shifted = {name: array + 0.01 for name, array in denoiser.tensors.items()}
    other = Artifact(shifted, denoiser.card | {"digest": digest_arrays(shifted)})
    first, second, both = losses(denoiser), losses(other), losses(join_replicates([denoiser, other]))
    for name in ("real_train", "real_val"):
        assert not np.array_equal(first[name], second[name])
        np.testing.assert_allclose(both[name], (first[name] + second[name]) / 2, rtol=1e-12)


@pytest.fixture
def synthetic(splits: Splits, denoiser: Artifact) -> SyntheticSet:
    """Twelve noisy copies of training images."""
    noise = np.random.default_rng(0).integers(0, 4, (12, 16, 16, 3), dtype=np.uint8)
    facts = {"name": "diffusion", "source": "diffusion", "prepared": "p", "parameters": {"num_steps": 77}}
    made_from = {"checkpoint": denoiser.card["digest"]}
    return from_arrays(
        splits.train.images[:12] + noise, splits.train.labels[:12], NAMES, 12, made_from=made_from, **facts
    )


@pytest.fixture
def classifier(splits: Splits, parameters: Parameters, tmp_path: Path) -> Artifact:
    made, _ = train_classifier(
        splits.train,
        splits.val,
        parameters.classification,
        parameters.training,
        0,
        tmp_path,
        tmp_path,
        {},
        cell=cell("cnn", "real"),
    )
    return made


def test_what_the_attacked_images_were_before_is_taken_from_the_predictions(
    classifier: Artifact, splits: Splits, synthetic: SyntheticSet, parameters: Parameters
) -> None:
    params = parameters.evaluation.model_copy(update={"attack_images": 6, "masking_images": 4})
    sets = {"diffusion": synthetic}
    predicted, _ = predict_cell(classifier, splits.val, splits.test, sets, params, 0, cell=cell("cnn", "real"))
    attacked = attack_cell(classifier, predicted, splits.test, params, 0)
    assert attacked.tensors["clean"].shape == attacked.tensors["fgsm"].shape == (2, 6, 3)
    known = {row.tobytes() for row in predicted.tensors["real_test"][0]}
    assert all(row.tobytes() in known for row in attacked.tensors["clean"][0])
    checks = {
        name: attacked.tensors[f"masking.{name}"].shape for name in ("one_step", "iterated", "large", "black_box")
    }
    assert checks == dict.fromkeys(checks, (4, 3))
    (row,) = masking_table([attacked]).to_dict("records")
    assert (row["replicate"], row["n"]) == (0, 4)
    assert attack_cell(classifier, MISSING, splits.test, params, 0) is MISSING


def test_a_cell_without_a_set_is_tested_on_every_set_and_one_with_a_set_on_its_own(
    classifier: Artifact, splits: Splits, synthetic: SyntheticSet, parameters: Parameters
) -> None:
    images = synthetic.images[:]
    gan = from_arrays(255 - images, synthetic.labels, NAMES, 12, name="gan", source="npz", prepared="p")
    sets = {"diffusion": synthetic, "gan": gan}
    whole = predict_cell(
        classifier, splits.val, splits.test, sets, parameters.evaluation, 0, cell=Cell("cnn", "real", "", True)
    )
    own = predict_cell(
        classifier, splits.val, splits.test, sets, parameters.evaluation, 0, cell=Cell("cnn", "mixed", "gan", True)
    )
    assert {name for name in whole[0].tensors if name.startswith("synthetic") and name.count(".") == 1} >= {
        "synthetic.diffusion",
        "synthetic.gan",
    }
    assert "synthetic.gan" in own[0].tensors
    assert "synthetic.diffusion" not in own[0].tensors
    assert own[0].card["synthetic_sets"] == {"gan": gan.digest}


def test_corrupted_images_are_a_stratified_part_whose_clean_answers_are_the_predictions(
    classifier: Artifact, splits: Splits, synthetic: SyntheticSet, parameters: Parameters
) -> None:
    params = parameters.evaluation.model_copy(update={"corruption_images": 10})
    sets = {"diffusion": synthetic}
    predicted, _ = predict_cell(classifier, splits.val, splits.test, sets, params, 0, cell=cell("cnn", "real"))
    made = corrupt_cell(classifier, predicted, splits.test, params, 0)
    levels = made.card["corruption_levels"]
    assert levels == {name: list(params.corruption_levels[name]) for name in params.corruptions}
    assert {name: made.tensors[name].shape for name in levels} == {
        name: (len(values), 2, 10, 3) for name, values in levels.items()
    }
    rows = made.tensors["rows"]
    assert np.array_equal(made.tensors["clean"], predicted.tensors["real_test"][:, rows])
    assert np.array_equal(made.tensors["labels"], splits.test.labels[rows])
    assert np.abs(made.tensors["stain"][-1] - made.tensors["clean"]).max() > 1e-3
    nowhere = params.corruption_cells.model_copy(update={"regimes": ("mixed",)})
    for left_out in ({"corruptions": ()}, {"corruption_cells": nowhere}):
        assert corrupt_cell(classifier, predicted, splits.test, params.model_copy(update=left_out), 0) is MISSING


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
        score_cell(predicted, other, MISSING)
    mixture = CellResults(cell("cnn", "real"), predicted, None, other, None, None, None, other)
    for tabulate, what in ((tabulate_robustness, "attacked"), (tabulate_corruptions, "corrupted")):
        with pytest.raises(InputError, match=f"{what} images of cnn/real was made from classifier old"):
            tabulate([mixture])
    assert len(tabulate_robustness([results("cnn", "real", 3)])) == 2 * 3 * 2


def test_copies_and_losses_of_different_denoisers_are_not_tabulated_together() -> None:
    nearest, losses = Artifact({}, {"checkpoint": "old"}), Artifact({}, {"checkpoint": "new"})
    refusal = r"nearest training images of diffusion was made from denoiser old, denoiser losses .* new"
    with pytest.raises(InputError, match=refusal):
        tabulate_privacy(losses, diffusion=nearest)


@pytest.fixture
def run_study(
    run: Callable, splits: Splits, synthetic: SyntheticSet, denoiser: Artifact, parameters: Parameters
) -> Callable:
    """Runs the study-level part of one model on what its cells left."""

    def run_with(cells: dict) -> dict:
        grid = Grid(models={"cnn": False}, regimes=("real", "synthetic", "mixed"))
        pipeline = evaluation.create_pipeline(grid).only_nodes_with_tags("report")
        wanted = pipeline.inputs()
        missing = dict.fromkeys((name for name in wanted if name.startswith("cnn/")), MISSING)
        picture = png_bytes(new_figure(1, 1, "picture", None))
        shared = {
            "synthetic": synthetic,
            "denoiser": denoiser,
            "diffusion_history": pd.DataFrame({"epoch": [1], "seconds": [4.0], "images_per_second": [7.5]}),
            "data_card": splits.card(),
            "run_times": MISSING,
            "sweep_tables": {},
            "real_train": splits.train,
            "real_val": splits.val,
            "real_test": splits.test,
            "image_features_at_hand": {},
        }
        images = {name: picture for name in wanted if name.endswith("_figure") and "/" not in name}
        return run(pipeline, **missing | cells, **shared, **images) | {"parameters": parameters}

    return run_with


@pytest.fixture
def study(run_study: Callable) -> dict:
    """The study-level part, with cnn/mixed not trained."""
    history = pd.DataFrame({"model": ["cnn"], "regime": ["real"], "replicate": [0], "epoch": [1], "seconds": [2.0]})
    cells: dict = {"cnn/real/history": history.assign(images_per_second=15.0)}
    for regime, errors in (("real", 3), ("synthetic", 12)):
        cells[f"cnn/{regime}/predictions"] = predictions("cnn", regime, errors)
        cells[f"cnn/{regime}/attacked"] = attacked("cnn", regime)
        cells[f"cnn/{regime}/corrupted"] = corrupted("cnn", regime)
        cells[f"cnn/{regime}/features"] = features("cnn", regime)
    return run_study(cells)


def test_the_report_shows_the_parameters_that_the_results_were_made_with(study: dict) -> None:
    words = " ".join(re.sub("<[^>]*>", " ", study["report"]).split())
    assert "num_steps 77" in words  # the generator card's; conf has another number


def test_tables_of_other_prepared_data_are_no_evidence(data_card: Callable[..., DataCard]) -> None:
    tables = {"own": pd.DataFrame({"prepared": ["p", "p"]}), "other": pd.DataFrame({"prepared": ["p", "q"]})}
    assert list(_of_this_data(tables, data_card(digest="p"))) == ["own"]


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
    assert study["verdict"]["comparisons"][0]["set"] == "diffusion"
    robustness = study["robustness_table"].query("attack == 'bim' and regime == 'real'")
    assert robustness[["control", "change"]].to_numpy().tolist() == [[False, -1], [False, -1], [True, -1], [True, -1]]
    corruptions = study["corruptions_table"].query("replicate == 0 and regime == 'real'")
    assert corruptions[["corruption", "level", "accuracy"]].to_numpy().tolist() == [
        ["stain", 0.5, 0.75],
        ["stain", 1.0, 0.25],
        ["blur", 1.0, 1.0],
    ]
    assert study["corruption_comparison_table"]["difference"].tolist() == [0] * 6
    metrics = {one["metric"] for one in study["verdict"]["comparisons"]}
    assert {"accuracy", "corrupted_accuracy", "corruption_change/stain"} <= metrics
    assert "CNN, mean corruption accuracy (as the images were): real 0.750 (1.000)" in study["summary"]
    assert len(study["per_class_table"]) == 2 * 2 * 3
    assert study["calibration_table"]["nll"].notna().all()
    assert study["selective_table"]["replicate"].tolist() == [0, 1, "ensemble"] * 2
    assert study["risk_coverage_table"].groupby("regime")["risk"].last().to_dict() == {"real": 0.25, "synthetic": 1}
    assert study["conformal_table"]["class"].tolist() == ["", *NAMES] * 2
    assert study["knn_mixing_table"]["class"].tolist() == [*NAMES, ""] * 2


def test_mean_color_tells_classes_of_different_brightness_apart_and_has_no_part_in_the_verdicts(study: dict) -> None:
    table = study["color_baseline_table"]
    assert table[["regime", "set", "accuracy"]].to_numpy().tolist() == [
        ["real", "", 1.0],
        ["synthetic", "diffusion", 1.0],
        ["mixed", "diffusion", 1.0],
    ]
    assert "is 0.250 below it." in study["report"]
    assert study["table_4_1"]["model"].iloc[-1] == "mean color"
    assert {row["model"] for row in study["verdict"]["comparisons"]} == {"cnn"}


def test_the_verdict_stands_first_in_the_report(study: dict) -> None:
    row, *others = study["comparison_table"].to_dict("records")
    assert row["metric"] == "accuracy" != others[0]["metric"]
    assert (row["regime"], row["verdict"], row["difference"]) == ("synthetic", "hurts", -0.75)
    report = study["report"]
    assert "no test of significance" not in report.lower()
    assert 'class="verdict hurts"' in report
    assert report.index("hurts CNN") < report.index("Table 4.1")


def test_table_4_3_shows_no_control(study: dict) -> None:
    row = study["table_4_3"].query("model == 'CNN' and regime == 'real'").iloc[0]
    assert (row["n"], row["uniform noise"]) == ("12", "1.000 ± 0.000 (+0.000 ± 0.000)")
    assert "Ablation, no measure of robustness" in study["report"]


def test_fidelity_and_privacy_are_measured_and_copies_are_found(study: dict) -> None:
    fidelity, privacy = study["fidelity_table"], study["privacy_table"]
    assert set(fidelity.query("measure == 'recall'")["n"]) == {12}
    means = fidelity.query("measure == 'kernel_distance_of_classes'")
    assert (len(means), means["value"].notna().all()) == (4, True)
    copies = privacy.query("measure == 'near_duplicates' and space == 'any'").iloc[0]
    assert (copies["set"], copies["suspects"], bool(copies["alarm"])) == ("diffusion", 12, True)
    assert (study["denoiser_losses"].tensors["real_train"] > 0).all()


def test_the_report_names_the_cell_that_is_missing(study: dict) -> None:
    assert "CNN mixed" in study["report"]
    assert "not trained" in study["table_4_1"].to_string()


def test_the_cost_counts_the_seconds_of_every_stage(study: dict) -> None:
    assert study["cost_table"]["seconds"].sum() == 6


def test_figures_of_the_study_are_drawn(study: dict) -> None:
    drawn = set(study["report_figures"])
    assert {"accuracy_by_regime/accuracy_by_regime.png", "table_4_3/robustness.png"} & drawn
    assert all(isinstance(figure, Figure) for figure in study["report_figures"].values())
    assert isinstance(study["closest_pairs_figure"], Figure)
    assert isinstance(study["nearest_distances_figure"], Figure)


def test_real_tiles_are_embedded_only_where_they_may_be_shown(
    study: dict, splits: Splits, synthetic: SyntheticSet
) -> None:
    assert 'alt="Nine real training images of each class"' in study["report"]
    (band, *_) = draw_pairs(study, splits, synthetic, embed_real_images=True).axes
    (hidden, *_) = draw_pairs(study, splits, synthetic, embed_real_images=False).axes
    assert [label.get_text() for label in band.get_yticklabels()] == ["synthetic", "training"]
    assert [label.get_text() for label in hidden.get_yticklabels()] == ["synthetic"]


def draw_pairs(study: dict, splits: Splits, synthetic: SyntheticSet, embed_real_images: bool) -> Figure:
    params, report = study["parameters"].evaluation, study["parameters"].report
    report = report.model_copy(update={"embed_real_images": embed_real_images})
    sets = {"diffusion": synthetic}
    return draw_closest_pairs(study["nearest_training_images"], splits.train, sets, params, report)


def test_cells_of_different_data_are_not_combined() -> None:
    other = results("clip", "real", 0)
    other.predictions.card["prepared"] = "another"
    with pytest.raises(InputError, match="cnn/real was made from data p, clip/real from data another"):
        collect_cells(results("cnn", "real", 0), MISSING, other)


def test_cells_of_different_synthetic_images_are_not_combined() -> None:
    cells = [results("cnn", regime, 0) for regime in ("real", "synthetic", "mixed")]
    for one, digest in zip(cells, (None, "one", "another"), strict=True):
        one.predictions.card["synthetic"] = digest
    with pytest.raises(
        InputError, match=r"cnn/synthetic was made from synthetic images \(diffusion\) one, cnn/mixed .* another"
    ):
        collect_cells(*cells)
    assert len(collect_cells(*cells[:2])) == 2


def test_a_classifier_is_not_evaluated_on_synthetic_images_that_replaced_its_own(
    splits: Splits, synthetic: SyntheticSet, parameters: Parameters
) -> None:
    facts = card("cnn", "mixed") | {"synthetic": "old"}
    sets = {"diffusion": synthetic}
    with pytest.raises(InputError, match=r"cnn/mixed/diffusion was made from synthetic images \(diffusion\) old"):
        predict_cell(
            Artifact({}, facts), splits.val, splits.test, sets, parameters.evaluation, 0, cell=cell("cnn", "mixed")
        )


def test_the_feature_space_shows_no_tiles_of_other_synthetic_images(
    splits: Splits, synthetic: SyntheticSet, parameters: Parameters
) -> None:
    found = features("cnn", "real")
    found.card["synthetic_sets"] = {"diffusion": synthetic.digest}
    points = embed_features(found, parameters.evaluation, 0)
    embedded = [CellResults(cell("cnn", "real"), found, found, None, points, None, None)]
    sets = {"diffusion": synthetic}
    assert "CNN" in write_feature_space(splits.test, sets, embedded, parameters.report)
    found.card["synthetic_sets"] = {"diffusion": "old"}
    with pytest.raises(InputError, match=r"t-SNE of cnn/real from synthetic images \(diffusion\) old"):
        write_feature_space(splits.test, sets, embedded, parameters.report)
