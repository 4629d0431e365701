import pandas as pd
import pytest

from synthpath_kedro.report.cost import cost_table, with_run_times


def history(*rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["seconds", "images_per_second"])


def test_seconds_add_up_and_speeds_are_weighted_by_time() -> None:
    table = cost_table(history((10, 30), (30, 10)), {"cnn": history((2, 5))})
    assert table["stage"].tolist() == ["Denoiser", "CNN, all cells"]
    assert table["seconds"].tolist() == [40, 2]
    assert table["images_per_second"].tolist() == pytest.approx([15, 5])


def test_several_denoisers_are_one_stage() -> None:
    both = history((10, 30), (30, 10)).assign(replicate=[0, 1])
    assert cost_table(both, {})[["stage", "seconds"]].to_numpy().tolist() == [["2 denoisers", 40]]


def test_stages_that_train_nothing_are_added_by_what_their_nodes_took() -> None:
    cost = cost_table(history((10, 30)), {})
    times = {"a": {"pipeline": "synthesis", "seconds": 3.0}, "b": {"pipeline": "synthesis", "seconds": 4.0}}
    table = with_run_times(cost, times | {"c": {"pipeline": "diffusion", "seconds": 11.0}})
    assert table[["stage", "seconds"]].to_numpy().tolist() == [["Denoiser", 10], ["Synthesis", 7]]
    assert with_run_times(cost, {}).equals(cost)


def test_images_made_elsewhere_have_no_denoiser_to_pay_for() -> None:
    assert cost_table(None, {"cnn": history((2, 5))})["stage"].tolist() == ["CNN, all cells"]
    assert cost_table(None, {}).empty
