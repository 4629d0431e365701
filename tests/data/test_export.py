import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.export import Export, describe, folder_names
from synthpath_kedro.data.synthetic import assemble, join

NAMES = ["adipose", "normal/colon mucosa"]
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 0])


FACTS = {
    "name": "diffusion",
    "source": "diffusion",
    "phantom": True,
    "made_from": {"checkpoint": "abc"},
    "parameters": {"sampler": "heun", "num_steps": 18},
    "seed": 7,
    "facts": {"parameterization": "edm", "epochs": 3, "images_seen": 1234},
}


@pytest.fixture
def synthetic():
    """Five images in two shards, which are given in another order."""
    shards = {
        "shard_00001.safetensors": Artifact({"images": IMAGES[3:], "labels": LABELS[3:]}, {"digest": "d1"}),
        "shard_00000.safetensors": Artifact({"images": IMAGES[:3], "labels": LABELS[:3]}, {"digest": "d0"}),
    }
    return assemble(shards, NAMES, **FACTS)


@pytest.fixture
def real(data_card):
    return data_card(digest="d")


@pytest.fixture
def export(synthetic, real, tmp_path):
    def write(form):
        folder = tmp_path / form
        folder.mkdir()
        Export(synthetic, real, form).write(folder)
        return folder

    return write


def test_the_npz_has_medmnists_layout(export):
    with np.load(export("npz") / "synthetic.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["train_images"], IMAGES)
        np.testing.assert_array_equal(file["train_labels"], LABELS[:, None])
        assert file["val_images"].shape == file["test_images"].shape == (0, 8, 8, 3)
        assert file["class_names"].tolist() == NAMES
        assert len(file.files) == 7


def test_the_same_images_give_the_same_npz(export, synthetic, tmp_path, real):
    first = (export("npz") / "synthetic.npz").read_bytes()
    (tmp_path / "again").mkdir()
    Export(synthetic, real, "npz").write(tmp_path / "again")
    assert (tmp_path / "again" / "synthetic.npz").read_bytes() == first


def test_the_image_folder_has_a_folder_a_class_and_loses_nothing(export):
    folder = export("image_folder")
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["adipose", "normal_colon mucosa"]
    third = np.asarray(Image.open(folder / "train" / "normal_colon mucosa" / "000003.png"))
    np.testing.assert_array_equal(third, IMAGES[3])
    assert len(list(folder.rglob("*.png"))) == 5


def test_the_card_says_how_the_images_were_made_from_what_and_their_limits(export):
    card = (export("both") / "README.md").read_text()
    for fact in ("| adipose | 3 |", "sampler heun, num_steps 18; seed 7", "checkpoint `abc`", "digest `d`"):
        assert fact in card
    for fact in ("- parameterization: edm.", "- epochs: 3.", "- images seen: 1,234."):
        assert fact in card
    assert "Digital phantom, not tissue" in card
    assert "## Known limits" in card


def test_the_card_of_images_made_elsewhere_names_their_source_and_no_seed(synthetic, real):
    facts = {"name": "gan", "source": "npz", "made_from": {"files": "f"}, "duplicates": {}}
    card = describe(assemble(synthetic.shards, NAMES, **facts).card, real)
    assert "- Generator: npz, made from files `f`." in card
    assert "seed" not in card
    assert "phantom" not in card


def test_classes_whose_names_make_the_same_folder_are_numbered():
    assert folder_names(["a:b", "c", "a_b", "..", "C"]) == ["0_a_b", "1_c", "2_a_b", "_", "4_C"]


def test_an_export_holds_the_images_of_every_generator_and_counts_them(synthetic, real, tmp_path):
    Export(join([synthetic, synthetic], **FACTS), real, "npz").write(tmp_path)
    with np.load(tmp_path / "synthetic.npz") as file:
        np.testing.assert_array_equal(file["train_images"], np.concatenate([IMAGES, IMAGES]))
    assert "- Generators: 2, trained separately, each made an equal part." in (tmp_path / "README.md").read_text()
    assert "- Generators:" not in describe(synthetic.card, real)
