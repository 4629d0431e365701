import logging
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from synthpath_kedro.classifiers import cached_features
from synthpath_kedro.classifiers.cached_features import (
    FEATURES,
    cache_features,
    cached_features_gb,
    max_cached_features_gb,
    stored_features,
)
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.errors import InputError

CLASS_NAMES = ("adipose", "debris", "mucus")
FROZEN_MODELS = ("resnet18", "dinov2", "efficientnet_lite0")


@pytest.fixture
def store(tmp_path):
    """Stores the cached features of images and reads them back."""

    def store(model, images, params, seed=0):
        return cache_features(model, images, params, seed, tmp_path / "cached.safetensors")

    return store


def classifier_of(model, params, seed=0):
    return build_classifier(model, CLASS_NAMES, params, seed).eval()


@pytest.mark.parametrize("model", FROZEN_MODELS)
def test_the_file_holds_what_the_frozen_part_makes_of_each_image(
    model, store, tiles, classification_parameters, tmp_path
):
    params = classification_parameters()
    cached = store(model, tiles(70), params)
    with torch.inference_mode():
        expected = classifier_of(model, params).frozen_features(to_unit_interval(torch.from_numpy(tiles(70).images)))
    assert np.allclose(cached.tensors[FEATURES], expected, rtol=1e-4, atol=1e-5)
    assert isinstance(cached.tensors[FEATURES], np.memmap)
    assert np.array_equal(load_file(next(tmp_path.glob("*.safetensors")))[FEATURES], cached.tensors[FEATURES])


def test_the_inputs_of_layer4_and_of_the_last_block_are_stored(store, tiles, classification_parameters):
    params = classification_parameters(resnet18={"input_size": 64}, dinov2={"input_size": 56})
    assert store("resnet18", tiles(4), params).tensors[FEATURES].shape == (4, 256, 4, 4)
    assert store("dinov2", tiles(4), params).tensors[FEATURES].shape == (4, 17, 192)


@pytest.mark.parametrize("model", FROZEN_MODELS)
def test_predictions_from_stored_features_are_those_from_images(model, store, tiles, classification_parameters):
    params = classification_parameters()
    images = tiles(20)
    classifier = classifier_of(model, params)
    features = stored_features(store(model, images, params), "real_val", classifier, images)
    stored, plain = predict(classifier, features, 7), predict(classifier, images.images, 7)
    assert np.abs(stored.probabilities - plain.probabilities).max() < 1e-5
    assert np.abs(stored.features - plain.features).max() < 1e-5


def test_float16_halves_the_file_and_is_close(store, tiles, classification_parameters):
    params, half = classification_parameters(), classification_parameters(cached_features_dtype="float16")
    images = tiles(12)
    classifier = classifier_of("dinov2", params)
    assert (
        cached_features_gb(classifier, 12, "float16")
        == cached_features_gb(classifier, 12) / 2
        == 12 * 5 * 192 * 2 / 1e9
    )
    features = store("dinov2", images, half).tensors[FEATURES]
    assert features.dtype == np.float16
    exact, close = predict(classifier, images.images, 8), predict(classifier, features, 8)
    assert np.abs(exact.probabilities - close.probabilities).max() < 5e-3


def test_features_that_do_not_fit_float16_are_refused(store, tiles, classification_parameters, monkeypatch):
    params = classification_parameters(cached_features_dtype="float16")
    classifier = classifier_of("resnet18", params)
    monkeypatch.setattr(
        "synthpath_kedro.classifiers.cached_features.build_classifier",
        lambda *_: SimpleNamespace(eval=lambda: classifier),
    )
    monkeypatch.setattr(classifier, "frozen_features", lambda x: torch.full((len(x), 2), 70_000.0))
    with pytest.raises(
        InputError, match=r"do not fit float16; valid here: classification.cached_features_dtype=float32"
    ):
        store("resnet18", tiles(3), params)


def test_the_key_names_weights_input_size_dtype_and_images(store, tiles, classification_parameters):
    def key(model="resnet18", images=None, seed=0, **changes):
        return store(model, images or tiles(), classification_parameters(**changes), seed).card["key"]

    assert key() == key()
    assert key(seed=1)["weights_digest"] != key()["weights_digest"]
    assert key(images=tiles(seed=1))["images_digest"] != key()["images_digest"]
    others = [
        key(resnet18={"input_size": 64}),
        key(cached_features_dtype="float16"),
        key(seed=1),
        key(images=tiles(9)),
        key("dinov2"),
    ]
    assert all(other != key() for other in others)


def test_what_decides_no_feature_is_not_in_the_key_and_features_that_exist_are_not_made_again(
    store, tiles, classification_parameters, caplog
):
    existing = store("resnet18", tiles(), classification_parameters())
    written = existing.path.stat().st_mtime_ns
    params = classification_parameters(max_epochs=9, replicates=4, resnet18={"learning_rate": 0.5, "batch_size": 2})
    with caplog.at_level(logging.INFO):
        again = store("resnet18", tiles(), params)
    assert "cached features of 24 images for resnet18 are up to date" in caplog.messages
    assert again.path.stat().st_mtime_ns == written
    assert np.array_equal(again.tensors[FEATURES], existing.tensors[FEATURES])
    of_others = store("resnet18", tiles(seed=1), params)
    assert not np.array_equal(of_others.tensors[FEATURES], existing.tensors[FEATURES])


def test_damaged_features_are_made_again(store, tiles, classification_parameters, caplog):
    made = store("resnet18", tiles(), classification_parameters())
    expected = made.digest
    made.path.write_bytes(made.path.read_bytes()[:1000])
    assert store("resnet18", tiles(), classification_parameters()).digest == expected
    assert f"{made.path} is damaged: it is made again" in caplog.messages


def test_features_above_the_limit_are_not_stored_and_a_message_says_so(store, tiles, classification_parameters, caplog):
    params = classification_parameters(cached_features_max_gb=1e-6)
    with caplog.at_level(logging.INFO):
        cached = store("resnet18", tiles(), params)
    assert dict(cached.tensors) == {}
    assert cached.card["stored"] is False
    assert caplog.messages == [
        "cached features of 24 images for resnet18 (resnet18 @ 32, random) are computed again in every epoch instead "
        "of stored: 0.0 GB, more than classification.cached_features_max_gb (1e-06)"
    ]
    assert stored_features(cached, "real_train", classifier_of("resnet18", params), tiles()) is None


@pytest.mark.parametrize(("device", "limit"), [("cpu", 120), ("mps", 120), ("cuda", 0)])
def test_features_are_stored_by_default_but_on_a_gpu(device, limit, classification_parameters, monkeypatch):
    monkeypatch.setattr(cached_features, "choose_device", lambda: torch.device(device))
    assert max_cached_features_gb(classification_parameters(cached_features_max_gb="auto")) == limit
    assert max_cached_features_gb(classification_parameters(cached_features_max_gb=7)) == 7


def test_features_larger_than_the_free_disk_are_not_stored(
    store, tiles, classification_parameters, monkeypatch, caplog
):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    params = classification_parameters()
    with caplog.at_level(logging.WARNING):
        cached = store("resnet18", tiles(), params)
    assert dict(cached.tensors) == {}
    assert "has 0.0 GB free (classification.cached_features_dtype=float16 halves them)" in caplog.text
    # Another key than the one asked for, so that the next run tries again.
    monkeypatch.undo()
    assert store("resnet18", tiles(), params).card["stored"]


def test_the_size_is_said_before_the_features_are_made(store, tiles, classification_parameters, caplog):
    with caplog.at_level(logging.INFO):
        store("resnet18", tiles(), classification_parameters())
    assert caplog.messages == ["storing cached features of 24 images for resnet18 (resnet18 @ 32, random): 0.00 GB"]


def test_features_of_other_images_weights_or_input_size_are_refused(store, tiles, classification_parameters):
    params = classification_parameters()
    cached = store("resnet18", tiles(), params)
    classifier = classifier_of("resnet18", params)
    other_weights = classifier_of("resnet18", params, seed=1)
    larger = classifier_of("resnet18", classification_parameters(resnet18={"input_size": 64}))
    assert larger.frozen_digest == classifier.frozen_digest
    for other, images, what in (
        (
            classifier,
            tiles(seed=1),
            f"images {tiles().digest[:12]}, the classifier has images {tiles(seed=1).digest[:12]}",
        ),
        (other_weights, tiles(), "weights"),
        (larger, tiles(), "input size 32, the classifier has input size 64"),
    ):
        with pytest.raises(InputError, match=rf"cached features of real_val are of {what}.*; run the pipeline class"):
            stored_features(cached, "real_val", other, images)


def test_images_in_several_files_are_read_by_the_batch(store, lazily, tiles, classification_parameters):
    params = classification_parameters()
    whole = store("resnet18", tiles(70), params)
    by_batch = store("resnet18", lazily(tiles(70), most=64), params)
    assert np.array_equal(by_batch.tensors[FEATURES], whole.tensors[FEATURES])
    assert by_batch.card["key"] == whole.card["key"]
