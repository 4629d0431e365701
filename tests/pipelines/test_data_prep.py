from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines.data_prep import create_pipeline
from synthpath_kedro.pipelines.data_prep.nodes import prepare_images


@pytest.fixture
def npz(tmp_path: Path, splits: Splits) -> Path:
    path = tmp_path / "tiles.npz"
    np.savez(
        path,
        **{f"{name}_images": images.images for name, images in splits},
        **{f"{name}_labels": images.labels[:, None] for name, images in splits},
    )
    return path


def test_data_prep_gives_three_sets_a_card_a_table_and_two_figures(run, parameters: Parameters, npz: Path) -> None:
    params = parameters.data_prep.model_copy(update={"source": "npz", "path": str(npz)})
    made = run(create_pipeline(), **{"params:data_prep": params, "raw_folder": npz.parent})
    assert len(made["real_train"]) == 30
    assert made["data_card"].splits["test"].n == 12
    assert made["class_distribution"]["train"].tolist() == [10, 10, 10]
    assert isinstance(made["class_distribution_figure"], Figure)
    assert isinstance(made["sample_grid_figure"], Figure)


def test_the_three_sets_name_the_data_that_they_belong_to(parameters: Parameters, npz: Path) -> None:
    params = parameters.data_prep.model_copy(update={"source": "npz", "path": str(npz)})
    *sets, card = prepare_images(params, 0, npz.parent)
    assert {images.card["prepared"] for images in sets} == {card.digest}


def test_a_missing_file_is_named(parameters: Parameters, tmp_path: Path) -> None:
    params = parameters.data_prep.model_copy(update={"source": "npz", "path": str(tmp_path / "gone.npz")})
    with pytest.raises(InputError, match=r"gone\.npz"):
        prepare_images(params, 0, tmp_path)


def test_thinned_classes_are_thinned_in_training_alone_and_stand_on_the_card(parameters: Parameters, npz: Path) -> None:
    update = {"source": "npz", "path": str(npz)}
    whole = prepare_images(parameters.data_prep.model_copy(update=update), 0, npz.parent)
    *sets, card = prepare_images(
        parameters.data_prep.model_copy(update=update | {"class_fractions": {"class 0": 0.2}}), 0, npz.parent
    )
    assert sets[0].class_counts.tolist() == [2, 10, 10]
    assert [images.class_counts.tolist() for images in sets[1:]] == [[4, 4, 4], [4, 4, 4]]
    assert card.subsampled == {"class 0": 0.2}
    assert card.digest != whole[3].digest
