import open_clip
import pytest
import torch
from torch.nn import functional as F
from transformers import CLIPModel

from synthpath_kedro.classifiers import clip, clip_text
from synthpath_kedro.classifiers.clip_text import bundled_tokenizer, tokenizer_of
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.errors import InputError

CLASS_NAMES = ("adipose", "debris", "mucus")


@pytest.fixture
def build(classification_parameters):
    def build(**changes):
        return build_classifier("clip", CLASS_NAMES, classification_parameters(**changes), seed=0)

    return build


def test_the_tokenizer_is_openais():
    assert bundled_tokenizer()("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert len(bundled_tokenizer()) == 49408


@pytest.mark.parametrize(
    "text",
    [
        "This is a pathology image of colorectal adenocarcinoma epithelium",
        "This is a pathology image of cancer-associated stroma",
        "This is a pathology image of normal colon mucosa",
        "H&E, 40x: Ki-67 (3+) tumor's edge - naïve œdema",
    ],
)
def test_tokens_are_those_of_open_clip(text):
    expected = [token for token in open_clip.get_tokenizer("ViT-B-32")(text)[0].tolist() if token]
    assert bundled_tokenizer()(text).input_ids == expected


def test_a_damaged_tokenizer_is_one_line(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read the tokenizer in .*give whole tokenizer files") as error:
        tokenizer_of(tmp_path)
    assert "\n" not in str(error.value)


def test_logits_are_those_of_the_whole_clip(build, monkeypatch):
    networks = []

    class Kept(CLIPModel):
        def __init__(self, config):
            super().__init__(config)
            networks.append(self)

    monkeypatch.setattr(clip, "CLIPModel", Kept)
    classifier = build().eval()
    (network,) = networks
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    prompts = [f"This is a pathology image of {name}" for name in CLASS_NAMES]
    tokens = bundled_tokenizer()(prompts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = network.eval()(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            pixel_values=classifier.preprocessing(x),
        ).logits_per_image
        assert torch.allclose(classifier(x), expected, atol=1e-5)


def test_a_class_is_told_by_its_name_in_the_prompt(build):
    plain = build().output.text_embeddings
    other = build(prompt="{class_name}, {stained} with H&E").output.text_embeddings
    assert torch.allclose(plain.norm(dim=1), torch.ones(3))
    assert not torch.allclose(plain, other)
    assert F.cosine_similarity(plain[0], plain[1], dim=0) < 0.9999


def test_text_is_embedded_when_the_model_is_built_and_never_in_training(
    classification_parameters, tiles, tmp_path, monkeypatch
):
    embedded = []

    def embed(network, tokenizer, prompt, class_names):
        embedded.append(len(class_names))
        return clip_text.text_embeddings(network, tokenizer, prompt, class_names)

    monkeypatch.setattr(clip, "text_embeddings", embed)
    params = classification_parameters(max_epochs=2, replicates=1)
    train_cell("clip", "real", tiles(), tiles(6), None, params, 0, tmp_path)
    # One model says what the cell starts from, the other is trained: in six steps and two validations, no third time.
    assert embedded == [3, 3]


def test_training_leaves_the_text_as_it_was_and_moves_the_vision_encoder(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1)
    start = build_classifier("clip", CLASS_NAMES, params, seed=0).state_dict()
    checkpoint = train_cell("clip", "real", tiles(), tiles(6), None, params, 0, tmp_path).checkpoint
    trained = {name.removeprefix("replicate_0."): torch.tensor(t) for name, t in checkpoint.tensors.items()}
    assert trained.keys() == start.keys()
    unmoved = {name for name in start if torch.equal(start[name], trained[name])}
    assert unmoved == {"output.text_embeddings", "output.logit_scale"}


def test_the_zero_shot_accuracy_before_training_is_on_the_card(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1)
    val = tiles(30, seed=1)
    untrained = build_classifier("clip", CLASS_NAMES, params, seed=0)
    expected = (predict(untrained, val.images, 8).probabilities.argmax(axis=1) == val.labels).mean()
    card = train_cell("clip", "real", tiles(), val, None, params, 0, tmp_path).checkpoint.card
    assert card["zero_shot_val_accuracy"] == pytest.approx(expected)


def test_models_without_a_text_encoder_report_no_zero_shot_accuracy(classification_parameters, tiles, tmp_path):
    params = classification_parameters(max_epochs=1)
    card = train_cell("cnn", "real", tiles(), tiles(6), None, params, 0, tmp_path).checkpoint.card
    assert card["zero_shot_val_accuracy"] is None
