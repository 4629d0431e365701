import pytest
import torch

from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.guidance import clipped, guided
from synthpath_kedro.diffusion.parameterization import Karras


class LabelNetwork(torch.nn.Module):
    """Answers with its label."""

    def forward(self, x, noise, labels):
        return torch.zeros_like(x) + labels[:, None, None, None]


@pytest.mark.parametrize(("scale", "factor"), [(1.0, 2.0), (0.0, 5.0), (3.0, -4.0)])
def test_guidance_goes_from_the_null_label_towards_the_label(scale, factor):
    # The network answers 2 with its label and 5 with the null label: 5 + scale (2 - 5).
    denoiser = Denoiser(LabelNetwork(), Karras(), null_label=5)
    level = Karras().at_sigma(1.0)
    image = guided(denoiser, scale)(torch.zeros(1, 3, 2, 2), level, torch.tensor([2]))
    assert torch.allclose(image, torch.full_like(image, factor * 0.5 / 1.25**0.5))


def test_clipping_keeps_images_in_range():
    image = clipped(lambda x, *_: 3 * x)(torch.tensor([-1.0, 0.1, 2.0]), None, None)
    assert image.tolist() == pytest.approx([-1.0, 0.3, 1.0])
