"""The study's own models: their layers, what of them is frozen, how they are trained."""

from functools import cache

import pytest
import torch
from timm.models.vision_transformer import Block
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from synthpath_kedro.classifiers.cached_features import cached_features_gb, frozen_shape
from synthpath_kedro.classifiers.preprocessing import Normalize, Resize
from synthpath_kedro.classifiers.registry import build_classifier

CLASS_NAMES = (
    "adipose",
    "background",
    "debris",
    "lymphocytes",
    "mucus",
    "smooth muscle",
    "normal colon mucosa",
    "cancer-associated stroma",
    "colorectal adenocarcinoma epithelium",
)
MODELS = ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")
STUDY_IMAGES = 89_996 + 10_004 + 7_180 + 180_000


@pytest.fixture(scope="module")
def build(study):
    return cache(lambda model: build_classifier(model, CLASS_NAMES, study, seed=0))


def n_weights(module, trained_only=False):
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad or not trained_only)


def count(module, kind):
    return sum(isinstance(part, kind) for part in module.modules())


@pytest.mark.parametrize(
    ("model", "variant", "input_size", "batch_size", "learning_rate"),
    [
        ("cnn", "two_blocks", 64, 64, 1e-3),
        ("resnet18", "resnet18", 224, 128, 2e-4),
        ("dinov2", "vit_small_patch14_dinov2.lvd142m", 224, 128, 2e-4),
        ("clip", "openai/clip-vit-base-patch32", 224, 64, 1e-4),
    ],
)
def test_the_defaults_are_the_studys(study, model, variant, input_size, batch_size, learning_rate):
    backbone = study.backbone(model)
    assert backbone.variant == variant
    assert (backbone.input_size, backbone.batch_size, backbone.learning_rate) == (input_size, batch_size, learning_rate)
    assert (study.max_epochs, study.patience, study.mixing_ratio) == (10, 3, 0.5)
    assert study.prompt == "This is a pathology image of {class_name}"
    assert (study.class_weights, study.precision) == ("none", "32-true")


@pytest.mark.parametrize(
    ("model", "frozen", "trained", "output"),
    [
        ("cnn", 0, 19_584, 147_465),
        ("resnet18", 2_782_784, 8_393_728, 4_617),
        ("dinov2", 19_852_800, 1_776_000, 3_465),
        ("clip", 0, 87_849_216, 0),
        ("efficientnet_lite0", 2_353_408, 1_017_600, 11_529),
    ],
)
def test_weights_are_frozen_and_trained_where_the_study_says(build, study, model, frozen, trained, output):
    classifier = build(model)
    assert [n_weights(part) for part in (classifier.frozen, classifier.trained, classifier.output)] == [
        frozen,
        trained,
        output,
    ]
    assert n_weights(classifier, trained_only=True) == trained + output
    assert study.has_frozen_backbone(model) == (frozen > 0)


def test_the_cnn_is_two_blocks_of_32_and_64_channels_and_a_linear_layer(build):
    classifier = build("cnn")
    *blocks, flatten = classifier.trained
    assert isinstance(flatten, nn.Flatten)
    for block, (before, after) in zip(blocks, [(3, 32), (32, 64)], strict=True):
        convolution, norm, relu, pool, dropout = block
        assert (convolution.in_channels, convolution.out_channels) == (before, after)
        assert [type(layer) for layer in (norm, relu, pool)] == [nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
        assert dropout.p == 0.25
    assert (classifier.output.in_features, classifier.output.out_features) == (64 * 16 * 16, 9)


def test_resnet18_trains_layer4_and_the_output_alone(build):
    classifier = build("resnet18")
    assert count(classifier.frozen, BasicBlock) == 6
    assert count(classifier.trained, BasicBlock) == 2
    assert frozen_shape(classifier) == (256, 14, 14)
    assert classifier.features(torch.rand(1, 3, 64, 64)).shape == (1, 512)


def test_dinov2_trains_the_last_of_twelve_blocks_the_final_norm_and_the_output(build):
    classifier = build("dinov2")
    assert count(classifier.frozen, Block) == 11
    assert count(classifier.trained, Block) == 1
    assert isinstance(classifier.trained.norm, nn.LayerNorm)
    assert frozen_shape(classifier) == (257, 384)


def test_clip_trains_the_vision_encoder_and_holds_nine_embeddings_of_the_text(build):
    classifier = build("clip")
    assert count(classifier, CLIPEncoderLayer) == 12
    assert classifier.output.text_embeddings.shape == (9, 512)
    assert torch.allclose(classifier.output.text_embeddings.norm(dim=1), torch.ones(9))
    assert classifier.output.logit_scale.exp().item() == pytest.approx(14.285, abs=0.001)


def test_efficientnet_lite0_has_timms_number_of_weights(build):
    classifier = build("efficientnet_lite0")
    assert n_weights(classifier.frozen) + n_weights(classifier.trained) == 4_652_008 - 1_281_000


@pytest.mark.parametrize("model", MODELS)
def test_images_are_resized_and_normalized_inside_the_model(build, study, model):
    resize, normalize = build(model).preprocessing
    assert isinstance(resize, Resize)
    assert resize.size == study.backbone(model).input_size
    assert isinstance(normalize, Normalize)


@pytest.mark.parametrize("model", MODELS)
def test_one_training_step_moves_what_is_trained_and_nothing_else(build, study, model):
    classifier = build(model).train()
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    trained = [weight for weight in classifier.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=study.backbone(model).learning_rate)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(classifier(images), torch.tensor([0, 8])).backward()
    assert all(weight.grad is not None for weight in trained)
    optimizer.step()
    moved = {name for name, tensor in classifier.state_dict().items() if not torch.equal(tensor, before[name])}
    fixed = {name for name in before if name.startswith(("frozen.", "output.text_embeddings", "output.logit_scale"))}
    assert not moved & fixed
    assert all(name in moved for name, _ in classifier.named_parameters() if name not in fixed)


@pytest.mark.parametrize(("model", "gigabytes"), [("resnet18", 57.6), ("dinov2", 113.4)])
def test_the_size_of_the_studys_trunk_features_is_known_beforehand(build, model, gigabytes):
    assert cached_features_gb(build(model), STUDY_IMAGES) == pytest.approx(gigabytes, abs=0.05)
    assert cached_features_gb(build(model), STUDY_IMAGES, "float16") == pytest.approx(gigabytes / 2, abs=0.05)
