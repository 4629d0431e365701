"""Reads conf; whatever is wrong with a file of it becomes one line that names the file."""

from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import DictConfig, OmegaConf

from synthpath_kedro.errors import InputError


class ConfigLoader(OmegaConfigLoader):
    """Kedro's, with errors for people: YAML is read by a loader that builds plain values alone."""

    def __getitem__(self, key: str) -> dict[str, Any]:
        try:
            return super().__getitem__(key)
        except (MissingConfigException, InputError, KeyError):
            raise
        except Exception as error:  # of YAML's scanner, parser and composer, of OmegaConf, of the file's encoding
            reason = " ".join("".join(filter(str.isprintable, str(error))).split())[:300]
            raise InputError(f"{self._damaged_file(key)} cannot be read ({reason}); mend or remove it") from error

    def _damaged_file(self, key: str) -> Path:
        """The first file of ``key`` that is no YAML of names and values; the folder where each is by itself."""
        for environment in filter(None, (self.base_env, self.env or self.default_run_env)):
            for path in sorted(Path(self.conf_source, environment).rglob(f"{key}*.y*ml")):
                try:
                    if isinstance(OmegaConf.load(path), DictConfig):
                        continue
                except Exception:  # noqa: S110 - of the same kinds
                    pass
                return path
        return Path(self.conf_source)
