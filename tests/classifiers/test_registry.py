import sys
from types import ModuleType

import pytest
import torch

from synthpath_kedro.classifiers import cnn
from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.models import FAMILIES, Family

PROBE = {"variant": "two_blocks", "weights": "random", "input_size": 16, "batch_size": 8, "learning_rate": 1e-3}
CLASS_NAMES = ("adipose", "debris", "mucus")


@pytest.mark.parametrize("model", FAMILIES)
def test_what_has_a_frozen_backbone_has_frozen_weights(model, classification_parameters):
    params = classification_parameters()
    classifier = build_classifier(model, CLASS_NAMES, params, seed=0)
    assert params.has_frozen_backbone(model) == (len(list(classifier.frozen.parameters())) > 0)


@pytest.mark.parametrize("model", FAMILIES)
def test_replicates_share_the_frozen_part_and_another_seed_gives_another_backbone(model, classification_parameters):
    params = classification_parameters()
    first, second = (build_classifier(model, CLASS_NAMES, params, 0, replicate) for replicate in (0, 1))
    assert first.frozen_digest == second.frozen_digest
    assert build_classifier(model, CLASS_NAMES, params, seed=0).digest == first.digest
    assert build_classifier(model, CLASS_NAMES, params, seed=1).digest != first.digest
    # CLIP has no new layer: its replicates differ in the order of the images alone.
    assert (first.digest == second.digest) == (model == "clip")


def test_building_leaves_the_global_generator_as_it_was(classification_parameters):
    before = torch.get_rng_state()
    build_classifier("resnet18", CLASS_NAMES, classification_parameters(), seed=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("model", FAMILIES)
def test_random_weights_do_not_give_constant_features(model, classification_parameters, tiles):
    classifier = build_classifier(model, CLASS_NAMES, classification_parameters(), seed=0).eval()
    images = torch.from_numpy(tiles(12).images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        features, logits = classifier.features(images), classifier(images)
    assert spread(features) > 0.05
    assert logits.std(dim=0).max() > 0.01


def spread(features):
    """Standard deviation over images against the size of the mean feature vector."""
    return (features.std(dim=0).norm() / features.mean(dim=0).norm()).item()


def test_dinov2_would_give_constant_features_with_the_layer_scale_that_training_starts_from(
    classification_parameters, tiles
):
    classifier = build_classifier("dinov2", CLASS_NAMES, classification_parameters(), seed=0).eval()
    images = torch.from_numpy(tiles(12).images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        for name, weight in classifier.named_parameters():
            if name.endswith("gamma"):
                weight.fill_(1e-5)
        assert spread(classifier.features(images)) < 1e-3


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        ("cnn", {"variant": "vgg"}, "backbones.cnn.variant is 'vgg'; valid: two_blocks"),
        ("cnn", {"weights": "pretrained"}, "backbones.cnn.weights is 'pretrained'; valid: random"),
        (
            "resnet18",
            {"variant": "resnet50"},
            "backbones.resnet18.variant is 'resnet50'; valid: resnet18",
        ),
        (
            "efficientnet_lite0",
            {"variant": "b0"},
            "backbones.efficientnet_lite0.variant is 'b0'; valid: tf_eff",
        ),
        (
            "dinov2",
            {"variant": "vit_small"},
            "backbones.dinov2.variant is 'vit_small'; valid: small, vit_base_p",
        ),
        ("dinov2", {"variant": "vit_small_patch14_dinov2.bad"}, "valid: small, .*vit_small_patch14_dinov2.lvd142m"),
        (
            "dinov2",
            {"input_size": 32},
            "backbones.dinov2.input_size is 32; valid: multiples of the patch size 14",
        ),
        ("dinov2", {"weights": "pretrained"}, "variant 'small' has no published weights; valid: .*or weights=random"),
        (
            "clip",
            {"variant": "tiny"},
            "backbones.clip.variant is 'tiny', .*valid without one: openai/clip",
        ),
        (
            "clip",
            {"input_size": 40},
            "backbones.clip.input_size is 40; valid: multiples of the patch size 16",
        ),
        ("clip", {"weights": "pretrained"}, "variant 'small' has no published weights; valid: .*or weights=random"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(model, change, message, classification_parameters):
    with pytest.raises(InputError, match=message) as error:
        build_classifier(model, CLASS_NAMES, classification_parameters(**{model: change}), seed=0)
    assert "\n" not in str(error.value)


def test_a_new_model_is_one_file_and_one_line(classification_parameters, tiles, tmp_path, monkeypatch):
    file = ModuleType("probe_model")
    file.restore = cnn.restore
    file.build = lambda spec: cnn.restore(spec.backbone.model_dump(include={"variant", "input_size"}), spec.class_names)
    monkeypatch.setitem(sys.modules, "probe_model", file)
    with FAMILIES.extended(Family("probe", "Probe", "probe_model")):
        params = classification_parameters(models=["probe"], max_epochs=1, backbones={"probe": PROBE})
        trained = train_cell("probe", "real", tiles(), tiles(6), None, params, 0, tmp_path)
        assert len(load_classifiers(trained.checkpoint)) == 1


OWN_MODULE = """
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing
from synthpath_kedro.classifiers.seeding import seeded


def build(spec):
    architecture = {"variant": "average color", "input_size": spec.backbone.input_size}
    with seeded(spec.seed, spec.name, spec.replicate):
        return restore(architecture, spec.class_names)


def restore(architecture, class_names):
    return Classifier(
        preprocessing(architecture["input_size"], IMAGENET),
        frozen=nn.Identity(),
        trained=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        output=nn.Linear(3, len(class_names)),
        architecture=architecture,
        weights="random",
        class_names=class_names,
    )
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module of the user's own, importable; gives its name."""

    def write(code=OWN_MODULE, name="my_package_of_models"):
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def with_module(classification_parameters, module, **block):
    block = {"weights": "random", "input_size": 16, "batch_size": 8, "learning_rate": 1e-3, "module": module, **block}
    return classification_parameters(models=["mine"], max_epochs=1, backbones={"mine": block})


def test_a_model_of_ones_own_is_a_module_and_a_block(own_module, classification_parameters, tiles, tmp_path):
    params = with_module(classification_parameters, own_module())
    checkpoint = train_cell("mine", "real", tiles(), tiles(6), None, params, 0, tmp_path).checkpoint
    card = checkpoint.card
    assert (card["model"], card["family"], card["module"]) == ("mine", "", "my_package_of_models")
    [classifier] = load_classifiers(checkpoint)
    assert classifier.description == "average color @ 16, random"
    assert not params.has_frozen_backbone("mine")
    assert with_module(classification_parameters, "m", trained="head").has_frozen_backbone("mine")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_package", r"cannot be imported \(ModuleNotFoundError: No module named 'no_such_package'\)"),
        ("1 / 0", r"cannot be imported \(ZeroDivisionError: division by zero\); give the name of an installed module"),
        ("def build(spec): ...", "which lacks restore; docs/extending.md shows both"),
        ("build = 1", "which lacks build and restore"),
    ],
)
def test_a_module_that_is_no_family_is_named_in_one_line(code, message, own_module, classification_parameters):
    params = with_module(classification_parameters, own_module(code, "broken_module"))
    with pytest.raises(InputError, match=message) as error:
        build_classifier("mine", CLASS_NAMES, params, seed=0)
    assert str(error.value).startswith("classification.backbones.mine.module is 'broken_module', which ")
    assert "\n" not in str(error.value)
