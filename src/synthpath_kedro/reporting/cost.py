"""What each stage cost."""

from collections.abc import Mapping

import pandas as pd

from synthpath_kedro.reporting.labels import model_label


def cost_table(diffusion_history: pd.DataFrame, histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Seconds and images per second of every training.

    Args:
        diffusion_history: a row an epoch: ``seconds, images_per_second``.
        histories: the cells' histories by model, a row a replicate and epoch: ``seconds, images_per_second``.

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
