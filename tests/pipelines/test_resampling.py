"""The learning curve and the cross-validation: what is trained on what, and what they refuse."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kedro.pipeline import Pipeline
from matplotlib.figure import Figure

from synthpath_kedro.checks import check_cross_validation
from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.prediction import predict_replicates
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet, from_arrays, join
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines import classification
from synthpath_kedro.pipelines.resampling import cross_validation, learning_curve
from synthpath_kedro.pipelines.resampling.nodes import estimate_resampling_cost
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.resampling import Resampling

SMALL = Resampling(fractions=(0.5, 1.0), synthetic_counts=(0.5, 2.0), repeats=1, folds=2)
EXTERNAL = {"gan": GENERATORS["npz"]}


@pytest.fixture
def real(splits: Splits) -> Splits:
    """Prepared images: their cards hold the digest of all three sets."""
    return splits.map(lambda images: images.with_card(prepared=splits.digest, digest=images.digest))


@pytest.fixture
def synthetic(real: Splits) -> SyntheticSet:
    """As many synthetic images as real ones."""
    train = real.train
    facts = {"name": "diffusion", "source": "diffusion", "prepared": real.digest}
    return from_arrays(255 - train.images, train.labels, train.class_names, 16, **facts)


@pytest.fixture
def inputs(real: Splits, synthetic: SyntheticSet, tmp_path: Path) -> dict:
    """What both pipelines begin with."""
    return {
        **{f"real_{name}": images for name, images in real},
        "data_card": real.card(),
        "synthetic": synthetic,
        "scratch": tmp_path / "scratch",
        "logs": tmp_path / "logs",
    }


def grid_of(model: str = "cnn", **changes: object) -> Grid:
    grid = {"models": {model: model != "cnn"}, "regimes": ("real", "mixed"), "resampling": SMALL}
    return Grid(**grid | changes)


@pytest.fixture
def curve(run: Callable, inputs: dict) -> dict:
    return run(learning_curve.create_pipeline(grid_of()), **inputs)


def names(pipeline: Pipeline) -> list[str]:
    return [node.name for node in pipeline.nodes]


def test_the_denoiser_is_trained_again_on_each_smaller_fraction(curve: dict, real: Splits) -> None:
    half = curve["learning_curve_parts"]["at_50"].of(real)
    denoiser = curve["learning_curve/at_50/denoiser"]
    assert denoiser.card["prepared"] == half.digest != real.digest
    assert denoiser.card["data_digest"] == half.train.digest
    assert "learning_curve/at_100/denoiser" not in curve
    made = curve["learning_curve/at_50/generated/diffusion"]
    assert made.card.made_from["checkpoint"] == denoiser.card["digest"]


def test_a_denoiser_of_half_the_images_takes_as_many_steps_and_gives_half_as_many_images(
    curve: dict, parameters: Parameters
) -> None:
    denoiser, made = curve["learning_curve/at_50/denoiser"], curve["learning_curve/at_50/generated/diffusion"]
    assert denoiser.card["epochs"] == 2 * parameters.diffusion.max_epochs
    assert len(made) == parameters.synthesis.n_images / 2


def test_at_all_images_the_cells_are_the_studys_own(curve: dict, run: Callable, inputs: dict) -> None:
    study = run(classification.create_pipeline(grid_of()), **inputs)
    test = inputs["real_test"].images
    for regime in ("real", "mixed"):
        classifiers = load_classifiers(study[f"cnn/{regime}/classifier"])
        expected = np.stack([one.probabilities for one in predict_replicates(classifiers, test, 30)])
        predicted = curve[f"learning_curve/at_100/cnn/{regime}/test_predictions"]
        np.testing.assert_array_equal(predicted.tensors["real_test"], expected)


def test_the_tables_of_the_curve_have_a_row_per_cell_fraction_and_replicate(curve: dict, real: Splits) -> None:
    table = curve["learning_curve_table"]
    assert list(table.columns)[:8] == ["model", "regime", "set", "fraction", "n_train", "replicate", "weights", "n"]
    keys = [(regime, fraction, k) for fraction in (0.5, 1.0) for regime in ("real", "mixed") for k in (0, 1)]
    assert list(table[["regime", "fraction", "replicate"]].itertuples(index=False, name=None)) == keys
    assert set(table["prepared"]) == {real.digest}
    worth = curve["real_images_worth_table"]
    assert worth[["regime", "set", "baseline", "n_train"]].to_numpy().tolist() == [
        ["mixed", "diffusion", "real", 15],
        ["mixed", "diffusion", "real", 30],
    ]
    assert worth[["least", "most"]].to_numpy().tolist() == [[0, 15], [-15, 0]]
    intervals = curve["learning_curve_intervals_table"]
    assert (intervals["ci_low"] <= intervals["accuracy"]).all()
    assert (intervals["accuracy"] <= intervals["ci_high"]).all()
    assert isinstance(curve["learning_curve_figure"], Figure)


def test_counts_that_the_set_does_not_hold_are_left_out(curve: dict) -> None:
    table = curve["synthetic_count_table"]
    assert table[["regime", "synthetic_per_real", "n_synthetic", "replicate"]].to_numpy().tolist() == [
        ["real", 0.0, 0, 0],
        ["real", 0.0, 0, 1],
        ["mixed", 0.5, 15, 0],
        ["mixed", 0.5, 15, 1],
    ]
    assert len(curve["learning_curve/at_100/cnn/mixed/times_2/test_predictions"].tensors["real_test"]) == 0
    assert isinstance(curve["synthetic_count_figure"], Figure)


def test_the_cost_is_logged_before_anything_is_trained(run: Callable, inputs: dict, caplog) -> None:
    caplog.set_level("INFO")
    made = run(learning_curve.create_pipeline(grid_of()), **inputs)
    # Two cells at each of two fractions, and two counts; two replicates each.
    assert made["learning_curve_cost"].startswith("learning_curve trains 1 denoisers and at most 12 classifiers; the")
    assert list(made).index("learning_curve_cost") < list(made).index("learning_curve/at_50/denoiser")


def test_of_several_denoisers_a_fraction_has_one_and_each_replicate_the_images_of_one(
    run: Callable, inputs: dict, synthetic: SyntheticSet, real: Splits, parameters: Parameters
) -> None:
    facts = {"name": "diffusion", "source": "diffusion", "prepared": real.digest}
    pixels, names = synthetic.images[:], synthetic.class_names
    parts = [from_arrays(images, synthetic.labels, names, 16, **facts) for images in (pixels, 255 - pixels)]
    inputs["synthetic/diffusion"] = join(parts, **facts)
    inputs["params:diffusion"] = parameters.diffusion.model_copy(update={"replicates": 2})
    grid = grid_of(denoisers=2)
    made = run(learning_curve.create_pipeline(grid), **inputs)
    assert len(made["learning_curve/at_50/denoiser"].card["replicates"]) == 1
    counts = made["synthetic_count_table"].query("regime == 'mixed'")
    assert counts[["synthetic_per_real", "n_synthetic"]].to_numpy().tolist() == [[0.5, 15], [0.5, 15]]
    study = run(classification.create_pipeline(grid), **inputs)
    classifiers = load_classifiers(study["cnn/mixed/classifier"])
    expected = np.stack([one.probabilities for one in predict_replicates(classifiers, real.test.images, 30)])
    predicted = made["learning_curve/at_100/cnn/mixed/test_predictions"]
    np.testing.assert_array_equal(predicted.tensors["real_test"], expected)
    assert predicted.card["n_synthetic"] == 30


def test_the_cost_counts_the_replicates_of_each_model_and_one_denoiser_a_part(parameters: Parameters, splits) -> None:
    cnn = parameters.classification.backbone("cnn").model_copy(update={"replicates": 3})
    backbones = parameters.classification.backbones | {"cnn": cnn}
    classification = parameters.classification.model_copy(update={"backbones": backbones})
    several = parameters.diffusion.model_copy(update={"replicates": 100})
    facts = {"study": "learning_curve", "n_denoisers": 1, "trials_of": {"cnn": 2, "resnet18": 1}}
    cost = estimate_resampling_cost(splits.card(), several, parameters.synthesis, classification, **facts)
    assert cost.startswith("learning_curve trains 1 denoisers and at most 8 classifiers; the denoisers")


def test_a_model_with_a_frozen_backbone_is_trained_on_parts(run: Callable, inputs: dict) -> None:
    grid = grid_of("resnet18", resampling=Resampling((0.5,), ("mixed",), (), 1, 2))
    made = run(learning_curve.create_pipeline(grid), **inputs)
    assert made["learning_curve_table"]["n_train"].tolist() == [15, 15]
    stored = inputs["scratch"] / "learning_curve/at_50/classifiers/resnet18/cached_features"
    assert {path.stem for path in stored.glob("*.safetensors")} == {"real_train", "real_val", "real_test", "diffusion"}


def test_without_counts_and_all_images_nothing_of_the_study_is_needed() -> None:
    grid = grid_of(resampling=Resampling((0.25, 0.5), ("real", "mixed"), (), 1, 2))
    pipeline = learning_curve.create_pipeline(grid)
    assert not {"synthetic", "denoiser"} & pipeline.inputs()
    assert "synthetic_count_table" not in pipeline.all_outputs()


def test_a_set_made_elsewhere_is_the_same_at_each_fraction(
    run: Callable, inputs: dict, synthetic: SyntheticSet, real: Splits
) -> None:
    facts = {"name": "gan", "source": "npz", "prepared": real.digest}
    inputs["synthetic"] = from_arrays(synthetic.images[:], synthetic.labels, synthetic.class_names, 16, **facts)
    pipeline = learning_curve.create_pipeline(grid_of(sets=EXTERNAL))
    assert not [name for name in names(pipeline) if "denoiser" in name or "make_synthetic_set" in name]
    made = run(pipeline, **inputs)
    used = [made[f"learning_curve/{part}/cnn/mixed/test_predictions"].card for part in ("at_50", "at_100")]
    assert [card["n_synthetic"] for card in used] == [30, 30]
    assert [card["n_train"] for card in used] == [15, 30]


def test_a_fraction_that_cannot_be_trained_on_is_refused_before_anything_is(run: Callable, inputs: dict) -> None:
    grid = grid_of(resampling=Resampling((0.05, 1.0), ("real", "mixed"), (), 1, 2))
    with pytest.raises(InputError, match=r"0.05 of 30 training images is 2, too few for 3 classes"):
        run(learning_curve.create_pipeline(grid), **inputs)
    assert not inputs["scratch"].exists()


def test_a_killed_training_on_a_part_goes_on_where_it_stopped(
    run: Callable, inputs: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthpath_kedro.classifiers import training

    whole = run(learning_curve.create_pipeline(grid_of()), **inputs)["learning_curve_table"]
    trained, train = [], training.train_replicate

    def count(cell: object, replicate: int, scratch: Path) -> object:
        trained.append(scratch)
        return train(cell, replicate, scratch)

    # What is in scratch is all that was finished: nothing is fitted a second time.
    monkeypatch.setattr(training, "train_replicate", count)
    monkeypatch.setattr("synthpath_kedro.classifiers.replicate._fit", None)
    again = run(learning_curve.create_pipeline(grid_of()), **inputs)["learning_curve_table"]
    assert len(trained) == 10
    assert again.equals(whole)


def test_each_fold_trains_its_own_denoiser_and_is_tested_on_what_it_left_out(
    run: Callable, inputs: dict, real: Splits
) -> None:
    made = run(cross_validation.create_pipeline(grid_of()), **inputs)
    digests = set()
    for fold in range(2):
        part = f"repeat_0_fold_{fold}"
        own = made["cross_validation_parts"][part].of(real)
        denoiser = made[f"cross_validation/{part}/denoiser"]
        assert denoiser.card["data_digest"] == own.train.digest
        digests.add(denoiser.card["digest"])
        predicted = made[f"cross_validation/{part}/cnn/mixed/test_predictions"]
        assert predicted.tensors["real_test_labels"].tolist() == own.test.labels.tolist()
    assert len(digests) == 2
    table = made["cross_validation_table"]
    assert table.groupby("fold")["n"].first().tolist() == [27, 27]
    assert list(table[["regime", "fold", "replicate"]].itertuples(index=False, name=None)) == [
        (regime, fold, k) for fold in (0, 1) for regime in ("real", "mixed") for k in (0, 1)
    ]
    (comparison,) = made["cross_validation_comparison_table"].to_dict("records")
    accuracy = table.groupby(["regime", "fold"])["accuracy"].mean()
    assert comparison["difference"] == pytest.approx((accuracy["mixed"] - accuracy["real"]).mean())
    assert (comparison["baseline"], comparison["folds"], comparison["degrees_of_freedom"]) == ("real", 2, 1)


def test_patients_cross_no_fold(run: Callable, inputs: dict, real: Splits) -> None:
    def with_patients(images: LabeledImages, first: int) -> LabeledImages:
        groups = first + np.arange(len(images)) // 3
        return LabeledImages(images.images, images.labels, images.class_names, groups, images.card)

    for number, (name, images) in enumerate(real):
        inputs[f"real_{name}"] = with_patients(images, 100 * number)
    grid = grid_of(regimes=("real",))
    made = run(cross_validation.create_pipeline(grid), **inputs)
    of_folds = [
        set(made[f"cross_validation/repeat_0_fold_{fold}/cnn/real/test_predictions"].tensors["real_test_groups"])
        for fold in (0, 1)
    ]
    assert not of_folds[0] & of_folds[1]
    assert len(of_folds[0] | of_folds[1]) == 10 + 4 + 4


def test_sets_made_elsewhere_have_no_part_in_a_cross_validation(parameters: Parameters) -> None:
    pipeline = cross_validation.create_pipeline(grid_of(sets=EXTERNAL | {"ours": GENERATORS["diffusion"]}))
    assert not [name for name in pipeline.datasets() if "gan" in name]
    assert "cross_validation/repeat_0_fold_1/cnn/mixed/ours/test_predictions" in pipeline.all_outputs()
    external = parameters.synthesis.model_copy(update={"source": "npz", "path": "gan.npz"})
    check_cross_validation(parameters)
    with pytest.raises(InputError, match=r"made elsewhere, maybe from the images that a fold holds out: npz \(npz\)"):
        check_cross_validation(parameters.model_copy(update={"synthesis": external}))
