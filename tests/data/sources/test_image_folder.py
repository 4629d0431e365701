import logging
import os
import unicodedata
from contextlib import contextmanager

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


@pytest.mark.parametrize("name", ["valid", "validation", "Val", "VAL", "dev"])
@pytest.mark.parametrize(("train", "test"), [("Train", "TEST"), ("Training", "Testing")])
def test_the_split_folders_have_several_names_in_any_case(root, read, name, train, test):
    fill_splits(root, (train, name, test))
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


def test_the_order_in_the_file_system_does_not_matter(root, read, monkeypatch):
    fill(root, [f"{label}/deep{k % 3}/{k}.png" for label in ("fat", "gland") for k in range(12)])
    digest = read().digest
    scandir = os.scandir

    @contextmanager
    def backwards(folder):
        with scandir(folder) as found:
            yield sorted(found, key=lambda entry: entry.name, reverse=True)

    monkeypatch.setattr(image_files.os, "scandir", backwards)
    assert read().digest == digest


def test_files_are_found_at_any_depth_and_with_any_ending(root, read):
    names = ["a.png", "b.PNG", "deep/c.jpg", "deep/er/d.JPEG", "e.tif", "f.TIFF", "g.bmp", "h.png"]
    fill(root, [f"{label}/{name}" for label in ("fat", "gland") for name in names])
    assert sum(len(images) for _, images in read()) == 16


def test_everything_is_read_or_counted_as_left_out_but_for_hidden_files(root, read):
    fill_splits(root)
    for name in ("train/fat/notes.txt", "train/fat/.hidden.png", "train/fat/Thumbs.db", "README.md", "train/._x.png"):
        (root / name).write_text("x")
    fill(root, ["train/fat/.cache/a.png", ".git/a.png", "train/.DS/b.png", "__MACOSX/a.png"])
    for name in ("a.dcm", "b.DCM", "c.svs"):
        (root / "val/gland" / name).touch()
    (root / "test/fat/LICENSE").touch()
    fill(root, ["train/above_its_class.png"], seed=9)
    os.mkfifo(root / "test/fat/pipe.png")
    (root / "test/nowhere").symlink_to(root / "gone")
    splits = read()
    assert [len(images) for _, images in splits] == [6, 6, 6]
    assert splits.card().facts["left_out"] == {
        ".dcm": 2,
        ".md": 1,
        ".svs": 1,
        ".txt": 1,
        "images outside the class folders": 1,
        "links that lead nowhere": 1,
        "special files": 1,
        "without an ending": 1,
    }


def test_nothing_left_out_is_not_mentioned(root, read):
    fill_splits(root)
    assert "left_out" not in read().card().facts


def test_links_to_folders_and_files_are_followed_but_not_in_circles(root, read, tmp_path):
    fill_splits(tmp_path / "elsewhere", n=4)
    for split in ("train", "test"):
        (root / split).symlink_to(tmp_path / "elsewhere" / split)
    (root / "val/fat").mkdir(parents=True)
    (root / "val/gland").symlink_to(tmp_path / "elsewhere/val/gland")
    for k in range(4):
        (root / f"val/fat/{k}.png").symlink_to(tmp_path / f"elsewhere/val/fat/val{k}_x.png")
    (tmp_path / "elsewhere/val/gland/again").symlink_to(tmp_path / "elsewhere/val/gland")
    (root / "val/fat/up").symlink_to(root)
    splits = read(tmp_path / "root")
    assert [len(images) for _, images in splits] == [8, 8, 8]
    assert splits.card().facts["left_out"] == {"links in a circle": 2}
    assert np.array_equal(splits.val.images[0], np.asarray(Image.open(tmp_path / "elsewhere/val/fat/val0_x.png")))


def test_a_link_to_an_image_that_is_gone_is_named(root, read):
    fill_splits(root)
    (root / "val/fat/lost.png").symlink_to(root / "gone.png")
    assert "1 of 19 images cannot be used: val/fat/lost.png (a link that leads nowhere)" in refusal(read)


@pytest.mark.parametrize("name", ["train_set", "Test images", "hold-out", "validation2", "1_train", "TESTING"])
def test_class_folders_that_look_like_splits_are_refused(root, read, name):
    fill(root, [f"set/{label}/{k}.png" for label in ("fat", name) for k in range(9)])
    message = refusal(read, root / "set")
    assert f"{name} would be a class but looks like a split" in message or "mixes split folders" in message
    assert "expected: <split>/<class>/ with the splits train (or training), val (or valid, validation, dev)" in message


@pytest.mark.parametrize("name", ["testis", "trainee", "devil", "valve", "Test tube", "validated"])
def test_class_names_that_only_begin_like_splits_are_classes(root, read, name):
    fill(root, [f"{label}/{k}.png" for label in ("fat", name) for k in range(20)])
    assert read().class_names == tuple(sorted(("fat", name)))


def test_splits_below_the_classes_are_refused(root, read):
    fill(
        root,
        [f"{label}/{split}/{k}.png" for label in ("fat", "gland") for split in ("Train", "test") for k in range(4)],
    )
    assert "root/fat holds the splits Train, test below the class; expected: <split>/<class>/" in refusal(read)


def test_a_folder_around_the_data_is_named(root, read):
    fill_splits(root / "data")
    assert "root/data looks like it: give that folder" in refusal(read)


def test_class_names_that_differ_in_unicode_form_alone_are_one_class_and_that_is_said(root, read, caplog):
    fill_splits(root)
    for split, form in (("train", "NFC"), ("val", "NFD"), ("test", "NFC")):
        (root / split / "gland").rename(root / split / unicodedata.normalize(form, "Tumör"))
    with caplog.at_level(logging.INFO):
        assert read().class_names == ("Tumör", "fat")
    assert "val: class names normalized to Unicode NFC: Tumör" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", " "), "the class name ' ' is blank"),
        (("a", "b\x1b[2J"), r"the class name 'b\x1b[2J' is blank or holds control characters"),
        (("a", "b\nc"), r"the class name 'b\nc' is blank or holds control"),
        (("é", "e\u0301"), "1 class name(s) stand there twice (é), perhaps written in other Unicode characters"),
    ],
)
def test_class_names_that_cannot_be_told_apart_or_shown_are_refused(root, read, names, message):
    fill(root, [f"{label}/{k}.png" for label in names for k in range(9)])
    assert message in refusal(read)


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
        (
            "mixed",
            ["train/fat/a.png", "test/fat/a.png", "gland/a.png"],
            "others (gland); expected: <split>",
        ),
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
