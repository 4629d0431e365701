"""No file that is read can run code, and nothing is reported, shown or served that nobody asked for."""

import ast
import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from kedro.io import DatasetError

from synthpath_kedro.classifiers.weights import read_state
from synthpath_kedro.commands.environments import Environment
from synthpath_kedro.data.artifact import read_artifact
from synthpath_kedro.data.sources.npz import read_npz
from synthpath_kedro.datasets import (
    ArtifactDataset,
    ArtifactFolderDataset,
    DataCardDataset,
    JSONDataset,
    LabeledImagesDataset,
    SyntheticSetDataset,
    TableDataset,
)
from synthpath_kedro.diffusion.start import read_start
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS, BlockName
from synthpath_kedro.pipeline_registry import register_pipelines, use_grid
from synthpath_kedro.planning.images import count_images
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.training.checkpoint_io import is_intact

SOURCES = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return self.mark.touch, ()


def object_arrays(path: Path, payload: Payload) -> None:
    whole = {
        f"{split}_{part}": np.array([payload], dtype=object)
        for split in ("train", "val", "test")
        for part in ("images", "labels")
    }
    with path.open("wb") as stream:
        np.savez(stream, **whole, class_names=np.array([payload], dtype=object))


def plain(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps(payload))


def zipped(path: Path, payload: Payload) -> None:
    torch.save({"weight": payload}, path)


WRITERS = (object_arrays, plain, zipped)
BLOCK = BlockName.of_model("cnn")


def tiny() -> Any:
    return Environment("tiny", Path(__file__).parents[1]).read_parameters()


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "data_prep.path": (
        "tiles.npz",
        lambda path: read_npz(tiny().data_prep.model_copy(update={"source": "npz", "path": str(path)})),
    ),
    "weights (hub's pytorch_model.bin)": ("pytorch_model.bin", lambda path: read_state(path, BLOCK)),
    "weights (.pt)": ("weights.pt", lambda path: read_state(path, BLOCK)),
    "weights (safetensors)": ("model.safetensors", lambda path: read_state(path, BLOCK)),
    "start_from": (
        "start.safetensors",
        lambda path: read_start(tiny().diffusion.model_copy(update={"start_from": str(path)})),
    ),
    "artifact": ("denoiser.safetensors", lambda path: ArtifactDataset(filepath=str(path)).load()),
    "cached features": ("features.safetensors", read_artifact),
    "what an earlier run left": (
        "latents.safetensors",
        lambda path: ArtifactFolderDataset(filepath=str(path.parent)).load(),
    ),
    "real images": ("real_train.safetensors", lambda path: LabeledImagesDataset(filepath=str(path)).load()),
    "resume file": ("last.ckpt", is_intact),
    "manifest": ("manifest.json", lambda path: SyntheticSetDataset(filepath=str(path.parent)).load()),
    "data card": ("card.json", lambda path: DataCardDataset(filepath=str(path)).load()),
    "run times": ("run_times.json", lambda path: JSONDataset(filepath=str(path)).load()),
    "table": ("table.csv", lambda path: TableDataset(filepath=str(path)).load()),
}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("place", READERS)
def test_a_payload_is_never_run(place: str, write: Callable, tmp_path: Path) -> None:
    name, read = READERS[place]
    mark = tmp_path / "ran"
    write(tmp_path / name, Payload(mark))
    with contextlib.suppress(InputError, DatasetError):
        read(tmp_path / name)
    assert not mark.exists()


def test_the_payload_would_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["!!python/object/apply:os.mkdir [{mark}]", "${{oc.env:HOME}}"])
def test_yaml_builds_plain_values_alone(text: str, project: Path, tmp_path: Path) -> None:
    for name in ("base", "mine"):
        (tmp_path / "conf" / name).mkdir(parents=True)
    for path in (project / "conf/base").glob("*.yml"):
        (tmp_path / "conf/base" / path.name).write_bytes(path.read_bytes())
    value = text.format(mark=tmp_path / "ran")
    (tmp_path / "conf/mine/parameters_report.yml").write_text(f"report:\n  title: {value}\n")
    with pytest.raises(InputError, match=r"parameters_report\.yml|conf cannot be read"):
        Environment("mine", tmp_path).read_parameters()
    assert not (tmp_path / "ran").exists()


CALLS = [
    (path, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
]


def test_no_code_of_ours_unpickles() -> None:
    """What reads is a short list, so that a new reader of pickles does not come in unseen."""
    found = {(path.name, ast.unparse(node.func)): node for path, node in CALLS}
    forbidden = ("pickle.load", "pickle.loads", "joblib.load", "np.load", "yaml.load", "pd.read_pickle", "eval", "exec")
    assert [place for place in found if place[1] in forbidden] == []
    loads = [node for (_, called), node in found.items() if called == "torch.load"]
    assert [ast.unparse(node) for node in loads] == ["torch.load(path, map_location='cpu', weights_only=True)"]
    assert not [
        node
        for node in found.values()
        for word in node.keywords
        if word.arg in ("allow_pickle", "trust_remote_code") and ast.unparse(word.value) == "True"
    ]


def test_nothing_of_ours_listens() -> None:
    serving = ("listen", "bind", "serve_forever", "HTTPServer", "ThreadingHTTPServer", "create_server")
    assert [
        (path.name, node.lineno) for path, node in CALLS if ast.unparse(node.func).rpartition(".")[2] in serving
    ] == []


def test_revisions_on_the_hub_are_commits() -> None:
    assert REVISIONS
    assert all(len(commit) == 40 and set(commit) <= set("0123456789abcdef") for commit in REVISIONS.values())


def test_nothing_is_reported_to_anyone(project: Path) -> None:
    assert yaml.safe_load((project / ".telemetry").read_text()) == {"consent": False}
    assert "analytics = false" in (project / ".dvc/config").read_text()
    program = (
        "import os, synthpath_kedro\n"
        "from synthpath_kedro import settings\n"
        "import huggingface_hub.constants as hub\n"
        "print(os.environ['DO_NOT_TRACK'], hub.HF_HUB_DISABLE_TELEMETRY, settings.DISABLE_HOOKS_FOR_PLUGINS)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "DO_NOT_TRACK"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 True ('kedro-telemetry',)"


REAL = {"real_train", "real_val", "real_test", "reconstructed_test"}


@pytest.mark.parametrize("latent", [False, True])
def test_figures_with_real_tiles_lie_in_a_folder_that_says_so(project: Path, latent: bool) -> None:
    """A figure that is drawn from real images, whatever report.embed_real_images says, or from nothing of the kind."""
    catalog: dict[str, Any] = {}
    for path in (project / "conf/base").glob("catalog*.yml"):
        catalog |= yaml.safe_load(path.read_text())
    use_grid(Grid(latent=latent))
    try:
        nodes = [node for pipeline in register_pipelines().values() for node in pipeline.nodes]
    finally:
        use_grid(Grid())
    drawn = {
        name: bool(REAL & set(node.inputs)) and "params:report" not in node.inputs
        for node in nodes
        for name in node.outputs
        if name.endswith("_figure") and name in catalog
    }
    lies = {name: "/08_reporting/figures/with_real_tiles/" in catalog[name]["filepath"] for name in drawn}
    assert lies == drawn
    assert {name for name, real in drawn.items() if real} == {
        "sample_grid_figure",
        "real_and_synthetic_figure",
        *(["reconstruction_figure"] if latent else []),
    }


def test_planning_counts_without_unpickling(tmp_path: Path) -> None:
    object_arrays(tmp_path / "tiles.npz", Payload(tmp_path / "ran"))
    data = tiny().data_prep.model_copy(update={"source": "npz", "path": str(tmp_path / "tiles.npz")})
    count_images(data, tmp_path)
    assert not (tmp_path / "ran").exists()
