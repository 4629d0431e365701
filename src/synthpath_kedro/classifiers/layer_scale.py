"""The learned scale of a residual branch, where a network starts from random weights."""

from timm.layers import LayerScale
from timm.models.convnext import ConvNeXtBlock
from torch import nn


def undamp_layer_scale(network: nn.Module) -> None:
    """Sets every branch's scale to 1.

    With the 1e-5 that training starts from, a random network gives the same features for every image.
    """
    for module in network.modules():
        if isinstance(module, LayerScale | ConvNeXtBlock) and module.gamma is not None:
            nn.init.ones_(module.gamma)
