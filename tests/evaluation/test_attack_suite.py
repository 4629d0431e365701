from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing
from synthpath_kedro.evaluation.attack_suite import attack_suite
from synthpath_kedro.metrics.robustness import NormalizedSpace, attack_probabilities
from synthpath_kedro.study.attacks import ATTACKS, Attack

EPS = 8 / 255
ROWS = np.array([1, 3, 5])


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return Classifier(
        preprocessing(6, IMAGENET),
        frozen=nn.Identity(),
        trained=nn.Flatten(),
        output=nn.Linear(108, 3),
        architecture={"variant": "linear", "input_size": 6},
        weights="random",
        class_names=("a", "b", "c"),
    ).eval()


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (8, 6, 6, 3), dtype=np.uint8), rng.integers(0, 3, 8)


@pytest.fixture
def params(evaluation_parameters):
    return evaluation_parameters(
        attacks=("uniform_noise", "fgsm", "pgd20"), eps=EPS, epsilon_sweep=(2 / 255, EPS), bim_steps=3
    )


def test_every_attack_budget_and_control_has_its_probabilities(classifier, images, params):
    found = attack_suite(classifier, *images, ROWS, params, seed=0)
    shapes = {name: len(array) for name, array in found.items()}
    curves = {
        f"{attack}.{what}": 3 for attack in ("uniform_noise", "fgsm") for what in ("curve_0", "curve_1", "control")
    }
    assert shapes == {"uniform_noise": 8, "fgsm": 8, "pgd20": 8} | curves


def test_the_tables_budget_is_not_attacked_twice(classifier, images, params):
    found = attack_suite(classifier, *images, ROWS, params, seed=0)
    assert np.array_equal(found["uniform_noise.curve_1"], found["uniform_noise"][ROWS])


def test_pgd20_takes_twenty_steps(classifier, images, params):
    pixels, labels = images
    found = attack_suite(classifier, pixels, labels, ROWS, params, seed=0)
    oracle = attack_probabilities(
        classifier, pixels, labels, replace(ATTACKS["pgd20"], steps=None), EPS, 20, params.batch_size, seed=0
    )
    assert np.array_equal(found["pgd20"], oracle)


def test_the_control_clamps_with_the_classifiers_own_normalization(classifier, images, params):
    pixels, labels = images
    found = attack_suite(classifier, pixels, labels, ROWS, params, seed=0)
    control = NormalizedSpace(classifier, *IMAGENET)
    oracle = attack_probabilities(
        control, pixels[ROWS], labels[ROWS], ATTACKS["fgsm"], EPS, 3, params.batch_size, seed=0
    )
    assert np.allclose(found["fgsm.control"], oracle, atol=1e-6)
    assert not np.allclose(found["fgsm.control"], found["fgsm"][ROWS], atol=1e-3)


def blackout(classifier, pixels, labels, eps, steps):
    """A corruption: every image as dark as the budget allows."""
    return (pixels - eps).clamp(0, 1)


def test_an_attack_that_is_added_to_the_table_runs_by_its_name_alone(classifier, images, evaluation_parameters):
    pixels, labels = images
    with ATTACKS.extended(Attack("blackout", "blackout", f"{__name__}:blackout", on_curves=True)):
        params = evaluation_parameters(attacks=("blackout",), eps=1.0, epsilon_sweep=(EPS, 1.0))
        found = attack_suite(classifier, pixels, labels, ROWS, params, seed=0)
    with torch.no_grad():
        black = classifier(torch.zeros(1, 3, 6, 6)).softmax(1).numpy()
    assert found.keys() == {"blackout", "blackout.curve_0", "blackout.curve_1", "blackout.control"}
    assert np.allclose(found["blackout"], black.repeat(8, axis=0), atol=1e-6)
    assert not np.allclose(found["blackout.curve_0"], found["blackout.curve_1"], atol=1e-3)


def test_an_attack_is_chosen_among_those_of_the_table(evaluation_parameters):
    with pytest.raises(ValueError, match="uniform_noise, fgsm, bim, pgd20, square or autoattack"):
        evaluation_parameters(attacks=("deepfool",))


def test_the_old_name_of_uniform_noise_is_accepted_with_a_warning(evaluation_parameters, caplog):
    assert evaluation_parameters(attacks=("noise", "fgsm")).attacks == ("uniform_noise", "fgsm")
    assert "noise is now called uniform_noise" in caplog.text
