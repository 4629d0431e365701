"""``python -m synthpath_kedro``: the study, from the project's folder or from an installed package."""

import sys
from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project

PACKAGE = Path(__file__).parent.name


def main(*args: str) -> None:
    """Runs the study with Kedro's run options."""
    configure_project(PACKAGE)
    run = find_run_command(PACKAGE)
    run(args or sys.argv[1:])


if __name__ == "__main__":
    main()
