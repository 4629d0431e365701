from collections.abc import Callable
from pathlib import Path

import pytest

from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.hub import BlockName
from synthpath_kedro.parameters import BackboneParameters, Parameters
from synthpath_kedro.planning.origins import (
    Origin,
    configuration_is_at_hand,
    hub_repository,
    locate,
    locate_data,
    locate_weights,
)


def spec(family: str, variant: str, weights: str = "pretrained") -> ClassifierSpec:
    block = BackboneParameters(
        family=family, variant=variant, weights=weights, input_size=32, batch_size=8, learning_rate=0.1
    )
    return ClassifierSpec("mine", BlockName.of_model("mine"), block, ("a", "b"))


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, and empty caches."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


def test_every_model_and_the_extractor_are_located(parameters: Callable[..., Parameters]) -> None:
    assert locate_weights(parameters()) == (
        Origin("cnn", "random"),
        Origin("resnet18", "random"),
        Origin("extractor efficientnet_lite0", "packaged"),
    )


def test_a_file_of_ones_own_is_at_hand_or_missing(tmp_path: Path) -> None:
    (tmp_path / "uni.safetensors").touch()
    found = locate("uni", spec("timm", "vit_tiny_patch16_224", str(tmp_path / "uni.safetensors")))
    assert (found.status, found.problem) == ("file", "")
    missing = locate("uni", spec("timm", "vit_tiny_patch16_224", str(tmp_path / "nowhere")))
    assert missing.status == "missing"
    assert f"{tmp_path}/nowhere', which is neither a file nor a folder" in missing.problem


def test_torchvision_weights_in_the_cache_need_no_network(unreachable: None, tmp_path: Path) -> None:
    assert locate("resnet18", spec("resnet18", "resnet18")).status == "missing"
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints/resnet18-f37072fd.pth").touch()
    assert locate("resnet18", spec("resnet18", "resnet18")).status == "cached"


@pytest.mark.parametrize(
    ("variant", "repository"),
    [
        ("openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32"),
        ("hf-hub:MahmoodLab/UNI", "MahmoodLab/UNI"),
        ("vit_small_patch14_dinov2.lvd142m", "timm/vit_small_patch14_dinov2.lvd142m"),
        ("no_such_architecture", None),
    ],
)
def test_a_variant_names_its_repository(variant: str, repository: str | None) -> None:
    assert hub_repository(variant) == repository


def test_a_variant_without_published_weights_is_a_problem() -> None:
    assert "has no published weights" in locate("mine", spec("timm", "no_such_architecture")).problem


def test_a_network_of_the_hub_cannot_be_built_before_its_configuration_is_there(tmp_path: Path) -> None:
    assert not configuration_is_at_hand(spec("timm", "hf-hub:MahmoodLab/UNI").backbone)
    assert configuration_is_at_hand(spec("timm", "vit_tiny_patch16_224").backbone)
    (tmp_path / "config.json").touch()
    assert configuration_is_at_hand(spec("timm", "hf-hub:MahmoodLab/UNI", str(tmp_path)).backbone)


def test_data_are_rendered_or_a_file_or_cached(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    assert locate_data(parameters().data_prep, tmp_path) == Origin("data", "rendered")
    own = parameters(data_prep={"source": "npz", "path": str(tmp_path)}).data_prep
    assert locate_data(own, tmp_path) == Origin("data", "file", str(tmp_path))
    (tmp_path / "bloodmnist_64.npz").touch()
    downloaded = parameters(data_prep={"source": "medmnist", "name": "bloodmnist"}).data_prep
    assert locate_data(downloaded, tmp_path) == Origin("data", "cached", str(tmp_path / "bloodmnist_64.npz"))
