import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError
from kedro.io.core import Version
from matplotlib.figure import Figure

from synthpath_kedro.data.missing import MISSING
from synthpath_kedro.datasets import DataCardDataset, FigureDataset, JSONDataset, TableDataset, TablesDataset
from synthpath_kedro.errors import InputError


def test_a_table_comes_back_and_every_version_is_kept(tmp_path: Path) -> None:
    for version, n in (("2026-01-01T00.00.00.000Z", 1), ("2026-01-02T00.00.00.000Z", 2)):
        table = TableDataset(filepath=str(tmp_path / "t.csv"), version=Version(None, version))
        table.save(pd.DataFrame({"n": [n]}))
    latest = TableDataset(filepath=str(tmp_path / "t.csv"), version=Version(None, None))
    assert latest.load()["n"].tolist() == [2]
    assert len(list((tmp_path / "t.csv").iterdir())) == 2


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    card = JSONDataset(filepath=str(tmp_path / "card.json"))
    card.save({"n": 1})
    with pytest.raises(DatasetError):
        card.save({"a": "written", "b": object()})
    assert card.load() == {"n": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]


def test_a_data_card_comes_back_typed_and_can_be_previewed(data_card: Callable, tmp_path: Path) -> None:
    dataset = DataCardDataset(filepath=str(tmp_path / "card.json"))
    dataset.save(data_card())
    assert dataset.load() == data_card()
    assert json.loads(dataset.preview()) == json.loads((tmp_path / "card.json").read_text())


@pytest.mark.parametrize(("fact", "value"), [("digest", None), ("of_a_later_version", 1)])
def test_a_data_card_of_another_version_is_refused(data_card: Callable, tmp_path: Path, fact: str, value: int) -> None:
    (tmp_path / "card.json").write_text(json.dumps(data_card().to_json() | {fact: value}))
    with pytest.raises(DatasetError, match=rf"card\.json\) is damaged or of another version \({fact}: .*data_prep"):
        DataCardDataset(filepath=str(tmp_path / "card.json")).load()


def test_a_figure_loads_as_png(tmp_path: Path) -> None:
    figure = FigureDataset(filepath=str(tmp_path / "f.png"))
    figure.save(Figure())
    assert figure.load()[:4] == b"\x89PNG"


def test_an_optional_file_is_missing_until_it_is_there_and_goes_when_it_is_missing_again(tmp_path: Path) -> None:
    metrics = JSONDataset(filepath=str(tmp_path / "m.json"), optional=True)
    assert metrics.load() is MISSING
    metrics.save({"accuracy": 0.5})
    assert metrics.load() == {"accuracy": 0.5}
    metrics.save(MISSING)
    assert metrics.load() is MISSING
    assert list(tmp_path.iterdir()) == []


def test_an_optional_figure_is_missing_until_it_is_there(tmp_path: Path) -> None:
    figure = FigureDataset(filepath=str(tmp_path / "f.png"), optional=True)
    assert figure.load() is MISSING
    figure.save(Figure())
    assert figure.load()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("dataset", "text"), [(TableDataset, ""), (TableDataset, 'a,b\n1,"2'), (JSONDataset, "{")])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, dataset: type, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(DatasetError) as refused:
        dataset(filepath=str(tmp_path / "file")).load()
    assert isinstance(refused.value.__cause__, InputError)
    assert "file cannot be read" in str(refused.value)
    assert "remove it and run the pipeline that makes it" in str(refused.value)


def test_of_several_tables_those_that_are_there_load_in_their_newest_version(tmp_path: Path) -> None:
    for version, value in (("2025-01-01T00.00.00.000Z", 1), ("2025-01-02T00.00.00.000Z", 2)):
        path = tmp_path / "curve.csv" / version / "curve.csv"
        TableDataset(filepath=str(path)).save(pd.DataFrame({"set": [""], "value": [value]}))
    tables = TablesDataset(filepath=str(tmp_path), names=["curve", "folds"]).load()
    assert {name: table.to_dict("records") for name, table in tables.items()} == {"curve": [{"set": "", "value": 2}]}


def test_empty_text_in_a_table_stays_empty_text_and_missing_numbers_stay_missing(tmp_path):
    dataset = TableDataset(filepath=str(tmp_path / "t.csv"), save_args={"index": False})
    saved = pd.DataFrame(
        {
            "model": ["cnn", "cnn"],
            "set": ["", "gan"],
            "class": ["", ""],
            "reason": ["", "found"],
            "value": [1.5, float("nan")],
        }
    )
    dataset.save(saved)
    pd.testing.assert_frame_equal(dataset.load(), saved, check_dtype=False)
    assert pd.read_csv(tmp_path / "t.csv")["value"].isna().tolist() == [False, True]


FOLDER_NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=200)
"""What a folder can be called, but for what data_prep refuses: control characters and bytes that are no text."""


@given(names=st.lists(FOLDER_NAMES, min_size=1, max_size=8, unique=True))
@example(
    names=["NA", "None", "nan", "null", "001", "1e5", "True", "", "-inf", "N/A", "#N/A", "1,5", 'a"b', " x ", "=1+1"]
)
@settings(max_examples=100, deadline=None)
def test_every_name_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    dataset = TableDataset(filepath=str(tmp_path_factory.mktemp("tables") / "t.csv"), save_args={"index": False})
    for column in ("class", "model", "set", "source"):
        saved = pd.DataFrame(
            {column: names, "n": range(len(names)), "value": [float("nan"), *[0.5] * (len(names) - 1)]}
        )
        dataset.save(saved)
        loaded = dataset.load()
        assert loaded[column].tolist() == names
        assert loaded["n"].tolist() == list(range(len(names)))
        assert loaded["value"].isna().tolist() == [True, *[False] * (len(names) - 1)]


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({"class": ["a"], "nickname": ["NA"]}, r"nickname \(string\)"),
        ({"class": [1]}, r"class \(integer\)"),
        ({"set": ["a", None]}, r"set \(missing\)"),
    ],
)
def test_a_column_whose_type_is_not_declared_is_refused(tmp_path: Path, table: dict, wrong: str) -> None:
    with pytest.raises(DatasetError, match=f"not what TEXT_COLUMNS says of them: {wrong}"):
        TableDataset(filepath=str(tmp_path / "t.csv")).save(pd.DataFrame(table))
    assert list(tmp_path.iterdir()) == []
