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


@pytest.fixture
def file(tmp_path: Path, tiles: tuple[np.ndarray, np.ndarray]) -> Callable[..., str]:
    """Writes the seven tiles and their labels, changed where a test says so; None leaves an array out."""

    def write(**changes: object) -> str:
        arrays = {"images": tiles[0], "labels": tiles[1], **changes}
        np.savez(tmp_path / "gan.npz", **{name: array for name, array in arrays.items() if array is not None})
        return str(tmp_path / "gan.npz")

    return write


def test_images_and_labels_become_the_set(made: Callable, file: Callable, tiles) -> None:
    synthetic = made(source="npz", path=file())
    np.testing.assert_array_equal(synthetic.images[:], tiles[0])
    np.testing.assert_array_equal(synthetic.labels, tiles[1])
    assert synthetic.name == synthetic.card.source == "npz"
    assert len(synthetic.shards) == 3
    assert synthetic.card.facts == {"native_size": "8 x 8 pixels"}


def test_the_layout_of_medmnist_is_read_from_its_training_set(made: Callable, file: Callable, tiles) -> None:
    path = file(
        images=None, labels=None, train_images=tiles[0], train_labels=tiles[1][:, None], val_images=tiles[0][:2]
    )
    np.testing.assert_array_equal(made(source="npz", path=path).labels, tiles[1])


def test_classes_are_matched_by_name_where_the_file_names_them(made: Callable, file: Callable, tiles) -> None:
    names = np.array(["stroma", "adipose", "normal/colon mucosa"])
    synthetic = made(source="npz", path=file(class_names=names))
    np.testing.assert_array_equal(synthetic.labels, np.array([2, 0, 1])[tiles[1]])


@pytest.mark.parametrize("shape", [(20, 20, 3), (21, 13, 3), (12, 9), (16, 16, 1)])
def test_images_of_any_size_become_what_real_ones_become(made: Callable, file: Callable, shape) -> None:
    images = np.random.default_rng(2).integers(0, 256, (7, *shape), dtype=np.uint8)
    synthetic = made(source="npz", path=file(images=images))
    expected = [resize_image(Image.fromarray(np.squeeze(image)).convert("RGB"), 8) for image in images]
    np.testing.assert_array_equal(synthetic.images[:], expected)


def refused(made: Callable, path: str, real: Splits, message: str) -> None:
    """Both before anything is trained and when the set is made."""
    with pytest.raises(InputError, match=message):
        made(source="npz", path=path)
    with pytest.raises(InputError, match=message):
        GENERATORS["npz"].check_content(path, real.class_names, "synthesis.path")


@pytest.mark.parametrize(("label", "named"), [(3, "3"), (-1, "-1")])
def test_labels_that_are_no_class_are_named(made: Callable, file: Callable, real: Splits, label, named) -> None:
    labels = np.array([0, 1, 2, 0, 1, 2, label])
    valid = r"they must lie in 0 to 2 \(adipose, normal/colon mucosa, stroma\)"
    refused(made, file(labels=labels), real, rf"gan\.npz: labels hold {named}; {valid}")


def test_one_hot_labels_are_refused(made: Callable, file: Callable, real: Splits, tiles) -> None:
    message = "labels have 3 columns; one class number per image is needed"
    refused(made, file(labels=np.eye(3, dtype=np.uint8)[tiles[1]]), real, message)


def test_labels_that_are_no_whole_numbers_are_refused(made: Callable, file: Callable, real: Splits, tiles) -> None:
    refused(made, file(labels=tiles[1].astype(float)), real, "labels are float64; they must be whole numbers")


def test_missing_arrays_are_named(made: Callable, file: Callable, real: Splits) -> None:
    refused(made, file(labels=None), real, r"gan\.npz has no labels; needed: images, labels; found: images")
    refused(made, file(images=None), real, r"gan\.npz has no images; needed: images, labels; found: labels")


def test_pickled_arrays_are_refused(made: Callable, file: Callable, real: Splits, tiles) -> None:
    labels = np.array(tiles[1].tolist(), dtype=object)
    refused(made, file(labels=labels), real, "holds pickled Python objects, which are never loaded")


def test_a_class_that_the_real_images_do_not_have_is_named(made: Callable, file: Callable, real: Splits) -> None:
    names = np.array(["adipose", "normal/colon mucosa", "tumor"])
    refused(made, file(class_names=names), real, "images of tumor, which the real images do not have; valid classes")


def test_a_class_without_images_is_named(made: Callable, file: Callable, real: Splits) -> None:
    refused(made, file(labels=np.array([0, 1] * 3 + [0])), real, r"gan\.npz has no image of stroma")


def test_no_images_at_all_are_refused(made: Callable, file: Callable, real: Splits) -> None:
    path = file(images=np.empty((0, 8, 8, 3), np.uint8), labels=np.empty(0, np.int64))
    refused(made, path, real, "has no image of adipose, normal/colon mucosa, stroma")


@pytest.mark.parametrize("what", ["does not exist", "is a folder", "not a whole npz file"])
def test_a_path_that_is_no_npz_file_is_named(made: Callable, tmp_path: Path, real: Splits, what: str) -> None:
    path = tmp_path / "some.npz"
    if what == "is a folder":
        path.mkdir()
    elif what == "not a whole npz file":
        path.write_bytes(b"half")
    refused(made, str(path), real, rf"some\.npz.* {what}")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((7, 8, 8, 3), np.float32), "images are float32; they must be uint8, 0 to 255"),
        (np.zeros((7, 3, 8, 8), np.uint8), "channels first"),
        (np.zeros((7, 8, 8, 4), np.uint8), "4 channels"),
        (np.zeros((6, 8, 8, 3), np.uint8), "6 images, but labels has 7"),
    ],
)
def test_images_of_another_form_are_refused(made: Callable, file: Callable, images: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(source="npz", path=file(images=images))


def test_our_own_export_comes_back_as_it_was(
    data_card: Callable, made: Callable, file: Callable, tmp_path: Path
) -> None:
    ours = made(source="npz", path=file())
    (tmp_path / "export").mkdir()
    Export(ours, data_card(), "npz").write(tmp_path / "export")
    again = made(source="npz", path=str(tmp_path / "export" / "synthetic.npz"))
    np.testing.assert_array_equal(again.images[:], ours.images[:])
    np.testing.assert_array_equal(again.labels, ours.labels)
    assert again.digest == ours.digest
