"""What runs side by side may do: real processes, on the tiny study's data preparation."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset

from synthpath_kedro import pipeline_registry
from synthpath_kedro.claims import ClaimHooks, claimed_for
from synthpath_kedro.datasets import JSONDataset, ScratchDataset
from synthpath_kedro.errors import InputError
from synthpath_kedro.hooks import _check_runner
from synthpath_kedro.study.grid import Grid

SMALL = {"models": {"resnet18": True}, "regimes": ("real", "mixed")}


@pytest.mark.parametrize(
    ("pipeline", "claimed"),
    [
        ("data_prep", {"data_prep"}),
        ("diffusion", {"diffusion"}),
        ("synthesis", {"synthesis"}),
        ("classification", {"classification/resnet18/real", "classification/resnet18/mixed"}),
        ("evaluation", {"evaluation/resnet18/real", "evaluation/resnet18/mixed", "report"}),
        ("ratio_sweep", {"ratio_sweep"}),
        ("learning_curve", {"learning_curve"}),
        ("cross_validation", {"cross_validation"}),
    ],
)
def test_cells_are_claimed_by_themselves_and_other_pipelines_as_a_whole(pipeline: str, claimed: set[str]) -> None:
    pipeline_registry.use_grid(Grid(**SMALL))
    try:
        nodes = pipeline_registry.register_pipelines()[pipeline].nodes
    finally:
        pipeline_registry.use_grid(Grid())
    in_memory = {"check_study", "collect_sets", "collect_cells", "gather"}
    found = {claimed_for(node) for node in nodes if node.name.rpartition(".")[2] not in in_memory}
    assert found - {None} == claimed


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    return DataCatalog(
        {
            "scratch": ScratchDataset(filepath=str(tmp_path / "scratch")),
            "kept": JSONDataset(filepath=str(tmp_path / "kept.json")),
            "passed_on": MemoryDataset(0),
        }
    )


def run_of(*outputs: str, cell: str = "cnn.real") -> SimpleNamespace:
    node = SimpleNamespace(tags={"classification"}, namespace=f"classifiers.{cell}", outputs=list(outputs))
    return SimpleNamespace(nodes=[node])


def test_a_run_is_refused_what_another_makes_until_that_ends(catalog: DataCatalog) -> None:
    first, second = ClaimHooks(), ClaimHooks()
    first.before_pipeline_run(pipeline=run_of("kept"), catalog=catalog)
    with pytest.raises(InputError, match=r"^classification/cnn/real is under way in process \d+ on \S+ since \S+"):
        second.before_pipeline_run(pipeline=run_of("kept"), catalog=catalog)
    second.before_pipeline_run(pipeline=run_of("kept", cell="cnn.mixed"), catalog=catalog)
    second.before_pipeline_run(pipeline=run_of("passed_on"), catalog=catalog)
    first.on_pipeline_error()
    second.before_pipeline_run(pipeline=run_of("kept"), catalog=catalog)
    second.after_pipeline_run()
    assert [path for path in catalog["scratch"].path.rglob("*") if path.is_file()] == []


def test_a_refused_run_gives_back_what_it_had_claimed_already(catalog: DataCatalog) -> None:
    first, second, third = ClaimHooks(), ClaimHooks(), ClaimHooks()
    first.before_pipeline_run(pipeline=run_of("kept", cell="cnn.real"), catalog=catalog)
    both = SimpleNamespace(nodes=[*run_of("kept", cell="cnn.mixed").nodes, *run_of("kept", cell="cnn.real").nodes])
    with pytest.raises(InputError, match=r"^classification/cnn/real"):
        second.before_pipeline_run(pipeline=both, catalog=catalog)
    third.before_pipeline_run(pipeline=run_of("kept", cell="cnn.mixed"), catalog=catalog)
    first.after_pipeline_run()
    third.after_pipeline_run()


def test_a_run_after_one_that_a_notebook_interrupted_claims_again(catalog: DataCatalog) -> None:
    hooks = ClaimHooks()
    hooks.before_pipeline_run(pipeline=run_of("kept"), catalog=catalog)
    hooks.before_pipeline_run(pipeline=run_of("kept"), catalog=catalog)
    hooks.after_pipeline_run()


def test_a_runner_of_threads_is_refused_and_the_others_are_not() -> None:
    with pytest.raises(InputError, match="runner ThreadRunner runs cells in threads that share one stream of random"):
        _check_runner("<kedro.runner.thread_runner.ThreadRunner object at 0x7f>")
    for runner in ("SequentialRunner", "<kedro.runner.parallel_runner.ParallelRunner object at 0x7f>"):
        _check_runner(runner)


COMPUTE = """
import sys
from pathlib import Path
from synthpath_kedro.data.artifact import Artifact, readable_artifact, write_artifact
from synthpath_kedro.pipelines.classification import nodes
from synthpath_kedro.classifiers import cached_features

folder = Path(sys.argv[1])

def compute(model, images, params, seed, path):
    found = readable_artifact(path)
    if found is None:
        with (folder / "computed").open("a") as log:
            log.write("once\\n")
        found = Artifact({}, {"made": "by one"})
        write_artifact(path, found)
    return found

cached_features.cache_features = compute
print("ready", flush=True)
sys.stdin.readline()
nodes.cache_real_features(None, None, 0, folder / "scratch", folder / "cached", model="clip", name="real_train")
"""


def test_cells_side_by_side_compute_shared_features_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMPUTE, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    cells = [subprocess.Popen(command, **pipes) for _ in range(3)]
    assert [cell.stdout.readline() for cell in cells] == ["ready\n"] * 3
    for cell in cells:
        cell.communicate("go\n")
    assert [cell.returncode for cell in cells] == [0, 0, 0]
    assert (tmp_path / "computed").read_text() == "once\n"
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def data_prep(workplace: Path) -> list[str]:
    return [sys.executable, "-m", "kedro", "run", "--env=tiny", "--pipelines=data_prep"]


def test_a_second_run_of_a_pipeline_is_refused_in_one_line(data_prep: list[str], workplace: Path) -> None:
    lock = workplace / "data/tiny/scratch/locks/data_prep.lock"
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "taken\n"
    refused = subprocess.run(data_prep, cwd=workplace, capture_output=True, text=True, check=False)
    held.kill()
    held.wait()
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(f"Error: data_prep is under way in process {held.pid} on ")
    assert not (workplace / "data/tiny/03_primary").exists()
    done = subprocess.run(data_prep, cwd=workplace, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"data_prep was under way in process {held.pid} on " in done.stdout + done.stderr


HOLD = """
import sys
from pathlib import Path
from synthpath_kedro.data.locks import Claim
claim = Claim(Path(sys.argv[1]), "data_prep")
claim.take()
print("taken", flush=True)
sys.stdin.read()
"""


def test_threads_are_refused_before_anything_is_written(data_prep: list[str], workplace: Path) -> None:
    before = sorted(workplace.joinpath("data").rglob("*"))
    refused = subprocess.run(
        [*data_prep, "--runner=ThreadRunner"], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: runner ThreadRunner runs cells in threads")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert sorted(workplace.joinpath("data").rglob("*")) == before
