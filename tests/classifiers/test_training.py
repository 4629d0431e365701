import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from synthpath_kedro.classifiers.batches import Source
from synthpath_kedro.classifiers.lightning_module import ClassifierTraining
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.training import _class_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.training import resident

CLASS_NAMES = ("adipose", "debris", "mucus")


def prescribe_val_loss(losses, monkeypatch):
    """Validation losses by epoch, whatever the model says."""

    def log(self):
        self.log_dict({"train_loss": 1.0, "val_loss": losses[self.current_epoch], "val_accuracy": 0.5})

    monkeypatch.setattr(ClassifierTraining, "on_validation_epoch_end", log)


def test_images_on_the_gpu_train_the_same_classifiers(train, classification_parameters, tmp_path, monkeypatch):
    params, made_by = classification_parameters(max_epochs=2, replicates=2), np.arange(30) % 2
    from_memory = train(params, regime="mixed", scratch=tmp_path / "memory", made_by=made_by)
    monkeypatch.setattr(resident, "_fits", lambda n_bytes, device: True)
    from_device = train(params, regime="mixed", scratch=tmp_path / "device", made_by=made_by)
    assert from_device.checkpoint.digest == from_memory.checkpoint.digest
    assert from_device.checkpoint.card == from_memory.checkpoint.card


# when training stops, and what is kept


def test_training_stops_after_three_epochs_without_a_lower_validation_loss(
    train, classification_parameters, monkeypatch
):
    prescribe_val_loss([1.0, 0.5, 0.6, 0.5, 0.7, 0.1, 0.1, 0.1], monkeypatch)
    trained = train(classification_parameters(max_epochs=8))
    assert trained.history.epoch.tolist() == [1, 2, 3, 4, 5]
    assert trained.checkpoint.card["replicates"] == [{"replicate": 0, "best_epoch": 2, "val_loss": 0.5}]


def test_the_best_epochs_weights_are_kept(train, classification_parameters, monkeypatch, replicate, same):
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
        "cnn under real, replicate 0: the validation loss is not a number; "
        "lower classification.backbones.cnn.learning_rate (50)"
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


def test_batch_norm_statistics_of_the_frozen_part_do_not_move(train, classification_parameters, same):
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


# the loss


@pytest.mark.parametrize(("option", "weights"), [("none", [1.0, 1.0, 1.0]), ("balanced", [2 / 3, 1.0, 2.0])])
def test_class_weights_weigh_the_loss_by_inverse_frequency(
    train, classification_parameters, tiles, option, weights, replicate
):
    labels = np.array([0] * 12 + [1] * 8 + [2] * 4)
    real = replace(tiles(24), labels=labels)
    still = {"learning_rate": 1e-30}
    params = classification_parameters(class_weights=option, max_epochs=1, weight_decay=0, cnn=still)
    start = build_classifier("cnn", CLASS_NAMES, params, seed=0)
    # No weight moves, but batch norm's statistics do.
    trained = train(params, real_train=real)
    start.load_state_dict({name: torch.tensor(tensor) for name, tensor in replicate(trained).items()})
    val = tiles(9, seed=1)
    with torch.inference_mode():
        logits = start.eval()(to_unit_interval(torch.from_numpy(val.images)))
    expected = F.cross_entropy(logits, torch.from_numpy(val.labels), torch.tensor(weights))
    assert trained.history.val_loss.item() == pytest.approx(expected.item(), rel=1e-5)


def weights_of(regime, real, synthetic, n_classes=3, mixing_ratio=0.5):
    params = SimpleNamespace(class_weights="balanced", mixing_ratio=mixing_ratio)
    labels = {"real_train": real, "synthetic": synthetic}
    sources = {name: Source(np.empty((len(one), 1)), np.array(one)) for name, one in labels.items()}
    return _class_weights(REGIMES[regime], params, sources, n_classes).tolist()


RARE = [0] * 6 + [1] * 3 + [2]  # shares .6, .3, .1
EVEN = [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("regime", "shares"),
    [
        ("real", [0.6, 0.3, 0.1]),
        ("real_repeated", [0.6, 0.3, 0.1]),
        ("synthetic", [1 / 3, 1 / 3, 1 / 3]),
        ("mixed", [(0.6 + 1 / 3) / 2, (0.3 + 1 / 3) / 2, (0.1 + 1 / 3) / 2]),
        ("real_plus_synthetic", [(0.6 + 1 / 3) / 2, (0.3 + 1 / 3) / 2, (0.1 + 1 / 3) / 2]),
        ("real_balanced", [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_class_weights_are_those_of_what_the_regime_trains_on(regime, shares):
    weights = weights_of(regime, RARE, EVEN)
    assert weights == pytest.approx([1 / (3 * share) for share in shares])
    assert np.dot(weights, shares) == pytest.approx(1)


def test_a_class_that_only_the_synthetic_set_has_is_weighed():
    assert weights_of("mixed", [0, 0, 1, 1], [2, 2]) == pytest.approx([4 / 3, 4 / 3, 2 / 3])
    assert weights_of("real", [0, 0, 1, 1], [2, 2]) == pytest.approx([2 / 3, 2 / 3, 0])


def test_class_weights_count_the_synthetic_images_that_confidence_filtering_leaves():
    params = SimpleNamespace(class_weights="balanced", mixing_ratio=1)
    source = Source(np.empty((4, 1)), np.array([0, 0, 1, 1]), rows=np.array([0, 1, 2]))
    weights = _class_weights(REGIMES["synthetic"], params, {"real_train": source, "synthetic": source}, 2)
    assert weights.tolist() == pytest.approx([3 / 4, 3 / 2])


def test_every_regime_is_validated_with_the_same_weights(train, classification_parameters, tiles, monkeypatch):
    step, seen = ClassifierTraining.training_step, []

    def watch(self, batch, index):
        seen.append((self.class_weights.tolist(), self.validation_weights.tolist()))
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", watch)
    real = replace(tiles(24), labels=np.array([0] * 12 + [1] * 8 + [2] * 4))
    train(classification_parameters(class_weights="balanced", max_epochs=1), regime="real_balanced", real_train=real)
    assert seen == [([1, 1, 1], pytest.approx([2 / 3, 1, 2]))] * 3


def test_a_class_without_training_images_weighs_nothing(train, classification_parameters, tiles):
    real = replace(tiles(24), labels=np.arange(24) % 2)
    trained = train(classification_parameters(class_weights="balanced", max_epochs=1), real_train=real)
    assert math.isfinite(trained.history.val_loss.item())


# augmentation


def test_augmentation_changes_what_is_trained_on_and_not_what_is_validated_on(train, classification_parameters, tiles):
    still = {"learning_rate": 1e-30}
    plain, augmented = (
        train(classification_parameters(max_epochs=2, weight_decay=0, cnn=still), regime=regime).history
        for regime in ("real", "real_augmented")
    )
    assert plain.train_loss.tolist() != augmented.train_loss.tolist()
    again = train(classification_parameters(max_epochs=2, weight_decay=0, cnn=still), regime="real_augmented").history
    assert again.train_loss.tolist() == augmented.train_loss.tolist()


def test_augmentation_shows_flipped_images(train, classification_parameters, monkeypatch, tiles):
    seen = []
    forward = torch.nn.Module.__call__

    def watch(self, *inputs):
        if type(self).__name__ == "Classifier" and self.training:
            seen.append(inputs[0].clone())
        return forward(self, *inputs)

    monkeypatch.setattr(torch.nn.Module, "__call__", watch)
    train(classification_parameters(max_epochs=1), regime="real_augmented")
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


def test_synthetic_images_in_several_files_train_the_same_weights(train, classification_parameters, tiles, lazily):
    params = classification_parameters(max_epochs=1)
    plain, lazy = (
        train(params, regime="mixed", synthetic=images, scratch=None).checkpoint
        for images in (tiles(30, seed=2), lazily(tiles(30, seed=2), most=8))
    )
    assert lazy.digest == plain.digest
    assert lazy.card == plain.card
