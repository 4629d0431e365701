from dataclasses import replace
from pathlib import Path

from kedro.config import OmegaConfigLoader

from synthpath_kedro.parameters import read_parameters
from synthpath_kedro.settings import CONFIG_LOADER_ARGS
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.grid import Cell, Grid
from synthpath_kedro.study.resampling import Resampling


def test_the_whole_study_has_fifteen_cells() -> None:
    grid = Grid()
    assert grid.whole
    assert len(grid.cells) == 15
    assert grid.selected == grid.cells


def test_a_set_has_a_folder_of_its_own_where_there_are_several() -> None:
    one, two = Grid(), Grid(sets=dict.fromkeys(("ours", "gan"), GENERATORS["npz"]))
    assert (one.folder_of("diffusion"), one.of_set("synthetic", "diffusion")) == ("", "synthetic")
    assert (two.folder_of("gan"), two.of_set("synthetic", "gan")) == ("gan/", "synthetic/gan")


def test_a_cell_is_compared_with_the_same_model_without_synthetic_images() -> None:
    assert Cell("clip", "mixed", "gan", several_sets=True).baseline == Cell("clip", "real", "", several_sets=True)
    assert Cell("clip", "mixed_augmented", "gan").baseline == Cell("clip", "real_augmented")
    assert Cell("clip", "real").baseline is None


def test_parts_of_the_data_are_named_after_their_share_and_fold() -> None:
    resampling = Resampling(fractions=(0.125, 0.5), repeats=2, folds=2)
    assert dict(resampling.parts_of_curve) == {"at_12_5": 0.125, "at_50": 0.5, "at_100": 1}
    assert list(Resampling((0.5,), ("real",)).parts_of_curve) == ["at_50"]
    assert dict(resampling.folds_of_repeats) == {
        "repeat_0_fold_0": (0, 0),
        "repeat_0_fold_1": (0, 1),
        "repeat_1_fold_0": (1, 0),
        "repeat_1_fold_1": (1, 1),
    }


def test_model_and_regime_select_cells() -> None:
    assert Grid(model="clip", regime="mixed").selected == (Cell("clip", "mixed", "diffusion"),)
    assert [cell.namespace for cell in Grid(model="cnn").selected] == ["cnn.real", "cnn.synthetic", "cnn.mixed"]
    assert Grid(models={"cnn": False}, regimes=("real",), model="clip").selected == ()


OF_MODELS = Grid(
    models={"cnn": False, "resnet18": True, "clip": True},
    sets={"diffusion": GENERATORS["diffusion"], "oracle": GENERATORS["phantom"]},
    own_regimes={"cnn": ("real", "real_repeated", "real_plus_synthetic")},
    own_sets={"resnet18": ("diffusion",), "clip": ("oracle",)},
)


def test_a_model_has_its_own_regimes_and_sets_where_it_says_so() -> None:
    assert [cell.name for cell in OF_MODELS.cells] == [
        "cnn/real",
        "cnn/real_repeated",
        "cnn/real_plus_synthetic/diffusion",
        "cnn/real_plus_synthetic/oracle",
        "resnet18/real",
        "resnet18/synthetic/diffusion",
        "resnet18/mixed/diffusion",
        "clip/real",
        "clip/synthetic/oracle",
        "clip/mixed/oracle",
    ]


def test_a_pair_that_no_model_has_selects_nothing() -> None:
    assert replace(OF_MODELS, model="cnn", regime="mixed").selected == ()
    assert [cell.model for cell in replace(OF_MODELS, regime="mixed").selected] == ["resnet18", "clip"]


def test_an_oracle_is_a_positive_control() -> None:
    assert OF_MODELS.oracles == ("oracle",)
    assert [name for name, generator in GENERATORS.items() if generator.is_oracle] == ["phantom"]


def of_environment(project: Path, environment: str, **changes: dict) -> Grid:
    loader = OmegaConfigLoader(str(project / "conf"), env=environment, **CONFIG_LOADER_ARGS)
    values = dict(loader["parameters"])
    for block, keys in changes.items():
        values[block] = values[block] | keys
    return Grid.from_parameters(read_parameters(values))


def test_where_the_denoiser_learns_from_flipped_images_the_regimes_that_augment_are_on(project: Path) -> None:
    backbones = {"cnn": {"regimes": ["real", "mixed"], "weights": "random", "batch_size": 8, "learning_rate": 1e-3}}
    backbones = {name: {"input_size": 16, "family": name, **backbones["cnn"]} for name in ("cnn", "resnet18")}
    backbones["resnet18"].pop("regimes")
    study = {"models": ["cnn", "resnet18"], "regimes": ["real", "mixed"], "backbones": backbones}
    on = of_environment(project, "base", classification=study, diffusion={"augment": True})
    assert on.regimes_of("cnn") == ("real", "mixed")
    assert on.regimes_of("resnet18") == ("real", "mixed", "real_augmented", "mixed_augmented")
    off = of_environment(project, "base", classification=study)
    elsewhere = {"source": "npz", "path": "made.npz"}
    from_files = of_environment(project, "base", classification=study, diffusion={"augment": True}, synthesis=elsewhere)
    assert off.regimes_of("resnet18") == from_files.regimes_of("resnet18") == ("real", "mixed")


def test_tiny_is_two_models_under_two_regimes(project: Path) -> None:
    assert [cell.name for cell in of_environment(project, "tiny").cells] == [
        "cnn/real",
        "cnn/mixed",
        "resnet18/real",
        "resnet18/mixed",
    ]
