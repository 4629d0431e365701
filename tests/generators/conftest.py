from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.datasets import SyntheticSetDataset
from synthpath_kedro.generators import Request, generate
from synthpath_kedro.parameters import SynthesisParameters

CLASS_NAMES = ("adipose", "normal/colon mucosa", "stroma")


@pytest.fixture
def real() -> Splits:
    """Noise of 8x8 pixels, three classes; the second one's name is no folder's name."""
    random = np.random.default_rng(0)

    def make(n: int) -> LabeledImages:
        pixels = random.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
        return LabeledImages(pixels, np.arange(n) % 3, CLASS_NAMES, card={"name": "tiles", "prepared": "p"})

    return Splits(make(9), make(6), make(6))


@pytest.fixture
def tiles() -> tuple[np.ndarray, np.ndarray]:
    """Seven images of 8x8 pixels that no real one equals, and their labels."""
    return np.random.default_rng(1).integers(0, 256, (7, 8, 8, 3), dtype=np.uint8), np.arange(7) % 3


@pytest.fixture
def synthesis_parameters(project: Path) -> Callable[..., SynthesisParameters]:
    """Builds the block ``synthesis`` of the base environment, changed where a test says so."""
    block = yaml.safe_load((project / "conf/base/parameters_synthesis.yml").read_text())["synthesis"]
    return lambda **changes: SynthesisParameters(**{**block, "shard_size": 3, **changes})


@pytest.fixture
def request_of(
    real: Splits, synthesis_parameters: Callable[..., SynthesisParameters], tmp_path: Path
) -> Callable[..., Request]:
    """What a generator is given for the only set of the parameters, or for the one called ``name``."""

    def build(name: str | None = None, real: Splits = real, denoiser: object = None, **changes: object) -> Request:
        params = synthesis_parameters(**changes)
        name = name or next(iter(params.synthetic_sets))
        source = params.synthetic_sets[name]
        return Request(name, source, params, real, 0, tmp_path / "scratch" / name, denoiser)

    return build


@pytest.fixture
def made(request_of: Callable[..., Request], tmp_path: Path) -> Callable[..., SyntheticSet]:
    """From parameters to the set that everything after synthesis loads."""

    def make(name: str | None = None, **changes: object) -> SyntheticSet:
        request = request_of(name, **changes)
        dataset = SyntheticSetDataset(filepath=str(tmp_path / "sets" / request.name))
        dataset.save(generate(request))
        return dataset.load()

    return make
