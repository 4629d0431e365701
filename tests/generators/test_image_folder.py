from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.data.export import Export
from synthpath_kedro.data.preprocessing import resize_image
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.generators import GENERATORS

FOLDERS = ("adipose", "normal_colon mucosa", "stroma")
"""Of the real images' classes, as our own export names them."""


@pytest.fixture
def folder(tmp_path: Path, tiles: tuple[np.ndarray, np.ndarray]) -> Path:
    """Seven PNGs in a folder per class."""
    root = tmp_path / "gan"
    for number, (image, label) in enumerate(zip(*tiles, strict=True)):
        path = root / FOLDERS[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return root


def test_a_folder_per_class_becomes_the_set(made: Callable, folder: Path, tiles) -> None:
    synthetic = made(source="image_folder", path=str(folder))
    images, labels = tiles
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(synthetic.images[:], images[order])
    np.testing.assert_array_equal(synthetic.labels, labels[order])
    assert synthetic.name == synthetic.card.source == "image_folder"
    assert synthetic.card.counts == {"adipose": 3, "normal/colon mucosa": 2, "stroma": 2}
    assert synthetic.card.duplicates == {"real_train": 0, "treatment": "keep"}
    assert synthetic.card.prepared == "p"


@pytest.mark.parametrize(
    ("mode", "size"), [("RGB", (20, 20)), ("RGB", (21, 13)), ("L", (12, 9)), ("P", (16, 16)), ("1", (9, 9))]
)
def test_images_of_any_size_and_mode_become_what_real_ones_become(
    made: Callable, folder: Path, mode: str, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.save(folder / "adipose" / "0.png")
    synthetic = made(source="image_folder", path=str(folder))
    np.testing.assert_array_equal(synthetic.images[0], resize_image(image.convert("RGB"), 8))


def test_the_digest_of_the_files_changes_with_a_pixel_and_with_a_name(made: Callable, folder: Path) -> None:
    def digest() -> str:
        return made(source="image_folder", path=str(folder)).card.made_from["files"]

    first = digest()
    assert digest() == first
    (folder / "adipose" / "0.png").rename(folder / "adipose" / "00.png")
    second = digest()
    Image.new("RGB", (8, 8)).save(folder / "adipose" / "00.png")
    assert len({first, second, digest()}) == 3


def refused(made: Callable, folder: Path, real: Splits, message: str) -> None:
    """Both before anything is trained and when the set is made."""
    with pytest.raises(InputError, match=message):
        made(source="image_folder", path=str(folder))
    with pytest.raises(InputError, match=message):
        GENERATORS["image_folder"].check_content(str(folder), real.class_names, "synthesis.path")


def test_a_class_that_the_real_images_do_not_have_is_named(made: Callable, folder: Path, real: Splits) -> None:
    (folder / "stroma").rename(folder / "tumor")
    valid = "valid classes: adipose, normal/colon mucosa, stroma"
    refused(made, folder, real, f"gan has images of tumor, which the real images do not have; {valid}")


@pytest.mark.parametrize("empty", [False, True])
def test_a_class_without_images_is_named(made: Callable, folder: Path, real: Splits, empty: bool) -> None:
    for path in (folder / "stroma").iterdir():
        path.unlink()
    if not empty:
        (folder / "stroma").rmdir()
    refused(made, folder, real, "gan has no image of stroma; every class of the real images needs synthetic ones")


def test_a_folder_without_class_folders_is_named(made: Callable, tmp_path: Path, real: Splits) -> None:
    (tmp_path / "flat").mkdir()
    refused(made, tmp_path / "flat", real, r"flat has 0 class folder\(s\)")


@pytest.mark.parametrize("exists", [False, True])
def test_a_path_that_is_no_folder_is_named(made: Callable, tmp_path: Path, real: Splits, exists: bool) -> None:
    path = tmp_path / "gone"
    if exists:
        path.touch()
    problem = "is a file" if exists else "does not exist"
    refused(made, path, real, rf"synthesis\.path: .*gone {problem}; give a folder with one folder of images per class")


def test_a_corrupt_image_is_named(made: Callable, folder: Path) -> None:
    whole = (folder / "adipose" / "3.png").read_bytes()
    (folder / "adipose" / "3.png").write_bytes(whole[:60])
    with pytest.raises(InputError, match=r"gan: 1 of 7 images cannot be used: adipose/3\.png \(corrupt"):
        made(source="image_folder", path=str(folder))


def test_a_copy_of_a_test_image_is_named_by_its_file(made: Callable, folder: Path, real: Splits) -> None:
    Image.fromarray(real.test.images[2]).save(folder / "stroma" / "copied.png")
    with pytest.raises(InputError, match=r"1 of the test set \(the first is stroma/copied\.png\)"):
        made(source="image_folder", path=str(folder))


@pytest.mark.parametrize("inside", ["", "train"])
def test_our_own_export_comes_back_as_it_was(
    data_card: Callable, made: Callable, folder: Path, tmp_path: Path, inside: str
) -> None:
    ours = made(source="image_folder", path=str(folder))
    (tmp_path / "export").mkdir()
    Export(ours, data_card(), "image_folder").write(tmp_path / "export")
    again = made(source="image_folder", path=str(tmp_path / "export" / inside))
    np.testing.assert_array_equal(again.images[:], ours.images[:])
    np.testing.assert_array_equal(again.labels, ours.labels)
    assert again.digest == ours.digest
