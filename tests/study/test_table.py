import pytest

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.regimes import Regime
from synthpath_kedro.study.table import Table, load_attribute

REAL, MIXED, OTHER = Regime("real", "real", 0), Regime("mixed", "mixed", None), Regime("other", "other", 1)


@pytest.fixture
def table() -> Table[Regime]:
    return Table("regime", REAL, MIXED)


def test_entries_are_found_by_name_in_the_order_of_the_table(table: Table[Regime]) -> None:
    assert list(table) == ["real", "mixed"]
    assert table["mixed"] is table.find("mixed") is MIXED
    assert len(table) == 2


def test_an_unknown_name_is_refused_with_the_valid_ones_and_the_nearest(table: Table[Regime]) -> None:
    with pytest.raises(InputError, match=r"^unknown regime 'mixd'; valid: real, mixed; did you mean mixed\?$"):
        table.find("mixd")
    with pytest.raises(InputError, match=r"^unknown regime 'zebra'; valid: real, mixed$"):
        table.find("zebra")


def test_two_entries_of_one_name_are_refused(table: Table[Regime]) -> None:
    with pytest.raises(ValueError, match="there is a regime named 'real' already"):
        table.add(Regime("real", "another", 1))
    assert table["real"] is REAL


def test_an_extended_table_is_itself_again_afterwards(table: Table[Regime]) -> None:
    with table.extended(OTHER):
        assert list(table) == ["real", "mixed", "other"]
    assert list(table) == ["real", "mixed"]


def test_an_extended_table_is_itself_again_after_an_error(table: Table[Regime]) -> None:
    with pytest.raises(KeyboardInterrupt), table.extended(OTHER):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="named 'real' already"), table.extended(OTHER, REAL):
        pass
    assert list(table) == ["real", "mixed"]


def test_an_attribute_is_loaded_by_module_and_name() -> None:
    assert load_attribute("synthpath_kedro.study.table:Table") is Table
