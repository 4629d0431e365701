import json

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.extractors import load_extractor
from synthpath_kedro.parameters import FeatureParameters


def params(family, input_size, weights="pretrained", **block):
    block = {"family": family, "weights": weights, "input_size": input_size, **block}
    return FeatureParameters(images=10, train_images=10, **block)


def test_efficientnet_gives_its_penultimate_features_without_a_network():
    extractor = load_extractor(params("efficientnet_lite0", 32))
    features = extractor.features(torch.rand(2, 3, 16, 16))
    assert features.shape == (2, timm.create_model("tf_efficientnet_lite0").num_features)
    assert (extractor.name, extractor.weights, extractor.input_size) == ("efficientnet_lite0", "ImageNet", 32)
    assert not extractor.network.training


def test_a_network_of_timms_gives_its_pooled_features(tmp_path):
    args = {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3, "img_size": 32}
    network = timm.create_model("vit_tiny_patch16_224", num_classes=0, **args).eval()
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    pretrained = {"mean": [0.5] * 3, "std": [0.5] * 3, "license": "mit"}
    config = {"architecture": "vit_tiny_patch16_224", "model_args": args, "pretrained_cfg": pretrained}
    (tmp_path / "config.json").write_text(json.dumps(config))
    extractor = load_extractor(params("timm", 32, variant=str(tmp_path), pooling="mean"))
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network.forward_features(2 * x - 1)[:, 1:].mean(dim=1)
    assert torch.allclose(extractor.features(x), expected, atol=1e-5)
    assert (extractor.name, extractor.license) == ("vit_tiny_patch16_224", "mit")


def test_an_input_that_inception_does_not_take_is_named():
    with pytest.raises(InputError, match=r"^evaluation\.features\.input_size is 64; valid: 75 or more for Inception"):
        load_extractor(params("inception", 64))


def test_inceptions_weights_come_from_a_file_where_there_is_no_network(tmp_path):
    network = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=False)
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    extractor = load_extractor(params("inception", 75, str(tmp_path / "inception.pth")))
    assert (extractor.name, extractor.weights) == ("inception", "file:inception.pth")
    assert extractor.features(torch.rand(2, 3, 16, 16)).shape == (2, 2048)


@pytest.mark.parametrize("family", ["inception", "dinov2"])
def test_a_missing_file_of_weights_is_named_with_the_extractors_own_parameter(family):
    with pytest.raises(InputError, match=r"evaluation\.features\.weights is '/nowhere', which is neither") as refused:
        load_extractor(params(family, 84, "/nowhere"))
    assert "classification." not in str(refused.value)
    assert "random" not in str(refused.value)


def test_weights_out_of_reach_point_to_the_extractor_that_needs_no_download(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"or evaluation\.features\.family=efficientnet_lite0, or a filled cache") as e:
        load_extractor(params("dinov2", 224))
    assert str(e.value).startswith("evaluation.features: ")
    assert "random" not in str(e.value)
