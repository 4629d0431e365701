"""Networks of timm's, on tiny random ones saved in the hub's layout."""

import json
import math

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from synthpath_kedro import hub
from synthpath_kedro.classifiers.cached_features import cache_features
from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.timm_parts import TokenPooling
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.data.artifact import read_artifact, write_artifact
from synthpath_kedro.errors import InputError

CLASS_NAMES = ("adipose", "debris", "mucus")
MEAN, STD = (0.7, 0.5, 0.6), (0.2, 0.25, 0.3)
NETWORKS = {
    "vit": ("vit_tiny_patch16_224", {"patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 3, "init_values": 0.5}),
    "registers": (
        "vit_small_patch14_reg4_dinov2",
        {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3, "init_values": 0.5},
    ),
    "no_class_token": (
        "vit_base_patch16_siglip_224",
        {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3},
    ),
    "convnext": ("convnext_atto", {"depths": [1, 1, 2, 1], "dims": [8, 12, 16, 24]}),
    "resnet": ("resnet18", {"layers": [1, 1, 1, 1], "channels": [8, 12, 16, 24]}),
}
TRANSFORMERS = ("vit", "registers", "no_class_token")


def random_network(kind, size=32, **args):
    """One whose weights and batch statistics no initialization gives."""
    architecture, model_args = NETWORKS[kind]
    image_size = {"img_size": size} if kind in TRANSFORMERS else {}
    network = timm.create_model(architecture, **model_args, **image_size, **args).eval()
    generator = torch.Generator().manual_seed(1)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.is_floating_point():
            tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
    return network


@pytest.fixture
def saved(tmp_path):
    """Saves a tiny network as the hub has it, with its output layer; gives the folder."""

    def save(kind, terms="cc-by-nc-nd-4.0", **config):
        architecture, model_args = NETWORKS[kind]
        folder = tmp_path / kind
        folder.mkdir(exist_ok=True)
        state = random_network(kind, num_classes=5).state_dict()
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")
        pretrained = {"mean": MEAN, "std": STD, "license": terms, "classifier": "head"}
        settings = {"architecture": architecture, "model_args": {**model_args, "img_size": 32, "num_classes": 5}}
        (folder / "config.json").write_text(json.dumps({**settings, "pretrained_cfg": pretrained, **config}))
        return folder

    return save


@pytest.fixture
def parameters(classification_parameters):
    """The block ``classification`` with one model, "encoder"."""

    def build(variant, max_epochs=1, **backbone):
        common = {"batch_size": 8, "learning_rate": 1e-2, "input_size": 32, "weights": "pretrained"}
        block = {"family": "timm", "variant": str(variant), **common, **backbone}
        return classification_parameters(models=["encoder"], max_epochs=max_epochs, backbones={"encoder": block})

    return build


@pytest.fixture
def build(parameters):
    def build(variant, seed=0, replicate=0, **backbone):
        params = parameters(variant, **backbone)
        return build_classifier("encoder", CLASS_NAMES, params, seed, replicate).eval()

    return build


def pixels(size=32):
    return torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))


# the split is exact


@pytest.mark.parametrize("trained", ["head", "last_block", "all"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_features_are_timms_own_wherever_the_network_is_split(kind, trained, saved, build):
    network = random_network(kind, num_classes=0)
    classifier = build(saved(kind), trained=trained)
    x = pixels()
    with torch.inference_mode():
        normalized = (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        expected = network.forward_head(network.forward_features(normalized), pre_logits=True)
        assert torch.allclose(classifier.features(x), expected, rtol=1e-4, atol=1e-5)
        assert torch.allclose(classifier(x), classifier.output(expected), rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.01


@pytest.mark.parametrize("trained", ["head", "last_block", "all"])
@pytest.mark.parametrize(("kind", "n_prefix"), [("vit", 1), ("registers", 5)])
def test_the_mean_is_over_patches_alone_and_both_are_joined(kind, n_prefix, trained, saved, build):
    network, folder = random_network(kind, num_classes=0), saved(kind)
    poolings = {pooling: build(folder, trained=trained, pooling=pooling) for pooling in ("class_token", "mean", "both")}
    x = pixels()
    with torch.inference_mode():
        tokens = network.forward_features(poolings["mean"].preprocessing(x))
        features = {pooling: classifier.features(x) for pooling, classifier in poolings.items()}
    assert tokens.shape[1] == n_prefix + 16
    assert torch.allclose(features["class_token"], tokens[:, 0], rtol=1e-4, atol=1e-5)
    assert torch.allclose(features["mean"], tokens[:, n_prefix:].mean(dim=1), rtol=1e-4, atol=1e-5)
    assert torch.equal(features["both"], torch.cat([features["class_token"], features["mean"]], dim=1))
    assert poolings["both"].output.in_features == 48


def test_a_configuration_without_pooling_means_the_class_token(build, saved):
    architecture, model_args = NETWORKS["vit"]
    settings = {**model_args, "img_size": 32, "global_pool": ""}
    pooled = build(saved("vit", architecture=architecture, model_args=settings))
    assert pooled.features(pixels()).shape == (3, 24)
    assert torch.equal(pooled.features(pixels()), build(saved("vit"), pooling="class_token").features(pixels()))


# what is trained


@pytest.mark.parametrize(
    ("kind", "trained", "expected"),
    [
        ("vit", "head", set()),
        ("vit", "last_block", {"blocks.2", "norm"}),
        ("registers", "last_block", {"blocks.1", "norm"}),
        ("convnext", "head", set()),
        ("convnext", "last_block", {"stages.3", "head.norm"}),
        ("resnet", "head", set()),
        ("resnet", "last_block", {"layer4"}),
        *((kind, "all", None) for kind in ("vit", "registers", "convnext", "resnet")),
    ],
)
def test_exactly_the_part_that_is_named_takes_gradients(kind, trained, expected, saved, build):
    network, classifier = random_network(kind, num_classes=0), build(saved(kind), trained=trained)
    weights = dict(network.named_parameters())
    wanted = {name for name in weights if expected is None or any(name.startswith(f"{prefix}.") for prefix in expected)}
    trainable = sorted(weight.sum().item() for weight in classifier.trained.parameters() if weight.requires_grad)
    assert trainable == pytest.approx(sorted(weights[name].sum().item() for name in wanted), abs=1e-5)
    frozen = list(classifier.frozen.parameters())
    assert len(frozen) == len(weights) - len(wanted)
    assert not any(weight.requires_grad for weight in frozen)
    assert all(weight.requires_grad for weight in classifier.output.parameters())


@pytest.mark.parametrize(("trained", "frozen"), [(None, True), ("head", True), ("last_block", True), ("all", False)])
def test_features_are_worth_storing_unless_everything_is_trained(parameters, trained, frozen):
    assert parameters("resnet18", trained=trained).has_frozen_backbone("encoder") is frozen


# a cell: trained, stored, restored


@pytest.mark.parametrize("trained", ["head", "last_block"])
@pytest.mark.parametrize("kind", ["vit", "registers", "convnext", "resnet"])
def test_training_with_and_without_cached_features_gives_the_same_weights(
    kind, trained, double, saved, parameters, tiles, tmp_path
):
    params = parameters(saved(kind), trained=trained).model_copy(update={"cached_features_dtype": "float64"})
    images = {"real_train": tiles(12), "real_val": tiles(6, seed=1)}
    cached = {name: cache_features("encoder", some, params, 0, tmp_path / name) for name, some in images.items()}
    plain, stored = (
        train_cell("encoder", "real", *images.values(), None, params, 0, tmp_path / "scratch", features).checkpoint
        for features in (None, cached)
    )
    assert plain.card["inputs"]["real_train"] == "uint8"
    assert stored.card["inputs"]["real_train"] == "float64"
    for name, weights in plain.tensors.items():
        assert np.abs(weights - stored.tensors[name]).max() < 1e-8, name


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("trained", ["head", "last_block", "all"])
def test_a_cell_comes_back_from_its_file_alone(kind, trained, saved, parameters, tiles, tmp_path, monkeypatch):
    folder = saved(kind)
    params = parameters(folder, trained=trained)
    cell = train_cell("encoder", "real", tiles(12), tiles(6, seed=1), None, params, 0, tmp_path / "scratch").checkpoint
    write_artifact(tmp_path / "classifier.safetensors", cell)
    for file in folder.iterdir():
        file.unlink()
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("the network was asked"))
    [restored] = load_classifiers(read_artifact(tmp_path / "classifier.safetensors"))
    [again] = load_classifiers(cell)
    images = tiles(5).images
    probabilities = predict(restored, images, 5).probabilities
    assert np.array_equal(probabilities, predict(again, images, 5).probabilities)
    assert probabilities.std() > 0
    assert restored.license == "cc-by-nc-nd-4.0"


def test_the_card_says_family_set_license_and_what_the_layers_are(saved, parameters, tiles, tmp_path):
    params = parameters(saved("vit"), trained="last_block", pooling="both")
    images = (tiles(12), tiles(6, seed=1), tiles(9, seed=2))
    trained = train_cell("encoder", "mixed", *images, params, 0, tmp_path / "scratch", set_name="gan")
    card = trained.checkpoint.card
    assert (card["family"], card["module"], card["set"], card["license"]) == ("timm", "", "gan", "cc-by-nc-nd-4.0")
    assert card["weights"] == "file:vit"
    architecture = card["architecture"]
    assert (architecture["architecture"], architecture["mean"]) == ("vit_tiny_patch16_224", list(MEAN))
    assert (architecture["trained"], architecture["pooling"]) == ("last_block", "both")
    json.dumps(architecture)


# configuration


def test_the_position_embeddings_are_resampled_to_the_input_size(saved, build):
    positions = build(saved("vit"), input_size=48).frozen.network.pos_embed
    assert positions.shape == (1, 37, 24)


def test_a_copy_of_a_gated_repository_in_weights_needs_no_hub(saved, build, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("the network was asked"))
    folder = saved("vit")
    copy = build("hf-hub:MahmoodLab/UNI", weights=str(folder))
    assert copy.description == "MahmoodLab/UNI @ 32, file:vit"
    assert copy.digest == build(folder).digest
    with pytest.raises(InputError, match=r"variant is 'resnet18', and .*config.json is of vit_tiny_patch16_224; give"):
        build("resnet18", weights=str(folder))


def test_older_configurations_have_everything_at_the_top(saved, build):
    folder = saved("resnet")
    build_now = build(folder)
    config = json.loads((folder / "config.json").read_text())
    args = {"layers": [1, 1, 1, 1], "channels": [8, 12, 16, 24]}
    (folder / "config.json").write_text(json.dumps({"architecture": "resnet18", **config["pretrained_cfg"]}))
    assert build(folder, model_args=args).digest == build_now.digest


def test_arguments_that_a_configuration_lacks_come_from_the_block(build):
    args = {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3, "mlp_layer": "SwiGLUPacked"}
    classifier = build("vit_tiny_patch16_224", weights="random", model_args={**args, "act_layer": "silu"})
    mlp = classifier.frozen.network.blocks[0].mlp
    assert (type(mlp).__name__, type(mlp.act).__name__) == ("GluMlp", "SiLU")


def test_the_license_is_taken_from_the_readme_where_the_configuration_has_none(saved, build):
    folder = saved("vit", terms=None)
    assert build(folder).license == ""
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: research-only\ntags: [x]\n---\n# Encoder\n")
    assert build(folder).license == "research-only"
    assert build(folder, weights="random").license == ""


def test_the_license_of_published_weights_is_not_that_of_the_users_own_file(saved, build):
    args = NETWORKS["resnet"][1]
    file = saved("resnet") / "model.safetensors"
    (file.parent / "config.json").unlink()
    assert build("resnet18", weights=str(file), model_args=args).license == ""


def test_several_models_share_the_family_and_have_random_numbers_of_their_own(parameters):
    args = {"patch_size": 16, "embed_dim": 24, "depth": 1, "num_heads": 3}
    params = parameters("vit_tiny_patch16_224", weights="random", model_args=args)
    params = params.model_copy(update={"backbones": {name: params.backbone("encoder") for name in ("one", "other")}})
    one, other = (build_classifier(name, CLASS_NAMES, params, 0) for name in ("one", "other"))
    assert one.frozen_digest != other.frozen_digest
    assert one.frozen_digest == build_classifier("one", CLASS_NAMES, params, 0, replicate=1).frozen_digest


@pytest.mark.parametrize("kind", ["vit", "convnext", "resnet"])
def test_random_weights_do_not_give_constant_features(kind, build, tiles):
    architecture, args = NETWORKS[kind]
    args = {name: value for name, value in args.items() if name != "init_values"}
    classifier = build(architecture, weights="random", model_args=args)
    images = torch.from_numpy(tiles(12).images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        features = classifier.features(images)
    assert (features.std(dim=0).norm() / features.mean(dim=0).norm()).item() > 0.05


# what cannot be built


@pytest.mark.parametrize(
    ("variant", "change", "message"),
    [
        (
            "vit_smal_patch16_224",
            {},
            "variant is 'vit_smal_patch16_224', which timm .*nearest: vit_small_patch16_224, ",
        ),
        ("resnet18.a1_in1", {}, r"'resnet18.a1_in1', which timm .* nearest: resnet18\.a1_in1k"),
        ("my/folder", {}, "'my/folder', which is no folder; valid: an architecture's name in timm, hf-hub:owner/name"),
        (
            "efficientnet_b0",
            {"trained": "last_block"},
            "where efficientnet_b0 can be split is not known; valid: head, all",
        ),
        ("resnet18", {"pooling": "mean"}, "pooling is 'mean', and resnet18 has no tokens; valid: null"),
        ("vit_base_patch16_siglip_224", {"pooling": "both"}, "has no class token; valid: null, mean"),
        ("vit_tiny_patch16_224", {"input_size": 40}, "input_size is 40; valid: multiples of the patch size 16"),
        ("resnet18", {"model_args": {"dept": 3}}, r"cannot build resnet18 .*model_args=\{'dept': 3\} \(TypeError: "),
    ],
)
def test_what_timm_does_not_have_is_one_line(variant, change, message, build):
    with pytest.raises(InputError, match=message) as error:
        build(variant, weights="random", **change)
    assert "\n" not in str(error.value)
    assert "classification.backbones.encoder" in str(error.value)


def test_a_folder_with_other_layers_than_its_weights_is_refused(saved, build):
    with pytest.raises(InputError, match=r"model.safetensors does not fit .*; give the file of that variant"):
        build(saved("vit"), model_args={"depth": 4})


# the hub


@pytest.fixture
def answering_hub(monkeypatch, tmp_path):
    """A hub with one repository, whose files are those of a folder; the files that were asked for."""
    asked = []

    def serve(folder):
        snapshot = tmp_path / "hub" / "models--acme--encoder" / "snapshots" / "0a1b2c3d"
        snapshot.parent.mkdir(parents=True)
        folder.rename(snapshot)

        def download(repository, filename, revision, **_):
            asked.append((repository, filename, revision))
            if not (snapshot / filename).exists():
                raise huggingface_hub.errors.EntryNotFoundError("404")
            return str(snapshot / filename)

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
        return asked

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "is_reachable", lambda url: True)
    return serve


def test_a_model_on_the_hub_is_that_of_its_folder_and_its_commit_is_recorded(saved, build, answering_hub):
    folder = saved("vit", terms=None)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    in_folder = build(folder)
    asked = answering_hub(folder)
    on_hub = build("hf-hub:acme/encoder")
    assert on_hub.digest == in_folder.digest
    assert (on_hub.weights, on_hub.license, on_hub.revision) == ("acme/encoder", "apache-2.0", "0a1b2c3d")
    assert on_hub.description == "acme/encoder @ 32, acme/encoder"
    assert {revision for _, _, revision in asked} == {"main"}
    assert build("hf-hub:acme/encoder", revision="v2").revision == "0a1b2c3d"
    assert asked[-1] == ("acme/encoder", "model.safetensors", "v2")


def test_a_state_dict_of_tensors_is_taken_where_there_are_no_safetensors(saved, build, answering_hub):
    folder = saved("resnet")
    digest = build(folder).digest
    torch.save(random_network("resnet", num_classes=5).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    answering_hub(folder)
    assert build("hf-hub:acme/encoder").digest == digest


def test_a_gated_repository_is_one_line_with_the_ways_out(build, answering_hub, monkeypatch):
    def refuse(*_, **__):
        raise gated()

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(InputError) as error:
        build("hf-hub:MahmoodLab/UNI")
    message = str(error.value)
    assert message.startswith("classification.backbones.encoder: MahmoodLab/UNI cannot be read with this token")
    for way in (
        "accept its license at https://huggingface.co/MahmoodLab/UNI and set HF_TOKEN",
        "classification.backbones.encoder.weights=<file or folder>",
        "weights=random",
        "HF_HOME",
        "HTTPS_PROXY",
    ):
        assert way in message
    assert "\n" not in message


def gated():
    """As the hub answers, without its transport's own response object."""
    error = huggingface_hub.errors.GatedRepoError
    return error.__new__(error, "403 Client Error\n\nAccess to model is restricted")


def test_a_hub_out_of_reach_is_one_line_with_the_ways_out(build, monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for variant, weights in (("hf-hub:bioptimus/H-optimus-0", "random"), ("vit_tiny_patch16_224", "pretrained")):
        with pytest.raises(InputError, match=r"is not in the cache, and https://.* cannot be reached; give "):
            build(variant, weights=weights)


def test_pooling_by_attention_is_the_networks_own():
    network = random_network("no_class_token", num_classes=0)
    tokens = torch.rand(2, 16, 24, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network.forward_head(tokens, pre_logits=True)
        assert torch.allclose(TokenPooling(network, None)(tokens), expected, atol=1e-6)
    assert math.isfinite(expected.sum())
