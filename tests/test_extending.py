"""The examples of docs/extending.md that no other test runs: each goes the public way."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from synthpath_kedro.data.regimes import regime_batches
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.evaluation.corruption_suite import corrupt_images
from synthpath_kedro.evaluation.fidelity_measures import MEASURES, Measure
from synthpath_kedro.evaluation.fidelity_tables import compare_classes, compare_sets
from synthpath_kedro.generators import Request, generate
from synthpath_kedro.metrics.robustness import attack_probabilities
from synthpath_kedro.parameters import SyntheticSetParameters
from synthpath_kedro.study.attacks import ATTACKS, Attack
from synthpath_kedro.study.corruptions import CORRUPTIONS, Corruption
from synthpath_kedro.study.generators import GENERATORS, Generator
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.regimes import REGIMES, Regime
from synthpath_kedro.study.samplers import SAMPLERS, Sampler
from synthpath_kedro.study.table import load_attribute

ENTRIES = {
    "Attack": Attack,
    "Corruption": Corruption,
    "Generator": Generator,
    "Measure": Measure,
    "Regime": Regime,
    "Sampler": Sampler,
    "load_attribute": load_attribute,
}


@pytest.fixture
def example(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Puts the files of a section where Python finds them, and gives its line of the table."""

    def read(title: str) -> object:
        sections = re.split(r"^## ", (project / "docs/extending.md").read_text(), flags=re.MULTILINE)
        [section] = [part for part in sections if part.startswith(f"{title}\n")]
        *files, line = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
        module = f"example_{re.sub(r'[^a-z]', '_', title.lower())}"
        for code in files:
            (tmp_path / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        (entry,) = eval(
            re.sub(r'"(my_package|synthpath_kedro\.diffusion\.samplers)\.\w+:', f'"{module}:', line), ENTRIES
        )
        return entry

    return read


def test_the_example_of_a_generator_makes_a_set(
    example: Callable, images, synthesis_block: Callable, tmp_path: Path
) -> None:
    with GENERATORS.extended(example("A generator")):
        params = synthesis_block(source="noise", n_images=9, shard_size=4)
        source = SyntheticSetParameters(source="noise")
        real = Splits(images, images, images)
        made = generate(Request("noise", source, params, real, seed=0, scratch=tmp_path))
        assert (len(made), len(made.shards), made.class_names) == (9, 3, images.class_names)
        assert params.synthetic_sets.keys() == {"noise"}


def test_the_example_of_a_measure_is_taken_over_all_images_and_by_class(example: Callable) -> None:
    rng, labels = np.random.default_rng(0), np.arange(40) % 2
    entry = example("A measure of fidelity")
    dark, light = (np.full((40, 4, 4, 3), level, np.uint8) for level in (50, 60))
    light[labels == 1] += 10

    def described(pixels: np.ndarray) -> dict[str, np.ndarray]:
        random = {name: rng.normal(size=(40, 4)) for name in ("features", *MEASURES)}
        return random | {"labels": labels, "red": entry.statistics(pixels)}

    with MEASURES.extended(entry):
        sets = described(dark), described(light)
        rows = [*compare_sets(*sets), *compare_classes(*sets, ["a", "b"])]
        found = {(row["measure"], row["class"]): row["value"] for row in rows}
        assert (found["red", ""], found["red_of_classes", ""]) == (15, 15)
        assert (found["red", "a"], found["red", "b"]) == (10, 20)


def test_the_example_of_a_regime_has_cells_and_its_share_in_every_batch(example: Callable) -> None:
    with REGIMES.extended(example("A regime")):
        grid = Grid(models={"cnn": False}, regimes=("real", "quarter"))
        assert [cell.name for cell in grid.cells] == ["cnn/real", "cnn/quarter"]
        batches = regime_batches(REGIMES["quarter"], 80, 40, 8, 0.5, seed=0, epoch=0)
        assert {(len(real), len(synthetic)) for real, synthetic in batches} == {(6, 2)}


def test_the_example_of_a_sampler_can_be_chosen(example: Callable, synthesis_block: Callable) -> None:
    entry = example("A sampler")
    with SAMPLERS.extended(entry):
        assert synthesis_block(sampler="euler").sampler == "euler"
    assert entry.evaluations(12) == 12


def test_the_example_of_a_corruption_marks_the_share_of_the_image_that_is_its_level(
    example: Callable, evaluation_parameters: Callable
) -> None:
    entry = example("A corruption of test images")
    images = np.full((2, 10, 10, 3), 200, np.uint8)
    with CORRUPTIONS.extended(entry):
        params = evaluation_parameters(corruptions=("marker",), corruption_levels={"marker": (0.1, 0.3)})
    shares = [
        (corrupt_images(images, np.arange(2), entry, level, seed=0) != 200).all(axis=3).mean()
        for level in params.levels_of_corruptions["marker"]
    ]
    assert shares == pytest.approx([0.1, 0.3])


def test_the_example_of_an_attack_darkens_every_image(example: Callable) -> None:
    entry = example("An attack")
    brightness = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2))
    torch.nn.init.constant_(brightness[2].weight[0], 1.0)
    torch.nn.init.constant_(brightness[2].weight[1], -1.0)
    pixels, labels = np.full((4, 6, 6, 3), 128, np.uint8), np.zeros(4, np.int64)
    with ATTACKS.extended(entry):
        clean, dark = (
            attack_probabilities(brightness, pixels, labels, entry, eps, 1, 2, seed=0)[:, 0] for eps in (1e-6, 0.2)
        )
    assert (dark < clean).all()
