import pytest
import torch

from synthpath_kedro.diffusion.unet import SelfAttention, UNet
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DenoiserParameters

STUDY = DenoiserParameters(
    base_channels=64, channel_multipliers=(1, 2, 2, 4), residual_blocks=2, attention_resolutions=(16,), dropout=0.1
)


def network(image_size=16, **changes):
    small = {"base_channels": 8, "channel_multipliers": (1, 2, 4), "residual_blocks": 1, "attention_resolutions": (8,)}
    torch.manual_seed(0)
    unet = UNet(DenoiserParameters(**{**small, "dropout": 0.0, **changes}), 3, image_size)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return unet.eval()


@torch.no_grad()
def answer(unet, label=0, noise=500.0, size=16):
    x = torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size)
    return unet(x, torch.tensor([noise]), torch.tensor([label]))


@pytest.mark.parametrize("size", [28, 32, 64, 128])
def test_the_answer_has_the_size_of_the_image(size):
    assert answer(network(size), size=size).shape == (1, 3, size, size)


@pytest.mark.parametrize(("size", "way_out"), [(30, "image_size 28 or 32"), (2, "image_size 4,")])
def test_a_size_that_cannot_be_halved_often_enough_is_refused_with_those_that_can(size, way_out):
    with pytest.raises(InputError, match=way_out) as error:
        network(size)
    assert "diffusion.denoiser.channel_multipliers [1, 2, 4]" in str(error.value)
    assert f"data_prep.image_size {size}" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_label_the_null_label_and_the_noise_level_each_change_the_answer():
    unet = network()
    answers = [answer(unet), answer(unet, label=1), answer(unet, label=unet.null_label), answer(unet, noise=501.0)]
    for i in range(4):
        for j in range(i):
            assert not torch.allclose(answers[i], answers[j], atol=1e-4)


def test_an_untrained_network_answers_zero():
    torch.manual_seed(0)
    unet = UNet(STUDY, 9, 64)
    assert answer(unet, size=64).abs().max() == 0


def test_attention_stands_at_the_named_resolutions_and_in_the_middle():
    def count(*resolutions):
        return sum(isinstance(m, SelfAttention) for m in network(attention_resolutions=resolutions).modules())

    # One block a resolution: one on the way down, two on the way up.
    assert count() == 0
    assert count(8) == 3 + 1
    assert count(8, 4) == 6 + 1


@pytest.mark.parametrize(("channels", "heads"), [(32, 1), (64, 1), (128, 2), (200, 2), (208, 2), (224, 2), (336, 4)])
def test_heads_share_the_channels_evenly(channels, heads):
    attention = SelfAttention(channels)
    assert attention.heads == heads
    assert attention(torch.zeros(1, channels, 2, 2)).shape == (1, channels, 2, 2)


def test_the_studys_network_has_eighteen_million_weights():
    assert sum(p.numel() for p in UNet(STUDY, 9, 64).parameters()) == 18_108_611
