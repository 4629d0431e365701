from pathlib import Path

import numpy as np
import pytest
import yaml

from synthpath_kedro.parameters import DataPrepParameters

CONF = Path(__file__).parents[3] / "conf" / "base" / "parameters_data_prep.yml"


@pytest.fixture
def data_prep():
    """Makes a data_prep block: the base environment's with the changes given."""
    base = yaml.safe_load(CONF.read_text())["data_prep"]

    def make(**changes):
        changes = {key: str(value) if isinstance(value, Path) else value for key, value in changes.items()}
        return DataPrepParameters(**{**base, **changes})

    return make


@pytest.fixture
def medmnist_arrays():
    """Makes the arrays of a file in the MedMNIST layout: every class alternating, noise as images."""

    def make(n_classes=3, size=8, counts=(12, 6, 9), channels=(3,)):
        generator = np.random.default_rng(0)
        arrays = {}
        for split, count in zip(("train", "val", "test"), counts, strict=True):
            arrays[f"{split}_images"] = generator.integers(0, 256, (count, size, size, *channels), dtype=np.uint8)
            arrays[f"{split}_labels"] = (np.arange(count, dtype=np.uint8) % n_classes)[:, None]
        return arrays

    return make
