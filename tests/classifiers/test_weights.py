"""Published weights, a file or folder, random weights: one loading path, on small files in the hub's layouts."""

import hashlib
import json
import pickle
from types import SimpleNamespace

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models.vision_transformer import VisionTransformer
from torchvision.models import resnet18 as torchvision_resnet18
from transformers import CLIPConfig, CLIPModel

from synthpath_kedro.classifiers import clip, resnet18
from synthpath_kedro.classifiers.clip_text import bundled_tokenizer
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS

CLASS_NAMES = ("adipose", "debris", "mucus")
STUDY_DINOV2 = "vit_small_patch14_dinov2.lvd142m"


@pytest.fixture
def build(classification_parameters):
    def build(model, weights, **backbone):
        params = classification_parameters(**{model: {"weights": str(weights), **backbone}})
        return build_classifier(model, CLASS_NAMES, params, seed=0)

    return build


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the hub, and a hub that must not be asked."""

    def refuse(*args, **kwargs):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "hub"


def cache_folder(hub_cache, repository, revision):
    folder = hub_cache / f"models--{repository.replace('/', '--')}" / "snapshots" / revision
    folder.mkdir(parents=True)
    return folder


def random_like(network, seed=1):
    """Weights that no initialization gives."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }


def small_vit(**changes):
    settings = {"img_size": 28, "patch_size": 14, "embed_dim": 192, "depth": 4, "num_heads": 3, "init_values": 1e-5}
    return VisionTransformer(num_classes=0, **{**settings, **changes})


# timm: one safetensors file with timm's own names


def test_dinov2_from_a_timm_file_has_its_weights_in_the_frozen_and_the_trained_part(build, tmp_path):
    state = random_like(small_vit())
    save_file(state, tmp_path / "vit.safetensors")
    classifier = build("dinov2", tmp_path / "vit.safetensors")
    assert classifier.weights == "file:vit.safetensors"
    assert torch.equal(classifier.frozen.vit.blocks[2].mlp.fc1.weight, state["blocks.2.mlp.fc1.weight"])
    assert torch.equal(classifier.trained.block.mlp.fc1.weight, state["blocks.3.mlp.fc1.weight"])
    assert torch.equal(classifier.trained.norm.weight, state["norm.weight"])
    assert torch.equal(classifier.trained.block.ls1.gamma, state["blocks.3.ls1.gamma"])


def test_dinov2s_position_embeddings_are_resampled_to_the_input_size(build, tmp_path):
    state = random_like(small_vit(img_size=70))
    state["pos_embed"] = torch.full_like(state["pos_embed"], 0.25)
    save_file(state, tmp_path / "vit.safetensors")
    positions = build("dinov2", tmp_path / "vit.safetensors").frozen.vit.pos_embed
    assert positions.shape == (1, 5, 192)
    assert torch.allclose(positions, torch.tensor(0.25))


def test_dinov2_published_in_a_file_or_in_a_folder_is_the_same_model(build, hub_cache, tmp_path):
    published = {"variant": STUDY_DINOV2, "input_size": 28}
    repository = f"timm/{STUDY_DINOV2}"
    folder = cache_folder(hub_cache, repository, REVISIONS[repository])
    save_file(random_like(timm.create_model(STUDY_DINOV2, img_size=42)), folder / "model.safetensors")
    from_hub = build("dinov2", "pretrained", **published)
    from_file = build("dinov2", folder / "model.safetensors", **published)
    from_folder = build("dinov2", folder, **published)
    assert [c.weights for c in (from_hub, from_file, from_folder)] == [
        "LVD-142M",
        "file:model.safetensors",
        f"file:{folder.name}",
    ]
    assert from_hub.digest == from_file.digest == from_folder.digest
    assert from_hub.digest != build("dinov2", "random", **published).digest


# transformers: a folder with config.json, model.safetensors and tokenizer files


@pytest.fixture
def clip_folder():
    """A folder as the hub has CLIP's: of its own layers, for 48 pixels."""

    def save(folder):
        settings = json.loads(json.dumps(clip._SMALL))
        settings["vision_config"] |= {"num_hidden_layers": 2, "image_size": 48}
        network = CLIPModel(CLIPConfig(**settings))
        network.load_state_dict({name: 0.1 * tensor for name, tensor in random_like(network).items()})
        network.save_pretrained(folder)
        tokenizer = json.loads(bundled_tokenizer().backend_tokenizer.to_str())["model"]
        (folder / "vocab.json").write_text(json.dumps(tokenizer["vocab"]))
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["merges"]]
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
        return load_file(folder / "model.safetensors")

    return save


def test_clip_published_or_in_a_folder_is_the_same_model(build, hub_cache, clip_folder):
    folder = cache_folder(hub_cache, "acme/clip-tiny", "v1")
    state = clip_folder(folder)
    from_hub = build("clip", "pretrained", variant="acme/clip-tiny", revision="v1")
    from_folder = build("clip", folder, variant="acme/clip-tiny")
    assert (from_hub.weights, from_folder.weights) == ("OpenAI WIT", "file:v1")
    assert from_hub.digest == from_folder.digest
    assert torch.equal(from_hub.trained.projection.weight, state["visual_projection.weight"])
    assert torch.equal(from_hub.output.logit_scale, state["logit_scale"])
    assert len(from_hub.trained.vision_model.encoder.layers) == 2


def test_clips_position_embeddings_are_resampled_to_the_input_size(build, clip_folder, tmp_path):
    state = clip_folder(tmp_path)
    name = "vision_model.embeddings.position_embedding.weight"
    assert state[name].shape == (10, 192)
    positions = build("clip", tmp_path, variant="acme/clip-tiny").state_dict()[f"trained.{name}"]
    assert positions.shape == (5, 192)
    assert torch.equal(positions[0], state[name][0])
    assert positions[1:].mean().item() == pytest.approx(state[name][1:].mean().item(), abs=0.01)


def test_clip_takes_a_folders_own_tokenizer_and_the_bundled_one_where_there_is_none(build, clip_folder, tmp_path):
    clip_folder(tmp_path)
    with_files = build("clip", tmp_path, variant="acme/clip-tiny")
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    without = build("clip", tmp_path, variant="acme/clip-tiny")
    assert torch.equal(with_files.output.text_embeddings, without.output.text_embeddings)


def test_index_buffers_of_older_clip_files_are_dropped(build, clip_folder, tmp_path):
    state = clip_folder(tmp_path) | {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    save_file(state, tmp_path / "model.safetensors")
    assert build("clip", tmp_path, variant="acme/clip-tiny").weights.startswith("file:")


# torchvision: a PyTorch state dict whose name ends in the first digits of its SHA-256


def test_resnet18_published_or_in_a_file_is_the_same_model(build, tmp_path, monkeypatch):
    network = torchvision_resnet18(num_classes=1000)
    state = random_like(network)
    path = torchvision_file(state, tmp_path)
    url = f"https://download.example/models/{path.name}"
    monkeypatch.setattr(resnet18, "ResNet18_Weights", SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(url=url)))
    from_hub, from_file = build("resnet18", "pretrained"), build("resnet18", path)
    assert (from_hub.weights, from_file.weights) == ("ImageNet", f"file:{path.name}")
    assert from_hub.digest == from_file.digest
    assert torch.equal(from_hub.frozen[0].weight, state["conv1.weight"])
    assert torch.equal(from_hub.trained[0][1].conv2.weight, state["layer4.1.conv2.weight"])
    assert torch.equal(from_hub.trained[0][1].bn2.running_var, state["layer4.1.bn2.running_var"])


def torchvision_file(state, tmp_path):
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / "saved.pth")
    digits = hashlib.sha256((folder / "saved.pth").read_bytes()).hexdigest()[:8]
    return (folder / "saved.pth").rename(folder / f"resnet18-{digits}.pth")


def test_a_damaged_download_is_found_by_its_name(build, tmp_path, monkeypatch):
    path = torchvision_file({"conv1.weight": torch.zeros(1)}, tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    url = f"https://download.example/models/{path.name}"
    monkeypatch.setattr(resnet18, "ResNet18_Weights", SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(url=url)))
    with pytest.raises(InputError, match=r"resnet18-.*\.pth is damaged: .*remove the file and run again"):
        build("resnet18", "pretrained")


# what does not fit


def test_random_weights_are_named_so(build):
    assert build("resnet18", "random").weights == "random"


def test_a_file_of_another_variant_is_refused(build, tmp_path):
    save_file(small_vit(embed_dim=96).state_dict(), tmp_path / "vit.safetensors")
    with pytest.raises(InputError) as error:
        build("dinov2", tmp_path / "vit.safetensors")
    assert "does not fit classification.backbones.dinov2.variant 'small'" in str(error.value)
    assert "give the file of that variant, or the variant of that file" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_lacks_a_tensor_is_refused(build, tmp_path):
    state = small_vit().state_dict()
    del state["blocks.1.attn.qkv.weight"], state["norm.bias"]
    save_file(state, tmp_path / "vit.safetensors")
    with pytest.raises(InputError, match=r"\(it lacks blocks.1.attn.qkv.weight and 1 more\)"):
        build("dinov2", tmp_path / "vit.safetensors")


def test_a_file_with_code_in_it_is_refused_and_not_run(build, tmp_path):
    class Payload:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    (tmp_path / "model.pth").write_bytes(pickle.dumps({"conv1.weight": Payload()}, protocol=2))
    torch.save({"conv1.weight": Payload()}, tmp_path / "zipped.pth")
    for name in ("model.pth", "zipped.pth"):
        with pytest.raises(InputError, match="give a whole safetensors file or a PyTorch state dict"):
            build("resnet18", tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["cut.safetensors", "cut.pth"])
def test_a_truncated_file_is_refused(build, tmp_path, name):
    state = torchvision_resnet18().state_dict()
    save_file(state, tmp_path / "cut.safetensors")
    torch.save(state, tmp_path / "cut.pth")
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(InputError, match=f"cannot read .*{name}") as error:
        build("resnet18", path)
    assert "\n" not in str(error.value)


def test_a_path_without_weights_names_what_is_valid(build, tmp_path):
    with pytest.raises(InputError, match=r"which has neither model.safetensors nor pytorch_model.bin; valid: pretrain"):
        build("dinov2", tmp_path)
    with pytest.raises(InputError, match="'/nowhere', which is neither a file nor a folder; valid: pretrained, random"):
        build("dinov2", "/nowhere")
