import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.extractors import Extractor
from synthpath_kedro.evaluation.image_features import image_features
from synthpath_kedro.metrics.stain import stain_statistics
from synthpath_kedro.metrics.texture import log_spectrum


@pytest.fixture
def extractor():
    torch.manual_seed(0)
    return Extractor("named", "some data", 8, nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).requires_grad_(False))


def test_features_are_the_networks_on_a_part_of_the_images(images, extractor):
    stored = image_features("real_val", images, extractor, n=6, batch_size=4, seed=0, existing=None)
    index = stored.tensors["index"]
    pixels = torch.from_numpy(images.images[index]).permute(0, 3, 1, 2).float() / 255
    assert np.allclose(stored.tensors["features"], extractor.network(pixels).numpy(), atol=1e-6)
    assert np.bincount(stored.tensors["labels"]).tolist() == [2, 2, 2]
    assert np.array_equal(images.labels[index], stored.tensors["labels"])


def test_statistics_of_the_pixels_are_stored_beside_the_features(images, extractor):
    stored = image_features("real_val", images, extractor, n=6, batch_size=4, seed=0, existing=None)
    chosen = images.images[stored.tensors["index"]]
    assert np.array_equal(stored.tensors["stain"], stain_statistics(chosen))
    assert np.allclose(stored.tensors["texture"], log_spectrum(chosen))


def test_what_an_earlier_release_stored_without_statistics_is_made_again(images, extractor):
    stored = image_features("real_val", images, extractor, 6, 4, 0, None)
    key = {name: value for name, value in stored.card["key"].items() if name != "statistics"}
    earlier = Artifact(stored.tensors, stored.card | {"key": key})
    assert image_features("real_val", images, extractor, 6, 4, 0, earlier) is not earlier


def test_features_that_exist_are_made_again_only_where_something_that_decides_them_changed(images, extractor):
    def features(images=images, extractor=extractor, n=6, batch_size=4, seed=0, existing=None):
        return image_features("real_val", images, extractor, n, batch_size, seed, existing)

    existing = features()
    assert features(batch_size=2, existing=existing) is existing
    other_images = LabeledImages(images.images[::-1], images.labels, images.class_names)
    other_network = Extractor("named", "some data", 8, nn.Sequential(nn.Flatten(), nn.Linear(192, 5)))
    for changed in ({"images": other_images}, {"extractor": other_network}, {"n": 7}, {"seed": 1}):
        assert features(**changed, existing=existing) is not existing


def test_features_in_another_precision_are_other_features(images, extractor):
    chosen, exact, half = (
        image_features("real_val", images, extractor, 6, 4, 0, None, precision)
        for precision in ("auto", "float32", "bfloat16")
    )
    assert chosen.card["key"] == exact.card["key"]  # on a CPU
    assert half.card["key"] == exact.card["key"] | {"precision": "bfloat16"}
    exact, half = exact.tensors["features"], half.tensors["features"]
    assert half.dtype == np.float32
    assert 0 < np.abs(half - exact).max() < 0.01


def test_features_of_the_same_images_go_with_other_data_without_being_made_again(images, extractor):
    first = image_features("real_val", images.with_card(prepared="p"), extractor, 6, 4, 0, None)
    again = image_features("real_val", images.with_card(prepared="q"), extractor, 6, 4, 0, first)
    assert again.tensors is first.tensors
    assert (first.card["prepared"], again.card["prepared"]) == ("p", "q")


class InSeveralFiles:
    """Images that are never in memory all at once."""

    def __init__(self, images, most):
        self.images, self.most, self.shape = images, most, images.shape

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        found = self.images[rows]
        assert len(found) <= self.most
        return found

    def __array__(self, *_, **__):
        raise AssertionError("all images were copied into memory")


def test_images_are_read_by_the_batch(images, extractor):
    lazy = LabeledImages(InSeveralFiles(images.images, 4), images.labels, images.class_names, None, {"digest": "0a"})
    whole = image_features("synthetic", images, extractor, 6, 4, 0, None)
    by_batch = image_features("synthetic", lazy, extractor, 6, 4, 0, None)
    assert np.array_equal(whole.tensors["features"], by_batch.tensors["features"])
