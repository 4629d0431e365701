import pytest

from synthpath_kedro.diffusion.ema import ema_decay
from synthpath_kedro.diffusion.training import train_denoiser


@pytest.mark.parametrize(("n", "decay"), [(0, 0.1), (1, 2 / 11), (90, 0.91), (10_000, 0.999)])
def test_the_decay_rises_with_the_updates_up_to_its_limit(n, decay):
    assert ema_decay(n, limit=0.999) == pytest.approx(decay)


def test_the_result_is_the_average_that_the_recursion_gives(tiles, diffusion_parameters, tmp_path, monkeypatch):
    from synthpath_kedro.diffusion.training_module import DenoiserTraining

    weights = []

    def record(module, *_):
        weights.append(module.denoiser.network.conv_out[2].bias.detach().clone())

    monkeypatch.setattr(DenoiserTraining, "on_train_batch_end", record, raising=False)
    params = diffusion_parameters(ema_decay=0.3, max_epochs=2)
    trained = train_denoiser(tiles, tiles, params, seed=0, scratch=tmp_path / "scratch")
    average = weights[0]
    for n, current in enumerate(weights[1:], start=1):
        decay = min(0.3, (1 + n) / (10 + n))
        average = decay * average + (1 - decay) * current
    assert trained.checkpoint.tensors["network.conv_out.2.bias"] == pytest.approx(average.numpy(), abs=1e-7)
