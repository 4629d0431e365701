import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resize

from synthpath_kedro.classifiers.preprocessing import CENTERED, IMAGENET, Normalize, Resize, to_unit_interval


def test_images_at_rest_become_channels_first_in_the_unit_interval():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).repeat(2, 4, 5, 1)
    x = to_unit_interval(images)
    assert x.shape == (2, 3, 4, 5)
    assert x.dtype == torch.float32
    assert x.is_contiguous()
    assert x[1, :, 2, 3].tolist() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("size", [5, 64, 100])
def test_resizing_is_torchvisions_antialiased_bilinear(size):
    x = torch.rand(2, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    expected = resize(x, [size, size], InterpolationMode.BILINEAR, antialias=True)
    assert torch.allclose(Resize(size)(x), expected, atol=1e-6)


def test_images_of_the_right_size_are_not_touched():
    x = torch.rand(2, 3, 8, 8)
    assert Resize(8)(x) is x


def test_normalizing_takes_off_the_mean_and_divides_by_the_deviation():
    x = torch.full((1, 3, 2, 2), 0.5)
    assert Normalize(CENTERED)(x).unique().tolist() == [0]
    expected = [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225]
    assert Normalize(IMAGENET)(x)[0, :, 1, 1].tolist() == pytest.approx(expected, abs=1e-6)


def test_normalization_is_a_constant_and_not_a_weight():
    assert Normalize(IMAGENET).state_dict() == {}
