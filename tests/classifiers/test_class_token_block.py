import pytest
import torch
from timm.models.vision_transformer import Block
from torch import nn

from synthpath_kedro.classifiers.class_token_block import ClassTokenBlock


def block_and_norm(width=48, heads=3, seed=0):
    """A block and a norm, none of whose weights is the zero or the one that it starts from."""
    generator = torch.Generator().manual_seed(seed)
    block, norm = Block(width, heads, qkv_bias=True, init_values=1.0), nn.LayerNorm(width, eps=1e-6)
    for weight in [*block.parameters(), *norm.parameters()]:
        weight.data = torch.randn(weight.shape, generator=generator) * 0.3
    return block, norm


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_the_class_token_is_that_of_the_whole_block(dtype, tolerance):
    block, norm = (module.to(dtype) for module in block_and_norm())
    tokens = torch.randn(5, 17, 48, generator=torch.Generator().manual_seed(1), dtype=dtype)
    expected = norm(block(tokens))[:, 0]
    actual = ClassTokenBlock(block, norm)(tokens)
    assert actual.shape == (5, 48)
    assert (actual - expected).abs().max() < tolerance


def test_gradients_are_those_of_the_whole_block(double):
    block, norm = block_and_norm()
    tokens = torch.randn(5, 17, 48, generator=torch.Generator().manual_seed(1))
    weights = dict([*block.named_parameters(), *norm.named_parameters("norm")])
    expected = torch.autograd.grad(norm(block(tokens))[:, 0].square().sum(), list(weights.values()))
    actual = torch.autograd.grad(ClassTokenBlock(block, norm)(tokens).square().sum(), list(weights.values()))
    for name, one, other in zip(weights, expected, actual, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-10), name


def test_the_key_bias_has_no_gradient(double):
    block, norm = block_and_norm()
    tokens = torch.randn(5, 17, 48, generator=torch.Generator().manual_seed(1))
    ClassTokenBlock(block, norm)(tokens).square().sum().backward()
    query, key, value = block.attn.qkv.bias.grad.chunk(3)
    assert key.abs().max() < 1e-10
    assert min(query.abs().max(), value.abs().max()) > 1e-3
