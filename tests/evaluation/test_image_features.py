import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.data.artifact import read_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.extractors import Extractor
from synthpath_kedro.evaluation.image_features import feature_recipe


@pytest.fixture
def extractor():
    torch.manual_seed(0)
    return Extractor("named", "some data", 8, nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).requires_grad_(False))


def test_features_are_the_networks_on_a_part_of_the_images(images, extractor, tmp_path):
    recipe = feature_recipe("real_val", images, extractor, n=6, batch_size=4, seed=0)
    recipe.write(tmp_path / "features.safetensors")
    stored = read_artifact(tmp_path / "features.safetensors")
    index = stored.tensors["index"]
    pixels = torch.from_numpy(images.images[index]).permute(0, 3, 1, 2).float() / 255
    assert np.allclose(stored.tensors["features"], extractor.network(pixels).numpy(), atol=1e-6)
    assert np.bincount(stored.tensors["labels"]).tolist() == [2, 2, 2]
    assert np.array_equal(images.labels[index], stored.tensors["labels"])
    assert stored.card["key"] == recipe.key


def test_the_key_names_everything_that_decides_the_file(images, extractor):
    key = feature_recipe("real_val", images, extractor, n=6, batch_size=4, seed=0).key
    other_images = LabeledImages(images.images[::-1], images.labels, images.class_names)
    other_network = Extractor("named", "some data", 8, nn.Sequential(nn.Flatten(), nn.Linear(192, 5)))
    assert key == feature_recipe("real_val", images, extractor, n=6, batch_size=2, seed=0).key
    for other in (
        feature_recipe("real_val", other_images, extractor, 6, 4, 0),
        feature_recipe("real_val", images, other_network, 6, 4, 0),
        feature_recipe("real_val", images, extractor, 7, 4, 0),
        feature_recipe("real_val", images, extractor, 6, 4, 1),
    ):
        assert other.key != key
