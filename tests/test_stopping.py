import os
import signal

import click
import pytest
from click.testing import CliRunner

from synthpath_kedro.cli import explain_end
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
