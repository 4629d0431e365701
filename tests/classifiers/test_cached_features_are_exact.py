"""Training on stored features against plain models in a plain loop: nothing but time is saved."""

from dataclasses import replace

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch.nn import functional as F
from torchvision.models import resnet18 as torchvision_resnet18

from synthpath_kedro.classifiers.batches import EpochBatches, Source
from synthpath_kedro.classifiers.cached_features import cache_features
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.regimes import regime_batches
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.training.seeding import mixed_seed

CLASS_NAMES = ("adipose", "debris", "mucus")


def plain_resnet18(classifier):
    """Torchvision's network with the classifier's weights, and the names that ours have in it."""
    network = torchvision_resnet18(num_classes=len(classifier.class_names))
    parts = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")
    renamed = {f"frozen.{index}.": f"{part}." for index, part in enumerate(parts)}
    return network, renamed | {"trained.0.": "layer4.", "output.": "fc."}


def plain_dinov2(classifier):
    """timm's network with the classifier's weights, and the names that ours have in it."""
    n_classes, size = len(classifier.class_names), classifier.input_size
    if classifier.variant == "small":
        network = VisionTransformer(
            img_size=size, patch_size=14, embed_dim=192, depth=4, num_heads=3, init_values=1, num_classes=n_classes
        )
    else:
        network = timm.create_model(classifier.variant, img_size=size, num_classes=n_classes)
    last = f"blocks.{len(network.blocks) - 1}."
    names = {"frozen.vit.": "", "trained.block.": last, "trained.norm.": "norm.", "output.": "head."}
    return network, names


def as_plain(classifier):
    network, names = {"resnet18": plain_resnet18, "dinov2": plain_dinov2}[model_of(classifier)](classifier)
    network.load_state_dict({plain(name, names): tensor.clone() for name, tensor in classifier.state_dict().items()})
    return network, names


def model_of(classifier):
    return "resnet18" if classifier.variant == "resnet18" else "dinov2"


def plain(name, names):
    prefix = max((prefix for prefix in names if name.startswith(prefix)), key=len)
    return names[prefix] + name.removeprefix(prefix)


@pytest.mark.parametrize("model", ["resnet18", "dinov2"])
def test_the_studys_logits_are_those_of_the_plain_model(model, study):
    classifier = build_classifier(model, CLASS_NAMES, study, seed=0).eval()
    network, _ = as_plain(classifier)
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network.eval()(classifier.preprocessing(x))
        assert (classifier(x) - expected).abs().max() < 1e-5
        assert (classifier.head_logits(classifier.frozen_features(x)) - expected).abs().max() < 1e-5
    assert expected.std() > 0.05


@pytest.mark.parametrize("model", ["resnet18", "dinov2"])
def test_weights_trained_on_stored_features_are_those_of_a_plain_loop(
    model, double, classification_parameters, tiles, tmp_path
):
    params = replaced_dtype(classification_parameters(max_epochs=1), "float64")
    real = tiles(15)
    start = build_classifier(model, CLASS_NAMES, params, seed=0)
    network, names = as_plain(start)
    train_plainly(network, start, names, real, params)
    cached = {name: stored(model, images, params, tmp_path / name) for name, images in both(real).items()}
    checkpoint = train_cell(model, "real", real, real, None, params, 0, tmp_path / "scratch", cached).checkpoint
    assert checkpoint.card["inputs"] == {"real_train": "float64", "real_val": "float64"}
    trained = {name.removeprefix("replicate_0."): torch.tensor(t) for name, t in checkpoint.tensors.items()}
    expected = network.state_dict()
    moved = 0
    for name, tensor in trained.items():
        assert (tensor - expected[plain(name, names)]).abs().max() < 1e-8, name
        moved += not torch.equal(tensor, start.state_dict()[name])
    assert moved > 15


def both(real):
    return {"real_train": real, "real_val": real}


def replaced_dtype(params, dtype):
    """Features in float64 are no option of the study; here they show that nothing else differs."""
    return params.model_copy(update={"cached_features_dtype": dtype})


def stored(model, images, params, path):
    return cache_features(model, images, params, 0, path)


def train_plainly(network, classifier, names, real, params):
    trained = tuple(prefix for name, prefix in names.items() if not name.startswith("frozen."))
    for name, weight in network.named_parameters():
        weight.requires_grad_(name.startswith(trained))
    for name, module in network.train().named_modules():
        if name and not f"{name}.".startswith(trained):
            module.training = False
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=params.backbone("resnet18").learning_rate, weight_decay=0.01)
    batches = regime_batches(REGIMES["real"], len(real), 0, 8, 0.5, mixed_seed(0, 0), epoch=0)
    for images, labels in EpochBatches(Source(real.images, real.labels), None, batches):
        loss = F.cross_entropy(network(classifier.preprocessing(to_unit_interval(images))), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("model", ["resnet18", "dinov2", "efficientnet_lite0"])
def test_weights_trained_with_and_without_stored_features_are_the_same(
    model, double, classification_parameters, tiles, tmp_path
):
    params = replaced_dtype(classification_parameters(max_epochs=2, milestones=[1]), "float64")
    images = {"real_train": tiles(12), "real_val": tiles(6, seed=1), "synthetic": tiles(9, seed=2)}
    cached = {name: stored(model, some, params, tmp_path / name) for name, some in images.items()}
    without, with_features = (
        train_cell(model, "mixed", *images.values(), params, 0, tmp_path / "scratch", features).checkpoint
        for features in (None, cached)
    )
    assert without.card["inputs"] == dict.fromkeys(images, "uint8")
    assert with_features.card["inputs"] == dict.fromkeys(images, "float64")
    for name, weights in without.tensors.items():
        assert abs(weights - with_features.tensors[name]).max() < 1e-8, name


def test_a_batch_holds_one_kind_of_input(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1)
    images = {"real_train": tiles(), "real_val": tiles(9, seed=1), "synthetic": tiles(30, seed=2)}
    cached = {name: stored("resnet18", images[name], params, tmp_path / name) for name in ("real_train", "real_val")}
    cells = {
        regime: train_cell("resnet18", regime, *images.values(), params, 0, tmp_path / "scratch", cached).checkpoint
        for regime in ("real", "mixed")
    }
    assert cells["real"].card["inputs"] == {"real_train": "float32", "real_val": "float32"}
    assert cells["mixed"].card["inputs"] == {"real_train": "uint8", "real_val": "float32", "synthetic": "uint8"}


def test_augmented_images_are_never_taken_from_the_store(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1)
    images = {"real_train": tiles(), "real_val": tiles(9, seed=1)}
    cached = {name: stored("resnet18", some, params, tmp_path / name) for name, some in images.items()}
    cell = train_cell("resnet18", "real_augmented", *images.values(), None, params, 0, tmp_path / "scratch", cached)
    assert cell.checkpoint.card["inputs"] == {"real_train": "uint8", "real_val": "float32"}


def test_features_of_other_data_stop_the_training(classification_parameters, tiles, tmp_path):
    params = classification_parameters()
    cached = {"real_train": stored("resnet18", tiles(), params, tmp_path / "cached")}
    changed = replace(tiles(), images=255 - tiles().images)
    with pytest.raises(ValueError, match="cached features of real_train are of images"):
        train_cell("resnet18", "real", changed, tiles(9), None, params, 0, tmp_path / "scratch", cached)
