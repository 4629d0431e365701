"""Files and command lines as they may come from elsewhere: damaged, cut, of another kind, with other values.

Each is either read or refused in one line that names it, with nothing written; never a traceback, never a hang.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from synthpath_kedro.classifiers.weights import read_state
from synthpath_kedro.cli import _find_mistake, run
from synthpath_kedro.commands.check import read_verdicts
from synthpath_kedro.commands.environments import Environment
from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.data.sources.image_folder import read_image_folder
from synthpath_kedro.data.sources.npz import read_npz
from synthpath_kedro.data.synthetic import from_arrays
from synthpath_kedro.datasets import (
    ArtifactDataset,
    DataCardDataset,
    LabeledImagesDataset,
    SyntheticSetDataset,
    TableDataset,
)
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact, load_denoiser
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.diffusion.start import read_start
from synthpath_kedro.hub import BlockName
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.training.checkpoint_io import SafetensorsCheckpointIO, is_intact

FEW, MANY = 5, 75
"""Cases of each kind of file in ``make test``, and in ``make test-slow``."""
BLOCK = BlockName.of_model("cnn")
PARAMS = next(option for option in run.params if option.name == "params")


class Kind(NamedTuple):
    """A file that is read.

    Attributes:
        name: of the file.
        write: makes a whole one.
        read: reads it.
        named: what a refusal names; the file's name unless it is told.
    """

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    named: str = ""


@pytest.fixture(scope="module")
def tiny() -> Parameters:
    return Environment("tiny", Path(__file__).parents[2]).read_parameters()


@pytest.fixture(scope="module")
def denoiser(tiny: Parameters) -> Artifact:
    torch.manual_seed(0)
    facts = {"class_names": ["a", "b", "c"], "image_size": 16}
    return denoiser_artifact(make_denoiser(tiny.diffusion, 3, 16).state_dict(), tiny.diffusion, facts)


PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def write_npz(path: Path) -> None:
    arrays = {
        f"{split}_{part}": of
        for split in ("train", "val", "test")
        for part, of in (("images", PIXELS), ("labels", LABELS.astype(np.uint8)))
    }
    np.savez_compressed(path, **arrays, class_names=np.array(["a", "b", "c"]))


def write_folder(path: Path) -> None:
    for number, label in enumerate(LABELS):
        image = path.parents[1] / "abc"[label] / f"{number}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS[number]).save(image)
    Image.fromarray(PIXELS[0]).save(path)


def write_json(content: Mapping[str, Any]) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps(content))


@pytest.fixture
def kinds(tiny: Parameters, denoiser: Artifact, data_card: Callable) -> dict[str, Kind]:
    """Every kind of file that is read."""
    data = tiny.data_prep.model_copy(update={"source": "npz", "name": None})

    def at(path: Path) -> Any:
        return data.model_copy(update={"path": str(path)})

    def image(name: str) -> Kind:
        return Kind(f"a/{name}", write_folder, lambda path: read_image_folder(at(path.parents[1]), 0), name)

    synthetic = from_arrays(PIXELS, LABELS, ("a", "b", "c"), 5, name="gan", source="npz", prepared="p")

    def write_set(path: Path) -> None:
        SyntheticSetDataset(filepath=str(path.parent)).save(synthetic)

    def read_set(path: Path) -> Any:
        return SyntheticSetDataset(filepath=str(path.parent)).load().images[:]

    def start(path: Path) -> Any:
        return read_start(tiny.diffusion.model_copy(update={"start_from": str(path)}))

    verdict = {
        "comparisons": [
            dict.fromkeys(("model", "regime", "set", "baseline", "metric"), "x")
            | {"difference": 0.1, "ci_low": 0, "ci_high": 0.2, "verdict": "helps"}
        ]
    }
    images = {"images": PIXELS, "labels": LABELS}
    return {
        "npz": Kind("tiles.npz", write_npz, lambda path: read_npz(at(path))),
        "png": image("x.png"),
        "jpeg": image("x.jpg"),
        "tiff": image("x.tif"),
        "denoiser": Kind(
            "denoiser.safetensors",
            lambda path: write_artifact(path, denoiser),
            lambda path: load_denoiser(ArtifactDataset(filepath=str(path)).load()),
            "denoiser",
        ),
        "start": Kind("start.safetensors", lambda path: write_artifact(path, denoiser), start),
        "real images": Kind(
            "real.safetensors",
            lambda path: write_artifact(path, Artifact(images, {"class_names": list("abc"), "digest": "0"})),
            lambda path: LabeledImagesDataset(filepath=str(path)).load(),
        ),
        "manifest": Kind("manifest.json", write_set, read_set, "synthetic set|manifest.json"),
        "shard": Kind("shard_00000.safetensors", write_set, read_set, "s"),
        "data card": Kind(
            "card.json", write_json(data_card().to_json()), lambda path: DataCardDataset(filepath=str(path)).load()
        ),
        "verdict": Kind("verdict.json", write_json(verdict), lambda path: read_verdicts(path, path, "")),
        "table": Kind(
            "table.csv",
            lambda path: path.write_text("model,set\ncnn,a\n"),
            lambda path: TableDataset(filepath=str(path)).load(),
        ),
        "weights": Kind(
            "weights.pth", lambda path: torch.save({"w": torch.ones(3)}, path), lambda path: read_state(path, BLOCK)
        ),
        "last checkpoint": Kind(
            "last.ckpt", lambda path: SafetensorsCheckpointIO().save_checkpoint({"w": torch.ones(3)}, path), is_intact
        ),
    }


KINDS = (
    "npz",
    "png",
    "jpeg",
    "tiff",
    "denoiser",
    "start",
    "real images",
    "manifest",
    "shard",
    "data card",
    "verdict",
    "table",
    "weights",
    "last checkpoint",
)
SHARE = st.floats(0, 1, exclude_max=True)
DAMAGE = st.one_of(
    st.tuples(st.just("cut"), SHARE),
    st.tuples(
        st.just("overwrite"), st.lists(st.tuples(SHARE, st.binary(min_size=1, max_size=9)), min_size=1, max_size=5)
    ),
    st.tuples(st.just("insert"), SHARE, st.binary(min_size=1, max_size=99)),
    st.tuples(st.just("remove"), SHARE, st.integers(1, 99)),
    st.tuples(st.just("replace"), st.binary(max_size=200)),
    st.tuples(st.just("other"), st.sampled_from(KINDS)),
)


def damage(whole: bytes, how: tuple, others: Mapping[str, bytes]) -> bytes:
    kind, *facts = how
    if kind == "replace":
        return facts[0]
    if kind == "other":
        return others[facts[0]]
    if kind == "overwrite":
        changed = bytearray(whole)
        for share, content in facts[0]:
            place = int(share * len(whole))
            changed[place : place + len(content)] = content
        return bytes(changed)
    place = int(facts[0] * len(whole))
    if kind == "cut":
        return whole[:place]
    return whole[:place] + (facts[1] + whole[place:] if kind == "insert" else whole[place + facts[1] :])


def check_ends_well(read: Callable[[], Any], named: str) -> None:
    """It is read, or refused in one line that names it."""
    try:
        read()
    except Exception as error:
        mistake = _find_mistake(error)
        if mistake is None:
            raise
        assert any(one in mistake for one in named.split("|"))
        assert len(mistake) < 1000
        assert mistake.isprintable()


def check(kind: Kind, folder: Path, others: Mapping[str, bytes], cases: int, *, repeatable: bool) -> None:
    path = folder / kind.name
    path.parent.mkdir(parents=True, exist_ok=True)
    kind.write(path)
    whole = path.read_bytes()

    @settings(max_examples=cases, derandomize=repeatable, database=None, suppress_health_check=list(HealthCheck))
    @given(DAMAGE)
    def damaged(how: tuple) -> None:
        path.write_bytes(damage(whole, how, others))
        before = sorted(folder.rglob("*"))
        check_ends_well(lambda: kind.read(path), kind.named or path.name)
        assert sorted(folder.rglob("*")) == before

    damaged()


@pytest.fixture
def others(kinds: dict[str, Kind], tmp_path: Path) -> dict[str, bytes]:
    """Whole files of every kind."""
    found = {}
    for number, (name, kind) in enumerate(kinds.items()):
        path = tmp_path / "others" / str(number) / kind.name
        path.parent.mkdir(parents=True)
        kind.write(path)
        found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_refused_in_one_line(kinds: dict[str, Kind], others: dict, tmp_path: Path, name: str) -> None:
    check(kinds[name], tmp_path / "own", others, FEW, repeatable=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_files_are_refused(kinds: dict[str, Kind], others: dict, tmp_path: Path, name: str) -> None:
    check(kinds[name], tmp_path / "own", others, MANY, repeatable=False)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=9),
    st.just([]),
    st.just({}),
    st.just(["a", 1]),
)


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        *((name, FEW) for name in ("denoiser", "start", "real images", "data card")),
        *(
            pytest.param(name, MANY, marks=pytest.mark.slow)
            for name in ("denoiser", "start", "real images", "data card")
        ),
    ],
)
def test_whole_files_with_other_facts_are_refused(
    kinds: dict[str, Kind], denoiser: Artifact, tmp_path: Path, name: str, cases: int
) -> None:
    kind = kinds[name]
    path = tmp_path / kind.name
    kind.write(path)
    is_json = path.suffix == ".json"
    artifact = None if is_json else read_artifact(path)
    card = json.loads(path.read_text()) if is_json else artifact.card
    tensors = {} if is_json else {key: np.array(value) for key, value in artifact.tensors.items()}

    @settings(max_examples=cases, derandomize=cases == FEW, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(card)), VALUES, st.booleans())
    def changed(key: str, value: Any, removed: bool) -> None:
        other = {one: of for one, of in card.items() if one != key} | ({} if removed else {key: value})
        try:
            if is_json:
                path.write_text(json.dumps(other))
            else:
                write_artifact(path, Artifact(tensors, other))
        except ValueError:
            return  # NaN: such a card cannot be written
        check_ends_well(lambda: kind.read(path), kind.named or path.name)

    changed()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["denoiser", "start"])
def test_weights_that_are_not_finite_are_refused(
    kinds: dict[str, Kind], denoiser: Artifact, tiny: Parameters, tmp_path: Path, name: str, value: float
) -> None:
    weights = {key: torch.tensor(array) for key, array in denoiser.tensors.items()}
    next(iter(weights.values())).view(-1)[0] = value
    facts = {"class_names": ["a", "b", "c"], "image_size": 16}
    write_artifact(tmp_path / kinds[name].name, denoiser_artifact(weights, tiny.diffusion, facts))
    with pytest.raises(ValueError, match="non-finite"):
        kinds[name].read(tmp_path / kinds[name].name)


KEYS = (
    "seed",
    "model",
    "regime",
    "data_prep.path",
    "data_prep.split.val",
    "diffusion.max_epochs",
    "synthesis.sets",
    "classification.models",
    "classification.backbones.cnn.family",
    "evaluation.attacks",
    "report.title",
    "gone",
)


def check_command_lines(values: dict[str, Any], cases: int, *, repeatable: bool) -> None:
    @settings(max_examples=cases, derandomize=repeatable, database=None)
    @given(
        st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from("=:"), st.text(max_size=12)), min_size=1, max_size=3)
    )
    def given_parameters(items: list[tuple[str, str, str]]) -> None:
        def read() -> None:
            try:
                changes = PARAMS.callback(None, PARAMS, ",".join("".join(item) for item in items))
            except click.UsageError:
                return  # an item without a name or a value
            merged = OmegaConf.merge(OmegaConf.create(values), OmegaConf.create(changes))
            read_parameters(OmegaConf.to_container(merged))

        check_ends_well(read, "")

    given_parameters()


@pytest.mark.parametrize(("cases"), [4 * FEW, pytest.param(2 * MANY, marks=pytest.mark.slow)])
def test_parameters_of_a_command_line_are_read_or_refused(project: Path, cases: int) -> None:
    check_command_lines(Environment("tiny", project).read_values(), cases, repeatable=cases == 4 * FEW)


def check_yaml(project: Path, folder: Path, cases: int, *, repeatable: bool) -> None:
    text = (project / "conf/tiny/parameters_diffusion.yml").read_bytes()
    for name in ("base", "tiny"):
        (folder / "conf" / name).mkdir(parents=True)
        for path in (project / "conf" / name).glob("*.yml"):
            (folder / "conf" / name / path.name).write_bytes(path.read_bytes())
    path = folder / "conf/tiny/parameters_diffusion.yml"

    @settings(max_examples=cases, derandomize=repeatable, database=None)
    @given(
        st.one_of(
            DAMAGE.filter(lambda how: how[0] != "other"),
            st.tuples(st.just("replace"), VALUES.map(lambda value: yaml.safe_dump({"diffusion": value}).encode())),
        )
    )
    def damaged(how: tuple) -> None:
        path.write_bytes(damage(text, how, {}))
        check_ends_well(Environment("tiny", folder).read_parameters, "")

    damaged()


@pytest.mark.parametrize("cases", [4 * FEW, pytest.param(2 * MANY, marks=pytest.mark.slow)])
def test_a_damaged_parameter_file_is_read_or_refused(project: Path, tmp_path: Path, cases: int) -> None:
    check_yaml(project, tmp_path, cases, repeatable=cases == 4 * FEW)
