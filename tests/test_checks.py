from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kedro.config import OmegaConfigLoader

from synthpath_kedro.checks import check_data, check_settings
from synthpath_kedro.data.artifact import write_artifact
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters, read_parameters

NAMES = ("dark", "gray", "light")


@pytest.fixture
def parameters(project: Path) -> Callable[..., Parameters]:
    """The tiny environment's parameters with changes in the block ``synthesis`` and others."""
    loader = OmegaConfigLoader(
        str(project / "conf"),
        env="tiny",
        base_env="base",
        default_run_env="local",
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )
    values = dict(loader["parameters"])

    def build(
        data_prep: dict | None = None, denoisers: int = 1, diffusion: dict | None = None, **changes: object
    ) -> Parameters:
        blocks = {"synthesis": {**values["synthesis"], **changes}}
        blocks["diffusion"] = {**values["diffusion"], "replicates": denoisers, **(diffusion or {})}
        blocks["data_prep"] = {**values["data_prep"], **(data_prep or {})}
        return read_parameters({**values, **blocks})

    return build


@pytest.fixture
def npz(tmp_path: Path) -> Callable[..., str]:
    def write(labels: list[int], name: str = "gan") -> str:
        np.savez(tmp_path / f"{name}.npz", images=np.zeros((len(labels), 4, 4, 3), np.uint8), labels=np.array(labels))
        return str(tmp_path / f"{name}.npz")

    return write


def test_settings_that_go_together_pass(parameters: Callable, npz: Callable, tmp_path: Path) -> None:
    check_settings(parameters())
    check_settings(parameters(source="npz", path=npz([0])))
    check_settings(parameters(source="image_folder", path=str(tmp_path)))
    check_settings(parameters(source="phantom"))


def test_a_start_is_refused_before_anything_runs(parameters: Callable, npz: Callable, tmp_path: Path) -> None:
    path = tmp_path / "start.safetensors"
    start, real = {"start_from": str(path)}, {"source": "npz", "path": npz([0])}
    with pytest.raises(InputError, match=r"diffusion.start_from: .*start.safetensors does not exist"):
        check_settings(parameters(diffusion=start))
    check_settings(parameters(diffusion=start, source="image_folder", path=str(tmp_path)))  # trains no denoiser

    params = parameters().diffusion
    denoiser = make_denoiser(params, 2, 16).state_dict()
    card = {"class_names": ["a", "b"], "image_size": 16, "phantom": True}
    write_artifact(path, denoiser_artifact(denoiser, params, card))
    check_settings(parameters(data_prep=real, diffusion=start))
    with pytest.raises(InputError, match=r"a denoiser trained on the phantom, and the study's images are the phantom"):
        check_settings(parameters(diffusion=start))
    check_settings(parameters(diffusion=start | {"allow_phantom_start": True}))
    with pytest.raises(InputError, match=r"diffusion.parameterization is v, and the denoiser of start_from .* has edm"):
        check_settings(parameters(data_prep=real, diffusion=start | {"parameterization": "v"}))


def test_a_denoiser_that_no_classifier_would_use_is_refused(parameters: Callable, tmp_path: Path) -> None:
    check_settings(parameters(denoisers=2))
    check_settings(parameters(denoisers=3, source="image_folder", path=str(tmp_path)))
    with pytest.raises(
        InputError,
        match=r"diffusion\.replicates is 3 and classification\.replicates is 2: no classifier would train on the "
        r"images of denoiser 2; set diffusion\.replicates to 2 at most, or raise classification\.replicates$",
    ):
        check_settings(parameters(denoisers=3))


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("npz", "gone.npz", r"synthesis\.path: .*gone\.npz does not exist; give the npz file of synthetic images"),
        ("npz", "", r"synthesis\.path: .* is a folder; give the npz file of synthetic images"),
        ("image_folder", "gone", r"synthesis\.path: .*gone does not exist; give the image folder of synthetic images"),
        (
            "image_folder",
            "gan.npz",
            r"synthesis\.path: .*gan\.npz is a file; give the image folder of synthetic images",
        ),
    ],
)
def test_a_path_that_is_not_there_is_refused_before_anything_runs(
    parameters: Callable, npz: Callable, tmp_path: Path, source: str, path: str, message: str
) -> None:
    npz([0])
    with pytest.raises(InputError, match=message):
        check_settings(parameters(source=source, path=str(tmp_path / path)))


def test_the_set_whose_path_is_not_there_is_named(parameters: Callable, npz: Callable, tmp_path: Path) -> None:
    sets = {
        "gan": {"source": "npz", "path": npz([0])},
        "vendor": {"source": "npz", "path": str(tmp_path / "gone.npz")},
    }
    with pytest.raises(InputError, match=r"^synthesis\.sets\.vendor\.path: .*gone\.npz does not exist"):
        check_settings(parameters(sets=sets))


def test_an_oracle_of_real_data_is_refused_before_anything_runs(parameters: Callable) -> None:
    with pytest.raises(
        InputError, match=r"source phantom of set oracle is for data_prep.source phantom alone, which is "
    ):
        check_settings(parameters({"source": "npz", "path": "tiles.npz"}, source="phantom"))


def test_options_that_the_denoiser_cannot_serve_matter_to_diffusion_alone(parameters: Callable, npz: Callable) -> None:
    with pytest.raises(InputError, match=r"synthesis\.eta is 1 with synthesis\.sampler heun"):
        check_settings(parameters(eta=1.0))
    check_settings(parameters(eta=1.0, source="npz", path=npz([0])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "npz"}, "source npz reads images: give their path"),
        ({"path": "gan.npz"}, r"source diffusion reads no images: leave out path \(gan\.npz\)"),
        ({"sets": {"gan": {"source": "npz"}}}, r"synthesis\.sets\.gan: source npz reads images: give their path"),
        ({"sets": {"a b": {"source": "phantom"}}}, "sets named by letters, digits, - and _, .*; not 'a b'"),
        ({"sets": {name: {"source": "diffusion"} for name in "ab"}}, "more than one of source diffusion"),
        ({"source": "gan"}, "synthesis.source is 'gan'; it should be diffusion, image_folder, npz or phantom$"),
        ({"source": "folder"}, r"image_folder, npz or phantom; did you mean image_folder\?"),
    ],
)
def test_sources_and_paths_that_do_not_go_together_are_refused_in_one_line(
    parameters: Callable, changes: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        parameters(**changes)
    assert "\n" not in str(refused.value)
    assert "pydantic" not in str(refused.value)


def test_images_per_class_are_found_before_anything_is_trained(data_card: Callable, parameters: Callable) -> None:
    found = check_data(parameters(n_images=10), data_card(NAMES))
    assert found["sets"] == {"diffusion": {"dark": 4, "gray": 3, "light": 3}}


def test_images_of_the_users_own_are_not_allocated(data_card: Callable, parameters: Callable, npz: Callable) -> None:
    found = check_data(parameters(source="npz", path=npz([0, 1, 2])), data_card(NAMES))
    assert found == {"sets": {}}


def test_counts_of_classes_that_the_data_does_not_have_are_refused(data_card: Callable, parameters: Callable) -> None:
    with pytest.raises(InputError, match=r"synthesis.counts names tumor"):
        check_data(parameters(allocation="explicit", counts={"tumor": 5}), data_card(NAMES))


@pytest.mark.parametrize(("labels", "message"), [([0, 1], "no image of light"), ([0, 1, 2, 3], "labels hold 3")])
def test_classes_of_the_users_images_are_checked_in_every_set(
    data_card: Callable, parameters: Callable, npz: Callable, labels: list[int], message: str
) -> None:
    sets = {
        "good": {"source": "npz", "path": npz([0, 1, 2], "good")},
        "bad": {"source": "npz", "path": npz(labels, "bad")},
    }
    with pytest.raises(InputError, match=rf"bad\.npz.*{message}"):
        check_data(parameters(sets=sets), data_card(NAMES))


def test_images_with_several_labels_are_refused_before_anything_is_trained(
    data_card: Callable, parameters: Callable
) -> None:
    card = data_card(NAMES, multi_label=True, name="chestmnist")
    with pytest.raises(InputError, match="chestmnist is multi-label and a study takes one label per image"):
        check_data(parameters(), card)
