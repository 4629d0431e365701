from io import StringIO

from rich.console import Console

from synthpath_kedro.hooks import LOG_WIDTH, widen_log


def test_only_a_log_that_nobody_watches_is_widened():
    file, terminal = Console(file=StringIO()), Console(file=StringIO(), force_terminal=True, width=72)
    widen_log(file)
    widen_log(terminal)
    assert (file.width, terminal.width) == (LOG_WIDTH, 72)
    file.print("x" * LOG_WIDTH)
    assert file.file.getvalue() == "x" * LOG_WIDTH + "\n"
