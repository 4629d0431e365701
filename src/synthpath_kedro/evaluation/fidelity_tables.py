"""How near synthetic images are to real ones in the stored features; real training images are the reference."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.image_features import FEATURES, LABELS
from synthpath_kedro.metrics.fidelity import fidelity_table, kernel_distance_per_class

REFERENCES = ("real_val", "real_test")
REAL_TRAIN = "real_train"
OVERALL = ""
"""In the column ``class``: over all classes."""

MEASURES = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")
COLUMNS = ("set", "reference", "class", "measure", "value", "ci_low", "ci_high", "n", "n_reference")
EXTRACTOR = ("extractor", "weights", "input_size")

Features = Mapping[str, Artifact]


def fidelity_scores(real: Features, synthetic: Artifact, set_name: str, seed: int) -> pd.DataFrame:
    """One synthetic set, and real training images, against every reference, all at the size of the smallest set.

    Args:
        real: features of real_train, real_val and real_test by name.
        synthetic: features of the synthetic set.
        set_name: its name.
        seed: of the draw that makes sizes equal.

    Returns:
        Columns ``set`` (real_train for the reference), ``reference, class`` (empty: over all), ``measure`` (one of
        ``MEASURES``), ``value, ci_low, ci_high`` (nan), ``n, n_reference``, and ``extractor, weights, input_size``. The
        Fréchet distance is nan where n does not exceed the features' dimensions.
    """
    references = {name: real[name].tensors[FEATURES] for name in REFERENCES}
    candidates = {set_name: synthetic.tensors[FEATURES], REAL_TRAIN: real[REAL_TRAIN].tensors[FEATURES]}
    wide = fidelity_table(references, candidates, seed).rename(columns={"candidate": "set"})
    table = wide.melt(["set", "reference", "n"], list(MEASURES), "measure", "value", ignore_index=False)
    table = table.sort_index(kind="stable").reset_index(drop=True)
    return _complete(table.assign(n_reference=table["n"], **{"class": OVERALL}), synthetic)


def fidelity_per_class(real: Features, synthetic: Artifact, set_name: str) -> pd.DataFrame:
    """Kernel distance of each class of the set, and of real training images, to the same class of every reference.

    Args:
        real: as for ``fidelity_scores``.
        synthetic: likewise.
        set_name: likewise.

    Returns:
        The columns of ``fidelity_scores``.
    """
    names = synthetic.card["class_names"]
    tables = []
    for reference in REFERENCES:
        for name, candidate in ((set_name, synthetic), (REAL_TRAIN, real[REAL_TRAIN])):
            a, b = real[reference].tensors, candidate.tensors
            table = kernel_distance_per_class(a[FEATURES], b[FEATURES], a[LABELS], b[LABELS], len(names))
            table["class"] = list(names)
            table = table.rename(columns={"n_candidate": "n", "kernel_distance": "value"})
            tables.append(table.assign(set=name, reference=reference, measure="kernel_distance"))
    return _complete(pd.concat(tables, ignore_index=True), synthetic)


def _complete(table: pd.DataFrame, synthetic: Artifact) -> pd.DataFrame:
    card = synthetic.card
    facts = dict(zip(EXTRACTOR, (card["extractor"], card["weights"], card["key"]["input_size"]), strict=True))
    return table.assign(ci_low=np.nan, ci_high=np.nan, **facts)[[*COLUMNS, *EXTRACTOR]]
