import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from synthpath_kedro import provenance
from synthpath_kedro.datasets import FolderDataset, JSONDataset
from synthpath_kedro.errors import InputError
from synthpath_kedro.provenance import ProvenanceHooks

TRAIN = Node(lambda diffusion: {}, inputs="params:diffusion", outputs="denoiser", name="train", tags="diffusion")
SCORE = Node(lambda evaluation: {}, inputs="params:evaluation", outputs="scores", name="score", tags="evaluation")
DRAW = Node(
    lambda scores, denoiser: {}, inputs=["scores", "denoiser"], outputs="figure", name="draw", tags="evaluation"
)
PIPELINE = Pipeline([TRAIN, SCORE, DRAW])
RUN = {"only_missing_outputs": False, "runner": "SequentialRunner"}
"""Scores are only in memory: the figure is made with the parameters of evaluation, and the denoiser is not."""


@pytest.fixture
def catalog(tmp_path: Path) -> Callable[..., DataCatalog]:
    def build(**blocks: dict) -> DataCatalog:
        known = {"diffusion": {"epochs": 2}, "evaluation": {"margin": 0.02}, "seed": 0} | blocks
        files = {
            name: JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in ("denoiser", "figure", "data_card")
        }
        parameters = {f"params:{name}": MemoryDataset(value) for name, value in known.items()}
        folder = FolderDataset(filepath=str(tmp_path / "provenance"))
        return DataCatalog({**files, **parameters, "scores": MemoryDataset(), "provenance": folder})

    return build


def run(catalog: DataCatalog, *nodes: Node) -> None:
    hooks = ProvenanceHooks()
    hooks.before_pipeline_run(run_params=RUN, pipeline=PIPELINE, catalog=catalog)
    for node in nodes:
        (name,) = node.outputs
        hooks.before_dataset_saved(node=node)
        catalog.save(name, {})
        hooks.after_dataset_saved(dataset_name=name, node=node)


def complete(catalog: DataCatalog) -> None:
    params = RUN | {"only_missing_outputs": True}
    ProvenanceHooks().before_pipeline_run(run_params=params, pipeline=PIPELINE, catalog=catalog)


def test_what_was_made_alike_is_kept(catalog: Callable) -> None:
    complete(catalog())
    run(catalog(), TRAIN)
    complete(catalog(evaluation={"margin": 0.05}))  # nothing was made with it yet
    run(catalog(), TRAIN, SCORE, DRAW)
    complete(catalog())


@pytest.mark.parametrize(
    ("change", "refusal", "again"),
    [
        (
            {"diffusion": {"epochs": 3}},
            r"diffusion.epochs is 3 and it was made with 2 \(train and 0 more nodes\)",
            "diffusion,synthesis,classification,evaluation",
        ),
        ({"evaluation": {"margin": 0.05}}, r"evaluation.margin is 0.05 and it was made with 0.02 \(draw", "evaluation"),
        ({"evaluation": {}}, r"evaluation is {} and it was made with None", "evaluation"),
    ],
)
def test_other_parameters_are_refused_with_what_differs(
    catalog: Callable, change: dict, refusal: str, again: str
) -> None:
    run(catalog(), TRAIN, SCORE, DRAW)
    with pytest.raises(InputError, match=rf"{refusal}.*kedro run --pipelines={again}$"):
        complete(catalog(**change))


def test_a_check_that_a_node_waits_for_decides_nothing(catalog: Callable) -> None:
    check = Node(lambda everything: {}, inputs="params:evaluation", outputs="study_check", name="check")
    train = Node(
        lambda diffusion, check: {}, inputs=["params:diffusion", "study_check"], outputs="denoiser", name="train"
    )
    assert provenance._parameters(train, Pipeline([check, train]), catalog()) == {"params:diffusion"}


def test_results_of_unknown_making_are_refused(catalog: Callable, tmp_path: Path) -> None:
    run(catalog(), TRAIN)
    (tmp_path / "provenance" / "train.json").unlink()
    with pytest.raises(InputError, match="it is not known with which parameters it was made"):
        complete(catalog())


def test_a_killed_save_leaves_results_of_unknown_making(catalog: Callable, tmp_path: Path) -> None:
    run(catalog(), TRAIN)
    hooks = ProvenanceHooks()
    hooks.before_pipeline_run(run_params=RUN, pipeline=PIPELINE, catalog=catalog())
    hooks.before_dataset_saved(node=TRAIN)
    with pytest.raises(InputError, match="it is not known"):
        complete(catalog())


def test_other_code_is_refused(catalog: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    run(catalog(), TRAIN)
    monkeypatch.setattr(provenance, "code_digest", lambda: "another")
    with pytest.raises(InputError, match="it was made by another version of this program"):
        complete(catalog())


def test_files_that_have_changed_since_are_refused(catalog: Callable, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(b"1")
    block = {"diffusion": {"path": str(images)}}
    run(catalog(**block), TRAIN)
    complete(catalog(**block))
    os.utime(images / "a.png", (1, 1))
    with pytest.raises(InputError, match=r"the files at diffusion\.path are not those"):
        complete(catalog(**block))


def test_a_damaged_record_is_no_record(catalog: Callable, tmp_path: Path) -> None:
    run(catalog(), TRAIN)
    record = tmp_path / "provenance" / "train.json"
    assert json.loads(record.read_text())["parameters"] == {"diffusion.epochs": 2}
    record.write_text("{")
    with pytest.raises(InputError, match="it is not known"):
        complete(catalog())
