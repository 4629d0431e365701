from synthpath_kedro.study.grid import Cell, Grid


def test_the_whole_study_has_fifteen_cells() -> None:
    grid = Grid()
    assert grid.whole
    assert len(grid.cells) == 15
    assert grid.selected == grid.cells


def test_model_and_regime_select_cells() -> None:
    assert Grid(model="clip", regime="mixed").selected == (Cell("clip", "mixed", "diffusion"),)
    assert [cell.namespace for cell in Grid(model="cnn").selected] == ["cnn.real", "cnn.synthetic", "cnn.mixed"]
    assert Grid(models={"cnn": False}, regimes=("real",), model="clip").selected == ()
