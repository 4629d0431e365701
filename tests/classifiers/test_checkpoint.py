import numpy as np
import pandas as pd
import pytest
import torch

from synthpath_kedro.classifiers.best_weights import trained_state
from synthpath_kedro.classifiers.checkpoint import Replicate, cell_checkpoint, load_classifiers
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.data.cell_metadata import ClassifierMetadata
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.models import FAMILIES

CLASS_NAMES = ("adipose", "debris", "mucus")


def checkpoint_of(classifiers, model):
    first = classifiers[0]
    metadata = ClassifierMetadata(
        model=model,
        regime="real",
        weights=first.weights,
        variant=first.variant,
        architecture=first.architecture,
        class_names=CLASS_NAMES,
    )
    replicates = [Replicate(trained_state(classifier), {}, None) for classifier in classifiers]
    return cell_checkpoint(first, replicates, metadata)


@pytest.mark.parametrize("model", FAMILIES)
def test_classifiers_come_back_from_the_file_with_their_logits(model, classification_parameters, tmp_path):
    params = classification_parameters()
    classifiers = [build_classifier(model, CLASS_NAMES, params, 0, replicate).eval() for replicate in (0, 1)]
    with torch.no_grad():
        for index, classifier in enumerate(classifiers):
            next(weight for weight in classifier.parameters() if weight.requires_grad).mul_(1 + index)
    write_artifact(tmp_path / "classifier.safetensors", checkpoint_of(classifiers, model))
    loaded = load_classifiers(read_artifact(tmp_path / "classifier.safetensors"))
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = [classifier(x) for classifier in classifiers]
        assert [torch.equal(classifier(x), one) for classifier, one in zip(loaded, logits, strict=True)] == [True, True]
    assert not torch.equal(*logits)
    assert [classifier.training for classifier in loaded] == [False, False]
    assert loaded[0].description == classifiers[0].description


def test_the_frozen_part_is_in_the_file_once(classification_parameters):
    classifiers = [build_classifier("resnet18", CLASS_NAMES, classification_parameters(), 0, k) for k in range(3)]
    names = list(checkpoint_of(classifiers, "resnet18").tensors)
    assert sum("frozen" in name for name in names) == len(classifiers[0].frozen.state_dict())
    assert {name.split(".")[0] for name in names} == {"frozen", "replicate_0", "replicate_1", "replicate_2"}


def test_a_checkpoint_of_other_layers_is_refused(classification_parameters):
    checkpoint = checkpoint_of([build_classifier("cnn", CLASS_NAMES, classification_parameters(), 0)], "cnn")
    other = Artifact(
        checkpoint.tensors, {**checkpoint.card, "architecture": {"variant": "two_blocks", "input_size": 64}}
    )
    with pytest.raises(
        InputError, match=r"the checkpoint of cnn under real does not fit .*; train the cell again"
    ) as e:
        load_classifiers(other)
    assert "\n" not in str(e.value)


def test_a_finished_replicates_file_gives_back_every_digit_of_its_history(classification_parameters, tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [1 / 3, np.nan], "val_loss": [0.1 + 0.2, 1e-300]})
    state = {"output.weight": torch.arange(6.0).reshape(2, 3)}
    write_artifact(tmp_path / "replicate", Replicate(state, {"best_epoch": 1}, history).to_artifact({"seed": 3}))
    back = Replicate.from_artifact(read_artifact(tmp_path / "replicate"))
    assert back.history.equals(history)
    assert back.card == {"best_epoch": 1}
    assert torch.equal(back.state["output.weight"], state["output.weight"])
