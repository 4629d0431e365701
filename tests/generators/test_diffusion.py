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
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact, join_replicates
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators import generate
from synthpath_kedro.parameters import DiffusionParameters

FEW = {"n_images": 7, "sampler": "heun", "num_steps": 2, "batch_size": 3, "shard_size": 3}


@pytest.fixture
def random_denoiser(project: Path, real: Splits) -> Callable[[int], Artifact]:
    """With random weights of a seed."""
    block = yaml.safe_load((project / "conf/base/parameters_diffusion.yml").read_text())["diffusion"]
    block["denoiser"] |= {
        "base_channels": 8,
        "channel_multipliers": (1,),
        "residual_blocks": 1,
        "attention_resolutions": (),
    }
    params = DiffusionParameters(**{**block, "parameterization": "edm"})
    card = {"class_names": list(real.class_names), "image_size": 8, "prepared": "p", "phantom": False, "seed": 0}
    card |= {"images_seen": 100, "epochs": 3}

    def build(seed: int) -> Artifact:
        torch.manual_seed(seed)
        return denoiser_artifact(make_denoiser(params, 3, 8).state_dict(), params, card)

    return build


@pytest.fixture
def denoiser(random_denoiser: Callable[[int], Artifact]) -> Artifact:
    return random_denoiser(0)


@pytest.fixture
def denoisers(random_denoiser: Callable[[int], Artifact]) -> Artifact:
    """Two of them."""
    return join_replicates([random_denoiser(0), random_denoiser(1)])


def test_the_generator_card_says_what_the_denoiser_started_from(made: Callable, denoiser: Artifact) -> None:
    assert "start" not in made(denoiser=denoiser, **FEW).card.facts
    start = {"name": "phantom", "digest": "ab", "phantom": True}
    started = replace(denoiser, card=denoiser.card | {"start": start})
    assert made(denoiser=started, **FEW).card.facts["start"] == start


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


def test_the_part_of_the_first_denoiser_has_the_bytes_of_a_set_from_it_alone(
    made: Callable, request_of: Callable, denoiser: Artifact, denoisers: Artifact, tmp_path: Path
) -> None:
    made(denoiser=denoiser, **FEW)
    alone = {path.name: path.read_bytes() for path in (tmp_path / "sets/diffusion").glob("*.safetensors")}
    both = replace(request_of(denoiser=denoisers, **FEW), scratch=tmp_path / "both")
    synthetic = generate(both)
    assert {path.name: path.read_bytes() for path in (tmp_path / "both/replicate_0").iterdir()} == alone
    assert {path.name for path in (tmp_path / "both/replicate_1").iterdir()} == alone.keys()
    assert synthetic.made_by.tolist() == [0] * 7 + [1] * 7
    np.testing.assert_array_equal(synthetic.labels[:7], synthetic.labels[7:])


def test_parts_are_of_different_noise_even_where_weights_are_the_same(
    made: Callable, random_denoiser: Callable[[int], Artifact]
) -> None:
    synthetic = made(denoiser=join_replicates([random_denoiser(0), random_denoiser(0)]), **FEW)
    images = synthetic.images[:]
    assert not any(np.array_equal(first, second) for first, second in zip(images[:7], images[7:], strict=True))


def test_the_card_of_a_set_of_several_denoisers_counts_them(made: Callable, denoisers: Artifact) -> None:
    synthetic = made(denoiser=denoisers, **FEW)
    card = synthetic.card
    assert (card.replicates, card.total, card.seed) == (2, 14, 0)
    assert card.counts == {"adipose": 6, "normal/colon mucosa": 4, "stroma": 4}
    assert card.made_from == {"checkpoint": denoisers.card["digest"]}
    assert card.facts["epochs"] == 3
    digests = [one["digest"] for one in denoisers.card["replicates"]]
    assert [part.card.made_from["checkpoint"] for part in synthetic.parts] == digests
    assert [part.card.total for part in synthetic.parts] == [7, 7]


def test_only_the_shard_that_is_missing_is_sampled_again(
    made: Callable, request_of: Callable, denoisers: Artifact, tmp_path: Path
) -> None:
    first = made(denoiser=denoisers, **FEW)
    lost = tmp_path / "sets/diffusion/replicate_1/shard_00001.safetensors"
    before = lost.read_bytes()
    lost.unlink()
    existing = ArtifactFolderDataset(filepath=str(tmp_path / "sets/diffusion")).load()
    request = replace(request_of(denoiser=denoisers, **FEW), existing=existing, scratch=tmp_path / "other")
    again = generate(request)
    sampled = [path for path in (tmp_path / "other").rglob("*") if path.is_file()]
    assert sampled == [tmp_path / "other/replicate_1/shard_00001.safetensors"]
    assert sampled[0].read_bytes() == before
    assert again.card == first.card


def test_a_set_of_one_denoiser_names_the_file_it_was_made_from_and_has_no_parts(
    made: Callable, denoiser: Artifact
) -> None:
    joined = join_replicates([denoiser])
    older, synthetic = made(denoiser=denoiser, **FEW), made(denoiser=joined, **FEW)
    assert synthetic.labeled().card["checkpoint"] == joined.card["digest"]
    assert (synthetic.parts, synthetic.card.replicates) == ((), 1)
    assert synthetic.card.shards == older.card.shards
