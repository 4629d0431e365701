import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import settings
from pydantic import BaseModel

from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.synthetic import GeneratorCard
from synthpath_kedro.parameters import EvaluationParameters, SynthesisParameters

# A slow moment of a shared machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

CLASS_NAMES = ("adipose", "mucus", "stroma")


TRAIN_AND_DIE = """
import importlib, json, os, signal, sys
from pathlib import Path
import numpy as np
from synthpath_kedro import parameters
from synthpath_kedro.data.images import LabeledImages

folder, names = Path(sys.argv[1]), json.loads(sys.argv[3])
training = getattr(importlib.import_module(names["module"]), names["training"])
tiles = LabeledImages(*np.load(folder / "tiles.npz").values(), names["classes"])
params = getattr(parameters, names["parameters"]).model_validate_json((folder / "params.json").read_text())
step = training.training_step

def step_or_die(self, batch, index):
    if self.global_step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

training.training_step = step_or_die
"""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def check_sigkill_is_survived(tmp_path: Path) -> Callable[..., None]:
    """Trains undisturbed, and again killed twice: ends with the same weights."""

    def check(training: type, params: BaseModel, images: LabeledImages, program: str) -> None:
        """Runs ``program``: it knows ``tiles``, ``params`` and ``folder``, and prints the checkpoint's digest."""
        np.savez(tmp_path / "tiles.npz", images=images.images, labels=images.labels)
        (tmp_path / "params.json").write_text(params.model_dump_json())
        names = {"module": training.__module__, "training": training.__name__, "parameters": type(params).__name__}
        names = json.dumps(names | {"classes": images.class_names})

        def run(kill_at_step: int) -> subprocess.CompletedProcess:
            command = [sys.executable, "-c", TRAIN_AND_DIE + program, str(tmp_path), str(kill_at_step), names]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

        whole = run(kill_at_step=-1)
        assert whole.returncode == 0, whole.stderr
        shutil.rmtree(tmp_path / "scratch")
        for step in (4, 8):
            assert run(kill_at_step=step).returncode == -signal.SIGKILL
        assert (tmp_path / "scratch").exists()
        assert run(kill_at_step=-1).stdout == whole.stdout

    return check


@pytest.fixture
def left_by_a_killed_run() -> Callable[[Path], Path]:
    """Names the temporary file of a path as a process that has ended would have."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return lambda path: path.with_name(f".{path.name}.{socket.gethostname()}.{process.pid}.x.part")


@pytest.fixture
def project() -> Path:
    """The project's folder: where conf lies."""
    return Path(__file__).parents[1]


@pytest.fixture
def real_tiles() -> Path:
    """The folder of real tiles, where there is one."""
    folder = os.environ.get("SYNTHPATH_REAL_TILES")
    if not folder:
        pytest.skip("SYNTHPATH_REAL_TILES names no folder of real tiles")
    return Path(folder)


@pytest.fixture
def images() -> LabeledImages:
    """Twelve 8x8 images of three classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    return LabeledImages(pixels, np.arange(12) % 3, CLASS_NAMES, card={"source": "test"})


@pytest.fixture
def data_card() -> Callable[..., DataCard]:
    """Builds the card of ten images per class in each split, changed where a test says so."""

    def build(class_names: tuple[str, ...] = CLASS_NAMES, **facts: object) -> DataCard:
        split = {"n": 10 * len(class_names), "counts": dict.fromkeys(class_names, 10), "digest": "cd" * 32}
        known = {"source": "npz", "name": "tiles", "image_size": 16, "multi_label": False, "groups_known": False}
        splits = dict.fromkeys(("train", "val", "test"), split)
        return DataCard(**known | {"class_names": class_names, "digest": "ab" * 32, "splits": splits} | facts)

    return build


@pytest.fixture
def generator_card() -> Callable[..., GeneratorCard]:
    """Builds the card of a synthetic set of ten images per class, changed where a test says so."""

    def build(class_names: tuple[str, ...] = CLASS_NAMES, **facts: object) -> GeneratorCard:
        known = {"name": "gan", "source": "npz", "image_size": 16, "digest": "12" * 32, "shards": {}}
        counts = {"counts": dict.fromkeys(class_names, 10), "total": 10 * len(class_names)}
        return GeneratorCard(**known | counts | {"class_names": class_names} | facts)

    return build


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's configuration, so that the user's own results are left alone."""
    project, copy = Path(__file__).parents[1], tmp_path_factory.mktemp("project")
    for name in ("conf", "notebooks", "src"):
        shutil.copytree(project / name, copy / name, ignore=shutil.ignore_patterns("local", "__pycache__"))
    (copy / "conf" / "local").mkdir()
    for name in ("pyproject.toml", ".telemetry", "dvc.yaml", "study.yaml"):
        shutil.copy(project / name, copy / name)
    return copy


@pytest.fixture
def evaluation_parameters(project: Path) -> Callable[..., EvaluationParameters]:
    """Builds the block ``evaluation`` of the base environment, changed where a test says so."""
    block = yaml.safe_load((project / "conf/base/parameters_evaluation.yml").read_text())["evaluation"]
    return lambda **changes: EvaluationParameters(**{**block, **changes})


@pytest.fixture
def synthesis_block(project: Path) -> Callable[..., SynthesisParameters]:
    """Builds the block ``synthesis`` of the base environment, changed where a test says so."""
    block = yaml.safe_load((project / "conf/base/parameters_synthesis.yml").read_text())["synthesis"]
    return lambda **changes: SynthesisParameters(**{**block, **changes})
