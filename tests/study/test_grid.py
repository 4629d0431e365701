from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.grid import Cell, Grid


def test_the_whole_study_has_fifteen_cells() -> None:
    grid = Grid()
    assert grid.whole
    assert len(grid.cells) == 15
    assert grid.selected == grid.cells


def test_a_set_has_a_folder_of_its_own_where_there_are_several() -> None:
    one, two = Grid(), Grid(sets=dict.fromkeys(("ours", "gan"), GENERATORS["npz"]))
    assert (one.folder_of("diffusion"), one.of_set("synthetic", "diffusion")) == ("", "synthetic")
    assert (two.folder_of("gan"), two.of_set("synthetic", "gan")) == ("gan/", "synthetic/gan")


def test_model_and_regime_select_cells() -> None:
    assert Grid(model="clip", regime="mixed").selected == (Cell("clip", "mixed", "diffusion"),)
    assert [cell.namespace for cell in Grid(model="cnn").selected] == ["cnn.real", "cnn.synthetic", "cnn.mixed"]
    assert Grid(models={"cnn": False}, regimes=("real",), model="clip").selected == ()
