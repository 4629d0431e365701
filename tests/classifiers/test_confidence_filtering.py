from dataclasses import replace

import numpy as np
import pytest
import torch

from synthpath_kedro.classifiers import confidence_filtering
from synthpath_kedro.classifiers.confidence_filtering import filter_synthetic
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError


def test_an_image_is_kept_if_its_own_class_wins_with_enough_confidence(classification_parameters, tiles, monkeypatch):
    from synthpath_kedro.classifiers.prediction import Predictions

    images = tiles(4)
    own = images.labels
    probabilities = np.full((4, images.n_classes), 0.05)
    probabilities[[0, 1], own[[0, 1]]] = [0.9, 0.6]
    probabilities[[2, 3], (own[[2, 3]] + 1) % images.n_classes] = 0.9
    monkeypatch.setattr(confidence_filtering, "load_classifiers", lambda _: [torch.nn.Identity()])
    monkeypatch.setattr(confidence_filtering, "predict", lambda *_: Predictions(probabilities, probabilities))
    selected = filter_synthetic(Artifact({}), images, 0.7, 2)
    assert selected.kept.tolist() == [True, False, False, False]
    table = selected.table(images)
    assert table["generated"].sum() == 4
    assert table[["other_class", "low_confidence", "kept"]].sum().tolist() == [2, 1, 1]


def test_dropped_images_are_never_trained_on(classification_parameters, tiles, tmp_path):
    synthetic = tiles(12)
    kept = np.arange(12) % 2 == 0
    params = classification_parameters(max_epochs=1, replicates=1)

    def train(images, mask, name):
        cell = train_cell("cnn", "synthetic", tiles(), tiles(6), images, params, 0, tmp_path / name, kept=mask)
        return cell.checkpoint

    spoilt = synthetic.images.copy()
    spoilt[~kept] = 255 - spoilt[~kept]
    other = type(synthetic)(spoilt, synthetic.labels, synthetic.class_names, card=dict(synthetic.card))
    masked, spoilt_and_masked = train(synthetic, kept, "a"), train(other, kept, "b")
    assert masked.digest == spoilt_and_masked.digest
    assert masked.digest != train(synthetic, None, "c").digest
    assert masked.card["n_images"]["synthetic"] == 6


def test_a_mask_that_keeps_nothing_is_refused(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1, replicates=1)
    with pytest.raises(
        InputError, match=r"keeps no synthetic image: lower classification.confidence_filtering.min_confidence"
    ):
        train_cell("cnn", "mixed", tiles(), tiles(6), tiles(6), params, 0, tmp_path, kept=np.zeros(6, bool))


def test_the_images_that_are_kept_stay_those_of_their_generator(classification_parameters, tiles, tmp_path):
    synthetic, made_by = tiles(12), np.arange(12) // 6
    kept = np.arange(12) % 2 == 0
    params = classification_parameters(max_epochs=1, replicates=2)

    def train(images, name):
        cell = train_cell(
            "cnn", "synthetic", tiles(), tiles(6), images, params, 0, tmp_path / name, kept=kept, made_by=made_by
        )
        return cell.checkpoint.tensors

    def of(tensors, replicate):
        return {name: array.tobytes() for name, array in tensors.items() if name.startswith(f"replicate_{replicate}.")}

    spoilt = synthetic.images.copy()
    spoilt[6] = 255 - spoilt[6]  # kept, and of the second generator
    before, after = train(synthetic, "a"), train(replace(synthetic, images=spoilt), "b")
    assert of(before, 0) == of(after, 0)
    assert of(before, 1) != of(after, 1)


def test_a_mask_that_keeps_nothing_of_a_generator_is_refused(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1, replicates=2)
    made_by = np.arange(6) // 3
    with pytest.raises(InputError, match="confidence filtering keeps no synthetic image"):
        train_cell("cnn", "mixed", tiles(), tiles(6), tiles(6), params, 0, tmp_path, kept=made_by == 0, made_by=made_by)
