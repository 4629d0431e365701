import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.data.sources import image_files, read_source
from synthpath_kedro.errors import InputError


def tile(seed, size=(8, 8)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8))


def fill(root, names, seed=0):
    for offset, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tile(1000 * seed + offset).save(path)


def fill_splits(root, splits=("train", "val", "test"), n=3):
    for seed, split in enumerate(splits):
        fill(root, [f"{split}/{label}/{split}{k}_x.png" for label in ("fat", "gland") for k in range(n)], seed)


@pytest.fixture
def read(tmp_path, data_prep):
    def read_root(root=None, seed=0, **changes):
        params = data_prep(source="image_folder", path=root or tmp_path / "root", **{"image_size": 8, **changes})
        return read_source(params, seed, tmp_path)

    return read_root


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def refusal(call, *arguments, **changes):
    with pytest.raises(InputError) as error:
        call(*arguments, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)


def pixels(images):
    return {image.tobytes() for image in images.images}


def test_split_folders_are_the_splits(root, read):
    fill_splits(root)
    splits = read()
    assert splits.class_names == ("fat", "gland")
    assert [images.labels.tolist() for _, images in splits] == [[0, 0, 0, 1, 1, 1]] * 3
    assert np.array_equal(splits.val.images[4], np.asarray(Image.open(root / "val/gland/val1_x.png")))
    assert splits.card().groups_known is False


@pytest.mark.parametrize("name", ["valid", "validation", "Val", "VAL"])
def test_the_validation_folder_has_several_names(root, read, name):
    fill_splits(root, ("Train", name, "TEST"))
    assert [len(images) for _, images in read()] == [6, 6, 6]


def test_without_val_it_is_taken_from_train(root, read):
    fill_splits(root, ("train", "test"), n=10)
    splits = read(split={"val": 0.2, "test": 0.3})
    assert [images.class_counts.tolist() for _, images in splits] == [[8, 8], [2, 2], [10, 10]]
    assert splits.card().facts["split"] == {"val": 0.2, "test": 0.3, "seed": 0}


def test_class_folders_alone_are_split_by_the_shares(root, read):
    fill(root, [f"{label}/{k}.png" for label in ("fat", "gland") for k in range(20)])
    splits = read(split={"val": 0.1, "test": 0.2})
    assert [images.class_counts.tolist() for _, images in splits] == [[14, 14], [2, 2], [4, 4]]
    assert splits.digest == read(split={"val": 0.1, "test": 0.2}).digest
    assert pixels(splits.test) != pixels(read(seed=1, split={"val": 0.1, "test": 0.2}).test)


def test_the_order_in_the_file_system_does_not_matter(root, read, tmp_path, monkeypatch):
    fill(root, [f"{label}/deep{k % 3}/{k}.png" for label in ("fat", "gland") for k in range(12)])
    digest = read().digest
    walk = os.walk
    monkeypatch.setattr(
        image_files.os,
        "walk",
        lambda top: [(parent, folders, files[::-1]) for parent, folders, files in list(walk(top))[::-1]],
    )
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(sorted(iterdir(folder), reverse=True)))
    assert read().digest == digest


def test_files_are_found_at_any_depth_and_with_any_ending(root, read):
    names = ["a.png", "b.PNG", "deep/c.jpg", "deep/er/d.JPEG", "e.tif", "f.TIFF", "g.bmp", "h.png"]
    fill(root, [f"{label}/{name}" for label in ("fat", "gland") for name in names])
    assert sum(len(images) for _, images in read()) == 16


def test_hidden_and_other_files_are_ignored(root, read):
    fill_splits(root)
    for name in ("train/fat/notes.txt", "train/fat/.hidden.png", "train/fat/Thumbs.db", "README.md"):
        (root / name).write_text("x")
    fill(root, ["train/fat/.cache/a.png", ".git/a.png", "train/.DS/b.png"])
    assert len(read().train) == 6


def test_images_of_any_size_become_squares_of_one_size(root, read):
    fill_splits(root)
    tile(77, (30, 20)).save(root / "train/fat/train0_x.png")
    image = read(image_size=10).train.images[0]
    expected = tile(77, (30, 20)).crop((0, 5, 20, 25)).resize((10, 10), Image.Resampling.LANCZOS)
    assert np.array_equal(image, np.asarray(expected))


def test_all_files_that_cannot_be_used_are_listed_at_once(root, read):
    fill_splits(root, n=8)
    for k in range(6):
        (root / f"train/fat/train{k}_x.png").write_bytes(b"junk")
        (root / f"test/gland/test{k}_x.png").write_bytes(b"")
    message = refusal(read)
    assert "12 of 48 images cannot be used" in message
    assert message.count(".png (not an image)") == 10
    assert "test/gland/test0_x.png (not an image)" in message


def test_patients_stay_together_in_drawn_splits(root, read):
    fill(root, [f"{label}/P{k % 10}_{k}.png" for label in ("fat", "gland") for k in range(40)])
    splits = read(group=r"^(P\d+)_")
    groups = [set(images.groups.tolist()) for _, images in splits]
    assert groups[0] | groups[1] | groups[2] == set(range(10))
    assert sum(map(len, groups)) == 10
    assert splits.card().groups_known is True


def test_patients_stay_together_when_val_is_taken_from_train(root, read):
    fill(root, [f"train/{label}/P{k % 8}_{k}.png" for label in ("fat", "gland") for k in range(24)])
    fill(root, [f"test/{label}/Q{k}_0.png" for label in ("fat", "gland") for k in range(3)], seed=1)
    splits = read(group=r"^([PQ]\d+)")
    assert not set(splits.train.groups) & set(splits.val.groups)
    assert len(splits.val) > 0


def test_the_whole_match_is_the_patient_where_nothing_is_captured(root, read):
    fill(root, [f"{label}/P{k % 10}_{k}.png" for label in ("fat", "gland") for k in range(40)])
    assert read(group=r"^P\d+").digest == read(group=r"^(P\d+)_").digest


def test_the_patient_can_be_a_folder_below_the_class(root, read):
    fill(root, [f"{label}/patient{k % 6}/{k}.png" for label in ("fat", "gland") for k in range(24)])
    splits = read(group=r"^([^/]+)/")
    assert len(set().union(*(set(images.groups.tolist()) for _, images in splits))) == 6


def test_a_patient_in_two_given_splits_is_refused(root, read):
    fill_splits(root)
    fill(root, ["test/fat/train1_y.png"], seed=9)
    assert "1 group(s) of data_prep.group stand in both train and test (train1)" in refusal(read, group="^([^_]+)_")


def test_a_file_without_a_patient_is_named(root, read):
    fill_splits(root)
    fill(root, ["val/fat/odd.png"], seed=9)
    message = refusal(read, group="^([^_]+)_")
    assert "gives no patient for 1 of 7 file names (val/fat/odd.png)" in message


def test_an_invalid_expression_is_named(root, read):
    fill_splits(root)
    assert "data_prep.group is '([', not a regular expression" in refusal(read, group="([")


def test_classes_must_be_the_same_in_every_split(root, read):
    fill_splits(root)
    fill(root, ["test/glass/a.png"])
    assert "the classes of test and train differ (glass)" in refusal(read)


def test_layouts_that_do_not_fit_are_refused(tmp_path, read):
    for name, files, message in (
        ("one_class", ["fat/a.png"], "1 class folder(s); at least two are needed"),
        ("no_images", ["fat/a.txt", "gland/b.txt"], "holds no images; endings read: .png"),
        ("mixed", ["train/fat/a.png", "test/fat/a.png", "gland/a.png"], "mixes split folders with others (gland)"),
        ("no_test", ["train/fat/a.png", "val/fat/a.png"], "train and test are needed"),
        ("two_vals", ["train/fat/a.png", "val/fat/a.png", "valid/fat/b.png"], "val and valid both name the val split"),
        ("empty", [], "0 class folder(s)"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
        text = refusal(read, folder)
        assert message in text
        assert str(folder) in text


def test_an_empty_class_folder_is_noticed(root, read):
    fill(root, [f"{label}/{k}.png" for label in ("fat", "gland") for k in range(10)])
    (root / "glass").mkdir()
    assert "no image of glass in the train split" in refusal(read)


def test_paths_that_lead_nowhere_are_named(tmp_path, read, data_prep):
    (tmp_path / "file").touch()
    assert "file is a file; give a folder" in refusal(read, tmp_path / "file")
    assert "none does not exist" in refusal(read, tmp_path / "none")
    message = refusal(read_source, data_prep(source="image_folder"), 0, tmp_path)
    assert "data_prep.path is null; source image_folder needs the folder" in message


@pytest.mark.parametrize("key", ["val", "test"])
def test_a_share_of_zero_is_refused_where_splits_are_drawn(root, read, key):
    fill(root, [f"{label}/{k}.png" for label in ("fat", "gland") for k in range(10)])
    assert f"data_prep.split.{key} is 0" in refusal(read, split={"val": 0.1, "test": 0.1, key: 0})


def test_the_same_image_in_two_splits_is_noticed(root, read):
    fill_splits(root)
    tile(0).save(root / "test/fat/copy_x.png")
    assert "1 train image(s) stand also in val or test" in refusal(read)
