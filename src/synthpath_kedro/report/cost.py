"""What each stage cost."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthpath_kedro.report.labels import model_label

_STAGES = {"data_prep": "Data preparation", "synthesis": "Synthesis", "evaluation": "Evaluation"}


def cost_table(diffusion_history: pd.DataFrame, histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Seconds and images per second of every training.

    Args:
        diffusion_history: a row per epoch: ``seconds, images_per_second``.
        histories: the cells' histories by model, a row per replicate and epoch: ``seconds, images_per_second``.

    Returns:
        Columns ``stage, seconds, images_per_second``.
    """
    stages = {"Denoiser": diffusion_history} | {f"{model_label(name)}, all cells": h for name, h in histories.items()}
    rows = [
        {
            "stage": stage,
            "seconds": history["seconds"].sum(),
            "images_per_second": (history["seconds"] * history["images_per_second"]).sum() / history["seconds"].sum(),
        }
        for stage, history in stages.items()
    ]
    return pd.DataFrame(rows)


def with_run_times(cost: pd.DataFrame, run_times: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """``cost`` with the stages that train nothing, by what their nodes last took.

    Args:
        cost: as ``cost_table`` gives it.
        run_times: by node: ``stage, seconds``.
    """
    totals = {
        name: sum(entry["seconds"] for entry in run_times.values() if entry["stage"] == stage)
        for stage, name in _STAGES.items()
    }
    rows = pd.DataFrame([{"stage": name, "seconds": seconds} for name, seconds in totals.items() if seconds])
    return pd.concat([cost, rows], ignore_index=True)
