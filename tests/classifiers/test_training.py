import logging
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from synthpath_kedro.classifiers.lightning_module import ClassifierTraining
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.errors import InputError

CLASS_NAMES = ("adipose", "debris", "mucus")


@pytest.fixture
def train(tiles, tmp_path):
    """Trains a cell on 24 real images, validates on 9, with 30 synthetic ones."""

    def train(params, model="cnn", regime="real", scratch=None, seed=0, **images):
        sets = {"real_train": tiles(24), "real_val": tiles(9, seed=1), "synthetic": tiles(30, seed=2)} | images
        return train_cell(model, regime, *sets.values(), params, seed, scratch or tmp_path / "scratch")

    return train


def replicate(trained, index=0):
    prefix = f"replicate_{index}."
    tensors = trained.checkpoint.tensors
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def prescribe_val_loss(losses, monkeypatch):
    """Validation losses by epoch, whatever the model says."""

    def log(self):
        self.log_dict({"train_loss": 1.0, "val_loss": losses[self.current_epoch], "val_accuracy": 0.5})

    monkeypatch.setattr(ClassifierTraining, "on_validation_epoch_end", log)


# when training stops, and what is kept


def test_training_stops_after_three_epochs_without_a_lower_validation_loss(
    train, classification_parameters, monkeypatch
):
    prescribe_val_loss([1.0, 0.5, 0.6, 0.5, 0.7, 0.1, 0.1, 0.1], monkeypatch)
    trained = train(classification_parameters(max_epochs=8))
    assert trained.history.epoch.tolist() == [1, 2, 3, 4, 5]
    assert trained.checkpoint.card["replicates"] == [{"replicate": 0, "best_epoch": 2, "val_loss": 0.5}]


def test_the_best_epochs_weights_are_kept(train, classification_parameters, monkeypatch):
    prescribe_val_loss([1.0, 0.5, 0.6, 0.7], monkeypatch)
    longer = train(classification_parameters(max_epochs=4))
    shorter = train(classification_parameters(max_epochs=2))
    last = train(classification_parameters(max_epochs=1))
    assert same(replicate(longer), replicate(shorter))
    assert not same(replicate(longer), replicate(last))


def test_all_epochs_are_trained_while_the_validation_loss_falls(train, classification_parameters, monkeypatch):
    prescribe_val_loss([1.0, 0.9, 0.8, 0.7, 0.6], monkeypatch)
    trained = train(classification_parameters(max_epochs=5, patience=1))
    assert len(trained.history) == 5
    assert trained.checkpoint.card["replicates"][0]["best_epoch"] == 5


def test_training_that_diverges_is_said_in_one_line(train, classification_parameters, monkeypatch):
    prescribe_val_loss([math.nan] * 3, monkeypatch)
    with pytest.raises(InputError) as error:
        train(classification_parameters(cnn={"learning_rate": 50}))
    assert str(error.value) == (
        "cnn under real, replicate 0: the validation loss is not a number; lower classification.cnn.learning_rate (50)"
    )


def test_the_learning_rate_falls_at_the_milestones(train, classification_parameters):
    params = classification_parameters(max_epochs=5, milestones=[2, 4], gamma=0.5, patience=9)
    rates = train(params).history.learning_rate
    assert rates.tolist() == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])


def test_training_learns(train, classification_parameters):
    history = train(classification_parameters(max_epochs=12, patience=12, milestones=[12])).history
    assert history.val_loss.iloc[-1] < 0.7 * history.val_loss.iloc[0]
    assert history.val_accuracy.iloc[-1] == 1


# the frozen part


def test_batch_norm_statistics_of_the_frozen_part_do_not_move(train, classification_parameters):
    params = classification_parameters(max_epochs=2)
    start = build_classifier("resnet18", CLASS_NAMES, params, seed=0)
    trained = train(params, "resnet18").checkpoint.tensors
    frozen = {name: tensor for name, tensor in trained.items() if name.startswith("frozen.")}
    assert sum(name.endswith("running_var") for name in frozen) == 15
    assert same({name: start.state_dict()[name].numpy() for name in frozen}, frozen)
    moved = "replicate_0.trained.0.0.bn1.running_var"
    assert not np.array_equal(trained[moved], start.trained[0][0].bn1.running_var)


def test_the_frozen_part_is_in_eval_mode_in_training_and_back_in_it_after_validation(
    train, classification_parameters, monkeypatch
):
    modes = []
    step = ClassifierTraining.training_step

    def watch(self, batch, index):
        parts = (self.classifier.frozen, self.classifier.trained)
        modes.append(tuple({module.training for module in part.modules()} == {part.training} for part in parts))
        modes.append(tuple(part.training for part in parts))
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", watch)
    train(classification_parameters(max_epochs=2), "resnet18")
    assert set(modes) == {(True, True), (False, True)}


# regimes: only the data differs


def test_real_training_does_not_see_synthetic_images(train, classification_parameters, tiles):
    params = classification_parameters(max_epochs=1)
    first, second = (train(params, synthetic=synthetic) for synthetic in (None, tiles(30, seed=9)))
    assert first.checkpoint.digest == second.checkpoint.digest
    assert first.checkpoint.card == second.checkpoint.card


def test_synthetic_training_does_not_see_real_training_images(train, classification_parameters, tiles):
    params = classification_parameters(max_epochs=1)
    first, second = (train(params, regime="synthetic", real_train=tiles(24, seed=seed)).checkpoint for seed in (0, 9))
    assert first.digest == second.digest


@pytest.mark.parametrize(("ratio", "regime"), [(0, "real"), (1, "synthetic")])
def test_the_ends_of_the_mixing_ratio_are_the_pure_regimes(train, classification_parameters, ratio, regime):
    mixed = train(classification_parameters(max_epochs=1, mixing_ratio=ratio), regime="mixed")
    pure = train(classification_parameters(max_epochs=1), regime=regime)
    assert same(replicate(mixed), replicate(pure))


def test_every_regime_takes_the_same_number_of_steps_on_as_many_images(train, classification_parameters, monkeypatch):
    sizes = {}
    step = ClassifierTraining.training_step

    def watch(self, batch, index):
        sizes[regime].append(len(batch[1]))
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", watch)
    for regime in ("real", "synthetic", "mixed"):
        sizes[regime] = []
        train(classification_parameters(max_epochs=2), regime=regime)
    assert sizes["real"] == sizes["synthetic"] == sizes["mixed"] == [8] * 6


def test_synthetic_images_that_are_missing_or_of_another_kind_are_refused(train, classification_parameters, tiles):
    params = classification_parameters()
    with pytest.raises(InputError, match="regime mixed needs synthetic images and there are none"):
        train(params, regime="mixed", synthetic=None)
    renamed = replace(tiles(), class_names=("adipose", "debris", "bone"))
    for other in (renamed, tiles(size=16)):
        with pytest.raises(
            InputError, match=r"real_train \(.*\) has classes .* at 8 pixels; synthetic .* run the pipeli"
        ):
            train(params, regime="synthetic", synthetic=other)


def test_a_set_with_several_labels_an_image_is_refused(train, classification_parameters):
    chest = LabelledImages(np.zeros((4, 8, 8, 3), np.uint8), np.ones((4, 3), np.uint8), CLASS_NAMES)
    with pytest.raises(InputError, match="several labels an image; .* choose a single-label data set"):
        train(classification_parameters(), real_train=chest)


# the loss


@pytest.mark.parametrize(("option", "weights"), [("none", [1, 1, 1]), ("balanced", [2 / 3, 1, 2])])
def test_class_weights_weigh_the_loss_by_inverse_frequency(train, classification_parameters, tiles, option, weights):
    labels = np.array([0] * 12 + [1] * 8 + [2] * 4)
    real = replace(tiles(24), labels=labels)
    still = {"learning_rate": 1e-30}
    params = classification_parameters(class_weights=option, max_epochs=1, weight_decay=0, cnn=still)
    start = build_classifier("cnn", CLASS_NAMES, params, seed=0)
    # In eval mode from the start, batch norm's statistics are what they are after one epoch: take them from there.
    trained = train(params, real_train=real)
    start.load_state_dict({name: torch.tensor(tensor) for name, tensor in replicate(trained).items()})
    val = tiles(9, seed=1)
    with torch.inference_mode():
        logits = start.eval()(to_unit_interval(torch.from_numpy(val.images)))
    expected = F.cross_entropy(logits, torch.from_numpy(val.labels), torch.tensor(weights))
    assert trained.history.val_loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_class_without_training_images_weighs_nothing(train, classification_parameters, tiles):
    real = replace(tiles(24), labels=np.arange(24) % 2)
    trained = train(classification_parameters(class_weights="balanced", max_epochs=1), real_train=real)
    assert math.isfinite(trained.history.val_loss.item())


# augmentation


def test_augmentation_changes_what_is_trained_on_and_not_what_is_validated_on(train, classification_parameters, tiles):
    still = {"learning_rate": 1e-30}
    plain, augmented = (
        train(classification_parameters(augment=augment, max_epochs=2, weight_decay=0, cnn=still)).history
        for augment in (False, True)
    )
    assert plain.train_loss.tolist() != augmented.train_loss.tolist()
    again = train(classification_parameters(augment=True, max_epochs=2, weight_decay=0, cnn=still)).history
    assert again.train_loss.tolist() == augmented.train_loss.tolist()


def test_augmentation_shows_flipped_images(train, classification_parameters, monkeypatch, tiles):
    seen = []
    forward = torch.nn.Module.__call__

    def watch(self, *inputs):
        if type(self).__name__ == "Classifier" and self.training:
            seen.append(inputs[0].clone())
        return forward(self, *inputs)

    monkeypatch.setattr(torch.nn.Module, "__call__", watch)
    train(classification_parameters(augment=True, max_epochs=1))
    real = to_unit_interval(torch.from_numpy(tiles(24).images))
    symmetries = {
        image.numpy().tobytes()
        for one in real
        for turned in (torch.rot90(one, k, (1, 2)) for k in range(4))
        for image in (turned.contiguous(), turned.flip(2).contiguous())
    }
    shown = [image.contiguous() for batch in seen for image in batch]
    assert len(shown) == 24
    assert all(image.numpy().tobytes() in symmetries for image in shown)
    assert not all(image.numpy().tobytes() in {one.contiguous().numpy().tobytes() for one in real} for image in shown)


# replicates, history, card


def test_replicates_differ_and_each_follows_from_its_number(train, classification_parameters):
    two = train(classification_parameters(replicates=2, max_epochs=1))
    one = train(classification_parameters(replicates=1, max_epochs=1))
    assert same(replicate(two, 0), replicate(one, 0))
    assert not same(replicate(two, 0), replicate(two, 1))
    assert not same(replicate(train(classification_parameters(max_epochs=1), seed=1)), replicate(one))


def test_the_history_has_a_row_an_epoch_of_a_replicate(train, classification_parameters):
    history = train(classification_parameters(replicates=2, max_epochs=2), regime="mixed").history
    assert history.columns.tolist() == [
        "model",
        "regime",
        "replicate",
        "epoch",
        "train_loss",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
        "images_per_second",
    ]
    assert history[["replicate", "epoch"]].values.tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert set(history.model) == {"cnn"}
    assert set(history.regime) == {"mixed"}


def test_the_card_says_where_the_cell_came_from(train, classification_parameters, tiles):
    card = train(classification_parameters(max_epochs=1), "resnet18", "mixed", seed=3).checkpoint.card
    assert (card["model"], card["regime"], card["seed"], card["prepared"]) == ("resnet18", "mixed", 3, "0a1b")
    assert (card["variant"], card["input_size"], card["weights"]) == ("resnet18", 32, "random")
    assert card["description"] == "resnet18 @ 32, random"
    assert card["image_digests"] == {
        "real_train": tiles(24).digest,
        "real_val": tiles(9, seed=1).digest,
        "synthetic": tiles(30, seed=2).digest,
    }
    assert card["parameters"]["resnet18"]["batch_size"] == 8
    assert "dinov2" not in card["parameters"]
    assert card["versions"]["torch"]


def test_other_weights_in_a_file_of_the_same_name_are_another_start(train, classification_parameters, tmp_path):
    digests = []
    for seed in (0, 1):
        path = tmp_path / str(seed) / "resnet18.pth"
        path.parent.mkdir()
        start = build_classifier("resnet18", CLASS_NAMES, classification_parameters(), seed)
        parts = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")
        state = {f"{part}.{name}": t for part, m in zip(parts, start.frozen) for name, t in m.state_dict().items()}
        torch.save(state | start.trained[0].state_dict(prefix="layer4."), path)
        params = classification_parameters(max_epochs=1, resnet18={"weights": str(path)})
        card = train(params, "resnet18").checkpoint.card
        assert card["weights"] == "file:resnet18.pth"
        digests.append(card["start_digest"])
    assert digests[0] != digests[1]


# killed and resumed


class Killed(Exception):
    pass


def kill_at(epoch, of_replicate, monkeypatch):
    """Stops in the middle of an epoch (from 0) of a replicate, once."""
    step = ClassifierTraining.training_step
    seeds = []

    def step_or_die(self, batch, index):
        if self.seed not in seeds:
            seeds.append(self.seed)
        if (self.current_epoch, len(seeds) - 1, index) == (epoch, of_replicate, 1):
            monkeypatch.setattr(ClassifierTraining, "training_step", step)
            raise Killed
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", step_or_die)


@pytest.mark.parametrize(
    ("model", "regime", "augment"), [("cnn", "mixed", True), ("resnet18", "real", False), ("clip", "real", False)]
)
def test_resumed_training_equals_uninterrupted_training(
    model, regime, augment, train, classification_parameters, tmp_path, monkeypatch
):
    params = classification_parameters(max_epochs=3, augment=augment)
    whole = train(params, model, regime, tmp_path / "whole")
    kill_at(epoch=2, of_replicate=0, monkeypatch=monkeypatch)
    with pytest.raises(Killed):
        train(params, model, regime, tmp_path / "parts")
    resumed = train(params, model, regime, tmp_path / "parts")
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.checkpoint.card == whole.checkpoint.card
    timed = ["seconds", "images_per_second"]
    assert resumed.history.drop(columns=timed).equals(whole.history.drop(columns=timed))
    assert not (tmp_path / "parts").exists()


def test_a_finished_replicate_is_not_trained_again(train, classification_parameters, tmp_path, monkeypatch, caplog):
    params = classification_parameters(max_epochs=2, replicates=3)
    whole = train(params, scratch=tmp_path / "whole")
    kill_at(epoch=1, of_replicate=2, monkeypatch=monkeypatch)
    with pytest.raises(Killed):
        train(params, scratch=tmp_path / "parts")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        resumed = train(params, scratch=tmp_path / "parts")
    assert [message for message in caplog.messages if "finished before the interruption" in message] == [
        "cnn under real, replicate 0: finished before the interruption",
        "cnn under real, replicate 1: finished before the interruption",
    ]
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    timed = ["seconds", "images_per_second"]
    assert resumed.history.drop(columns=timed).equals(whole.history.drop(columns=timed))


def test_other_parameters_start_afresh(train, classification_parameters, tmp_path, monkeypatch):
    changed = classification_parameters(max_epochs=2, replicates=2, gamma=0.5)
    expected = train(changed, scratch=tmp_path / "other")
    kill_at(epoch=1, of_replicate=1, monkeypatch=monkeypatch)
    with pytest.raises(Killed):
        train(classification_parameters(max_epochs=2, replicates=2), scratch=tmp_path / "parts")
    assert train(changed, scratch=tmp_path / "parts").checkpoint.digest == expected.checkpoint.digest


def test_training_leaves_no_scratch_and_the_global_generator_as_it_was(train, classification_parameters, tmp_path):
    before = torch.get_rng_state()
    train(classification_parameters(max_epochs=1))
    assert not (tmp_path / "scratch").exists()
    assert torch.equal(torch.get_rng_state(), before)


def test_lightning_is_quiet(train, classification_parameters, recwarn, capsys):
    train(classification_parameters(max_epochs=1), "resnet18")
    assert [str(warning.message) for warning in recwarn] == []
    assert capsys.readouterr().err == ""


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from synthpath_kedro.classifiers.lightning_module import ClassifierTraining
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.parameters import ClassificationParameters

folder, kill = Path(sys.argv[1]), int(sys.argv[2])
tiles = LabelledImages(*np.load(folder / "tiles.npz").values(), ("adipose", "debris", "mucus"))
step = ClassifierTraining.training_step

def step_or_die(self, batch, index):
    if self.global_step == kill:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

ClassifierTraining.training_step = step_or_die
params = ClassificationParameters.model_validate_json((folder / "params.json").read_text())
print(train_cell("cnn", "mixed", tiles, tiles, tiles, params, 0, folder / "scratch").checkpoint.digest)
"""


@pytest.mark.slow
def test_training_killed_with_sigkill_ends_with_the_weights_of_an_uninterrupted_one(
    tiles, classification_parameters, tmp_path
):
    np.savez(tmp_path / "tiles.npz", images=tiles().images, labels=tiles().labels)
    (tmp_path / "params.json").write_text(classification_parameters(max_epochs=4).model_dump_json())

    def run(kill_at_step):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(kill_at_step)]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
        )

    whole = run(kill_at_step=-1)
    assert whole.returncode == 0, whole.stderr
    for step in (4, 8):
        assert run(kill_at_step=step).returncode == -signal.SIGKILL
    assert Path(tmp_path / "scratch").exists()
    assert run(kill_at_step=-1).stdout == whole.stdout
