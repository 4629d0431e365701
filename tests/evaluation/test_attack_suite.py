import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing
from synthpath_kedro.evaluation.attack_suite import attack_suite
from synthpath_kedro.metrics.robustness import NormalizedSpace, attack_probabilities

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
    return evaluation_parameters(attacks=("noise", "fgsm", "pgd20"), eps=EPS, epsilon_sweep=(2 / 255, EPS), bim_steps=3)


def test_every_attack_budget_and_control_has_its_probabilities(classifier, images, params):
    found = attack_suite(classifier, *images, ROWS, params, seed=0)
    shapes = {name: len(array) for name, array in found.items()}
    curves = {f"{attack}.{what}": 3 for attack in ("noise", "fgsm") for what in ("curve_0", "curve_1", "control")}
    assert shapes == {"noise": 8, "fgsm": 8, "pgd20": 8} | curves


def test_the_tables_budget_is_not_attacked_twice(classifier, images, params):
    found = attack_suite(classifier, *images, ROWS, params, seed=0)
    assert np.array_equal(found["noise.curve_1"], found["noise"][ROWS])


def test_pgd20_takes_twenty_steps(classifier, images, params):
    pixels, labels = images
    found = attack_suite(classifier, pixels, labels, ROWS, params, seed=0)
    oracle = attack_probabilities(classifier, pixels, labels, "pgd", EPS, 20, params.batch_size, seed=0)
    assert np.array_equal(found["pgd20"], oracle)


def test_the_control_clamps_with_the_classifiers_own_normalization(classifier, images, params):
    pixels, labels = images
    found = attack_suite(classifier, pixels, labels, ROWS, params, seed=0)
    control = NormalizedSpace(classifier, *IMAGENET)
    oracle = attack_probabilities(control, pixels[ROWS], labels[ROWS], "fgsm", EPS, 3, params.batch_size, seed=0)
    assert np.allclose(found["fgsm.control"], oracle, atol=1e-6)
    assert not np.allclose(found["fgsm.control"], found["fgsm"][ROWS], atol=1e-3)
