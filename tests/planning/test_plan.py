from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.diffusion.autoencoder import build_network, small_autoencoder
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.classifiers import (
    Rates,
    _evaluation,
    _training_seconds,
    attack_passes,
    build_random,
    masking_passes,
)
from synthpath_kedro.planning.images import ImageCounts
from synthpath_kedro.planning.plan import Plan, make_plan
from synthpath_kedro.planning.probe import saved_bytes
from synthpath_kedro.planning.resampling import estimate_resampling
from synthpath_kedro.planning.steps import PROCESS_BYTES, Step
from synthpath_kedro.study.grid import Cell, Grid


def step(plan: Plan, name: str) -> Step:
    return next(one for one in plan.steps if one.name == name)


def test_every_part_of_the_study_is_planned_in_the_order_it_runs(
    parameters: Callable[..., Parameters], tmp_path: Path
) -> None:
    plan = make_plan(parameters(), tmp_path)
    assert [one.name for one in plan.steps] == [
        "data_prep",
        "diffusion",
        "synthesis",
        "classification: cnn",
        "classification: resnet18",
        "evaluation: cnn",
        "evaluation: resnet18",
        "report",
    ]
    assert plan.refusals == ()
    assert all(one.seconds > 0 and one.memory_bytes > PROCESS_BYTES for one in plan.steps)
    assert plan.seconds == pytest.approx(sum(one.seconds for one in plan.steps))
    assert list(tmp_path.iterdir()) == []


def test_a_study_in_latent_space_plans_its_autoencoder_and_the_latents(
    parameters: Callable[..., Parameters], tmp_path: Path
) -> None:
    own = parameters(diffusion={"space": "latent", "augment": True, "autoencoder": {"downsample": 4}})
    plan = make_plan(own, tmp_path)
    assert [one.name for one in plan.steps[:4]] == ["data_prep", "autoencoder", "diffusion", "synthesis"]
    network = build_network(small_autoencoder(own.diffusion.autoencoder))
    weights = 4 * sum(tensor.numel() for tensor in network.parameters())
    images, pixels = plan.images, own.data_prep.image_size // 4
    # Every training image in eight positions, in float16.
    latents = 2 * (8 * images.train + images.val) * own.diffusion.autoencoder.latent_channels * pixels**2
    assert step(plan, "autoencoder").disk_bytes == weights + latents
    assert step(plan, "autoencoder").memory_bytes > PROCESS_BYTES + 4 * weights
    assert step(plan, "autoencoder").seconds > 0
    longer = parameters(
        diffusion={"space": "latent", "augment": True, "autoencoder": {"downsample": 4, "max_epochs": 500}}
    )
    assert step(make_plan(longer, tmp_path), "autoencoder").seconds > 5 * step(plan, "autoencoder").seconds


def test_the_pipelines_beside_the_study_are_planned_at_its_pace_and_are_no_part_of_it(
    parameters: Callable[..., Parameters],
) -> None:
    own = parameters(diffusion={"replicates": 2}, classification={"models": ["cnn"]})
    grid = Grid.from_parameters(own)
    seconds = {"diffusion": 20.0, "synthesis": 2.0, "classification: cnn": 8.0}
    steps = [Step(name, seconds=took) for name, took in seconds.items()]
    curve, validation = estimate_resampling(own, grid, steps)
    # One part below the whole: half of (20 + 2) s. 2 fractions of 2 cells and 3 counts of 1, of 4 s each.
    assert (curve.name, curve.seconds) == ("learning_curve", 11 + 7 * 4)
    assert curve.note.startswith("denoisers: 1, classifiers: at most 14;")
    # Two folds of 2 cells.
    assert (validation.name, validation.seconds) == ("cross_validation", 22 + 4 * 4)
    assert estimate_resampling(own, grid, steps[1:])[0].seconds is None


def test_images_take_three_bytes_per_pixel_on_the_disk(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    plan = make_plan(parameters(), tmp_path, probe=False)
    assert step(plan, "data_prep").disk_bytes == (90 + 45 + 45) * 16 * 16 * 3
    assert step(plan, "synthesis").disk_bytes == 90 * 16 * 16 * 3


def test_without_a_probe_no_time_is_given(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    plan = make_plan(parameters(), tmp_path, probe=False)
    assert [one.name for one in plan.steps if one.seconds is not None] == ["data_prep"]
    assert plan.seconds is None


def test_cells_and_replicates_multiply_the_time_of_training(
    parameters: Callable[..., Parameters], tmp_path: Path
) -> None:
    one = make_plan(parameters(classification={"models": ["cnn"], "regimes": ["real"], "replicates": 1}), tmp_path)
    many = make_plan(parameters(classification={"models": ["cnn"], "replicates": 50}), tmp_path)
    # 2 cells of 50 replicates take 100 times as long; two measurements of one machine agree within a factor of 10.
    assert many.seconds is not None
    assert 10 < step(many, "classification: cnn").seconds / step(one, "classification: cnn").seconds < 1000


def test_denoisers_multiply_training_and_synthetic_images(
    parameters: Callable[..., Parameters], tmp_path: Path
) -> None:
    one, two = (
        make_plan(parameters(diffusion={"replicates": n, "max_minutes": 3}), tmp_path, probe=False) for n in (1, 2)
    )
    for name in ("diffusion", "synthesis"):
        assert step(two, name).disk_bytes == 2 * step(one, name).disk_bytes
    assert step(two, "synthesis").disk_bytes == 2 * 90 * 16 * 16 * 3
    assert step(one, "diffusion").note == "at most 3 minutes by diffusion.max_minutes"
    assert step(two, "diffusion").note == "2 denoisers, each at most 3 minutes by diffusion.max_minutes"
    assert step(two, "report").disk_bytes > step(one, "report").disk_bytes


def test_a_study_on_images_made_elsewhere_trains_no_denoiser(
    parameters: Callable[..., Parameters], tmp_path: Path
) -> None:
    folder = tmp_path / "made/a"
    folder.mkdir(parents=True)
    for index in range(7):
        (folder / f"{index}.png").touch()
    own = {"source": "image_folder", "path": str(tmp_path / "made")}
    plan = make_plan(parameters(synthesis=own), tmp_path, probe=False)
    names = [one.name for one in plan.steps]
    assert names[:2] == ["data_prep", "synthesis: image_folder"]
    assert step(plan, "synthesis: image_folder").disk_bytes == 7 * 16 * 16 * 3


def test_everything_that_would_be_refused_is_named(parameters: Callable[..., Parameters], tmp_path: Path) -> None:
    changed = parameters(
        data_prep={"source": "image_folder", "path": str(tmp_path / "nowhere"), "image_size": 17},
        synthesis={"guidance_scale": 2},
        diffusion={"class_dropout_prob": 0},
        classification={"backbones": {"resnet18": {"variant": "resnet50"}}},
    )
    plan = make_plan(changed, tmp_path, probe=False)
    for words in ("data_prep.path: ", "synthesis.guidance_scale is 2", "17", "'resnet50'; valid: resnet18"):
        assert any(words in reason for reason in plan.refusals), (words, plan.refusals)
    assert step(plan, "evaluation: cnn").seconds is None


def test_a_gradient_counts_as_three_passes(parameters: Callable[..., Parameters]) -> None:
    params = parameters(
        evaluation={
            "attacks": ["uniform_noise", "bim"],
            "bim_steps": 2,
            "epsilon_sweep": ["8/255"],
            "epsilon_sweep_images": 3,
        }
    ).evaluation
    # The budget of the sweep is the attack's own, so the smaller part is attacked once more: in normalized space.
    assert attack_passes(params, 10, 4) == (10 + 3) * 1 + (10 + 3) * (1 + 3 * 2)


def test_checks_for_masking_and_corrupted_copies_are_counted(parameters: Callable[..., Parameters]) -> None:
    levels = {"corruption_levels": {"jpeg": [50, 20], "blur": [1]}, "corruptions": ["jpeg", "blur"]}
    attacks = {"attacks": ["uniform_noise"], "epsilon_sweep": ["8/255"], "attack_images": 10, "masking_images": 4}
    images = ImageCounts(90, 45, 45, n_classes=9)

    def seconds(**changes: Any) -> float:
        block = parameters(
            evaluation={**levels, **attacks, "corruption_images": 20, **changes}, classification={"replicates": 2}
        )
        spec = ClassifierSpec.of_model("cnn", tuple("abcdefghi"), block.classification, 0)
        cells = [Cell("cnn", "real"), Cell("cnn", "mixed", "diffusion")]
        return _evaluation(build_random(spec), cells, block, images, Rates(1, 1, forward=1)).seconds or 0

    # FGSM: a gradient and a look; PGD-20 twice; Square: 100 queries.
    params = parameters(evaluation=attacks).evaluation
    assert masking_passes(params, 10, 9) == pytest.approx(4 * (4 + 2 * 61 + 102), abs=8)
    everything, nothing = seconds(), seconds(corruptions=[])
    assert everything - nothing == 2 * 2 * 20 * 3  # replicates, cells, images, levels
    of_one = seconds(corruption_cells={"models": ["cnn"], "regimes": ["real"]})
    assert of_one - nothing == 2 * 20 * 3
    unattacked = seconds(attack_cells={"models": ["resnet18"], "regimes": None})
    assert everything - unattacked == 2 * (2 * attack_passes(params, 10, 9) + masking_passes(params, 10, 9))


def test_memory_of_a_pass_counts_what_the_backward_pass_needs_and_no_weights() -> None:
    network = nn.Sequential(nn.Linear(100, 50), nn.Sigmoid())
    # The linear layer keeps its input, the sigmoid its output.
    assert saved_bytes(network, lambda: network(torch.zeros(8, 100))) == 8 * (100 + 50) * 4


def test_the_plan_knows_the_floor_in_steps_longer_epochs_and_a_models_own_seeds(
    parameters: Callable[..., Parameters],
) -> None:
    study = {"regimes": ["real", "real_repeated"], "mixing_ratio": 0.75, "max_epochs": 2, "replicates": 2}
    rates, images = Rates(frozen=1e9, head=10, forward=30), ImageCounts(90, 45, 45)

    def seconds(regime: str, **changes: Any) -> float:
        block = parameters(classification={**study, **changes})
        return _training_seconds([Cell("cnn", regime)], block, images, rates, False, False, 0)

    # 2 replicates of 2 epochs: 90 steps forward and back, 45 validated.
    assert seconds("real") == pytest.approx(2 * 2 * (90 / 10 + 45 / 30))
    assert seconds("real_repeated") == pytest.approx(2 * 2 * (360 / 10 + 45 / 30))
    # 3 batches of 30 an epoch: 12 steps are 4 epochs.
    assert seconds("real", min_steps=12) == pytest.approx(2 * seconds("real"))
    assert seconds("real", backbones={"cnn": {"replicates": 7}}) == pytest.approx(3.5 * seconds("real"))
