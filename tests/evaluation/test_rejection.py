import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.rejection import Rejection, generate
from synthpath_kedro.generators import Request
from synthpath_kedro.parameters import EvaluationParameters, SynthesisParameters

NAMES = tuple(TISSUES)
COPIES = {4: 7, 11: 20, 30: 41}
"""Places of planted copies, and of what they are copies of."""


@pytest.fixture
def real() -> Splits:
    def split(seed: int, n: int) -> LabeledImages:
        labels = np.arange(n) % 9
        return LabeledImages(render_tiles(labels, 16, (seed,), 0.0), labels, NAMES, card={"prepared": "p"})

    return Splits(split(0, 54), split(1, 36), split(2, 18))


@pytest.fixture
def make(real: Splits, tmp_path: Path, evaluation_parameters: Callable, project: Path) -> Callable[..., SyntheticSet]:
    """Reads 36 synthetic images, of which three are copies, turned and mirrored."""
    block = yaml.safe_load((project / "conf/base/parameters_synthesis.yml").read_text())["synthesis"]
    labels = np.arange(36) % 9
    images = render_tiles(labels, 16, (3,), 0.0)
    for place, original in COPIES.items():
        images[place] = np.rot90(real.train.images[original])[:, ::-1]
        labels[place] = real.train.labels[original]
    path = tmp_path / "vendor.npz"

    def made(reject: bool = True, chosen: np.ndarray | None = None) -> SyntheticSet:
        rows = np.arange(36) if chosen is None else chosen
        np.savez(path, images=images[rows], labels=labels[rows])
        changes = {"source": "npz", "path": str(path), "reject_copies": reject, "shard_size": 10}
        params = SynthesisParameters(**block | changes)
        request = Request("npz", params.synthetic_sets["npz"], params, real, 0, tmp_path / "scratch")
        base: EvaluationParameters = evaluation_parameters()
        features = base.features.model_copy(update={"input_size": 32})
        return generate(request, base.model_copy(update={"features": features}))

    return made


def test_copies_are_left_out_and_counted(make: Callable, caplog: pytest.LogCaptureFixture) -> None:
    whole, without = make(reject=False), make()
    kept = np.setdiff1d(np.arange(36), list(COPIES))
    assert np.array_equal(without.images[np.arange(33)], whole.images[kept])
    assert np.array_equal(without.labels, whole.labels[kept])
    assert without.card.facts["rejected_copies"] == 3
    assert without.card.total == 33 == sum(without.card.counts.values())
    assert [shard.n for shard in without.card.shards.values()] == [9, 9, 10, 5]
    without.check()
    assert caplog.messages[-1] == (
        "npz: 3 of 36 synthetic images are near-duplicates of training images: left out (synthesis.reject_copies)"
    )


def test_each_image_is_decided_on_by_itself(make: Callable) -> None:
    chosen = np.array([*range(9, 36)])
    part, whole = make(chosen=chosen), make()
    assert np.array_equal(part.images[np.arange(len(part))], whole.images[np.arange(8, 33)])
    assert len(part) == 25


def test_a_class_that_would_have_no_image_left_is_an_error(make: Callable) -> None:
    # Of the third class (5, 14, 23, 32) there is no image but one, which becomes the copy in place 11.
    others = np.array([row for row in range(36) if row % 9 != 2 or row == 11])
    with pytest.raises(InputError, match=f"every image of {NAMES[2]} is a near-duplicate .*reject_copies to false"):
        make(chosen=others)


def test_nothing_is_searched_unless_it_is_asked_for(make: Callable) -> None:
    whole = make(reject=False)
    assert len(whole) == 36
    assert "rejected_copies" not in whole.card.facts
    assert json.loads(whole.card.model_dump_json())["total"] == 36


def test_shards_of_an_earlier_run_are_used_again_by_the_same_rejection_alone(
    make: Callable, real: Splits, evaluation_parameters: Callable
) -> None:
    shards = make().shards
    marked = next(iter(shards.values())).card["key"]
    assert marked.keys() == {"rejected_by"}
    base: EvaluationParameters = evaluation_parameters()
    same = base.model_copy(update={"features": base.features.model_copy(update={"input_size": 32})})
    assert all(shard.card["key"] == {} for shard in Rejection(real, same, 0).usable(shards).values())
    for other in (Rejection(real, same, 1), Rejection(real, base, 0)):
        assert all(shard.card["key"] == marked for shard in other.usable(shards).values())
