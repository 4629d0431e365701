import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import AttackedMetadata, CellMetadata, ClassifierMetadata
from synthpath_kedro.errors import InputError

KNOWN = {"model": "clip", "regime": "mixed", "set": "gan", "weights": "random", "variant": "small"}


def test_a_cell_is_read_from_any_of_its_artifacts():
    metadata = CellMetadata.of(Artifact({}, KNOWN | {"eps": 0.1, "replicates": [{"replicate": 0}]}))
    assert metadata.name == "clip/mixed/gan"
    assert CellMetadata.of(Artifact({}, metadata.to_json())) == metadata


def test_a_cell_without_synthetic_images_is_named_by_model_and_regime():
    assert CellMetadata(model="cnn", regime="real", weights="random", variant="small").name == "cnn/real"


@pytest.mark.parametrize(
    ("kind", "card", "fact"),
    [
        (CellMetadata, {name: value for name, value in KNOWN.items() if name != "model"}, "model"),
        (CellMetadata, KNOWN | {"parameters": [1]}, "parameters"),
        (ClassifierMetadata, KNOWN, "architecture"),
        (AttackedMetadata, KNOWN | {"attacks": ["bim"], "eps": "much", "epsilon_sweep": []}, "eps"),
    ],
)
def test_what_is_no_artifact_of_a_cell_is_refused_in_one_line(kind, card, fact):
    with pytest.raises(
        InputError, match=rf"the metadata of a cell is damaged or of another version \({fact}: "
    ) as error:
        kind.of(Artifact({}, card))
    assert "\n" not in str(error.value)
