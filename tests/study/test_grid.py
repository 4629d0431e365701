from synthpath_kedro.study.grid import Cell, Grid
from synthpath_kedro.study.resampling import Resampling


def test_the_whole_study_has_fifteen_cells() -> None:
    grid = Grid()
    assert grid.whole
    assert len(grid.cells) == 15
    assert grid.selected == grid.cells


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
