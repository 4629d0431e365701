import pytest
import timm
import torch
import yaml

from synthpath_kedro.errors import InputError
from synthpath_kedro.metrics.extractors import load_extractor
from synthpath_kedro.parameters import ClassificationParameters, FeatureParameters


@pytest.fixture
def classification(project):
    block = yaml.safe_load((project / "conf/base/parameters_classification.yml").read_text())["classification"]
    return ClassificationParameters(**block)


def params(extractor, input_size):
    return FeatureParameters(extractor=extractor, input_size=input_size, images=10, train_images=10)


def test_efficientnet_gives_its_penultimate_features_without_a_network(classification):
    extractor = load_extractor(params("efficientnet_lite0", 32), classification)
    features = extractor.features(torch.rand(2, 3, 16, 16))
    assert features.shape == (2, timm.create_model("tf_efficientnet_lite0").num_features)
    assert (extractor.weights, extractor.input_size) == ("ImageNet", 32)
    assert not extractor.network.training


def test_an_extractor_that_cannot_be_used_names_one_that_can(classification):
    with pytest.raises(InputError, match=r"extractor 'inception' with input_size 64 .* efficientnet_lite0 needs no"):
        load_extractor(params("inception", 64), classification)
