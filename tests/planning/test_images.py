import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.images import ImageCounts, count_images


def touch(root: Path, folder: str, n: int) -> None:
    (root / folder).mkdir(parents=True)
    for index in range(n):
        (root / folder / f"{index}.png").touch()


def test_a_phantom_has_as_many_images_as_its_parameters_say(
    parameters: Callable[..., Parameters], tmp_path: Path
) -> None:
    assert count_images(parameters().data_prep, tmp_path / "card.json") == ImageCounts(90, 45, 45, 9)


def test_medmnist_is_counted_without_a_download(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    params = parameters(data_prep={"source": "medmnist"}).data_prep
    assert count_images(params, tmp_path / "card.json") == ImageCounts(89996, 10004, 7180, 9)


def test_an_npz_is_counted_by_its_headers(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    arrays = {
        f"{split}_images": np.zeros((n, 4, 4, 3), np.uint8) for split, n in (("train", 7), ("val", 3), ("test", 2))
    }
    np.savez_compressed(tmp_path / "tiles.npz", **arrays, class_names=np.array(["a", "b"]))
    params = parameters(data_prep={"source": "npz", "path": str(tmp_path / "tiles.npz")}).data_prep
    assert count_images(params, tmp_path / "card.json") == ImageCounts(7, 3, 2, 2)


def test_a_folder_without_splits_is_shared_out(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    touch(tmp_path, "tiles/a", 12)
    touch(tmp_path, "tiles/b/deeper", 8)
    (tmp_path / "tiles/a/notes.txt").touch()
    params = parameters(data_prep={"source": "image_folder", "path": str(tmp_path / "tiles")}).data_prep
    assert count_images(params, tmp_path / "card.json") == ImageCounts(14, 2, 4, 2, exact=False)


def test_a_folder_with_splits_is_counted_split_by_split(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    for folder, n in (("train/a", 3), ("train/b", 2), ("valid/a", 1), ("test/b", 4)):
        touch(tmp_path / "tiles", folder, n)
    params = parameters(data_prep={"source": "image_folder", "path": str(tmp_path / "tiles")}).data_prep
    assert count_images(params, tmp_path / "card.json") == ImageCounts(5, 1, 4, 2)


@pytest.mark.parametrize("source", ["npz", "image_folder"])
def test_what_is_not_there_is_not_counted(source: str, parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    params = parameters(data_prep={"source": source, "path": str(tmp_path / "nowhere")}).data_prep
    assert count_images(params, tmp_path / "card.json") is None


def test_the_card_counts_where_it_is_of_the_same_parameters(
    parameters: Callable[..., Parameters], data_card: Callable, tmp_path: Path
) -> None:
    params = parameters().data_prep
    sizes = {"train": 80, "val": 40, "test": 30}
    splits = {split: {"n": n, "counts": {}, "digest": ""} for split, n in sizes.items()}
    card = data_card(parameters=params.model_dump(mode="json"), splits=splits)
    (tmp_path / "card.json").write_text(json.dumps(card.to_json()))
    assert count_images(params, tmp_path / "card.json") == ImageCounts(80, 40, 30, 3)
    changed = parameters(data_prep={"phantom": {"n_train": 18}}).data_prep
    assert count_images(changed, tmp_path / "card.json") == ImageCounts(18, 45, 45, 9)
