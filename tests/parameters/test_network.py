"""What a block of ``classification.backbones`` or ``evaluation.features`` may say."""

import pytest
import yaml

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import read_parameters


@pytest.fixture
def read(project):
    """Reads the base environment's parameters with one more model, and another extractor."""

    def read(model=None, features=None, name="encoder"):
        values = {}
        for path in (project / "conf" / "base").glob("parameters*.yml"):
            values |= yaml.safe_load(path.read_text())
        common = {"weights": "pretrained", "input_size": 224, "batch_size": 32, "learning_rate": 1e-3}
        if model is not None:
            values["classification"]["backbones"][name] = common | model
        values["evaluation"]["features"] |= features or {}
        return read_parameters(values)

    return read


def test_a_block_is_of_the_family_that_its_model_is_named_after(read):
    study = read().classification
    assert {model: backbone.family for model, backbone in study.backbones.items()} == {
        name: name for name in ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")
    }
    assert {model: study.has_frozen_backbone(model) for model in study.models} == {
        "cnn": False,
        "resnet18": True,
        "dinov2": True,
        "clip": False,
        "efficientnet_lite0": True,
    }


def test_another_model_of_a_family_is_a_block(read):
    study = read({"family": "timm", "variant": "hf-hub:MahmoodLab/UNI", "trained": "all", "pooling": "both"})
    backbone = study.classification.backbone("encoder")
    assert (backbone.trained_part, backbone.pooling) == ("all", "both")
    assert not study.classification.has_frozen_backbone("encoder")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"family": "tim", "variant": "resnet18"},
            "parameter classification.backbones.encoder.family is 'tim'; it should be cnn, resnet18, dinov2, clip, "
            "efficientnet_lite0, inception or timm; did you mean timm?",
        ),
        (
            {"family": "timm", "variant": "resnet18", "trained": "heads"},
            "parameter classification.backbones.encoder.trained is 'heads'; it should be head, last_block or all; "
            "did you mean head?",
        ),
        (
            {"family": "timm", "variant": "resnet18", "pooling": "cls_token"},
            "parameter classification.backbones.encoder.pooling is 'cls_token'; it should be class_token, mean or "
            "both; did you mean class_token?",
        ),
        (
            {"family": "dinov2", "trained": "all"},
            "parameter classification.backbones.encoder: trained is 'all'; valid for family dinov2: last_block "
            "(family timm has head, last_block, all)",
        ),
        (
            {"family": "clip", "pooling": "mean"},
            "parameter classification.backbones.encoder: pooling is 'mean'; valid for family clip: null "
            "(family timm has class_token, mean, both)",
        ),
        (
            {"family": "timm"},
            "parameter classification.backbones.encoder: variant is missing; valid: an architecture's name in timm, "
            "hf-hub:owner/name, or a folder with config.json and model.safetensors",
        ),
    ],
)
def test_a_block_that_cannot_be_served_is_one_line(model, message, read):
    with pytest.raises(InputError) as error:
        read(model)
    assert str(error.value) == message


def test_a_model_without_family_and_module_is_told_the_nearest(read):
    with pytest.raises(InputError, match=r"backbones.resnet50 needs a family; .*module: .*; did you mean resnet18\?"):
        read({}, name="resnet50")


def test_the_extractors_old_parameter_goes_before_the_base_environments_new_one(read, caplog):
    assert read(features={"extractor": "dinov2"}).evaluation.features.family == "dinov2"
    assert caplog.messages == ["the parameter extractor is now called family; the old name goes with the next release"]


def test_an_extractor_takes_the_same_block_and_no_random_weights(read):
    uni = {"family": "timm", "variant": "hf-hub:MahmoodLab/UNI", "pooling": "class_token"}
    assert read(features=uni).evaluation.features.pooling == "class_token"
    assert read(features={"module": "my_package.my_model"}).evaluation.features.module == "my_package.my_model"
    for features, message in (
        ({"weights": "random"}, "features of a random network say nothing"),
        ({"family": "clip", "pooling": "mean"}, r"parameter evaluation\.features: pooling is 'mean'; valid for family"),
        ({"family": "inceptions"}, r"evaluation\.features\.family is 'inceptions'; .* did you mean inception\?"),
    ):
        with pytest.raises(InputError, match=message):
            read(features=features)
