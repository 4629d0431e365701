from collections.abc import Callable

import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact

LABELS = np.arange(12) % 3
NAMES = ["dark", "gray", "light"]


def card(model: str, regime: str) -> dict:
    return {"model": model, "regime": regime, "weights": "random", "variant": "v", "class_names": NAMES}


def sure_answers(errors: int) -> np.ndarray:
    """Certain probabilities [12, 3], wrong on the first ``errors`` images."""
    answers = LABELS.copy()
    answers[:errors] = (answers[:errors] + 1) % 3
    return np.eye(3, dtype=np.float32)[answers]


@pytest.fixture
def predictions() -> Callable[..., Artifact]:
    """Builds a cell's predictions: each replicate is sure of itself and wrong on so many images."""

    def build(
        model: str, regime: str, *errors: int, groups: np.ndarray | None = None, synthetic_set: str = ""
    ) -> Artifact:
        probabilities = np.stack([sure_answers(n) for n in errors])
        sets = dict.fromkeys(("real_val", "real_test", "synthetic.gan"), probabilities)
        tensors = sets | {f"{name}_labels": LABELS for name in sets}
        facts = card(model, regime) | {"set": synthetic_set}
        return Artifact(tensors if groups is None else tensors | {"real_test_groups": groups}, facts)

    return build
