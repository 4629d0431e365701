"""The examples of docs/extending: they are read as parameters, and the network of one's own is trained."""

import re
import sys

import pytest
import yaml

from synthpath_kedro.classifiers.checkpoint import load_classifiers
from synthpath_kedro.classifiers.training import train_cell
from synthpath_kedro.parameters import Parameters, read_parameters


@pytest.fixture
def examples(project):
    """The code blocks in one language of one section of the documentation."""

    def find(title, language):
        texts = [path.read_text() for path in (project / "docs").glob("extending*.md")]
        sections = [part for text in texts for part in re.split(r"^## ", text, flags=re.MULTILINE)]
        [section] = [part for part in sections if part.startswith(f"{title}\n")]
        return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)

    return find


@pytest.fixture
def read(project):
    """Reads the base environment's parameters, changed as an example says."""

    def read(example: str) -> Parameters:
        values = {}
        for path in (project / "conf" / "base").glob("parameters*.yml"):
            values |= yaml.safe_load(path.read_text())
        return read_parameters(merged(values, yaml.safe_load(example)))

    return read


def merged(below, above):
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {key: merged(below.get(key), above.get(key, below.get(key))) for key in below | above}


def test_the_examples_of_classifiers_are_valid_parameters(examples, read):
    encoders, virchow, own = (read(example).classification for example in examples("A classifier", "yaml"))
    assert encoders.models == ("resnet18", "uni", "convnext")
    assert [encoders.backbone(model).trained_part for model in encoders.models] == ["last_block", "head", "last_block"]
    assert virchow.backbone("virchow").model_args == {"mlp_layer": "SwiGLUPacked", "act_layer": "silu"}
    assert own.backbone("mine").module == "my_model"


def test_the_example_of_a_network_of_ones_own_is_trained(examples, read, tiles, tmp_path, monkeypatch):
    [code], [*_, block] = examples("A classifier", "python"), examples("A classifier", "yaml")
    (tmp_path / "my_model.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_model", raising=False)
    params = read(block).classification.model_copy(update={"max_epochs": 1, "replicates": 1})
    checkpoint = train_cell("mine", "real", tiles(), tiles(6), None, params, 0, tmp_path / "scratch").checkpoint
    assert load_classifiers(checkpoint)[0].description == "average color @ 64, random"


def test_the_example_of_a_feature_extractor_is_valid(examples, read):
    [example] = examples("A feature extractor", "yaml")
    features = read(example).evaluation.features
    assert (features.family, features.variant, features.pooling) == (
        "timm",
        "hf-hub:bioptimus/H-optimus-0",
        "class_token",
    )
