"""Diffusion and synthesis, the two pipelines that make synthetic images."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import read_artifact
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.datasets import ShardsDataset, WrittenFolderDataset
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines import diffusion, synthesis
from synthpath_kedro.pipelines.synthesis.nodes import generate_shards, write_manifest


@pytest.fixture
def trained(run, splits: Splits, tmp_path: Path) -> dict:
    return run(
        diffusion.create_pipeline(),
        real_train=splits.train,
        real_val=splits.val,
        data_card=splits.card(),
        diffusion_scratch=tmp_path / "scratch",
    )


def test_diffusion_gives_a_denoiser_its_history_and_two_figures(trained: dict) -> None:
    assert trained["denoiser"].card["prepared"] == "p"
    assert trained["diffusion_history"]["epoch"].tolist() == [1, 2]
    assert isinstance(trained["denoiser_loss_figure"], Figure)
    assert isinstance(trained["denoiser_samples_figure"], Figure)


@pytest.fixture
def synthesized(trained: dict, splits: Splits, parameters: Parameters, tmp_path: Path) -> tuple[ShardsDataset, dict]:
    """Nine images in two shards, and their manifest."""
    params = parameters.synthesis.model_copy(update={"n_images": 9, "shard_size": 6, "batch_size": 3, "num_steps": 2})
    shards = ShardsDataset(filepath=str(tmp_path / "synthetic"))
    shards.save(generate_shards(trained["denoiser"], splits.train, params, 0))
    manifest = write_manifest(shards.load(), trained["denoiser"])
    return shards, manifest


def test_synthesis_makes_every_image_once_and_lists_its_shards(synthesized: tuple[ShardsDataset, dict]) -> None:
    shards, manifest = synthesized
    assert manifest["total"] == 9
    assert manifest["counts"] == {"dark": 3, "gray": 3, "light": 3}
    synthetic = open_synthetic(shards.load(), manifest)
    assert synthetic.images.shape == (9, 16, 16, 3)
    np.testing.assert_array_equal(synthetic.class_counts, [3, 3, 3])
    assert synthetic.card["prepared"] == "p"


def test_shards_that_the_manifest_does_not_list_are_refused(
    synthesized: tuple[ShardsDataset, dict], tmp_path: Path
) -> None:
    shards, manifest = synthesized
    (tmp_path / "synthetic" / "shard_00001.safetensors").unlink()
    with pytest.raises(InputError, match=r"shard_00001\.safetensors"):
        open_synthetic(shards.load(), manifest)


def test_images_of_other_data_are_refused(trained: dict, splits: Splits, parameters) -> None:
    other = splits.train.with_card(prepared="q")
    with pytest.raises(InputError, match="denoiser was made from data p, real_train from data q"):
        generate_shards(trained["denoiser"], other, parameters.synthesis, 0)


def test_the_figure_shows_real_and_synthetic_images(
    run, trained: dict, splits: Splits, parameters, tmp_path: Path
) -> None:
    pipeline = synthesis.create_pipeline()
    shards = ShardsDataset(filepath=str(tmp_path))
    shards.save(generate_shards(trained["denoiser"], splits.train, parameters.synthesis, 0))
    assert read_artifact(next(tmp_path.glob("*.safetensors"))).card["key"]["seed"] == 0
    made = run(
        pipeline.only_nodes("write_manifest", "draw_real_and_synthetic"),
        denoiser=trained["denoiser"],
        real_train=splits.train,
        synthetic_shards=shards.load(),
    )
    assert isinstance(made["real_and_synthetic_figure"], Figure)


def test_a_shard_whose_pixels_were_changed_is_refused(synthesized: tuple[ShardsDataset, dict], tmp_path: Path) -> None:
    shards, manifest = synthesized
    path = tmp_path / "synthetic" / "shard_00000.safetensors"
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(InputError, match=r"do not belong together \(shard_00000\.safetensors\); run the synthesis"):
        open_synthetic(shards.load(), manifest)


def test_an_empty_manifest_is_named(synthesized: tuple[ShardsDataset, dict]) -> None:
    with pytest.raises(InputError, match=r"manifest\.json is damaged; run the synthesis pipeline"):
        open_synthetic(synthesized[0].load(), {})


def test_some_images_of_the_set_are_opened_without_the_others(synthesized: tuple[ShardsDataset, dict]) -> None:
    shards, manifest = synthesized[0].load(), synthesized[1]
    rows = np.array([0, 5, 6, 8])
    some, everything = open_synthetic(shards, manifest, rows), open_synthetic(shards, manifest)
    np.testing.assert_array_equal(some.images, everything.images[rows])
    np.testing.assert_array_equal(some.labels, everything.labels[rows])
    assert some.card == everything.card


def test_a_run_that_asks_for_no_export_leaves_an_earlier_one(tmp_path: Path) -> None:
    export = WrittenFolderDataset(filepath=str(tmp_path / "export"))
    export.save(lambda folder: (folder / "README.md").write_text("card") and None)
    export.save(lambda folder: None)
    assert [path.name for path in tmp_path.rglob("*")] == ["export", "README.md"]
