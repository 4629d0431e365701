import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.export import folder_names, folder_writer

NAMES = ["adipose", "normal/colon mucosa"]
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 0])
MANIFEST = {
    "total": 5,
    "image_size": 8,
    "class_names": NAMES,
    "counts": {NAMES[0]: 3, NAMES[1]: 2},
    "parameters": {"sampler": "heun", "num_steps": 18},
    "seed": 7,
    "checkpoint": "abc",
    "versions": {"torch": "2"},
    "phantom": True,
}
DENOISER = {"parameterization": "edm", "epochs": 3, "images_seen": 1234}
REAL = {"name": "tiles", "source": "npz", "digest": "d", "splits": {"train": {"n": 40}}}


@pytest.fixture
def shards():
    return {
        "shard_00001.safetensors": Artifact({"images": IMAGES[3:], "labels": LABELS[3:]}),
        "shard_00000.safetensors": Artifact({"images": IMAGES[:3], "labels": LABELS[:3]}),
    }


@pytest.fixture
def export(shards, tmp_path):
    def write(form):
        folder = tmp_path / form
        folder.mkdir()
        folder_writer(shards, MANIFEST, DENOISER, REAL, form)(folder)
        return folder

    return write


def test_the_npz_has_medmnists_layout(export):
    with np.load(export("npz") / "synthetic.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["train_images"], IMAGES)
        np.testing.assert_array_equal(file["train_labels"], LABELS[:, None])
        assert file["val_images"].shape == file["test_images"].shape == (0, 8, 8, 3)
        assert file["class_names"].tolist() == NAMES
        assert len(file.files) == 7


def test_the_same_images_give_the_same_npz(export, shards, tmp_path):
    first = (export("npz") / "synthetic.npz").read_bytes()
    (tmp_path / "again").mkdir()
    folder_writer(shards, MANIFEST, DENOISER, REAL, "npz")(tmp_path / "again")
    assert (tmp_path / "again" / "synthetic.npz").read_bytes() == first


def test_the_image_folder_has_a_folder_a_class_and_loses_nothing(export):
    folder = export("image_folder")
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["adipose", "normal_colon mucosa"]
    third = np.asarray(Image.open(folder / "train" / "normal_colon mucosa" / "000003.png"))
    np.testing.assert_array_equal(third, IMAGES[3])
    assert len(list(folder.rglob("*.png"))) == 5


def test_the_card_says_how_the_images_were_made_from_what_and_their_limits(export):
    card = (export("both") / "README.md").read_text()
    for fact in ("| adipose | 3 |", "sampler heun, num_steps 18", "seed 7", "`abc`", "1,234 images seen", "digest `d`"):
        assert fact in card
    assert "Digital phantom, not tissue" in card
    assert "## Known limits" in card


def test_without_an_export_nothing_is_written(export):
    assert list(export("none").iterdir()) == []


def test_classes_whose_names_make_the_same_folder_are_numbered():
    assert folder_names(["a:b", "c", "a_b", "..", "C"]) == ["0_a_b", "1_c", "2_a_b", "_", "4_C"]
