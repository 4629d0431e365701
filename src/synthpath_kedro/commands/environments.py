"""The environments of the project: folders of conf."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.utils import find_kedro_project

from synthpath_kedro.config_loader import ConfigLoader
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters, read_parameters

BASE, LOCAL = "base", "local"


@dataclass(frozen=True)
class Environment:
    """One environment of the project.

    Attributes:
        name: of its folder in conf.
        project: the project's folder.
    """

    name: str
    project: Path

    @property
    def kedro_name(self) -> str:
        """What Kedro is told: base is read together with the user's own conf/local, as by ``kedro run``."""
        return LOCAL if self.name == BASE else self.name

    @property
    def own_folder(self) -> Path:
        """Where its own values lie, relative to the project; base's own are those of conf/local."""
        return Path("conf", self.kedro_name)

    @property
    def option(self) -> str:
        """What chooses it on the command line, with a leading space; nothing for base."""
        return "" if self.name == BASE else f" --env={self.name}"

    @property
    def root(self) -> str:
        """The folder that all its results lie in, relative to the project."""
        return str(self._loader["globals"]["data_root"])

    def read_values(self) -> dict[str, Any]:
        """Its parameters, unchecked."""
        return dict(self._loader["parameters"])

    def read_parameters(self) -> Parameters:
        """Its parameters.

        Raises:
            InputError: an unknown key, or a value that is not valid.
        """
        return read_parameters(self.read_values())

    @property
    def _loader(self) -> ConfigLoader:
        from synthpath_kedro.settings import CONFIG_LOADER_ARGS

        return ConfigLoader(str(self.project / "conf"), env=self.kedro_name, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]


def find_project() -> Path:
    """The folder of the project that the working directory is in."""
    return find_kedro_project(Path.cwd()) or Path.cwd()


def environment_names(conf: Path) -> list[str]:
    """Every environment of a folder of configuration."""
    return sorted(path.name for path in conf.glob("*") if path.is_dir())


def check_environment(name: str | None, project: Path, conf_source: str | None = None) -> None:
    """Refuses an environment that conf does not have.

    Args:
        name: what the command line names; None: what KEDRO_ENV names, if anything.
        project: the project's folder.
        conf_source: of the command line: the folder that is read instead of conf; an archive is left to Kedro.

    Raises:
        InputError: there is no such environment.
    """
    name = name or os.environ.get("KEDRO_ENV")
    known = environment_names(Path(conf_source) if conf_source else project / "conf")
    if name and known and name not in known:
        raise InputError(f"unknown environment {name}; {conf_source or 'conf'} has: {', '.join(known)}")


def find_environment(name: str | None) -> Environment:
    """The environment ``name``; without a name that of KEDRO_ENV, else base.

    Raises:
        InputError: conf has no such environment.
    """
    project = find_project()
    check_environment(name, project)
    name = name or os.environ.get("KEDRO_ENV") or BASE
    return Environment(BASE if name == LOCAL else name, project)
