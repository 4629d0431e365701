import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthpath_kedro.data.artifact import Artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion import start
from synthpath_kedro.diffusion.checkpoint import join_replicates, load_denoiser, split_replicates
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.diffusion.replicates import train_replicates
from synthpath_kedro.diffusion.start import find_start, read_start
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters

Build = Callable[..., DiffusionParameters]
LABELS = "network.label_embedding.weight"
STANDS_STILL = {"max_epochs": 1, "learning_rate": 1e-30, "weight_decay": 0}


@pytest.fixture
def phantom(tiles: LabeledImages) -> LabeledImages:
    return tiles


@pytest.fixture
def others(tiles: LabeledImages) -> LabeledImages:
    """The same images as from patients, of classes of which one has a known name."""
    return replace(tiles, class_names=("mucus", "stroma", "tumor"), card={"name": "slides"})


@pytest.fixture
def saved(phantom: LabeledImages, diffusion_parameters: Build, tmp_path: Path) -> tuple[Path, Artifact]:
    """A denoiser that was trained for an epoch on the phantom, and its file."""
    trained = train_denoiser(phantom, phantom, diffusion_parameters(max_epochs=1), 5, tmp_path / "start").checkpoint
    path = tmp_path / "denoiser.safetensors/2026-01-01T00.00.00.000Z/denoiser.safetensors"
    write_artifact(path, join_replicates([trained]))
    return path, trained


def test_training_starts_from_the_averaged_weights_and_new_classes_are_new(
    saved: tuple[Path, Artifact], others: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    path, start = saved
    still = diffusion_parameters(start_from=str(path), **STANDS_STILL)
    found = train_denoiser(others, others, still, 0, tmp_path / "own").checkpoint.tensors
    alone = train_denoiser(others, others, diffusion_parameters(**STANDS_STILL), 0, tmp_path / "new").checkpoint.tensors
    assert found.keys() == start.tensors.keys() == alone.keys()
    for name in found.keys() - {LABELS}:
        np.testing.assert_array_equal(found[name], start.tensors[name])
    mucus, nothing = 2, 3
    np.testing.assert_array_equal(found[LABELS][[0, 3]], start.tensors[LABELS][[mucus, nothing]])
    np.testing.assert_array_equal(found[LABELS][[1, 2]], alone[LABELS][[1, 2]])


def test_the_card_says_what_the_training_started_from(
    saved: tuple[Path, Artifact], others: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    path, first = saved
    started = train_denoiser(
        others, others, diffusion_parameters(start_from=str(path), **STANDS_STILL), 0, tmp_path / "own"
    ).checkpoint
    assert started.card["start"] == {
        "name": str(path),
        "digest": join_replicates([first]).card["digest"],
        "phantom": True,
        "data": "shades",
        "data_digest": first.card["data_digest"],
        "images_seen": 18,
    }
    assert started.card["data"] == "slides"
    assert "start" not in first.card


def test_a_resumed_training_with_a_start_equals_an_uninterrupted_one(
    saved: tuple[Path, Artifact],
    others: LabeledImages,
    diffusion_parameters: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    params = diffusion_parameters(start_from=str(saved[0]))
    whole = train_denoiser(others, others, params, 0, tmp_path / "whole").checkpoint
    original = DenoiserTraining.training_step

    def step(self: DenoiserTraining, batch: tuple, index: int) -> object:
        if (self.current_epoch, index) == (1, 1):
            raise InterruptedError
        return original(self, batch, index)

    monkeypatch.setattr(DenoiserTraining, "training_step", step)
    with pytest.raises(InterruptedError):
        train_denoiser(others, others, params, 0, tmp_path / "parts")
    monkeypatch.setattr(DenoiserTraining, "training_step", original)
    resumed = train_denoiser(others, others, params, 0, tmp_path / "parts").checkpoint
    assert resumed.digest == whole.digest
    assert resumed.card == whole.card


def test_another_start_under_the_same_name_is_another_training(
    saved: tuple[Path, Artifact],
    others: LabeledImages,
    diffusion_parameters: Build,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path, first = saved
    caplog.set_level("INFO", logger="synthpath_kedro")
    params = diffusion_parameters(start_from=str(path), **STANDS_STILL)
    one = train_denoiser(others, others, params, 0, tmp_path / "own").checkpoint
    tensors = first.tensors | {LABELS: first.tensors[LABELS] + 1}
    write_artifact(path, Artifact(tensors, first.card | {"digest": Artifact(tensors).digest}))
    two = train_denoiser(others, others, params, 0, tmp_path / "own").checkpoint
    assert "holds a training with other start" in caplog.text
    assert one.digest != two.digest


@pytest.mark.parametrize("image_size", [8, 16])
def test_the_image_size_may_be_another(
    saved: tuple[Path, Artifact], diffusion_parameters: Build, image_size: int
) -> None:
    params = diffusion_parameters(start_from=str(saved[0]), denoiser={"attention_resolutions": (image_size // 2,)})
    denoiser = make_denoiser(params, 3, image_size)
    found = read_start(params)
    assert found is not None
    found.apply_to(denoiser, ("adipose", "debris", "mucus"))
    for name, parameter in denoiser.named_parameters():
        assert parameter.detach().numpy().tobytes() == saved[1].tensors[name].tobytes()


def test_attention_that_the_start_lacks_is_the_identity_at_first(
    saved: tuple[Path, Artifact], diffusion_parameters: Build, caplog: pytest.LogCaptureFixture
) -> None:
    path, trained = saved
    tensors = {name: array for name, array in trained.tensors.items() if ".attention." not in name}
    write_artifact(path, Artifact(tensors, trained.card | {"digest": Artifact(tensors).digest}))
    classes, x = ("adipose", "debris", "mucus"), torch.randn(2, 3, 16, 16)
    without = diffusion_parameters(start_from=str(path), denoiser={"attention_resolutions": ()})
    more = diffusion_parameters(start_from=str(path), denoiser={"attention_resolutions": (16,)})
    outputs = []
    for params in (without, more):
        denoiser = make_denoiser(params, 3, 16).eval()
        found = read_start(params)
        assert found is not None
        found.apply_to(denoiser, classes)
        outputs.append(denoiser.network(x, torch.ones(2), torch.tensor([0, 1])))
    torch.testing.assert_close(outputs[0], outputs[1])
    assert caplog.text == ""


def test_attention_that_the_denoiser_lacks_is_left_out_with_a_warning(
    saved: tuple[Path, Artifact], diffusion_parameters: Build, caplog: pytest.LogCaptureFixture
) -> None:
    params = diffusion_parameters(start_from=str(saved[0]), denoiser={"attention_resolutions": ()})
    found = read_start(params)
    assert found is not None
    found.apply_to(make_denoiser(params, 3, 8), ("adipose", "debris", "mucus"))
    assert caplog.text.count("the self-attention of start_from") == 1


def test_replicates_start_from_each_of_the_starts_in_turn(
    phantom: LabeledImages, others: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    two = train_replicates(phantom, phantom, diffusion_parameters(replicates=2, max_epochs=1), 0, tmp_path / "two")
    write_artifact(tmp_path / "two.safetensors", two.checkpoint)
    still = diffusion_parameters(replicates=3, start_from=str(tmp_path / "two.safetensors"), **STANDS_STILL)
    trained = split_replicates(train_replicates(others, others, still, 0, tmp_path / "three").checkpoint)
    name = "network.conv_out.2.weight"
    first, second = (one.tensors[name].tobytes() for one in split_replicates(two.checkpoint))
    assert [one.tensors[name].tobytes() for one in trained] == [first, second, first]


def test_half_precision_weights_start_a_training_too(
    saved: tuple[Path, Artifact], others: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    halves = {name: array.astype(np.float16) for name, array in saved[1].tensors.items()}
    path = tmp_path / "half.safetensors"
    write_artifact(path, Artifact(halves, saved[1].card | {"digest": Artifact(halves).digest}))
    still = diffusion_parameters(start_from=str(path), **STANDS_STILL)
    tensors = train_denoiser(others, others, still, 0, tmp_path / "own").checkpoint.tensors
    name = "network.conv_in.weight"
    np.testing.assert_array_equal(tensors[name], halves[name].astype(np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameterization": "v"}, r"diffusion.parameterization is v, and the denoiser of start_from .* has edm"),
        ({"denoiser": {"base_channels": 16}}, r"diffusion.denoiser.base_channels is 16, and .* has 8: set it to that"),
        ({"denoiser": {"channel_multipliers": (1, 2, 2)}}, r"channel_multipliers is \[1, 2, 2\], and .* has \[1, 2\]"),
        ({"textures": 3}, r"diffusion.textures is 3, and the denoiser of start_from .* has 0: set it to that"),
        ({"denoiser": {"residual_blocks": 2}}, r"residual_blocks is 2, and the denoiser of start_from .* has 1"),
    ],
)
def test_another_architecture_is_refused_by_the_setting_that_differs(
    saved: tuple[Path, Artifact], diffusion_parameters: Build, changes: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_start(diffusion_parameters(start_from=str(saved[0]), **changes))


def test_dropout_and_the_recipe_of_training_may_be_others(
    saved: tuple[Path, Artifact], diffusion_parameters: Build
) -> None:
    params = diffusion_parameters(start_from=str(saved[0]), denoiser={"dropout": 0.5}, learning_rate=1.0, batch_size=2)
    assert read_start(params) is not None


def test_a_start_from_the_phantom_is_refused_for_the_phantom(
    saved: tuple[Path, Artifact],
    phantom: LabeledImages,
    others: LabeledImages,
    diffusion_parameters: Build,
    tmp_path: Path,
) -> None:
    params = diffusion_parameters(start_from=str(saved[0]), **STANDS_STILL)
    with pytest.raises(InputError, match=r"a denoiser trained on the phantom.*or allow_phantom_start to true"):
        train_denoiser(phantom, phantom, params, 0, tmp_path / "own")
    tuned = train_denoiser(others, others, params, 0, tmp_path / "tuned").checkpoint
    assert tuned.card["phantom"] is False
    write_artifact(tmp_path / "tuned.safetensors", tuned)
    indirect = params.model_copy(update={"start_from": str(tmp_path / "tuned.safetensors")})
    with pytest.raises(InputError, match="a denoiser trained on the phantom"):
        train_denoiser(phantom, phantom, indirect, 0, tmp_path / "own")
    allowed = params.model_copy(update={"allow_phantom_start": True})
    assert train_denoiser(phantom, phantom, allowed, 0, tmp_path / "own").checkpoint.card["start"]["phantom"] is True


def test_a_file_a_version_and_a_folder_of_versions_name_the_same_start(saved: tuple[Path, Artifact]) -> None:
    path = saved[0]
    newer = path.parents[1] / "2026-02-01T00.00.00.000Z/denoiser.safetensors"
    newer.parent.mkdir()
    shutil.copy(path, newer)
    assert find_start(str(path)) == path
    assert find_start(str(path.parent)) == path
    assert find_start(str(path.parents[1])) == newer


def test_a_packaged_denoiser_is_found_by_name(
    saved: tuple[Path, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "PACKAGED", tmp_path / "packaged")
    (tmp_path / "packaged").mkdir()
    shutil.copy(saved[0], tmp_path / "packaged/drawn.safetensors")
    assert find_start("drawn") == tmp_path / "packaged/drawn.safetensors"
    with pytest.raises(InputError, match=r"start_from: drwan does not exist; give .* or one that is packaged: drawn$"):
        find_start("drwan")


def test_a_start_that_cannot_be_used_is_one_line(
    saved: tuple[Path, Artifact], diffusion_parameters: Build, tmp_path: Path
) -> None:
    path, trained = saved

    def refused(name: Path, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_start(diffusion_parameters(start_from=str(name)))

    (tmp_path / "empty").mkdir()
    refused(tmp_path / "nowhere", r"diffusion.start_from: .*nowhere does not exist; give a denoiser's file, a folder")
    refused(tmp_path / "empty", r"start_from: .*empty has no denoiser.safetensors; give")
    (tmp_path / "half.safetensors").write_bytes(path.read_bytes()[:1000])
    refused(tmp_path / "half.safetensors", r"start_from: .*half.safetensors cannot be read .*; give another file")
    write_artifact(tmp_path / "other.safetensors", Artifact(trained.tensors, trained.card | {"kind": "classifier"}))
    refused(tmp_path / "other.safetensors", "start_from: .*other.safetensors is a 'classifier', not a 'denoiser'")
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    refused(path, "start_from: .* is damaged: its weights are not those that were saved")


def test_a_started_denoiser_can_be_sampled_from(
    saved: tuple[Path, Artifact], others: LabeledImages, diffusion_parameters: Build, tmp_path: Path
) -> None:
    params = diffusion_parameters(start_from=str(saved[0]), **STANDS_STILL)
    trained = train_denoiser(others, others, params, 0, tmp_path / "own").checkpoint
    assert load_denoiser(trained).null_label == 3
