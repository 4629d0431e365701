"""The cells of the grid: what they leave, and what they refuse."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.pipelines import classification
from synthpath_kedro.pipelines.classification import ratio_sweep
from synthpath_kedro.pipelines.classification.nodes import cache_features, filter_synthetic, train_classifier
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.models import FAMILIES


@pytest.fixture
def synthetic(splits: Splits) -> dict:
    """Shards and manifest of a synthetic set that looks like the real one."""
    images: LabeledImages = splits.train
    shard = Artifact({"images": images.images, "labels": images.labels})
    listed = {"shard_00000.safetensors": {"digest": shard.digest, "n": 30}}
    manifest = {"shards": listed, "class_names": images.class_names}
    return {
        "synthetic_shards": {"shard_00000.safetensors": shard},
        "synthetic_manifest": manifest | {"prepared": "p", "digest": "all"},
    }


@pytest.fixture
def train_cell(run: Callable, splits: Splits, synthetic: dict, tmp_path: Path) -> Callable:
    def train(model: str, regime: str) -> dict:
        grid = Grid(models={model: FAMILIES[model].has_frozen_backbone}, regimes=(regime,), model=model, regime=regime)
        pipeline = classification.create_pipeline(grid)
        inputs = {"real_train": splits.train, "real_val": splits.val, "classification_scratch": tmp_path / "scratch"}
        constants = {f"{model}__name": model, f"{model}__{regime}__cell": (model, regime)}
        needed = {**inputs, **constants, **synthetic}
        return run(pipeline, **{name: needed[name] for name in needed if name.replace("__", ".") in pipeline.inputs()})

    return train


@pytest.mark.parametrize("regime", ["real", "synthetic", "mixed"])
def test_a_cell_is_one_checkpoint_of_all_replicates_and_one_history(train_cell: Callable, regime: str) -> None:
    made = train_cell("cnn", regime)
    checkpoint, history = made[f"cnn.{regime}.classifier"], made[f"cnn.{regime}.history"]
    assert {name.split(".")[0] for name in checkpoint.tensors} == {"replicate_0", "replicate_1"}
    assert checkpoint.card["prepared"] == "p"
    assert (checkpoint.card["model"], checkpoint.card["regime"]) == ("cnn", regime)
    assert set(history["replicate"]) == {0, 1}
    assert isinstance(made[f"cnn.{regime}.history_figure"], Figure)


def test_replicates_start_from_other_weights(train_cell: Callable) -> None:
    tensors = train_cell("cnn", "real")["cnn.real.classifier"].tensors
    name = next(name for name in sorted(tensors) if name.endswith("weight"))
    first, second = tensors[name], tensors[name.replace("replicate_0", "replicate_1")]
    assert not np.array_equal(first, second)


def test_images_of_other_data_are_refused(parameters, splits: Splits, tmp_path: Path) -> None:
    other = splits.val.with_card(prepared="q")
    with pytest.raises(InputError, match="real_train was made from data p, real_val from data q"):
        train_classifier(("cnn", "real"), splits.train, other, parameters.classification, 0, tmp_path)


def test_features_are_asked_for_by_what_decides_them(parameters, splits: Splits) -> None:
    params = parameters.classification
    key = cache_features("resnet18", splits.train, params, 0).key
    more_epochs = params.model_copy(update={"max_epochs": 9})
    resnet18 = params.backbone("resnet18").model_copy(update={"input_size": 64})
    larger = params.model_copy(update={"backbones": params.backbones | {"resnet18": resnet18}})
    assert cache_features("resnet18", splits.train, more_epochs, 0).key == key
    assert cache_features("resnet18", splits.train, larger, 0).key != key
    assert cache_features("resnet18", splits.val, params, 0).key != key


def test_filtering_needs_the_cell_that_decides(parameters, synthetic: dict) -> None:
    params = parameters.classification
    params = params.model_copy(
        update={"confidence_filtering": params.confidence_filtering.model_copy(update={"model": "cnn"})}
    )
    with pytest.raises(InputError, match="kedro run --pipeline=classification --params=model=cnn,regime=real"):
        filter_synthetic(None, *synthetic.values(), params)


def test_the_selected_images_are_the_ones_that_are_trained_on(
    run: Callable, splits: Splits, synthetic: dict, tmp_path: Path
) -> None:
    grid = Grid(models={"cnn": False}, regimes=("real", "synthetic"), filtering_model="cnn")
    cells = {f"cnn__{regime}__cell": ("cnn", regime) for regime in grid.regimes}
    inputs = {"real_train": splits.train, "real_val": splits.val, "classification_scratch": tmp_path}
    made = run(classification.create_pipeline(grid), **inputs, **cells, **synthetic)
    table = made["confidence_filtering_table"]
    assert table["generated"].tolist() == [10, 10, 10]
    assert made["confidence_mask"].tensors["kept"].sum() == table["kept"].sum()
    assert made["cnn.synthetic.classifier"].card["n_images"]["synthetic"] == table["kept"].sum()


def test_the_sweep_trains_every_ratio_and_its_ends_are_the_pure_regimes(
    run: Callable, train_cell: Callable, splits: Splits, synthetic: dict, tmp_path: Path
) -> None:
    grid = Grid(models={"cnn": False}, sweep_ratios=(0.0, 0.5, 1.0))
    inputs = {"real_train": splits.train, "real_val": splits.val, "real_test": splits.test, "cnn__name": "cnn"}
    made = run(
        ratio_sweep.create_pipeline(grid),
        **inputs,
        **synthetic,
        classification_scratch=tmp_path,
        data_card=splits.card(),
    )
    table = made["ratio_sweep_table"]
    assert table[["ratio", "replicate"]].to_numpy().tolist() == [[0, 0], [0, 1], [0.5, 0], [0.5, 1], [1, 0], [1, 1]]
    assert table["accuracy"].between(0, 1).all()
    assert isinstance(made["accuracy_by_ratio_figure"], Figure)
    assert not list((tmp_path / "ratio_sweep").iterdir())
