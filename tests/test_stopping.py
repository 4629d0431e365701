import os
import signal
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kedro.io import DatasetError

from synthpath_kedro.cli import explain_end
from synthpath_kedro.errors import InputError
from synthpath_kedro.stopping import Stopped, stoppable


def run(function):
    return CliRunner().invoke(click.Command("run", callback=explain_end(function)))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_in_one_line_with_the_code_of_a_shell(number, code):
    result = run(lambda: os.kill(os.getpid(), number))
    assert result.exit_code == code
    assert result.output == (
        f"Error: stopped by {number.name}: what was finished is kept, of a training its last epoch; the same command "
        "goes on from there\n"
    )


@pytest.mark.parametrize("code", [None, 0])
def test_what_exits_without_a_result_is_no_success(code):
    def end():
        raise SystemExit(code)

    result = run(end)
    assert result.exit_code == 1
    assert result.output == "Error: something ended the program before its results were there\n"


def test_an_exit_code_of_its_own_is_kept():
    def end():
        raise SystemExit(3)

    assert run(end).exit_code == 3


def test_nothing_takes_a_stop_for_an_error_of_its_own():
    cleaned = []

    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            pytest.fail("taken for an error")
        finally:
            cleaned.append(signal.getsignal(signal.SIGTERM))

    with stoppable(), pytest.raises(Stopped) as stopped:
        work()
    assert stopped.value.exit_code == 143
    assert cleaned == [signal.SIG_DFL]


def test_handlers_are_as_before_afterwards():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with stoppable():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_fault_of_the_program_keeps_its_traceback_and_has_an_exit_code_of_its_own():
    def fail():
        try:
            raise InputError("an older mistake, handled")
        except InputError:
            return {}["missing"]

    result = run(fail)
    assert result.exit_code == 70
    assert 'return {}["missing"]' in result.output
    assert result.output.splitlines()[-1] == (
        "Error: KeyError is a fault of this program, not of what you gave; please report it with the lines above"
    )


def test_a_mistake_that_kedro_wraps_is_one_line():
    def fail():
        try:
            raise InputError("the file a.npz is damaged;\ncopy it again")
        except InputError as error:
            raise DatasetError("Failed while loading") from error

    result = run(fail)
    assert result.exit_code == 1
    assert result.output == "Error: the file a.npz is damaged; copy it again\n"


def test_an_error_of_the_system_is_no_mistake_of_the_users():
    result = run(lambda: Path("/gone").stat())
    assert result.exit_code == 70
    assert "FileNotFoundError is a fault of this program" in result.output


class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_during_a_finalizer_is_not_lost():
    def work():
        Finalized()  # Python drops what is raised in there
        for _ in range(100):
            time.sleep(0.05)

    with stoppable(), pytest.raises(Stopped) as stopped:
        work()
    assert stopped.value.exit_code == 130
