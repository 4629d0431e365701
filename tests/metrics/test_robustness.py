import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.errors import InputError
from synthpath_kedro.metrics.robustness import NormalizedSpace, attack_probabilities, check_attacks, perturb
from synthpath_kedro.study.attacks import ATTACKS

EPS = 8 / 255
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class _Normalize(nn.Module):
    def forward(self, pixels):
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        return (pixels - mean) / std


class _Recorder(nn.Module):
    """Passes logits on and keeps the inputs it was given."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier, self.inputs = classifier, []

    def forward(self, pixels):
        self.inputs.append(pixels.detach().clone())
        return self.classifier(pixels)


def _linear(seed=0, size=6, classes=3):
    torch.manual_seed(seed)
    return nn.Sequential(_Normalize(), nn.Flatten(), nn.Linear(3 * size * size, classes))


def _convolutional():
    torch.manual_seed(1)
    return nn.Sequential(
        _Normalize(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(3)
    )


def _images(n=20, size=6, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    images[0], images[1] = 0, 255
    return images, rng.integers(0, 3, n)


def _tensors(images, labels):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels)


@pytest.mark.parametrize("attack", ["uniform_noise", "fgsm", "bim", "pgd20"])
@pytest.mark.parametrize("eps", [0.0, 1 / 255, EPS, 0.5])
def test_no_pixel_moves_by_more_than_eps_nor_leaves_the_unit_interval(attack, eps):
    images, labels = _images()
    pixels, _ = _tensors(images, labels)
    recorder = _Recorder(_linear())
    attack_probabilities(recorder, images, labels, ATTACKS[attack], eps, steps=10, batch_size=7, seed=0)
    sizes = [7, 7, 6]
    calls = len(recorder.inputs) // len(sizes)
    attacked = torch.cat([recorder.inputs[(k + 1) * calls - 1] for k in range(len(sizes))])
    assert (attacked - pixels).abs().max() <= eps + 1e-6
    assert 0 <= attacked.min() <= attacked.max() <= 1
    assert (eps > 0) == bool((attacked != pixels).any())


def test_fgsm_of_a_linear_model_is_the_closed_form():
    model, (images, labels) = _linear(), _images()
    pixels, truth = _tensors(images, labels)
    with torch.no_grad():
        residual = model(pixels).softmax(1) - nn.functional.one_hot(truth, 3)
    gradient = (residual @ model[2].weight).view(pixels.shape) / torch.tensor(STD).view(1, 3, 1, 1)
    expected = (pixels + EPS * gradient.sign()).clamp(0, 1)
    assert torch.equal(perturb(model, pixels, truth, ATTACKS["fgsm"], EPS, 1), expected.detach())


def test_one_bim_step_is_a_quarter_of_the_budget_and_ten_reach_its_corner():
    model, (images, labels) = _linear(classes=2), _images()
    pixels, truth = _tensors(images, labels % 2)
    quarter = perturb(model, pixels, truth, ATTACKS["bim"], EPS, 1)
    assert torch.equal(quarter, perturb(model, pixels, truth, ATTACKS["fgsm"], EPS / 4, 1))
    corner = perturb(model, pixels, truth, ATTACKS["bim"], EPS, 10)
    torch.testing.assert_close(corner, perturb(model, pixels, truth, ATTACKS["fgsm"], EPS, 1), atol=1e-6, rtol=0)


def test_noise_is_uniform_between_minus_eps_and_eps():
    pixels = torch.full((40, 3, 32, 32), 0.5)
    torch.manual_seed(0)
    noise = perturb(_linear(), pixels, torch.zeros(40, dtype=torch.long), ATTACKS["uniform_noise"], EPS, 1) - pixels
    assert noise.mean().item() == pytest.approx(0, abs=4 * EPS / np.sqrt(3 * noise.numel()))
    assert noise.var().item() == pytest.approx(EPS**2 / 3, rel=0.01)
    counts = torch.histc(noise, bins=8, min=-EPS, max=EPS)
    torch.testing.assert_close(counts / noise.numel(), torch.full((8,), 1 / 8), atol=0.005, rtol=0)


@pytest.mark.parametrize("attack", ["uniform_noise", "fgsm", "bim"])
def test_the_result_does_not_depend_on_the_batch_size(attack):
    model, (images, labels) = _linear(), _images()
    once, in_parts = (
        attack_probabilities(model, images, labels, ATTACKS[attack], EPS, 3, size, seed=5) for size in (20, 3)
    )
    np.testing.assert_allclose(once, in_parts, atol=1e-6)


def test_the_seed_decides_the_noise_and_the_callers_random_numbers_stay():
    model, (images, labels) = _linear(), _images()
    state = torch.get_rng_state()
    first, again, other = (
        attack_probabilities(model, images, labels, ATTACKS["uniform_noise"], EPS, 1, 8, seed) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()
    assert torch.equal(torch.get_rng_state(), state)


def test_without_budget_the_probabilities_are_the_clean_ones():
    model, (images, labels) = _linear(), _images()
    with torch.no_grad():
        clean = model(_tensors(images, labels)[0]).softmax(1).numpy()
    for attack in ("uniform_noise", "fgsm", "bim"):
        probabilities = attack_probabilities(model, images, labels, ATTACKS[attack], 0.0, 2, 20, seed=0)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, clean, atol=1e-7)


def test_a_stronger_attack_lowers_the_true_class_more():
    model, (images, labels) = _linear(), _images(n=60)
    true_class = [
        attack_probabilities(model, images, labels, ATTACKS[attack], EPS, 10, 60, seed=0)[np.arange(60), labels].mean()
        for attack in ("uniform_noise", "fgsm", "bim")
    ]
    assert true_class[0] > true_class[1] > 0
    assert true_class[1] == pytest.approx(true_class[2], abs=0.02)


def test_the_classifier_comes_back_as_it_went():
    model, (images, labels) = _convolutional(), _images()
    model(_tensors(images, labels)[0])
    model.train()
    model[2].eval()
    model[1].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attack_probabilities(model, images, labels, ATTACKS["bim"], EPS, 2, 8, seed=0)
    assert [module.training for module in model] == [True, True, False, True, True, True, True]
    assert [p.requires_grad for p in model.parameters()] == [False, True, True, True, True, True]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_control_attacks_normalized_inputs_and_loses_what_lies_outside_the_unit_interval():
    model, (images, labels) = _linear(), _images()
    z = (_tensors(images, labels)[0] - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    with torch.no_grad():
        expected = model[1:](z.clamp(0, 1)).softmax(1).numpy()
    control = attack_probabilities(
        NormalizedSpace(model, MEAN, STD), images, labels, ATTACKS["uniform_noise"], 0.0, 1, 8, 0
    )
    np.testing.assert_allclose(control, expected, atol=1e-5)
    assert model.training


def test_an_unknown_attack_is_refused_by_name():
    with pytest.raises(InputError, match="unknown attack 'deepfool'; valid: uniform_noise, fgsm, bim"):
        check_attacks(["fgsm", "deepfool"], 9)


def test_autoattack_of_too_few_classes_points_to_pgd():
    images, labels = _images()
    with pytest.raises(InputError, match=r"at least 4 classes.*use pgd"):
        attack_probabilities(_linear(), images, labels, ATTACKS["autoattack"], EPS, 1, 8, 0)


@pytest.mark.slow
def test_autoattack_is_at_least_as_strong_as_pgd():
    model, (images, labels) = _linear(classes=5), _images(n=30)
    labels = attack_probabilities(model, images, labels, ATTACKS["uniform_noise"], 0.0, 1, 30, 0).argmax(1)
    accuracy = {
        attack: (
            attack_probabilities(model, images, labels, ATTACKS[attack], EPS, 20, 30, 0).argmax(1) == labels
        ).mean()
        for attack in ATTACKS
    }
    assert accuracy["autoattack"] <= accuracy["pgd20"] < accuracy["uniform_noise"]
