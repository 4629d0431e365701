import pytest

from synthpath_kedro.diffusion.autoencoder import small_autoencoder
from synthpath_kedro.diffusion.cost import Cost, autoencoder_flops, estimate_cost, forward_flops
from synthpath_kedro.parameters import DenoiserParameters


def network(**changes):
    default = {"base_channels": 8, "channel_multipliers": (1,), "residual_blocks": 1, "attention_resolutions": ()}
    return DenoiserParameters(**{**default, "dropout": 0.0, **changes})


def test_flops_are_those_counted_by_hand():
    # 64 pixels, 8 channels, 9 taps, 2 FLOP a multiply-add. Convolutions of 3 x 3: 3 to 8, 8 to 3, then five blocks
    # (down 1, middle 2, up 2), of which the last two take 16 channels and have a 1 x 1 convolution beside.
    convolutions = 2 * 64 * 9 * (3 * 8 + 8 * 3 + 3 * 2 * 64 + 2 * (128 + 64)) + 2 * 64 * 2 * 128
    embedding = 2 * (16 * 32 + 32 * 32 + 32 * 5 * 16)
    assert forward_flops(network(), 8) == convolutions + embedding


def test_attention_counts():
    # Four attentions over 64 pixels of 8 channels: two products with the pixels, four with the weights.
    extra = forward_flops(network(attention_resolutions=(8,)), 8) - forward_flops(network(), 8)
    assert extra == 4 * 2 * (2 * 64 * 64 * 8 + 4 * 64 * 8 * 8)


def test_the_study_costs_what_its_settings_say(diffusion_parameters, synthesis_parameters):
    params, synthesis = (
        diffusion_parameters(max_epochs=43),
        synthesis_parameters(sampler="heun", n_images=100, num_steps=18),
    )
    cost = estimate_cost(params, synthesis, n_train=1000, image_size=16, probe=False)
    assert cost.training_flops == 3 * 43 * 1000 * cost.forward_flops
    assert cost.synthesis_flops == 100 * 35 * cost.forward_flops
    assert cost.training_seconds is None
    guided = estimate_cost(params, synthesis_parameters(guidance_scale=2.0, n_images=7), 1, 16, probe=False)
    assert guided.synthesis_flops == 7 * 2 * 2 * cost.forward_flops
    # Of two noise levels, 80 and 0.002, the second.
    interval = synthesis_parameters(guidance_scale=2.0, guidance_interval=(0.001, 1), n_images=7)
    assert estimate_cost(params, interval, 1, 16, probe=False).synthesis_flops == 7 * 2 * 1.5 * cost.forward_flops


def test_steps_decide_the_cost_where_they_are_given(diffusion_parameters, synthesis_parameters):
    params = diffusion_parameters(max_steps=10, max_epochs=99, batch_size=6)
    cost = estimate_cost(params, synthesis_parameters(), n_train=18, image_size=8, probe=False)
    assert cost.training_flops == 3 * 4 * 18 * cost.forward_flops


def test_a_budget_in_minutes_limits_the_cost(diffusion_parameters, synthesis_parameters, monkeypatch):
    monkeypatch.setattr("synthpath_kedro.diffusion.cost._probe", lambda *_: (10.0, 100.0))
    endless = diffusion_parameters(max_epochs=100_000, max_minutes=2.0, replicates=3)
    limited = estimate_cost(endless, synthesis_parameters(), n_train=500, image_size=8)
    assert limited.training_seconds == 3 * 120
    assert limited.training_flops == 3 * limited.forward_flops * 3 * 120 * 10
    short = estimate_cost(endless.model_copy(update={"max_epochs": 1}), synthesis_parameters(), 500, 8)
    assert short.training_seconds == 3 * 500 / 10


def test_denoisers_multiply_the_cost(diffusion_parameters, synthesis_parameters):
    one, three = (
        estimate_cost(diffusion_parameters(replicates=n), synthesis_parameters(), 10, 8, probe=False) for n in (1, 3)
    )
    assert three.training_flops == 3 * one.training_flops
    assert three.synthesis_flops == 3 * one.synthesis_flops
    assert three.describe().startswith("each of 3 denoisers takes ")


def test_a_probe_gives_times(diffusion_parameters, synthesis_parameters):
    cost = estimate_cost(diffusion_parameters(), synthesis_parameters(), n_train=10, image_size=8)
    assert cost.training_seconds > 0
    assert cost.synthesis_seconds > 0


def test_the_cost_is_one_line_that_a_person_can_read():
    cost = Cost(12.9e9, 1.497e17, 2.322e18, 3.0e6, 4000, "CPU")
    assert cost.describe() == (
        "the denoiser takes 12.9 GFLOP per image: training 150 PFLOP, synthesis 2.32 EFLOP; "
        "on this machine's CPU about 35 days and 1:06:40"
    )
    assert pytest.approx(1) == 1


def test_latents_cost_the_autoencoder_and_a_smaller_denoiser(latent_parameters, synthesis_parameters):
    params = latent_parameters(max_epochs=4, augment=True, autoencoder={"max_epochs": 5})
    synthesis = synthesis_parameters(sampler="ddim", n_images=10, num_steps=6)
    cost = estimate_cost(params, synthesis, n_train=100, image_size=16, probe=False)
    assert cost.forward_flops == forward_flops(params.denoiser, 8, 4)
    encode, decode = autoencoder_flops(small_autoencoder(params.autoencoder), 16)
    assert 0 < encode < decode
    assert cost.training_flops == 3 * 4 * 100 * cost.forward_flops
    assert cost.autoencoder_flops == 3 * 5 * 100 * (encode + decode) + 8 * 100 * encode
    assert cost.synthesis_flops == 10 * 6 * cost.forward_flops + 10 * decode
    assert "the autoencoder" in cost.describe()


def test_an_autoencoders_flops_are_those_counted_by_hand(latent_parameters):
    # Encoding 4 pixels, 8 channels at full resolution and 16 at half: the convolutions alone; GroupNorm is not counted.
    config = small_autoencoder(latent_parameters().autoencoder)
    full, half = 16, 4
    down = full * 9 * (3 * 8 + 2 * 8 * 8) + half * 9 * 8 * 8 + half * (9 * (8 * 16 + 16 * 16) + 8 * 16)
    middle = half * 9 * 4 * 16 * 16
    out = half * 9 * 16 * 8 + half * 8 * 8
    assert autoencoder_flops(config, 4)[0] == 2 * (down + middle + out)


def test_what_is_on_the_hub_and_not_in_the_cache_is_not_counted(
    latent_parameters, synthesis_parameters, monkeypatch, tmp_path
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    params = latent_parameters(autoencoder={"weights": "pretrained"})
    assert estimate_cost(params, synthesis_parameters(), 100, 16, probe=False).autoencoder_flops is None
