from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.datasets import ArtifactFolderDataset
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators import generate
from synthpath_kedro.parameters import DiffusionParameters

FEW = {"n_images": 7, "sampler": "heun", "num_steps": 2, "batch_size": 3, "shard_size": 3}


@pytest.fixture
def denoiser(project: Path, real: Splits) -> Artifact:
    """With random weights."""
    block = yaml.safe_load((project / "conf/base/parameters_diffusion.yml").read_text())["diffusion"]
    block["denoiser"] |= {
        "base_channels": 8,
        "channel_multipliers": (1,),
        "residual_blocks": 1,
        "attention_resolutions": (),
    }
    params = DiffusionParameters(**{**block, "parameterization": "edm"})
    torch.manual_seed(0)
    card = {"class_names": list(real.class_names), "image_size": 8, "prepared": "p", "phantom": False, "seed": 0}
    card |= {"images_seen": 100, "epochs": 3}
    return denoiser_artifact(make_denoiser(params, 3, 8).state_dict(), params, card)


def test_the_set_of_the_denoiser_says_what_made_it(made: Callable, denoiser: Artifact) -> None:
    synthetic = made(denoiser=denoiser, **FEW)
    card = synthetic.card
    assert synthetic.name == card.source == "diffusion"
    assert card.counts == {"adipose": 3, "normal/colon mucosa": 2, "stroma": 2}
    assert Counter(shard.n for shard in card.shards.values()) == {3: 2, 1: 1}
    assert card.made_from == {"checkpoint": denoiser.card["digest"]}
    assert synthetic.labeled().card["checkpoint"] == denoiser.card["digest"]
    assert (card.prepared, card.phantom, card.seed) == ("p", False, 0)
    assert card.parameters["num_steps"] == 2
    assert card.facts["images_seen"] == 100
    for name, shard in synthetic.shards.items():
        assert card.shards[name].digest == shard.card["digest"] == shard.digest


def test_what_an_earlier_run_left_is_used_as_it_is(
    made: Callable, request_of: Callable, denoiser: Artifact, tmp_path: Path
) -> None:
    first = made(denoiser=denoiser, **FEW)
    existing = ArtifactFolderDataset(filepath=str(tmp_path / "sets" / "diffusion")).load()
    request = request_of(denoiser=denoiser, **FEW)
    again = generate(replace(request, existing=existing, scratch=tmp_path / "other"))
    assert again.card == first.card
    assert not (tmp_path / "other").exists()
    assert [shard.path for shard in again.shards.values()] == [shard.path for shard in first.shards.values()]


def test_without_a_denoiser_the_way_to_one_is_told(made: Callable) -> None:
    with pytest.raises(InputError, match="diffusion needs a denoiser: run kedro run --pipelines=diffusion"):
        made(**FEW)


def test_a_denoiser_of_other_data_is_refused(made: Callable, denoiser: Artifact) -> None:
    other = replace(denoiser, card=denoiser.card | {"prepared": "q"})
    with pytest.raises(InputError, match="denoiser was made from data q, real_train from data p"):
        made(denoiser=other, **FEW)


def test_labels_and_pixels_are_those_of_the_seed(request_of: Callable, denoiser: Artifact) -> None:
    request = request_of(denoiser=denoiser, **FEW)
    first, other = generate(request), generate(replace(request, seed=1, scratch=request.scratch / "other"))
    np.testing.assert_array_equal(first.labels, other.labels)
    assert not np.array_equal(first.images[:], other.images[:])
