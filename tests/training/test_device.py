import pytest
import torch

from synthpath_kedro.training.device import choose_device, float64_device, placed, widest_float


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_cuda_comes_before_mps_and_mps_before_the_cpu(cuda, mps, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device().type == chosen


class Recorded(torch.nn.Conv2d):
    """Notes where it is moved to instead of going there."""

    def to(self, *where, **how):
        self.moves = [*getattr(self, "moves", []), *where, *how.values()]
        return self


@pytest.mark.parametrize(
    ("cuda", "moves"),
    [(True, [torch.device("cuda"), torch.channels_last]), (False, [torch.device("cpu")])],
)
def test_networks_are_channels_last_on_a_gpu_alone(cuda, moves, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    network = Recorded(3, 4, 3)
    assert placed(network) is network
    assert network.moves == moves


def test_noise_levels_are_float32_where_there_is_no_float64():
    assert widest_float(torch.device("mps")) == torch.float32
    assert widest_float(torch.device("cpu")) == widest_float(torch.device("cuda")) == torch.float64
    assert float64_device(torch.device("mps")) == torch.device("cpu")
    assert float64_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
