import threading
import urllib.error

import huggingface_hub
import pytest

from synthpath_kedro import hub
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS, BlockName, checksummed_file, hub_file

REPOSITORY = "timm/vit_small_patch14_dinov2.lvd142m"
WAYS_OUT = (
    "weights=<file or folder>",
    "weights=random",
    "a filled cache (HF_HOME, TORCH_HOME) or a proxy (HTTPS_PROXY)",
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def asked(monkeypatch):
    """A network that refuses every connection; the addresses that were tried."""
    addresses = []

    def refuse(request, timeout):
        addresses.append(request.full_url)
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: pytest.fail("the hub was asked"))
    return addresses


@pytest.fixture
def reachable(monkeypatch):
    monkeypatch.setattr(hub, "is_reachable", lambda url: True)


@pytest.mark.parametrize("model", ["resnet18", "dinov2", "clip"])
def test_a_hub_out_of_reach_is_one_error_that_names_the_three_ways_out(model, study, asked):
    pretrained = study.backbone(model).model_copy(update={"weights": "pretrained"})
    params = study.model_copy(update={"backbones": {model: pretrained}})
    with pytest.raises(InputError) as error:
        build_classifier(model, ("adipose", "debris"), params, seed=0)
    message = str(error.value)
    assert message.startswith(f"classification.backbones.{model}: ")
    assert " is not in the cache, and https://" in message
    assert all(way in message for way in WAYS_OUT)
    assert "\n" not in message
    assert len(asked) == 1


def test_a_network_that_never_answers_is_given_up_on(monkeypatch):
    assert 0 < hub.REACH_SECONDS < 15
    never = threading.Event()

    def hang(request, timeout):
        never.wait()
        raise urllib.error.URLError("never answered")

    monkeypatch.setattr("urllib.request.urlopen", hang)
    monkeypatch.setattr(hub, "REACH_SECONDS", 0.01)
    with pytest.raises(InputError, match="cannot be reached"):
        hub_file(BlockName.of_model("dinov2"), REPOSITORY, "model.safetensors", None)
    never.set()


def test_a_host_that_answers_with_an_error_page_is_in_reach(monkeypatch):
    def forbid(request, timeout):
        raise urllib.error.HTTPError(request.full_url, 403, "forbidden", {}, None)

    monkeypatch.setattr("urllib.request.urlopen", forbid)
    assert hub.is_reachable("https://huggingface.co")


def test_offline_mode_asks_nobody(monkeypatch, asked):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="cannot be reached; give "):
        hub_file(BlockName.of_model("dinov2"), REPOSITORY, "model.safetensors", None)
    assert asked == []


def test_the_studys_repositories_are_pinned_to_a_commit(reachable, monkeypatch, tmp_path):
    downloads = []

    def download(repository, filename, revision, **_):
        downloads.append((repository, filename, revision))
        return str(tmp_path / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert (
        hub_file(BlockName.of_model("dinov2"), REPOSITORY, "model.safetensors", None) == tmp_path / "model.safetensors"
    )
    hub_file(BlockName.of_model("dinov2"), REPOSITORY, "model.safetensors", "main")
    assert downloads == [
        (REPOSITORY, "model.safetensors", "4610ca143709d58a633b6397a74412c2c3842454"),
        (REPOSITORY, "model.safetensors", "main"),
    ]
    assert all(len(commit) == 40 for commit in REVISIONS.values())


def test_another_repository_needs_a_revision(asked):
    with pytest.raises(
        InputError,
        match=r"backbones.clip.revision is null .* give classification.backbones.clip.revision=",
    ):
        hub_file(BlockName.of_model("clip"), "acme/clip", "model.safetensors", None)
    assert asked == []


def test_what_the_hub_does_not_have_is_one_line_with_the_ways_out(reachable, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("404 Client Error\n\nEntry Not Found for url")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(InputError) as error:
        hub_file(BlockName.of_model("clip"), "acme/clip", "model.safetensors", "v2")
    assert str(error.value).startswith(
        "cannot download model.safetensors of acme/clip at revision v2 (404 Client Error); give "
    )


def test_an_impossible_repository_name_is_one_line(reachable):
    with pytest.raises(InputError, match=r"cannot download model.safetensors of a b/c at revision v1"):
        hub_file(BlockName.of_model("clip"), "a b/c", "model.safetensors", "v1")


def test_only_safetensors_are_taken_from_the_hub(reachable, monkeypatch, study):
    wanted = []

    def download(repository, filename, revision, **_):
        wanted.append(filename)
        raise OSError("stop here" if filename.endswith("safetensors") else "no such file")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    pretrained = study.backbone("dinov2").model_copy(update={"weights": "pretrained"})
    with pytest.raises(InputError, match="stop here"):
        build_classifier("dinov2", ("a", "b"), study.model_copy(update={"backbones": {"dinov2": pretrained}}), seed=0)
    assert wanted == ["model.safetensors"]


def test_a_torchvision_download_that_fails_is_one_line_with_the_ways_out(reachable, monkeypatch):
    def fail(*_, **__):
        raise urllib.error.URLError("reset")

    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    with pytest.raises(InputError, match=r"cannot download https://x.example/net-0a1b2c3d.pth .*; give "):
        checksummed_file(BlockName.of_model("resnet18"), "https://x.example/net-0a1b2c3d.pth")
