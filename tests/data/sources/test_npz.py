import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.data.sources import npz, read_source
from synthpath_kedro.errors import InputError


@pytest.fixture
def read(tmp_path, data_prep):
    """Saves arrays as an npz and reads it."""

    def save_and_read(arrays, file="mine.npz", save=np.savez_compressed, **changes):
        path = tmp_path / file
        save(path, **arrays)
        return read_source(data_prep(source="npz", path=path, **{"image_size": 8, **changes}), 0, tmp_path)

    return save_and_read


def refusal(call, *arguments, **changes):
    with pytest.raises(InputError) as error:
        call(*arguments, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_and_labels_come_out_as_they_went_in(read, medmnist_arrays, save):
    arrays = medmnist_arrays()
    for name, images in read(arrays, save=save):
        assert np.array_equal(images.images, arrays[f"{name}_images"])
        assert np.array_equal(images.labels, arrays[f"{name}_labels"][:, 0])
        assert images.labels.dtype == np.int64
        assert images.class_names == ("class 0", "class 1", "class 2")
        assert images.groups is None


def test_reading_in_small_chunks_gives_the_same_images(read, medmnist_arrays, monkeypatch):
    whole = read(medmnist_arrays(size=20)).digest
    monkeypatch.setattr(npz, "_CHUNK_BYTES", 3000)
    assert read(medmnist_arrays(size=20)).digest == whole


def test_column_major_arrays_are_read_too(read, medmnist_arrays):
    arrays = medmnist_arrays()
    plain = read(arrays).digest
    assert read({key: np.asfortranarray(array) for key, array in arrays.items()}).digest == plain


def test_labels_may_be_flat_and_of_any_integer_type(read, medmnist_arrays):
    arrays = medmnist_arrays()
    plain = read(arrays).digest
    for dtype in (">i4", np.int64, np.uint16):
        flat = {key: array[:, 0].astype(dtype) if "labels" in key else array for key, array in arrays.items()}
        assert read(flat).digest == plain


@pytest.mark.parametrize("channels", [(), (1,)])
def test_gray_images_become_rgb(read, medmnist_arrays, channels):
    arrays = medmnist_arrays(channels=channels)
    images = read(arrays).train.images
    assert images.shape == (12, 8, 8, 3)
    assert np.array_equal(images[..., 2], arrays["train_images"].reshape(12, 8, 8))


def test_the_card_names_file_size_and_data(read, medmnist_arrays):
    card = read(medmnist_arrays(size=20)).card()
    assert (card.source, card.name, card.facts["file"]) == ("npz", "mine", "mine.npz")
    assert (card.facts["native_size"], card.image_size) == ([20, 20], 8)
    assert read(medmnist_arrays(), name="my tissue").card().name == "my tissue"


def test_class_names_stand_in_the_file(read, medmnist_arrays):
    names = np.array(["fat", "gland", "glass"])
    assert read({**medmnist_arrays(), "class_names": names}).class_names == ("fat", "gland", "glass")


@pytest.mark.parametrize(("file", "name"), [("a.npz", "PathMNIST"), ("pathmnist_tiles_28.npz", None)])
def test_nine_classes_of_pathmnist_get_its_names(read, medmnist_arrays, file, name):
    names = read(medmnist_arrays(n_classes=9), file, name=name).class_names
    assert len(names) == 9
    assert (names[0], names[8]) == ("adipose", "colorectal adenocarcinoma epithelium")


def test_another_number_of_classes_does_not_get_pathmnists_names(read, medmnist_arrays):
    assert read(medmnist_arrays(n_classes=3), name="pathmnist").class_names[0] == "class 0"


def test_groups_are_read_from_the_array_that_the_parameter_names(read, medmnist_arrays):
    slides = {"train": ["a"] * 6 + ["b"] * 6, "val": ["c"] * 6, "test": ["d"] * 9}
    arrays = medmnist_arrays() | {f"{split}_slide": np.array(names) for split, names in slides.items()}
    splits = read(arrays, group="slide")
    assert splits.train.groups.tolist() == [0] * 6 + [1] * 6
    assert splits.test.groups.tolist() == [3] * 9
    assert splits.train.groups.dtype == np.int64


def test_a_patient_in_two_splits_is_refused(read, medmnist_arrays):
    slides = {"train": ["a"] * 12, "val": ["b"] * 6, "test": ["a"] * 9}
    arrays = medmnist_arrays() | {f"{split}_slide": np.array(names) for split, names in slides.items()}
    assert "stand in both train and test (a)" in refusal(read, arrays, group="slide")


def test_a_group_array_that_is_not_there_is_refused(read, medmnist_arrays):
    message = refusal(read, medmnist_arrays(), group="slide")
    assert "data_prep.group is 'slide'" in message
    assert "found: train_images, train_labels" in message


def test_several_labels_an_image_make_a_multi_label_set(read, medmnist_arrays):
    arrays = medmnist_arrays()
    for split, count in (("train", 12), ("val", 6), ("test", 9)):
        arrays[f"{split}_labels"] = np.array([[1, 0], [1, 1], [0, 0]])[np.arange(count) % 3]
    train = read(arrays).train
    assert train.multi_label
    assert (train.labels.dtype, train.labels.shape) == (np.uint8, (12, 2))
    assert train.class_names == ("class 0", "class 1")


BROKEN_ARRAYS = {
    "float images": ({"val_images": np.zeros((6, 8, 8, 3))}, "val_images are float64; they must be uint8"),
    "NaN images": ({"val_images": np.full((6, 8, 8, 3), np.nan, np.float32)}, "val_images are float32"),
    "16-bit images": ({"val_images": np.zeros((6, 8, 8, 3), np.uint16)}, "val_images are uint16"),
    "RGBA images": (
        {"val_images": np.zeros((6, 8, 8, 4), np.uint8)},
        "val_images have 4 channels; they must be gray or RGB",
    ),
    "two channels": ({"val_images": np.zeros((6, 8, 8, 2), np.uint8)}, "val_images have 2 channels"),
    "channels first": ({"val_images": np.zeros((6, 3, 8, 8), np.uint8)}, "channels first"),
    "volumes": ({"val_images": np.zeros((6, 8, 8, 8, 3), np.uint8)}, "must be [N, H, W] (gray) or [N, H, W, 3] (RGB)"),
    "no pixels": ({"val_images": np.zeros((6, 0, 8, 3), np.uint8)}, "must be [N, H, W]"),
    "pickled images": ({"val_images": np.array([None] * 6)}, "val_images holds pickled Python objects"),
    "pickled labels": ({"val_labels": np.array([0, 1, None, 0, 1, 2])}, "val_labels holds pickled Python objects"),
    "float labels": (
        {"val_labels": np.array([0, 1, np.nan, 0, 1, 2])},
        "val_labels are float64; they must be whole numbers",
    ),
    "text labels": ({"val_labels": np.array(["fat"] * 6)}, "val_labels are <U3; they must be whole numbers"),
    "too few labels": ({"val_labels": np.zeros(5, np.uint8)}, "6 images, but val_labels has 5"),
    "3D labels": ({"val_labels": np.zeros((6, 1, 1), np.uint8)}, "val_labels have shape [6, 1, 1]"),
    "a far label": ({"val_labels": np.array([0, 1, 2, 0, 1, 255])}, "label 255 is outside the range"),
    "a negative label": ({"val_labels": np.array([0, 1, 2, 0, 1, -1])}, "label -1 is outside the range"),
    "differing labels": ({"val_labels": np.zeros((6, 2), np.uint8)}, "differ in columns"),
    "class names of bytes": ({"class_names": np.array([b"a", b"b", b"c"])}, "class_names must be a list"),
    "class names twice": ({"class_names": np.array(["a", "a", "b"])}, "class_names must be a list of different names"),
}


@pytest.mark.parametrize(("changes", "message"), BROKEN_ARRAYS.values(), ids=BROKEN_ARRAYS)
def test_arrays_that_cannot_be_used_are_named(read, medmnist_arrays, changes, message):
    text = refusal(read, medmnist_arrays() | changes)
    assert message in text
    assert "mine.npz" in text


def test_a_label_beyond_the_names_in_the_file_is_refused(read, medmnist_arrays):
    message = refusal(read, medmnist_arrays() | {"class_names": np.array(["fat", "gland"])})
    assert "mine.npz: train labels hold 2; they must lie in 0 to 1" in message


def test_one_hot_labels_are_refused(read, medmnist_arrays):
    arrays = medmnist_arrays()
    for split in ("train", "val", "test"):
        arrays[f"{split}_labels"] = np.eye(3, dtype=np.uint8)[arrays[f"{split}_labels"][:, 0]]
    assert "one-hot" in refusal(read, arrays)


def test_columns_of_class_numbers_are_refused(read, medmnist_arrays):
    arrays = medmnist_arrays()
    for split in ("train", "val", "test"):
        arrays[f"{split}_labels"] = np.repeat(arrays[f"{split}_labels"], 2, axis=1)
    assert "labels with 2 columns hold 2; multi-label sets have 0 and 1 only" in refusal(read, arrays)


def test_missing_arrays_are_listed_beside_those_found(read):
    message = refusal(read, {"x": np.zeros(3), "train_images": np.zeros((1, 8, 8, 3), np.uint8)})
    assert "has no train_labels, val_images, val_labels, test_images, test_labels" in message
    assert message.endswith("found: x, train_images")


def test_pickles_are_never_executed(read, medmnist_arrays, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    assert "pickled" in refusal(read, medmnist_arrays() | {"train_labels": np.array([Bomb()] * 12, dtype=object)})
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("kept", [0, 10, 500, 3000, -1])
def test_a_file_cut_short_is_named(tmp_path, data_prep, medmnist_arrays, kept):
    whole, cut = tmp_path / "whole.npz", tmp_path / "cut.npz"
    np.savez_compressed(whole, **medmnist_arrays())
    cut.write_bytes(whole.read_bytes()[:kept])
    message = refusal(read_source, data_prep(source="npz", path=cut), 0, tmp_path)
    assert f"{cut} is not a whole npz file" in message


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_changed_byte_is_noticed(tmp_path, data_prep, medmnist_arrays, save):
    path = tmp_path / "bad.npz"
    save(path, **medmnist_arrays(size=20))
    content = bytearray(path.read_bytes())
    content[5000] ^= 0xFF
    path.write_bytes(content)
    assert "is not a whole npz file" in refusal(
        read_source, data_prep(source="npz", path=path, image_size=8), 0, tmp_path
    )


def test_a_member_that_is_no_array_is_named(tmp_path, data_prep, medmnist_arrays):
    path = tmp_path / "odd.npz"
    np.savez(path, **{key: array for key, array in medmnist_arrays().items() if key != "val_labels"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("val_labels.npy", b"not an array")
    assert "val_labels is not a numpy array" in refusal(read_source, data_prep(source="npz", path=path), 0, tmp_path)


def test_an_array_shorter_than_its_header_says_is_named(tmp_path, data_prep, medmnist_arrays):
    path = tmp_path / "odd.npz"
    np.savez(path, **medmnist_arrays())
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[:-5] if name == "test_images.npy" else content)
    message = refusal(read_source, data_prep(source="npz", path=path), 0, tmp_path)
    assert "test_images is not as long as its header says" in message


def test_paths_that_lead_nowhere_are_named(tmp_path, data_prep):
    for path, message in (
        (None, "data_prep.path is null; source npz needs the npz file"),
        (tmp_path / "none.npz", "none.npz does not exist"),
        (tmp_path, "is a folder; give the npz file itself"),
    ):
        assert message in refusal(read_source, data_prep(source="npz", path=path), 0, tmp_path)


def test_an_empty_split_is_refused(read, medmnist_arrays):
    assert "mine.npz: the val split is empty" in refusal(read, medmnist_arrays(counts=(12, 0, 9)))


def test_images_in_two_splits_are_treated_as_the_parameter_says(read, medmnist_arrays):
    arrays = medmnist_arrays()
    arrays["train_images"][0] = arrays["test_images"][0]
    assert "mine.npz: 1 train image(s) stand also in val or test" in refusal(read, arrays)
    assert len(read(arrays, duplicates_across_splits="drop").train) == 11
    assert len(read(arrays, duplicates_across_splits="keep").train) == 12


@pytest.mark.skipif("SYNTHPATH_REAL_TILES" not in os.environ, reason="SYNTHPATH_REAL_TILES names no folder")
@pytest.mark.parametrize(("size", "counts"), [(28, [584, 96, 165]), (64, [88, 26, 26]), (224, [88, 26, 26])])
def test_real_tiles_are_read_and_valid(tmp_path, data_prep, size, counts):
    path = Path(os.environ["SYNTHPATH_REAL_TILES"]) / f"pathmnist_tiles_{size}.npz"
    splits = read_source(data_prep(source="npz", path=path, image_size=32), 0, tmp_path)
    assert [len(images) for _, images in splits] == counts
    assert splits.class_names[3] == "lymphocytes"
    assert splits.train.images.shape[1:] == (32, 32, 3)
    red, green, blue = splits.test.images[splits.test.labels == 3].mean(axis=(0, 1, 2))
    assert green < min(red, blue)
