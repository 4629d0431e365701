import logging
from collections import Counter

import numpy as np
import pytest
import torch

from synthpath_kedro.data.artifact import Artifact, digest_arrays, read_artifact
from synthpath_kedro.diffusion import synthesis
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.diffusion.synthesis import build_manifest, shard_recipes
from synthpath_kedro.errors import InputError

REAL = np.array([10, 30, 60])


@pytest.fixture
def checkpoint(diffusion_parameters):
    """A denoiser with random weights."""

    def build(seed=0, images_seen=100, **changes):
        params = diffusion_parameters(**changes)
        torch.manual_seed(seed)
        denoiser = make_denoiser(params, 3, 8)
        for parameter in denoiser.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        provenance = {
            "class_names": ["adipose", "debris", "mucus"],
            "image_size": 8,
            "prepared": "d",
            "phantom": True,
            "seed": seed,
            "images_seen": images_seen,
        }
        return denoiser_artifact(denoiser.state_dict(), params, provenance)

    return build


def write(recipes, folder, names=None):
    shards = {}
    for name in names or recipes:
        recipes[name].write(folder / name)
        shards[name] = read_artifact(folder / name)
    return shards


def test_shards_have_the_same_bytes_in_whatever_order_and_process_they_are_made(
    checkpoint, synthesis_parameters, tmp_path
):
    params = synthesis_parameters(sampler="ddpm", num_steps=3)
    write(shard_recipes(checkpoint(), REAL, params, 0), tmp_path / "a")
    names = ["shard_00002.safetensors", "shard_00000.safetensors", "shard_00001.safetensors"]
    for name in names:
        write(shard_recipes(checkpoint(), REAL, params, 0), tmp_path / "b", [name])
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_image_depends_on_the_seed_and_its_number_and_not_on_the_shards(checkpoint, synthesis_parameters, tmp_path):
    def images(shard_size, seed=0):
        params = synthesis_parameters(shard_size=shard_size, sampler="heun", batch_size=2)
        shards = write(shard_recipes(checkpoint(), REAL, params, seed), tmp_path / f"{shard_size}-{seed}")
        return np.concatenate([shard.tensors["images"] for shard in shards.values()])

    assert np.array_equal(images(4), images(6))
    assert not np.array_equal(images(4), images(4, seed=1))


def test_across_batch_sizes_pixels_differ_by_one_gray_level_at_most(checkpoint, synthesis_parameters, tmp_path):
    def images(batch_size):
        params = synthesis_parameters(batch_size=batch_size)
        shards = write(shard_recipes(checkpoint(), REAL, params, 0), tmp_path / str(batch_size))
        return np.concatenate([shard.tensors["images"] for shard in shards.values()]).astype(int)

    assert np.abs(images(1) - images(4)).max() <= 1


def test_a_shard_holds_its_images_its_labels_its_key_and_its_digest(checkpoint, synthesis_parameters, tmp_path):
    recipes = shard_recipes(checkpoint(), REAL, synthesis_parameters(), 0)
    assert list(recipes) == [f"shard_0000{i}.safetensors" for i in range(3)]
    shards = write(recipes, tmp_path)
    last = shards["shard_00002.safetensors"]
    assert last.tensors["images"].shape == (2, 8, 8, 3)
    assert last.tensors["images"].dtype == np.uint8
    assert last.card["key"] == recipes["shard_00002.safetensors"].key
    assert last.card["key"]["range"] == [8, 10]
    assert last.card["digest"] == digest_arrays(last.tensors)
    labels = np.concatenate([shard.tensors["labels"] for shard in shards.values()])
    assert np.bincount(labels).tolist() == [4, 3, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "ddim"},
        {"num_steps": 3},
        {"guidance_scale": 2.0},
        {"clip_denoised": False, "sampler": "ddpm"},
        {"batch_size": 4},
        {"allocation": "match_real"},
        {"sampler": "ddim", "eta": 0.5},
    ],
)
def test_every_parameter_that_decides_bytes_is_in_the_key(change, checkpoint, synthesis_parameters):
    def keys(**changes):
        recipes = shard_recipes(checkpoint(), REAL, synthesis_parameters(**changes), 0)
        return [recipe.key for recipe in recipes.values()]

    assert all(a != b for a, b in zip(keys(), keys(**change), strict=True))


def test_the_key_changes_with_the_seed_and_the_denoiser(checkpoint, synthesis_parameters):
    def key(seed=0, **changes):
        return shard_recipes(checkpoint(**changes), REAL, synthesis_parameters(), seed)["shard_00000.safetensors"].key

    assert key() == key()
    assert key() != key(seed=1)
    assert key()["checkpoint"] != key()["labels"]
    assert shard_recipes(checkpoint(seed=1), REAL, synthesis_parameters(), 0)["shard_00000.safetensors"].key != key()


def test_a_longer_balanced_set_keeps_the_full_shards_of_a_shorter_one(checkpoint, synthesis_parameters):
    short = shard_recipes(checkpoint(), REAL, synthesis_parameters(n_images=12), 0)
    long = shard_recipes(checkpoint(), REAL, synthesis_parameters(n_images=24), 0)
    assert [recipe.key for recipe in short.values()] == [recipe.key for recipe in long.values()][:3]


@pytest.mark.parametrize("parameterization", ["epsilon", "v", "edm"])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpmpp_2m", "heun"])
def test_every_sampler_serves_every_parameterization(
    sampler, parameterization, checkpoint, synthesis_parameters, tmp_path
):
    params = synthesis_parameters(sampler=sampler, n_images=2)
    shards = write(shard_recipes(checkpoint(parameterization=parameterization), REAL, params, 0), tmp_path)
    assert sum(len(shard.tensors["images"]) for shard in shards.values()) == 2


@pytest.mark.parametrize(
    ("changes", "parameterization", "message"),
    [
        ({"sampler": "heun", "churn": 5.0}, "epsilon", "synthesis.churn .* diffusion.parameterization epsilon"),
        ({"sampler": "ddpm", "churn": 5.0}, "edm", "synthesis.churn is 5 with synthesis.sampler ddpm: only heun"),
        ({"sampler": "heun", "eta": 1.0}, "edm", "synthesis.eta is 1 with synthesis.sampler heun: only ddim"),
        ({"sampler": "ddpm", "num_steps": 1001}, "v", "synthesis.num_steps is 1001"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_drawn(
    changes, parameterization, message, checkpoint, synthesis_parameters
):
    with pytest.raises(InputError, match=message):
        shard_recipes(checkpoint(parameterization=parameterization), REAL, synthesis_parameters(**changes), 0)


def test_guidance_needs_a_denoiser_that_has_seen_the_null_label(checkpoint, synthesis_parameters):
    with pytest.raises(InputError, match=r"synthesis.guidance_scale is 3"):
        shard_recipes(checkpoint(class_dropout_prob=0.0), REAL, synthesis_parameters(guidance_scale=3.0), 0)


def test_the_manifest_has_digests_counts_parameters_seed_and_checkpoint(checkpoint, synthesis_parameters, tmp_path):
    denoiser = checkpoint()
    recipes = shard_recipes(denoiser, REAL, synthesis_parameters(), 9)
    shards = write(recipes, tmp_path)
    manifest = build_manifest(shards, denoiser)
    assert manifest["total"] == 10
    assert manifest["counts"] == {"adipose": 4, "debris": 3, "mucus": 3}
    assert manifest["seed"] == 9
    assert manifest["checkpoint"] == denoiser.card["digest"]
    assert manifest["parameters"]["batch_size"] == 3
    assert manifest["phantom"] is True
    assert manifest["prepared"] == "d"
    assert manifest["shards"]["shard_00001.safetensors"] == {
        "digest": shards["shard_00001.safetensors"].card["digest"],
        "n": 4,
    }
    assert Counter(shard["n"] for shard in manifest["shards"].values()) == {4: 2, 2: 1}


def test_a_manifest_with_a_shard_missing_is_refused(checkpoint, synthesis_parameters, tmp_path):
    denoiser = checkpoint()
    shards = write(shard_recipes(denoiser, REAL, synthesis_parameters(), 9), tmp_path)
    del shards["shard_00000.safetensors"]
    with pytest.raises(InputError, match=r"the shard before shard_00001.safetensors is missing \(images 0 to 3\)"):
        build_manifest(shards, denoiser)
    with pytest.raises(InputError, match="the synthetic set has no shards"):
        build_manifest({}, denoiser)


def test_a_manifest_of_another_denoisers_shards_is_refused(checkpoint, synthesis_parameters, tmp_path):
    shards = write(shard_recipes(checkpoint(), REAL, synthesis_parameters(), 9), tmp_path)
    with pytest.raises(InputError, match=r"shard_00000.safetensors was drawn from another denoiser"):
        build_manifest(shards, checkpoint(seed=1))


@pytest.mark.parametrize(
    ("parameterization", "images_seen", "sampler", "warns"),
    [
        ("epsilon", 54_000, {"sampler": "ddim"}, True),
        ("epsilon", 54_000, {"sampler": "dpmpp_2m"}, True),
        ("epsilon", 54_000, {"sampler": "ddim", "eta": 1.0}, False),
        ("epsilon", 54_000, {"sampler": "ddpm"}, False),
        ("epsilon", 3_000_000, {"sampler": "ddim"}, False),
        ("edm", 28_000, {"sampler": "heun"}, False),
    ],
)
def test_a_deterministic_sampler_on_an_under_trained_epsilon_denoiser_is_warned_of(
    checkpoint, synthesis_parameters, caplog, parameterization, images_seen, sampler, warns
):
    denoiser = checkpoint(parameterization=parameterization, images_seen=images_seen)
    shard_recipes(denoiser, REAL, synthesis_parameters(**sampler), 0)
    assert ("under-trained" in caplog.text) == warns


def test_progress_tells_speed_and_time_left(checkpoint, synthesis_parameters, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        write(shard_recipes(checkpoint(), REAL, synthesis_parameters(), 0), tmp_path)
    assert caplog.messages[-1].startswith("synthesis: image 10 of 10, ")
    assert caplog.messages[-1].endswith("images/s, at most 0:00:00 left")


def test_a_checkpoint_of_something_else_is_refused(synthesis_parameters):
    with pytest.raises(InputError, match="is a 'classifier', not a 'denoiser'"):
        shard_recipes(Artifact({}, {"kind": "classifier"}), REAL, synthesis_parameters(), 0)


def test_clipping_that_a_sampler_does_not_do_is_no_part_of_the_key(checkpoint, synthesis_parameters):
    def key(**changes):
        recipes = shard_recipes(checkpoint(), REAL, synthesis_parameters(sampler="heun", **changes), 0)
        return recipes["shard_00000.safetensors"].key

    assert key(clip_denoised=True) == key(clip_denoised=False)
    assert key()["parameters"]["clip_denoised"] is False


def test_a_denoiser_that_paints_no_numbers_is_refused(checkpoint, synthesis_parameters, tmp_path):
    trained = checkpoint()
    broken = {name: np.full_like(array, np.nan) for name, array in trained.tensors.items()}
    denoiser = Artifact(broken, trained.card | {"digest": Artifact(broken).digest})
    with pytest.raises(InputError, match="paints non-finite values"):
        write(shard_recipes(denoiser, REAL, synthesis_parameters(), 0), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_inside_a_batch(checkpoint, synthesis_parameters, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(synthesis, "_SECONDS_BETWEEN_LINES", 0.0)
    params = synthesis_parameters(n_images=4, batch_size=4, shard_size=4, sampler="ddim", num_steps=4)
    with caplog.at_level(logging.INFO):
        write(shard_recipes(checkpoint(), REAL, params, 0), tmp_path)
    assert [message.split(",")[0] for message in caplog.messages] == [
        f"synthesis: image {n} of 4" for n in (1, 2, 3, 4)
    ]


def test_classes_that_get_no_image_are_named(checkpoint, synthesis_parameters, caplog):
    shard_recipes(checkpoint(), REAL, synthesis_parameters(n_images=2), 0)
    assert "no synthetic image of mucus" in caplog.text
