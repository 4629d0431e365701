"""Kedro's settings of this project."""

from synthpath_kedro.claims import ClaimHooks
from synthpath_kedro.config_loader import ConfigLoader
from synthpath_kedro.hooks import LogHooks, RunTimeHooks, ScratchHooks, StudyHooks
from synthpath_kedro.provenance import ProvenanceHooks

HOOKS = (LogHooks(), ClaimHooks(), ProvenanceHooks(), StudyHooks(), ScratchHooks(), RunTimeHooks())
# The users are hospitals: nothing is reported to anyone.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}
