"""What each stage cost."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthpath_kedro.report.labels import model_label

_STAGES = {"data_prep": "Data preparation", "synthesis": "Synthesis", "evaluation": "Evaluation"}


def cost_table(diffusion_history: pd.DataFrame | None, histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Seconds and images per second of every training.

    Args:
        diffusion_history: a row per epoch of a denoiser: ``replicate, seconds, images_per_second``; None without any.
        histories: the cells' histories by model, a row per replicate and epoch: ``seconds, images_per_second``.

    Returns:
        Columns ``stage, seconds, images_per_second``.
    """
    denoiser = {} if diffusion_history is None else {_denoisers(diffusion_history): diffusion_history}
    stages = denoiser | {f"{model_label(name)}, all cells": history for name, history in histories.items()}
    rows = [
        {
            "stage": stage,
            "seconds": history["seconds"].sum(),
            "images_per_second": (history["seconds"] * history["images_per_second"]).sum() / history["seconds"].sum(),
        }
        for stage, history in stages.items()
    ]
    return pd.DataFrame(rows, columns=["stage", "seconds", "images_per_second"])


def _denoisers(history: pd.DataFrame) -> str:
    n = history["replicate"].nunique() if "replicate" in history else 1  # older histories have no such column
    return "Denoiser" if n == 1 else f"{n} denoisers"


def with_run_times(cost: pd.DataFrame, run_times: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """``cost`` with the stages that train nothing, by what their nodes last took.

    Args:
        cost: as ``cost_table`` gives it.
        run_times: by node: ``pipeline, seconds``.
    """
    totals = {
        name: sum(entry["seconds"] for entry in run_times.values() if entry["pipeline"] == stage)
        for stage, name in _STAGES.items()
    }
    rows = pd.DataFrame([{"stage": name, "seconds": seconds} for name, seconds in totals.items() if seconds])
    return pd.concat([cost, rows], ignore_index=True)


def duration(seconds: float) -> str:
    """Seconds in print: "3.1 s", "2 min 5 s", "1 h 2 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
