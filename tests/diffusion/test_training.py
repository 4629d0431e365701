import logging
from dataclasses import replace

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from synthpath_kedro.diffusion import budget
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.diffusion.training_module import DenoiserTraining, stratified
from synthpath_kedro.errors import InputError
from synthpath_kedro.training import resident
from synthpath_kedro.training.seeding import seeded_generator

ENDS_EARLY = {"max_epochs": 50, "patience": 1, "learning_rate": 1e-30, "weight_decay": 0, "sample_every": 100}


@pytest.fixture
def train(tiles, tmp_path):
    def run(params, seed=0, data=tiles, val=tiles):
        return train_denoiser(data, val, params, seed, tmp_path / "scratch")

    return run


@pytest.mark.parametrize(
    "settings",
    [{"parameterization": "edm"}, {"parameterization": "edm", "textures": 2}, {"parameterization": "epsilon"}],
)
def test_resumed_training_equals_uninterrupted_training(
    settings, tiles, diffusion_parameters, tmp_path, interrupt_training
):
    params = diffusion_parameters(**settings, max_epochs=4)
    whole = train_denoiser(tiles, tiles, params, 0, tmp_path / "whole")
    interrupt_training(2)
    with pytest.raises(InterruptedError):
        train_denoiser(tiles, tiles, params, 0, tmp_path / "parts")
    resumed = train_denoiser(tiles, tiles, params, 0, tmp_path / "parts")
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.checkpoint.card == whole.checkpoint.card
    same = ["epoch", "train_loss", "val_loss", "learning_rate"]
    assert resumed.history[same].equals(whole.history[same])
    assert resumed.samples.keys() == whole.samples.keys() == {2, 4}
    assert all(np.array_equal(resumed.samples[epoch], whole.samples[epoch]) for epoch in (2, 4))


def test_small_epochs_are_not_all_validated(
    tiles, diffusion_parameters, tmp_path, interrupt_training, monkeypatch, caplog
):
    monkeypatch.setattr(budget, "_VALIDATIONS", 2)
    params = diffusion_parameters(max_epochs=4)
    with caplog.at_level(logging.INFO):
        whole = train_denoiser(tiles, tiles, params, 0, tmp_path / "whole")
    assert whole.history["val_loss"].isna().tolist() == [True, False, True, False]
    assert whole.history["train_loss"].notna().all()
    assert [line.split(":")[1] for line in caplog.messages if "train loss" in line] == [" epoch 2/4", " epoch 4/4"]
    interrupt_training(3)
    with pytest.raises(InterruptedError):
        train_denoiser(tiles, tiles, params, 0, tmp_path / "parts")
    resumed = train_denoiser(tiles, tiles, params, 0, tmp_path / "parts")
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.history["val_loss"].equals(whole.history["val_loss"])


def test_images_on_the_gpu_train_the_same_denoiser(tiles, diffusion_parameters, tmp_path, monkeypatch):
    params = diffusion_parameters(max_epochs=2)
    from_memory = train_denoiser(tiles, tiles, params, 0, tmp_path / "memory")
    monkeypatch.setattr(resident, "_fits", lambda n_bytes, device: True)
    from_device = train_denoiser(tiles, tiles, params, 0, tmp_path / "device")
    assert from_device.checkpoint.digest == from_memory.checkpoint.digest


def test_rare_validation_skips_no_sample_grid(tiles, diffusion_parameters, train, monkeypatch):
    monkeypatch.setattr(budget, "_VALIDATIONS", 1)
    made = train(diffusion_parameters(max_epochs=6, sample_every=3))
    assert made.samples.keys() == {3, 6}
    assert made.history["val_loss"].notna().tolist() == [False, False, True] * 2


def test_a_training_whose_result_was_lost_gives_it_again(tiles, diffusion_parameters, tmp_path):
    params = diffusion_parameters(max_epochs=2)
    whole = train_denoiser(tiles, tiles, params, 0, tmp_path / "scratch")
    again = train_denoiser(tiles, tiles, params, 0, tmp_path / "scratch")
    assert again.history.equals(whole.history)
    assert again.checkpoint.digest == whole.checkpoint.digest
    assert len(again.history) == 2


def test_other_parameters_start_afresh(tiles, diffusion_parameters, tmp_path, interrupt_training):
    changed = diffusion_parameters(learning_rate=1e-3)
    expected = train_denoiser(tiles, tiles, changed, 0, tmp_path / "other")
    interrupt_training(1)
    with pytest.raises(InterruptedError):
        train_denoiser(tiles, tiles, diffusion_parameters(), 0, tmp_path / "scratch")
    trained = train_denoiser(tiles, tiles, changed, 0, tmp_path / "scratch")
    assert trained.checkpoint.digest == expected.checkpoint.digest


def test_a_training_leaves_the_global_generator_as_it_was(train, diffusion_parameters):
    before = torch.get_rng_state()
    trained = train(diffusion_parameters())
    assert torch.equal(torch.get_rng_state(), before)
    assert trained.history.columns.tolist() == [
        "epoch",
        "train_loss",
        "val_loss",
        "learning_rate",
        "seconds",
        "images_per_second",
    ]
    assert trained.history.epoch.tolist() == [1, 2, 3]


def test_training_lowers_the_validation_loss(train, diffusion_parameters):
    history = train(diffusion_parameters(max_epochs=30, learning_rate=5e-3, sample_every=100)).history
    assert history.val_loss.iloc[-1] < 0.7 * history.val_loss.iloc[0]


def test_samples_are_a_grid_of_every_class_every_few_epochs_and_after_the_last(train, diffusion_parameters):
    samples = train(diffusion_parameters(max_epochs=3, sample_every=2)).samples
    assert samples.keys() == {2, 3}
    assert samples[3].shape == (12, 8, 8, 3)
    assert samples[3].dtype == np.uint8


def test_validation_uses_the_same_noise_in_every_epoch(train, diffusion_parameters):
    history = train(diffusion_parameters(learning_rate=1e-30, weight_decay=0, denoiser={"dropout": 0.0})).history
    assert history.val_loss.nunique() == 1
    assert history.train_loss.nunique() == 3


def test_validation_sees_the_averaged_weights(tiles, diffusion_parameters, tmp_path, monkeypatch):
    seen = []
    original = DenoiserTraining.validation_step

    def step(self, batch, index):
        seen.append(self.denoiser.network.conv_out[2].bias.detach().clone().numpy())
        original(self, batch, index)

    monkeypatch.setattr(DenoiserTraining, "validation_step", step)
    trained = train_denoiser(tiles, tiles, diffusion_parameters(), 0, tmp_path / "scratch")
    assert np.array_equal(seen[-1], trained.checkpoint.tensors["network.conv_out.2.bias"])


def test_the_learning_rate_ends_its_cycle_with_the_last_epoch(train, diffusion_parameters):
    rates = train(diffusion_parameters(max_epochs=5)).history.learning_rate
    assert rates.idxmax() in (0, 1)
    assert rates.iloc[-1] < 1e-3 * rates.max()


def test_max_steps_are_rounded_up_to_whole_epochs_and_take_the_place_of_other_limits(train, diffusion_parameters):
    trained = train(diffusion_parameters(max_steps=10, max_epochs=2, max_minutes=1e-6, sample_every=100))
    assert trained.checkpoint.card["epochs"] == 4  # of three steps each
    assert trained.history.learning_rate.iloc[-1] < 1e-3 * trained.history.learning_rate.max()
    assert trained.samples.keys() == {4}


def test_patience_ends_training_early(train, diffusion_parameters):
    params = diffusion_parameters(learning_rate=1e-30, weight_decay=0, patience=2, max_epochs=9)
    trained = train(params)
    assert trained.checkpoint.card["epochs"] == 3


def test_labels_are_dropped_at_the_given_rate(train, diffusion_parameters, monkeypatch):
    from synthpath_kedro.diffusion.denoiser import Denoiser

    seen = []
    original = Denoiser.loss

    def loss(self, x0, noise, levels, labels):
        seen.append(labels)
        return original(self, x0, noise, levels, labels)

    monkeypatch.setattr(Denoiser, "loss", loss)
    train(diffusion_parameters(class_dropout_prob=0.5, max_epochs=20, sample_every=100))
    trained = torch.cat([labels for labels in seen if len(labels) == 6])
    assert (trained == 3).float().mean().item() == pytest.approx(0.5 * 360 / 720, abs=0.08)


def test_the_card_says_where_the_weights_came_from(train, tiles, diffusion_parameters):
    card = train(diffusion_parameters(), seed=4).checkpoint.card
    assert card["kind"] == "denoiser"
    assert card["data_digest"] == tiles.digest
    assert card["phantom"] is True
    assert card["class_names"] == ["adipose", "debris", "mucus"]
    assert card["seed"] == 4
    assert card["images_seen"] == 3 * 18
    assert card["versions"]["torch"]


def test_a_multi_label_set_is_refused(train, tiles, diffusion_parameters):
    chest = replace(tiles, labels=np.ones((20, 3), np.uint8), card={"name": "chestmnist"})
    with pytest.raises(InputError, match=r"chestmnist is multi-label .*: choose another data_prep.name"):
        train(diffusion_parameters(), data=chest)


def test_stratified_numbers_hold_one_of_each_stretch():
    u = stratified(50, seeded_generator(0))
    assert (u.sort().values * 50).long().tolist() == list(range(50))
    assert u.tolist() != u.sort().values.tolist()


@pytest.mark.slow
def test_training_killed_with_sigkill_ends_with_the_weights_of_an_uninterrupted_one(
    tiles, diffusion_parameters, check_sigkill_is_survived
):
    program = """
from synthpath_kedro.diffusion.training import train_denoiser
print(train_denoiser(tiles, tiles, params, 0, folder / "scratch").checkpoint.digest)
"""
    check_sigkill_is_survived(DenoiserTraining, diffusion_parameters(max_epochs=4), tiles, program)


def test_lightning_is_quiet(train, diffusion_parameters, recwarn, capsys):
    train(diffusion_parameters(max_epochs=1))
    assert [str(w.message) for w in recwarn] == []
    assert capsys.readouterr().err == ""
    assert pl.__name__ == "lightning.pytorch"


def test_a_training_that_diverges_is_stopped_and_says_what_to_change(train, diffusion_parameters):
    with pytest.raises(
        InputError, match=r"denoiser: the training loss is (nan|inf) after epoch .* lower learning_rate"
    ):
        train(diffusion_parameters(learning_rate=1e30, gradient_clip=None, max_epochs=6))


@pytest.mark.parametrize("gradient_clip", [1.0, None])
def test_bfloat16_trains_with_and_without_clipping(train, diffusion_parameters, gradient_clip):
    history = train(diffusion_parameters(precision="bf16-mixed", gradient_clip=gradient_clip, max_epochs=2)).history
    assert np.isfinite(history.val_loss).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="float16 works on a GPU")
def test_float16_is_refused_without_a_gpu(train, diffusion_parameters):
    with pytest.raises(InputError, match="precision is 16-mixed, which needs a GPU: use bf16-mixed"):
        train(diffusion_parameters(precision="16-mixed"))


def test_a_training_that_ends_early_still_shows_its_samples(train, diffusion_parameters):
    trained = train(diffusion_parameters(**ENDS_EARLY))
    assert trained.samples.keys() == {len(trained.history)} == {2}


def test_samples_of_a_training_that_ended_early_come_back_when_its_result_was_lost(train, diffusion_parameters):
    params = diffusion_parameters(**ENDS_EARLY)
    first, again = train(params), train(params)
    assert again.samples.keys() == first.samples.keys()
    assert all(np.array_equal(again.samples[epoch], first.samples[epoch]) for epoch in first.samples)


def test_attention_that_no_resolution_has_is_warned_of(train, diffusion_parameters, caplog):
    train(diffusion_parameters(max_epochs=1, denoiser={"attention_resolutions": (7,)}))
    assert "attention_resolutions [7] has none of the denoiser's resolutions [8" in caplog.text
