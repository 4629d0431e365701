"""Diffusion and synthesis, the two pipelines that make synthetic images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthpath_kedro.data.export import Export
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.datasets import ArtifactFolderDataset, ScratchDataset, SyntheticSetDataset
from synthpath_kedro.diffusion.checkpoint import join_replicates, split_replicates
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines import diffusion, synthesis
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.grid import Grid

NINE = {"n_images": 9, "shard_size": 6, "batch_size": 3, "num_steps": 2}


@pytest.fixture
def trained(run: Callable, splits: Splits, tmp_path: Path) -> dict:
    return run(
        diffusion.create_pipeline(Grid()),
        real_train=splits.train,
        real_val=splits.val,
        data_card=splits.card(),
        scratch=tmp_path / "scratch",
        logs=tmp_path / "logs",
    )


@pytest.fixture
def synthesize(run: Callable, splits: Splits, parameters: Parameters, tmp_path: Path) -> Callable[..., dict]:
    """Runs the pipeline synthesis with changes in its block."""

    def run_synthesis(
        denoiser: object = None,
        existing: dict | None = None,
        parameters: Parameters = parameters,
        **changes: object,
    ) -> dict:
        changed = parameters.model_copy(update={"synthesis": parameters.synthesis.model_copy(update=changes)})
        real = {f"real_{name}": images for name, images in splits}
        return run(
            synthesis.create_pipeline(Grid.from_parameters(changed)),
            **{"params:synthesis": changed.synthesis, "parameters": changed.model_dump()},
            **real,
            **({} if denoiser is None else {"denoiser": denoiser}),
            data_card=splits.card(),
            scratch=tmp_path / "scratch",
            logs=tmp_path / "logs",
            synthetic_shards_at_hand=existing or {},
        )

    return run_synthesis


@pytest.fixture
def external(tmp_path: Path) -> str:
    """Nine images of the three classes, made elsewhere."""
    images = np.random.default_rng(1).integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "gan.npz", images=images, labels=np.arange(9) % 3)
    return str(tmp_path / "gan.npz")


def test_the_cost_is_estimated_where_a_denoiser_is_trained_and_before_it(trained: dict) -> None:
    assert trained["generator_cost"]["training_flops"] > 0
    assert list(trained).index("generator_cost") < list(trained).index("denoiser")
    assert "generator_cost" not in synthesis.create_pipeline(Grid()).datasets()


def test_diffusion_gives_a_denoiser_its_history_and_two_figures(trained: dict) -> None:
    assert trained["denoiser"].card["prepared"] == "p"
    assert trained["diffusion_history"]["epoch"].tolist() == [1, 2]
    assert isinstance(trained["denoiser_loss_figure"], Figure)
    assert isinstance(trained["denoiser_samples_figure"], Figure)


def test_a_study_without_a_set_of_the_denoiser_has_no_diffusion(parameters: Parameters, external: str) -> None:
    changes = parameters.synthesis.model_copy(update={"source": "npz", "path": external})
    grid = Grid.from_parameters(parameters.model_copy(update={"synthesis": changes}))
    assert diffusion.create_pipeline(grid).nodes == []
    assert "denoiser" not in synthesis.create_pipeline(grid).inputs()


def test_synthesis_makes_every_image_once_and_shows_some(synthesize: Callable, trained: dict) -> None:
    made = synthesize(trained["denoiser"], **NINE)
    synthetic = made["synthetic"]
    assert synthetic.card.total == 9
    assert synthetic.card.counts == {"dark": 3, "gray": 3, "light": 3}
    assert synthetic.images.shape == (9, 16, 16, 3)
    assert synthetic.card.prepared == "p"
    assert made["synthetic_sets"] == {"diffusion": synthetic}
    assert isinstance(made["real_and_synthetic_figure"], Figure)


def test_a_run_that_asks_for_no_export_makes_none(synthesize: Callable, trained: dict) -> None:
    assert "synthetic_export" not in synthesize(trained["denoiser"], **NINE)
    made = synthesize(trained["denoiser"], export="npz", **NINE)
    assert isinstance(made["synthetic_export"], Export)
    assert made["synthetic_export"].form == "npz"


def test_what_an_earlier_run_saved_is_not_made_again(synthesize: Callable, trained: dict, tmp_path: Path) -> None:
    folder = tmp_path / "synthetic"
    first = synthesize(trained["denoiser"], **NINE)["synthetic"]
    SyntheticSetDataset(filepath=str(folder)).save(first)
    ScratchDataset(filepath=str(tmp_path / "scratch")).remove("synthesis")
    existing = ArtifactFolderDataset(filepath=str(folder)).load()
    again = synthesize(trained["denoiser"], existing, **NINE)["synthetic"]
    assert again.card == first.card
    assert {shard.path.parent for shard in again.shards.values()} == {folder}
    assert not (tmp_path / "scratch" / "synthesis").exists()


def test_images_of_other_data_are_refused(synthesize: Callable, trained: dict, splits: Splits) -> None:
    splits.train.card["prepared"] = "q"
    with pytest.raises(InputError, match="denoiser was made from data p, real_train from data q"):
        synthesize(trained["denoiser"], **NINE)


def test_images_made_elsewhere_take_the_place_of_ours(synthesize: Callable, external: str) -> None:
    made = synthesize(source="npz", path=external)
    assert made["synthetic"].name == "npz"
    np.testing.assert_array_equal(made["synthetic"].images[:], np.load(external)["images"])
    assert isinstance(made["real_and_synthetic_figure"], Figure)


def test_several_sets_are_made_side_by_side(
    synthesize: Callable, trained: dict, parameters: Parameters, external: str, tmp_path: Path
) -> None:
    block = parameters.synthesis.model_dump() | NINE
    sets = {"ours": {"source": "diffusion"}, "gan": {"source": "npz", "path": external}}
    params = type(parameters.synthesis)(**(block | {"sets": sets}))
    made = synthesize(trained["denoiser"], **{name: getattr(params, name) for name in (*NINE, "sets")})
    assert list(made["synthetic_sets"]) == ["ours", "gan"]
    for name in sets:
        assert isinstance(made[f"synthetic/{name}"], SyntheticSet)
        assert isinstance(made[f"real_and_synthetic_figure/{name}"], Figure)
        SyntheticSetDataset(filepath=str(tmp_path / "synthetic" / name)).save(made[f"synthetic/{name}"])
    assert sorted(path.name for path in (tmp_path / "scratch" / "synthesis").iterdir()) == ["ours"]
    ScratchDataset(filepath=str(tmp_path / "scratch")).remove("synthesis.ours")
    existing = ArtifactFolderDataset(filepath=str(tmp_path / "synthetic")).load()
    again = synthesize(trained["denoiser"], existing, **{name: getattr(params, name) for name in (*NINE, "sets")})
    assert {shard.path.parent for shard in again["synthetic/ours"].shards.values()} == {tmp_path / "synthetic" / "ours"}


def test_several_denoisers_make_the_parts_of_one_set(
    synthesize: Callable, trained: dict, parameters: Parameters, tmp_path: Path
) -> None:
    denoisers = join_replicates([*split_replicates(trained["denoiser"])] * 2)
    several = parameters.model_copy(update={"diffusion": parameters.diffusion.model_copy(update={"replicates": 2})})
    made = synthesize(denoisers, parameters=several, **NINE)
    synthetic = made["synthetic/diffusion"]
    assert (synthetic.card.total, synthetic.card.replicates) == (18, 2)
    SyntheticSetDataset(filepath=str(tmp_path / "synthetic/diffusion")).save(synthetic)
    ScratchDataset(filepath=str(tmp_path / "scratch")).remove("synthesis.diffusion")
    existing = ArtifactFolderDataset(filepath=str(tmp_path / "synthetic")).load()
    again = synthesize(denoisers, existing, parameters=several, **NINE)["synthetic/diffusion"]
    folders = {tmp_path / "synthetic/diffusion" / f"replicate_{k}" for k in range(2)}
    assert {shard.path.parent for shard in again.shards.values()} == folders


def test_images_made_elsewhere_are_read_before_anything_is_trained() -> None:
    grid = Grid(sets={"ours": GENERATORS["diffusion"], "vendor": GENERATORS["npz"]})
    nodes = [node.name for node in (diffusion.create_pipeline(grid) + synthesis.create_pipeline(grid)).nodes]
    assert nodes.index("synthesis.vendor.make_synthetic_set") < nodes.index("diffusion.train_denoiser")
