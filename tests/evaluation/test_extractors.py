import pytest
import timm
import torch
import torchvision
import yaml

from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.parameters import ClassificationParameters, FeatureParameters


@pytest.fixture
def classification(project):
    block = yaml.safe_load((project / "conf/base/parameters_classification.yml").read_text())["classification"]
    return ClassificationParameters(**block)


def params(extractor, input_size, weights="pretrained"):
    return FeatureParameters(extractor=extractor, weights=weights, input_size=input_size, images=10, train_images=10)


def test_efficientnet_gives_its_penultimate_features_without_a_network(classification):
    extractor = load_extractor(params("efficientnet_lite0", 32), classification)
    features = extractor.features(torch.rand(2, 3, 16, 16))
    assert features.shape == (2, timm.create_model("tf_efficientnet_lite0").num_features)
    assert (extractor.weights, extractor.input_size) == ("ImageNet", 32)
    assert not extractor.network.training


def test_an_extractor_that_cannot_be_used_names_one_that_can(classification):
    with pytest.raises(InputError, match=r"extractor 'inception' with input_size 64 .* efficientnet_lite0 needs no"):
        load_extractor(params("inception", 64), classification)


def test_inceptions_weights_come_from_a_file_where_there_is_no_network(classification, tmp_path):
    network = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=False)
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    extractor = load_extractor(params("inception", 75, str(tmp_path / "inception.pth")), classification)
    assert extractor.weights == "file:inception.pth"
    assert extractor.features(torch.rand(2, 3, 16, 16)).shape == (2, 2048)


@pytest.mark.parametrize("extractor", ["inception", "dinov2"])
def test_a_missing_file_of_weights_is_named_with_the_extractors_own_parameter(classification, extractor):
    with pytest.raises(InputError, match=r"evaluation\.features\.weights is '/nowhere', which is neither") as refused:
        load_extractor(params(extractor, 84, "/nowhere"), classification)
    assert "classification." not in str(refused.value)
