from dataclasses import replace

import numpy as np
import pytest
import torch

from synthpath_kedro.classifiers.lightning_module import ClassifierTraining
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError

CLASS_NAMES = ("adipose", "debris", "mucus")


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
def test_the_ends_of_the_mixing_ratio_are_the_pure_regimes(
    train, classification_parameters, ratio, regime, replicate, same
):
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


def test_adding_and_repeating_take_the_same_longer_epochs(train, classification_parameters, monkeypatch):
    sizes = {"real_plus_synthetic": [], "real_repeated": []}
    step = ClassifierTraining.training_step

    def watch(self, batch, index):
        sizes[regime].append(len(batch[1]))
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", watch)
    params = classification_parameters(max_epochs=2, mixing_ratio=0.75)
    for regime in sizes:
        train(params, regime=regime)
    assert sizes["real_plus_synthetic"] == sizes["real_repeated"] == [8] * 24


def test_a_models_own_seeds_are_trained_and_its_place_in_the_grid_decides_nothing(train, classification_parameters):
    own = {"replicates": 2, "regimes": ["real", "mixed"], "sets": ["gan"]}
    several, one = (train(classification_parameters(max_epochs=1, **changes)) for changes in ({"cnn": own}, {}))
    assert len(several.checkpoint.card["replicates"]) == 2
    first, second = (trained.checkpoint.card["parameters"] for trained in (several, one))
    assert {key for key in first if first[key] != second[key]} == {"replicates"}
    assert (first["replicates"], second["replicates"]) == (2, 1)


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
    chest = LabeledImages(np.zeros((4, 8, 8, 3), np.uint8), np.ones((4, 3), np.uint8), CLASS_NAMES)
    with pytest.raises(InputError, match=r"is multi-label .*: choose another data_prep.name"):
        train(classification_parameters(), real_train=chest)


# several generators


def test_each_replicate_trains_on_the_images_of_one_generator_in_turn(
    train, classification_parameters, tiles, replicate, same, tmp_path
):
    made_by = np.arange(30) // 15
    images = tiles(30, seed=2)

    def trained_with(spoilt):
        pixels = images.images.copy()
        pixels[made_by == spoilt] = 255 - pixels[made_by == spoilt]
        changed = replace(images, images=pixels)
        params = classification_parameters(max_epochs=1, replicates=3)
        return train(params, regime="mixed", synthetic=changed, made_by=made_by, scratch=tmp_path / str(spoilt))

    whole, first_spoilt, second_spoilt = (trained_with(spoilt) for spoilt in (-1, 0, 1))
    unchanged = [same(replicate(whole, k), replicate(first_spoilt, k)) for k in range(3)]
    assert unchanged == [False, True, False]
    assert [same(replicate(whole, k), replicate(second_spoilt, k)) for k in range(3)] == [True, False, True]
    card = whole.checkpoint.card
    assert (card["denoiser_replicates"], card["denoiser_of_replicate"]) == (2, [0, 1, 0])


def test_a_replicate_of_the_first_generator_is_that_of_a_study_with_it_alone(
    train, classification_parameters, tiles, replicate, same, tmp_path
):
    params = classification_parameters(max_epochs=1, replicates=2)
    both = train(params, regime="synthetic", made_by=np.arange(30) // 15)
    images = tiles(30, seed=2)
    alone = train(params, regime="synthetic", synthetic=images.select(np.arange(15)), scratch=tmp_path / "alone")
    assert same(replicate(both, 0), replicate(alone, 0))
    assert not same(replicate(both, 1), replicate(alone, 1))
    card = alone.checkpoint.card
    assert (card["denoiser_replicates"], card["denoiser_of_replicate"]) == (1, [0, 0])


def test_a_cell_without_synthetic_images_has_no_generator(train, classification_parameters):
    card = train(classification_parameters(max_epochs=1), made_by=np.arange(30) // 15).checkpoint.card
    assert (card["denoiser_replicates"], card["denoiser_of_replicate"]) == (1, [])
    assert "synthetic" not in card["n_images"]


# replicates, history, card


def test_replicates_differ_and_each_follows_from_its_number(train, classification_parameters, replicate, same):
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
        state = {
            f"{part}.{name}": t
            for part, m in zip(parts, start.frozen, strict=True)
            for name, t in m.state_dict().items()
        }
        torch.save(state | start.trained[0].state_dict(prefix="layer4."), path)
        params = classification_parameters(max_epochs=1, resnet18={"weights": str(path)})
        card = train(params, "resnet18").checkpoint.card
        assert card["weights"] == "file:resnet18.pth"
        digests.append(card["start_digest"])
    assert digests[0] != digests[1]


def test_what_the_learning_curve_is_about_decides_no_cell(train, classification_parameters):
    blocks = [{"fractions": (first, 1), "regimes": ("real",), "synthetic_counts": ()} for first in (0.1, 0.5)]
    first, second = (train(classification_parameters(max_epochs=1, learning_curve=block)) for block in blocks)
    assert first.checkpoint.card == second.checkpoint.card
