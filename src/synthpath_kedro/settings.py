"""Kedro's settings of this project."""

from kedro.config import OmegaConfigLoader

from synthpath_kedro.claims import ClaimHooks
from synthpath_kedro.hooks import RunTimeHooks, ScratchHooks, StudyHooks

HOOKS = (ClaimHooks(), StudyHooks(), ScratchHooks(), RunTimeHooks())
# The users are hospitals: nothing is reported to anyone.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}
