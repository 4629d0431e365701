"""Whether a denoiser gives its training images away, as rows of the privacy table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.metrics.membership import FALSE_POSITIVE_RATE, Estimate, ScoredImages, membership_inference

AUC, TRUE_POSITIVES = "membership_auc", "membership_tpr"
LOSS = "denoiser loss"


def to_tensors(name: str, losses: np.ndarray, images: LabeledImages) -> dict[str, np.ndarray]:
    """Losses of ``images`` and what they are compared by: class, and patient or slide where that is known."""
    tensors = {name: losses, f"{name}_labels": images.labels}
    return tensors if images.groups is None else tensors | {f"{name}_groups": images.groups}


def membership_table(losses: Artifact, set_name: str) -> pd.DataFrame:
    """The AUC within classes, and the true positive rate at a false positive rate of 1 %, a row each.

    Args:
        losses: of the denoiser: ``to_tensors`` of ``real_train`` and of ``real_val``.
        set_name: of the synthetic set that was sampled from it.

    Returns:
        Columns of the privacy table: ``set, measure`` (membership_auc, membership_tpr), ``space`` (denoiser loss),
        ``alarm`` (the interval lies above ``held_out``; missing where there are too few images for a value),
        ``value, held_out`` (what guessing gives), ``ci_low, ci_high``, ``n_train, n_held_out`` images compared and
        ``train_groups, held_out_groups``, their patients or slides (missing where they are not known).
    """
    found = membership_inference(_read(losses.tensors, "real_train"), _read(losses.tensors, "real_val"))
    rows = ((AUC, found.auc, 0.5), (TRUE_POSITIVES, found.tpr, FALSE_POSITIVE_RATE))
    table = pd.DataFrame([_row(*row) for row in rows]).assign(
        set=set_name,
        space=LOSS,
        extractor="",
        weights="",
        n_train=found.n_train,
        n_held_out=found.n_held_out,
        train_groups=found.train_groups,
        held_out_groups=found.held_out_groups,
    )
    return table.astype({"alarm": "boolean", "train_groups": "Int64", "held_out_groups": "Int64"})


def _read(tensors: Mapping[str, np.ndarray], name: str) -> ScoredImages:
    return ScoredImages(tensors[name], tensors[f"{name}_labels"], tensors.get(f"{name}_groups"))


def _row(measure: str, found: Estimate, guessing: float) -> dict[str, Any]:
    return {
        "measure": measure,
        "alarm": None if np.isnan(found.value) else found.low > guessing,
        "value": found.value,
        "held_out": guessing,
        "ci_low": found.low,
        "ci_high": found.high,
    }
