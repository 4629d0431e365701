import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.evaluation.attack_suite import MASKING, MASKING_ATTACKS, masking_suite
from synthpath_kedro.metrics.masking import MaskingChecks, fools_more

LABELS = np.arange(36) % 4


@pytest.fixture(scope="module")
def tiles():
    return render_tiles(LABELS, 12, (0, 81), 0.0)


@pytest.fixture(scope="module")
def honest():
    """A linear classifier of pixels, trained until it knows four tissues."""
    labels = np.arange(160) % 4
    pixels = torch.from_numpy(render_tiles(labels, 12, (0, 82), 0.0)).permute(0, 3, 1, 2).float() / 255
    torch.manual_seed(0)
    model = nn.Sequential(nn.AvgPool2d(3), nn.Flatten(), nn.Linear(48, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(pixels), torch.from_numpy(labels)).backward()
        optimizer.step()
    return model


class Rounded(nn.Module):
    """Sees four gray levels: its gradient is zero everywhere."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model((pixels * 3).round() / 3)


class Saturated(nn.Module):
    """So sure of itself that the loss underflows, and its gradient with it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return 1e4 * self.model(pixels)


@pytest.fixture
def signs(tiles, evaluation_parameters):
    def find(model):
        params = evaluation_parameters(eps="24/255")
        with torch.no_grad():
            clean = model(torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255).argmax(1).numpy() == LABELS
        found = masking_suite(model, tiles, LABELS, params, seed=0)
        right = {name: found[MASKING + name].argmax(1) == LABELS for name in MASKING_ATTACKS}
        assert clean.mean() > 0.6
        return MaskingChecks(clean, **right).signs()

    return find


def test_an_honest_classifier_has_no_sign_of_masking(signs, honest):
    assert signs(honest) == []


@pytest.mark.parametrize("mask", [Rounded, Saturated])
def test_masked_gradients_are_found(mask, signs, honest):
    found = signs(mask(honest))
    assert any(sign.startswith("a budget of 32/255 still leaves 0.") for sign in found)
    assert "an attack without gradients fools more images than the iterated one" in found


def test_each_sign_is_told_in_words():
    everything, nothing = np.ones(20, bool), np.zeros(20, bool)
    some = np.arange(20) < 6
    honest = MaskingChecks(everything, one_step=some, iterated=nothing, large=nothing, black_box=everything)
    assert honest.signs() == []
    stuck = MaskingChecks(everything, one_step=some, iterated=everything, large=some, black_box=some)
    assert stuck.signs() == [
        "a budget of 32/255 still leaves 0.30 of accuracy",
        "one step fools more images than the iterated attack",
        "an attack without gradients fools more images than the iterated one",
    ]


@pytest.mark.parametrize(("n", "other_way", "found"), [(4, 0, False), (5, 0, True), (5, 1, False), (7, 1, True)])
def test_a_few_images_are_chance(n, other_way, found):
    one, other = np.ones(30, bool), np.ones(30, bool)
    one[:n], other[n : n + other_way] = False, False
    assert fools_more(one, other) is found
