"""Whether each cell's confidence can be taken at its word, before and after temperature scaling."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.rows import as_table, identify, records
from synthpath_kedro.metrics.calibration import (
    CALIBRATION_METRICS,
    calibration_metrics,
    fit_temperature,
    reliability_table,
    scale_temperature,
)

BEFORE, AFTER = "before", "after"


def calibration_table(predictions: Iterable[Artifact], bins: int) -> pd.DataFrame:
    """Calibration on the real test set, one row per cell and replicate.

    The temperature is fitted on ``real_val``, the validation data, and never sees a test image.

    Args:
        predictions: a cell's ``real_val`` and ``real_test`` float32 [replicates, N, classes] and their labels.
        bins: of the calibration errors.

    Returns:
        Columns ``CALIBRATION_METRICS``, then ``temperature`` and the same after scaling (``..._scaled``).
    """
    rows = []
    for cell in predictions:
        labels = cell.tensors["real_test_labels"]
        for replicate, (temperature, raw, scaled) in enumerate(_scaled(cell)):
            errors = calibration_metrics(scaled, labels, bins)
            rows.append(
                identify(cell, len(labels), replicate)
                | calibration_metrics(raw, labels, bins)
                | {"temperature": temperature}
                | {f"{name}_scaled": errors[name] for name in CALIBRATION_METRICS}
            )
    return as_table(rows, (*CALIBRATION_METRICS, "temperature", *(f"{name}_scaled" for name in CALIBRATION_METRICS)))


def reliability_tables(predictions: Iterable[Artifact], bins: int) -> pd.DataFrame:
    """The reliability diagrams' bins of equal width, one row per cell, scaling and bin, over all replicates.

    Args:
        predictions: as for ``calibration_table``.
        bins: of the likeliest class's probability.

    Returns:
        Columns ``scaling`` (before or after), ``low, high, n_bin, confidence, accuracy``.
    """
    rows = []
    for cell in predictions:
        labels = cell.tensors["real_test_labels"]
        _, raw, scaled = zip(*_scaled(cell), strict=True)
        for scaling, replicates in ((BEFORE, raw), (AFTER, scaled)):
            table = reliability_table(np.concatenate(replicates), np.tile(labels, len(replicates)), bins)
            table = table.rename(columns={"n": "n_bin"})
            rows += [identify(cell, len(labels)) | {"scaling": scaling} | row for row in records(table)]
    return as_table(rows, ("scaling", "low", "high", "n_bin", "confidence", "accuracy"))


def _scaled(cell: Artifact) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Of every replicate the temperature, and its test probabilities before and after scaling."""
    for val, test in zip(cell.tensors["real_val"], cell.tensors["real_test"], strict=True):
        temperature = fit_temperature(val, cell.tensors["real_val_labels"])
        yield temperature, test, scale_temperature(test, temperature)
