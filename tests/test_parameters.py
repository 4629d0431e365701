from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.settings import CONFIG_LOADER_ARGS
from synthpath_kedro.study.grid import Grid


def load(project: Path, environment: str, **runtime: object) -> dict:
    loader = OmegaConfigLoader(str(project / "conf"), env=environment, runtime_params=runtime, **CONFIG_LOADER_ARGS)
    return dict(loader["parameters"])


@pytest.mark.parametrize("environment", ["base", "demo", "latent", "small-data", "tiny"])
def test_every_environment_is_valid(project: Path, environment: str) -> None:
    assert isinstance(read_parameters(load(project, environment)), Parameters)


def test_base_holds_the_settings_of_the_study(project: Path) -> None:
    study = read_parameters(load(project, "base"))
    assert (study.data_prep.source, study.data_prep.name, study.data_prep.image_size) == ("medmnist", None, 64)
    assert study.diffusion.denoiser.base_channels == 64
    schedule = study.diffusion.noise_schedule
    assert (schedule.name, schedule.timesteps, schedule.beta_start, schedule.beta_end) == ("linear", 1000, 1e-4, 0.02)
    assert (study.diffusion.learning_rate, study.diffusion.weight_decay, study.diffusion.max_epochs) == (2e-4, 1e-4, 43)
    assert study.synthesis.n_images == 180_000
    cells = study.classification
    assert {name: (b.input_size, b.batch_size, b.learning_rate) for name, b in _backbones(study)} == {
        "cnn": (64, 64, 1e-3),
        "resnet18": (224, 128, 2e-4),
        "dinov2": (224, 128, 2e-4),
        "clip": (224, 64, 1e-4),
        "efficientnet_lite0": (224, 128, 2e-4),
    }
    assert (cells.max_epochs, cells.patience, cells.mixing_ratio) == (10, 3, 0.5)
    assert cells.prompt == "This is a pathology image of {class_name}"
    assert study.evaluation.eps == 8 / 255


def test_the_budget_of_small_data_is_not_cut_by_epochs(project: Path) -> None:
    diffusion = read_parameters(load(project, "small-data")).diffusion
    assert (diffusion.budget_minutes, diffusion.max_epochs) == (60, 100_000)


def _backbones(study: Parameters) -> list:
    return [(name, study.classification.backbone(name)) for name in study.classification.models]


def test_every_key_of_base_is_explained_by_a_comment_in_its_line(project: Path) -> None:
    for path in (project / "conf" / "base").glob("parameters*.yml"):
        values = yaml.safe_load(path.read_text())
        lines = path.read_text().splitlines()
        plain = [line for line in lines if ":" in line and "#" not in line and not line.rstrip().endswith(":")]
        repeated = ("variant:", "weights:", "input_size:", "batch_size:", "learning_rate:")
        assert [line for line in plain if not line.strip().startswith(repeated)] == [], path.name
        assert values


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model", "reznet", "parameter model is 'reznet'; it should be all, cnn, resnet18, dinov2, clip, eff"),
        (
            "regime",
            "fake",
            "all, real, synthetic, mixed, real_augmented, mixed_augmented, real_plus_synthetic, real_rep",
        ),
        (
            "classification.max_epochs",
            0,
            "parameter classification.max_epochs is 0; it should be greater than or equal",
        ),
        ("diffusion.batch_size", -1, "parameter diffusion.batch_size is -1"),
        ("classification.mixing_ratio", 1.5, "parameter classification.mixing_ratio is 1.5"),
        (
            "classification.regimes",
            ["reel"],
            "is 'reel'; it should be real, synthetic, mixed, real_augmented, mixed_aug",
        ),
        ("classification.regimes", ["reel"], "real_repeated or real_balanced; did you mean real?"),
        ("classification.min_steps", -1, "parameter classification.min_steps is -1"),
        ("classification.backbones.cnn.regimes", ["mixt"], "did you mean mixed?"),
        ("classification.backbones.cnn.regimes", [], "parameter classification.backbones.cnn.regimes is []"),
        (
            "classification.backbones.cnn.sets",
            ["difusion"],
            "classification.backbones.cnn.sets names 'difusion', which is no synthetic set of the study; valid: "
            "diffusion, oracle; did you mean diffusion?",
        ),
        ("classification.max_epoch", 3, "unknown parameter classification.max_epoch; valid here: "),
        ("data_prep.source", "url", "'medmnist', 'npz', 'image_folder' or 'phantom'"),
        ("classification.prompt", "a tile", "must contain {class_name}"),
        ("synthesis.allocation", "explicit", "parameter synthesis: counts must be given with allocation explicit"),
        ("classification.models", ["cnn", "cnn"], "names each entry once"),
        ("evaluation.attacks", ["fgsm", "noise", "fgsm"], "names each entry once"),
        ("evaluation.features.weights", "random", "features of a random network say nothing"),
        ("classification.models", ["vgg"], "models names vgg, which backbones does not describe; valid: cnn"),
        ("synthesis.sets", {"real_val": {"source": "phantom"}}, "sets with other names than real, synthetic"),
        ("synthesis.sets", {"gan": {"source": "phantom"}, "GAN": {"source": "phantom"}}, "upper and lower case"),
        ("synthesis.sets", {"a": {"source": "diffusion"}, "b": {"source": "diffusion"}}, "a study has one denoiser"),
        ("synthesis.sets", {"a b": {"source": "phantom"}}, "not 'a b'"),
        ("classification.learning_curve.fractions", [1], "fractions is [1]; it should"),
        ("classification.learning_curve.fractions", [0, 1], "fractions.0 is 0; it should be greater than 0"),
        ("classification.learning_curve.regimes", ["fake"], "regimes.0 is 'fake'; it should be real"),
        ("evaluation.cross_validation.folds", 1, "folds is 1; it should be greater than or equal to 2"),
        ("epochs", 3, "unknown parameter epochs; valid here: classification, data_prep"),
    ],
)
def test_a_mistake_is_named_with_its_value_and_what_is_valid(
    project: Path, key: str, value: object, message: str
) -> None:
    values = load(project, "demo")
    *blocks, last = key.split(".")
    block = values
    for name in blocks:
        block = block[name]
    block[last] = value
    with pytest.raises(InputError) as refused:
        read_parameters(values)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_number_of_synthetic_images_is_enough_on_top_of_the_real_ones_at_ratio_1(project: Path) -> None:
    values = load(project, "base")
    values["classification"] |= {"mixing_ratio": 1.0, "models": ["cnn"]}
    read_parameters(values)
    values["classification"]["backbones"]["cnn"]["regimes"] = ["real", "real_plus_synthetic"]
    with pytest.raises(InputError, match=r"mixing_ratio is 1, .* under real_plus_synthetic: set it below 1"):
        read_parameters(values)


def test_several_mistakes_are_named_at_once(project: Path) -> None:
    values = load(project, "demo")
    values["classification"]["max_epochs"] = 0
    values["regime"] = "fake"
    with pytest.raises(InputError, match=r"regime is 'fake'.*; parameter classification\.max_epochs is 0"):
        read_parameters(values)


def test_an_oracle_stands_beside_the_sets_of_a_phantom_for_the_models_that_ask_for_it(project: Path) -> None:
    study = read_parameters(load(project, "demo"))
    assert list(study.synthesis.synthetic_sets) == ["diffusion", "oracle"]
    grid = Grid.from_parameters(study)
    assert (grid.sets_of("cnn"), grid.sets_of("clip")) == (("diffusion", "oracle"), ("diffusion",))
    assert grid.oracles == ("oracle",)


def test_real_images_have_no_oracle_and_the_demo_takes_them(project: Path) -> None:
    runtime = {"data_prep": {"source": "npz", "path": "tiles.npz"}}
    study = read_parameters(load(project, "demo", **runtime))
    assert list(study.synthesis.synthetic_sets) == ["diffusion"]
    assert Grid.from_parameters(study).sets_of("cnn") == ("diffusion",)
    blocks = {name: getattr(study, name) for name in Parameters.model_fields}
    blocks["synthesis"] = study.synthesis.model_copy(update={"oracle_models": ("cnn",)})
    assert list(read_parameters(blocks).synthesis.synthetic_sets) == ["diffusion"]
    own = {"synthesis": {"source": "image_folder", "path": "mysynthetic"}}
    assert list(read_parameters(load(project, "demo", **runtime, **own)).synthesis.synthetic_sets) == ["image_folder"]


def test_cells_to_attack_are_of_the_studys_models(project: Path) -> None:
    values = load(project, "demo", evaluation={"tsne_cells": {"models": ["cn"]}})
    with pytest.raises(InputError, match=r"evaluation.tsne_cells.models names 'cn'.*did you mean cnn\?"):
        read_parameters(values)
