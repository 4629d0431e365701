"""The cells of the grid: what they leave, and what they refuse."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.missing import MISSING
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet, from_arrays, join
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.pipelines import classification
from synthpath_kedro.pipelines.classification import ratio_sweep
from synthpath_kedro.pipelines.classification.nodes import cache_real_features, filter_synthetic, train_classifier
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.grid import Cell, Grid
from synthpath_kedro.study.models import FAMILIES
from synthpath_kedro.study.regimes import REGIMES


@pytest.fixture
def synthetic(splits: Splits) -> SyntheticSet:
    """A synthetic set that looks like the real images."""
    images = splits.train
    facts = {"name": "diffusion", "source": "diffusion", "prepared": "p"}
    return from_arrays(images.images, images.labels, images.class_names, 16, **facts)


@pytest.fixture
def inputs(splits: Splits, synthetic: SyntheticSet, tmp_path: Path) -> dict:
    """What the cells of a study begin with."""
    return {
        "real_train": splits.train,
        "real_val": splits.val,
        "real_test": splits.test,
        "data_card": splits.card(),
        "synthetic": synthetic,
        "scratch": tmp_path / "scratch",
        "logs": tmp_path / "logs",
        "cached_features_folder": tmp_path / "cached",
    }


@pytest.fixture
def train_cell(run: Callable, inputs: dict) -> Callable:
    def train(model: str, regime: str) -> dict:
        grid = Grid(
            models={model: FAMILIES[model].has_frozen_backbone()}, regimes=(regime,), model=model, regime=regime
        )
        return run(classification.create_pipeline(grid), **inputs)

    return train


@pytest.mark.parametrize("regime", ["real", "synthetic", "mixed"])
def test_a_cell_is_one_checkpoint_of_all_replicates_and_one_history(train_cell: Callable, regime: str) -> None:
    made = train_cell("cnn", regime)
    checkpoint, history = made[f"cnn/{regime}/classifier"], made[f"cnn/{regime}/history"]
    assert {name.split(".")[0] for name in checkpoint.tensors} == {"replicate_0", "replicate_1"}
    assert checkpoint.card["prepared"] == "p"
    assert (checkpoint.card["model"], checkpoint.card["regime"]) == ("cnn", regime)
    assert checkpoint.card["set"] == ("diffusion" if REGIMES[regime].uses_synthetic else "")
    assert set(history["replicate"]) == {0, 1}
    assert isinstance(made[f"cnn/{regime}/history_figure"], Figure)


def test_replicates_start_from_other_weights(train_cell: Callable) -> None:
    tensors = train_cell("cnn", "real")["cnn/real/classifier"].tensors
    name = next(name for name in sorted(tensors) if name.endswith("weight"))
    first, second = tensors[name], tensors[name.replace("replicate_0", "replicate_1")]
    assert not np.array_equal(first, second)


def test_images_of_other_data_are_refused(parameters, splits: Splits, tmp_path: Path) -> None:
    other = splits.val.with_card(prepared="q")
    with pytest.raises(InputError, match="real_train was made from data p, real_val from data q"):
        train_classifier(
            splits.train,
            other,
            parameters.classification,
            parameters.training,
            0,
            tmp_path,
            tmp_path,
            {},
            cell=Cell("cnn", "real"),
        )


def test_features_are_asked_for_by_what_decides_them(parameters, splits: Splits, tmp_path: Path) -> None:
    params = parameters.classification
    resnet18 = params.backbone("resnet18").model_copy(update={"input_size": 64})
    larger = params.model_copy(update={"backbones": params.backbones | {"resnet18": resnet18}})

    def cached(images: LabeledImages, params: ClassificationParameters) -> int:
        folder = tmp_path / "cached"
        cache_real_features(images, params, 0, tmp_path, folder, model="resnet18", name="real_train")
        return (folder / "resnet18/real_train.safetensors").stat().st_ino

    first = cached(splits.train, params)
    assert cached(splits.train, params.model_copy(update={"max_epochs": 9})) == first
    assert cached(splits.train, larger) != first
    assert cached(splits.val, params) != cached(splits.train, params)


def test_a_second_run_computes_no_features_again(run: Callable, inputs: dict, caplog) -> None:
    grid = Grid(models={"resnet18": True}, regimes=("real",))
    pipeline = classification.create_pipeline(grid)
    made = run(pipeline, **inputs)
    written = [made[f"resnet18/cached_{name}"].path.stat().st_mtime_ns for name in ("real_train", "real_val")]
    again = run(pipeline, **inputs)
    assert written == [again[f"resnet18/cached_{name}"].path.stat().st_mtime_ns for name in ("real_train", "real_val")]
    assert again["resnet18/real/classifier"].digest == made["resnet18/real/classifier"].digest


def test_filtering_needs_the_cell_that_decides(parameters, synthetic: SyntheticSet) -> None:
    params = parameters.classification
    params = params.model_copy(
        update={"confidence_filtering": params.confidence_filtering.model_copy(update={"model": "cnn"})}
    )
    with pytest.raises(InputError, match="kedro run --pipeline=classification --params=model=cnn,regime=real"):
        filter_synthetic(MISSING, {"diffusion": synthetic}, params, name="diffusion")


def test_the_filtered_images_are_the_ones_that_are_trained_on(run: Callable, inputs: dict) -> None:
    grid = Grid(models={"cnn": False}, regimes=("real", "synthetic"), filtering_model="cnn")
    made = run(classification.create_pipeline(grid), **inputs)
    table = made["confidence_filtering_table"]
    assert table["generated"].tolist() == [10, 10, 10]
    assert made["confidence_mask"].tensors["kept"].sum() == table["kept"].sum()
    assert made["cnn/synthetic/classifier"].card["n_images"]["synthetic"] == table["kept"].sum()


def test_each_of_several_sets_trains_a_cell_of_its_own(run: Callable, inputs: dict, synthetic: SyntheticSet) -> None:
    images = synthetic.images[:]
    facts = {"source": "npz", "prepared": "p"}
    gan = from_arrays(255 - images, synthetic.labels, synthetic.class_names, 16, name="gan", **facts)
    vae = from_arrays(images // 2, synthetic.labels, synthetic.class_names, 16, name="vae", **facts)
    sets = {"gan": GENERATORS["npz"], "vae": GENERATORS["npz"]}
    grid = Grid(models={"cnn": False}, regimes=("real", "mixed"), sets=sets)
    made = run(classification.create_pipeline(grid), **inputs, **{"synthetic/gan": gan, "synthetic/vae": vae})
    cards = {name: made[f"cnn/{name}/classifier"].card for name in ("real", "mixed/gan", "mixed/vae")}
    assert {name: card["set"] for name, card in cards.items()} == {"real": "", "mixed/gan": "gan", "mixed/vae": "vae"}
    assert cards["mixed/gan"]["synthetic"] == gan.digest != cards["mixed/vae"]["synthetic"]


def test_replicates_of_a_cell_take_turns_in_the_parts_of_a_set(
    run: Callable, inputs: dict, synthetic: SyntheticSet
) -> None:
    images, names, facts = synthetic.images[:], synthetic.class_names, {"name": "diffusion", "source": "diffusion"}
    parts = [from_arrays(pixels, synthetic.labels, names, 16, **facts) for pixels in (images, 255 - images)]
    grid = Grid(models={"cnn": False, "resnet18": True}, regimes=("synthetic",), denoisers=2)
    pipeline = classification.create_pipeline(grid)
    both = run(pipeline, **inputs, **{"synthetic/diffusion": join(parts, **facts, prepared="p")})
    alone = run(classification.create_pipeline(replace(grid, denoisers=1)), **inputs | {"synthetic": synthetic})
    for model in ("cnn", "resnet18"):
        cells = [made[f"{model}/synthetic/classifier"] for made in (both, alone)]
        assert [cell.card["denoiser_replicates"] for cell in cells] == [2, 1]
        assert cells[0].card["denoiser_of_replicate"] == [0, 1]
        equal = {
            name: np.array_equal(array, cells[1].tensors[name])
            for name, array in cells[0].tensors.items()
            if name.startswith("replicate_")
        }
        assert all(same for name, same in equal.items() if name.startswith("replicate_0."))
        assert not all(same for name, same in equal.items() if name.startswith("replicate_1."))


def test_the_sweep_trains_every_ratio_and_its_ends_are_the_pure_regimes(run: Callable, inputs: dict) -> None:
    grid = Grid(models={"cnn": False}, sweep_ratios=(0.0, 0.5, 1.0))
    made = run(ratio_sweep.create_pipeline(grid), **inputs)
    table = made["ratio_sweep_table"]
    assert table[["ratio", "replicate"]].to_numpy().tolist() == [[0, 0], [0, 1], [0.5, 0], [0.5, 1], [1, 0], [1, 1]]
    assert table["accuracy"].between(0, 1).all()
    assert isinstance(made["accuracy_by_ratio_figure"], Figure)
