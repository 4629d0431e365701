import pytest
import torch

from synthpath_kedro.training.precision import InPrecision, computing_in, resolve_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("precision", "device", "has_bfloat16", "resolved"),
    [
        ("auto", CPU, True, "float32"),
        ("auto", CUDA, True, "bfloat16"),
        ("auto", CUDA, False, "float32"),
        ("auto", torch.device("mps"), True, "float32"),
        ("float32", CUDA, True, "float32"),
        ("bfloat16", CPU, False, "bfloat16"),
    ],
)
def test_auto_is_bfloat16_on_a_gpu_that_has_it_alone(precision, device, has_bfloat16, resolved, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16)
    assert resolve_precision(precision, device) == resolved


def test_float32_changes_no_bit():
    layer, x = torch.nn.Linear(8, 4), torch.randn(3, 8)
    with computing_in("float32", CPU):
        assert torch.equal(layer(x), layer.forward(x))
        assert layer(x).dtype == torch.float32


def test_a_network_in_bfloat16_computes_what_autocast_does_and_gives_back_float32():
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(8, 4), torch.randn(3, 8)
    half = torch.nn.functional.linear(x.bfloat16(), layer.weight.bfloat16(), layer.bias.bfloat16())
    found = InPrecision(layer, "bfloat16")(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, half.float())
    assert not torch.equal(found, layer(x))
