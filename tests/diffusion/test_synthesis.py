import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from synthpath_kedro.data.artifact import Artifact, digest_arrays, write_artifact
from synthpath_kedro.diffusion import synthesis
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.errors import InputError
from synthpath_kedro.training.precision import InPrecision

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


def pixels(shards):
    return np.concatenate([shard.tensors["images"] for shard in shards.values()])


def keys(shards):
    return [shard.card["key"] for shard in shards.values()]


def test_shards_have_the_same_bytes_in_whatever_order_and_process_they_are_made(
    checkpoint, synthesis_parameters, tmp_path
):
    params = synthesis_parameters(sampler="ddpm", num_steps=3)
    a, b = tmp_path / "a", tmp_path / "b"
    names = list(generate_shards(checkpoint(), REAL, params, 0, a))
    generate_shards(checkpoint(), REAL, params, 0, b)
    for made_last in names:
        (b / made_last).unlink()
        generate_shards(checkpoint(), REAL, params, 0, b)
        for name in names:
            assert (a / name).read_bytes() == (b / name).read_bytes()


def test_an_image_depends_on_the_seed_and_its_number_and_not_on_the_shards(checkpoint, synthesis_parameters, tmp_path):
    def images(shard_size, seed=0):
        params = synthesis_parameters(shard_size=shard_size, sampler="heun", batch_size=2)
        return pixels(generate_shards(checkpoint(), REAL, params, seed, tmp_path / f"{shard_size}-{seed}"))

    assert np.array_equal(images(4), images(6))
    assert not np.array_equal(images(4), images(4, seed=1))


def test_across_batch_sizes_pixels_differ_by_one_gray_level_at_most(checkpoint, synthesis_parameters, tmp_path):
    def images(batch_size):
        params = synthesis_parameters(batch_size=batch_size)
        return pixels(generate_shards(checkpoint(), REAL, params, 0, tmp_path / str(batch_size))).astype(int)

    assert np.abs(images(1) - images(4)).max() <= 1


def test_a_shard_holds_its_images_its_labels_its_key_and_its_digest(checkpoint, synthesis_parameters, tmp_path):
    shards = generate_shards(checkpoint(), REAL, synthesis_parameters(), 0, tmp_path)
    assert list(shards) == [f"shard_0000{i}.safetensors" for i in range(3)]
    last = shards["shard_00002.safetensors"]
    assert last.path == tmp_path / "shard_00002.safetensors"
    assert last.tensors["images"].shape == (2, 8, 8, 3)
    assert last.tensors["images"].dtype == np.uint8
    assert last.card["key"]["range"] == [8, 10]
    assert last.card["digest"] == digest_arrays(last.tensors)
    labels = np.concatenate([shard.tensors["labels"] for shard in shards.values()])
    assert np.bincount(labels).tolist() == [4, 3, 3]


def written(folder):
    """When each file in ``folder`` was written, by name."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_only_missing_damaged_and_changed_shards_are_made_again(checkpoint, synthesis_parameters, tmp_path, caplog):
    params = synthesis_parameters(n_images=20)
    shards = generate_shards(checkpoint(), REAL, params, 0, tmp_path)
    names, whole = list(shards), {name: (tmp_path / name).read_bytes() for name in shards}
    (tmp_path / names[0]).unlink()
    (tmp_path / names[1]).write_bytes(whole[names[1]][:-1] + bytes([whole[names[1]][-1] ^ 1]))
    (tmp_path / names[2]).write_bytes(b"no safetensors")
    other = shards[names[3]]
    write_artifact(tmp_path / names[3], replace(other, card=other.card | {"key": other.card["key"] | {"seed": 1}}))
    before = written(tmp_path)
    with caplog.at_level(logging.INFO):
        generate_shards(checkpoint(), REAL, params, 0, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names} == whole
    assert written(tmp_path)[names[4]] == before[names[4]]
    assert "1 of 5 shards are up to date" in caplog.text
    assert f"{names[1]} is damaged: it is made again" in caplog.text
    assert f"{names[2]} is damaged: it is made again" in caplog.text
    assert f"{names[3]} was made from something else: it is made again" in caplog.text


def test_shards_of_an_earlier_run_are_used_where_they_lie(checkpoint, synthesis_parameters, tmp_path):
    earlier = generate_shards(checkpoint(), REAL, synthesis_parameters(), 0, tmp_path / "earlier")
    surplus = earlier | {"shard_00009.safetensors": earlier["shard_00000.safetensors"]}
    again = generate_shards(checkpoint(), REAL, synthesis_parameters(), 0, tmp_path / "scratch", surplus)
    assert [shard.path for shard in again.values()] == [shard.path for shard in earlier.values()]
    assert list(again) == list(earlier)
    assert not (tmp_path / "scratch").exists()


def test_a_killed_run_keeps_the_shards_that_it_made(
    checkpoint, synthesis_parameters, tmp_path, caplog, left_by_a_killed_run
):
    denoiser = checkpoint()
    whole = generate_shards(denoiser, REAL, synthesis_parameters(), 0, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    (tmp_path / "killed" / "shard_00002.safetensors").unlink()
    left_by_a_killed_run(tmp_path / "killed" / "shard_00002.safetensors").write_bytes(b"half")
    with caplog.at_level(logging.INFO):
        resumed = generate_shards(denoiser, REAL, synthesis_parameters(), 0, tmp_path / "killed")
    assert "2 of 3 shards are up to date" in caplog.text
    np.testing.assert_array_equal(pixels(resumed), pixels(whole))
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == list(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "ddim"},
        {"num_steps": 3},
        {"guidance_scale": 2.0},
        {"guidance_scale": 2.0, "guidance_interval": (0.1, 2.0)},
        {"clip_denoised": False, "sampler": "ddpm"},
        {"precision": "bfloat16"},
        {"batch_size": 4},
        {"allocation": "match_real"},
        {"sampler": "ddim", "eta": 0.5},
    ],
)
def test_every_parameter_that_decides_bytes_is_in_the_key(change, checkpoint, synthesis_parameters, tmp_path):
    first, changed = (
        keys(generate_shards(checkpoint(), REAL, synthesis_parameters(**changes), 0, tmp_path))
        for changes in ({}, change)
    )
    assert all(a != b for a, b in zip(first, changed, strict=True))


def test_the_key_changes_with_the_seed_and_the_denoiser(checkpoint, synthesis_parameters, tmp_path):
    def key(seed=0, trained_with=0):
        denoiser = checkpoint(seed=trained_with)
        return keys(generate_shards(denoiser, REAL, synthesis_parameters(), seed, tmp_path))[0]

    assert key() == key()
    assert key() != key(seed=1)
    assert key()["checkpoint"] != key()["labels"]
    assert key(trained_with=1) != key()


def test_a_longer_balanced_set_keeps_the_full_shards_of_a_shorter_one(checkpoint, synthesis_parameters, tmp_path):
    short = generate_shards(checkpoint(), REAL, synthesis_parameters(n_images=12), 0, tmp_path)
    before = written(tmp_path)
    long = generate_shards(checkpoint(), REAL, synthesis_parameters(n_images=24), 0, tmp_path)
    assert keys(short) == keys(long)[:3]
    assert len(long) == 6
    assert {name: written(tmp_path)[name] for name in before} == before


def test_on_a_cpu_the_precision_that_is_chosen_and_recorded_is_float32(checkpoint, synthesis_parameters, tmp_path):
    chosen, named = (
        generate_shards(checkpoint(), REAL, synthesis_parameters(precision=precision), 0, tmp_path / precision)
        for precision in ("auto", "float32")
    )
    assert keys(chosen) == keys(named)
    assert keys(chosen)[0]["parameters"]["precision"] == "float32"
    assert np.array_equal(pixels(chosen), pixels(named))


@pytest.mark.parametrize(
    ("asked", "device", "triton", "compiled"),
    [
        ("auto", "cuda", object(), True),
        ("auto", "cuda", None, False),
        ("auto", "cpu", object(), False),
        (True, "cpu", None, True),
        (False, "cuda", object(), False),
    ],
)
def test_the_network_is_compiled_on_a_gpu_or_where_it_is_asked_for(
    asked, device, triton, compiled, synthesis_parameters, monkeypatch
):
    monkeypatch.setattr(synthesis, "find_spec", lambda name: triton)
    assert synthesis.compiles(synthesis_parameters(compile=asked), torch.device(device)) is compiled


def test_a_compiled_network_is_compiled_for_each_shape(checkpoint, synthesis_parameters, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: asked.append((type(self), options)))
    params = synthesis_parameters(compile=True, precision="bfloat16")
    made = generate_shards(checkpoint(), REAL, params, 0, tmp_path)
    assert asked == [(InPrecision, {"dynamic": False})]
    assert keys(made)[0]["parameters"]["compile"] is True


def test_a_bfloat16_network_stands_under_a_float32_sampler(checkpoint, synthesis_parameters, tmp_path, monkeypatch):
    seen = set()
    denoise, forward = Denoiser.denoise, torch.nn.Conv2d.forward

    def noted_denoise(self, x, levels, labels):
        image = denoise(self, x, levels, labels)
        seen.update({("sampler", x.dtype), ("sampler", image.dtype)})
        return image

    def noted_forward(self, x):
        features = forward(self, x)
        seen.add(("network", features.dtype))
        return features

    monkeypatch.setattr(Denoiser, "denoise", noted_denoise)
    monkeypatch.setattr(torch.nn.Conv2d, "forward", noted_forward)
    params = synthesis_parameters(precision="bfloat16", num_steps=4)
    made = generate_shards(checkpoint(), REAL, params, 0, tmp_path / "half")
    assert seen == {("sampler", torch.float32), ("network", torch.bfloat16)}
    exact = generate_shards(checkpoint(), REAL, synthesis_parameters(num_steps=4), 0, tmp_path / "exact")
    difference = np.abs(pixels(made).astype(int) - pixels(exact))
    assert 0 < difference.mean() < 1  # gray levels


@pytest.mark.parametrize("parameterization", ["epsilon", "v", "edm"])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpmpp_2m", "heun"])
def test_every_sampler_serves_every_parameterization(
    sampler, parameterization, checkpoint, synthesis_parameters, tmp_path
):
    params = synthesis_parameters(sampler=sampler, n_images=2)
    shards = generate_shards(checkpoint(parameterization=parameterization), REAL, params, 0, tmp_path)
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
    changes, parameterization, message, checkpoint, synthesis_parameters, tmp_path
):
    denoiser = checkpoint(parameterization=parameterization)
    with pytest.raises(InputError, match=message):
        generate_shards(denoiser, REAL, synthesis_parameters(**changes), 0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_guidance_needs_a_denoiser_that_has_seen_the_null_label(checkpoint, synthesis_parameters, tmp_path):
    denoiser = checkpoint(class_dropout_prob=0.0)
    with pytest.raises(InputError, match=r"synthesis.guidance_scale is 3"):
        generate_shards(denoiser, REAL, synthesis_parameters(guidance_scale=3.0), 0, tmp_path)


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
    checkpoint, synthesis_parameters, tmp_path, caplog, parameterization, images_seen, sampler, warns
):
    denoiser = checkpoint(parameterization=parameterization, images_seen=images_seen)
    generate_shards(denoiser, REAL, synthesis_parameters(**sampler), 0, tmp_path)
    assert ("under-trained" in caplog.text) == warns


def test_progress_tells_speed_and_time_left(checkpoint, synthesis_parameters, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        generate_shards(checkpoint(), REAL, synthesis_parameters(), 0, tmp_path)
    assert caplog.messages[-1].startswith("synthesis: image 10 of 10, ")
    assert caplog.messages[-1].endswith("images/s, at most 0:00:00 left")


def test_a_checkpoint_of_something_else_is_refused(synthesis_parameters, tmp_path):
    with pytest.raises(InputError, match="is a 'classifier', not a 'denoiser'"):
        generate_shards(Artifact({}, {"kind": "classifier"}), REAL, synthesis_parameters(), 0, tmp_path)


def test_clipping_that_a_sampler_does_not_do_is_no_part_of_the_key(checkpoint, synthesis_parameters, tmp_path):
    def key(**changes):
        params = synthesis_parameters(sampler="heun", **changes)
        return keys(generate_shards(checkpoint(), REAL, params, 0, tmp_path))[0]

    assert key(clip_denoised=True) == key(clip_denoised=False)
    assert key()["parameters"]["clip_denoised"] is False


def test_a_denoiser_that_predicts_non_finite_values_is_refused(checkpoint, synthesis_parameters, tmp_path):
    trained = checkpoint()
    broken = {name: np.full_like(array, 1e30) for name, array in trained.tensors.items()}
    denoiser = Artifact(broken, trained.card | {"digest": Artifact(broken).digest})
    with pytest.raises(InputError, match="predicts non-finite values"):
        generate_shards(denoiser, REAL, synthesis_parameters(), 0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_inside_a_batch(checkpoint, synthesis_parameters, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(synthesis, "_SECONDS_BETWEEN_LINES", 0.0)
    params = synthesis_parameters(n_images=4, batch_size=4, shard_size=4, sampler="ddim", num_steps=4)
    with caplog.at_level(logging.INFO):
        generate_shards(checkpoint(), REAL, params, 0, tmp_path)
    assert [message.split(",")[0] for message in caplog.messages] == [
        f"synthesis: image {n} of 4" for n in (1, 2, 3, 4)
    ]


def test_classes_that_get_no_image_are_named(checkpoint, synthesis_parameters, tmp_path, caplog):
    generate_shards(checkpoint(), REAL, synthesis_parameters(n_images=2), 0, tmp_path)
    assert "no synthetic image of mucus" in caplog.text
