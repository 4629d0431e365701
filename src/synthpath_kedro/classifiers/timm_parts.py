"""Splits a network of timm's into a frozen and a trained part whose composition is the network, and pools its output.

``head`` freezes the whole network, ``all`` nothing, ``last_block`` all but a vision transformer's last block and final
norm, or a convolutional network's last stage. Exact: ``trained(frozen(x))`` are timm's own features.
"""

from collections.abc import Callable
from typing import Any, cast

from jaxtyping import Float
from timm.layers import global_pool_nlc
from timm.models.convnext import ConvNeXt
from timm.models.resnet import ResNet
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, cat, nn

from synthpath_kedro.study.models import ALL_WEIGHTS, HEAD, LAST_BLOCK

Parts = tuple[nn.Module, nn.Module]


class TokenPooling(nn.Module):
    """From a transformer's normalized tokens to one feature vector.

    Args:
        network: takes its norm after pooling, which is then no part of the network any more.
        pooling: class_token; mean (of the patches: neither class token nor registers); both, one after the other;
            None for the network's own.
    """

    def __init__(self, network: Any, pooling: str | None) -> None:
        super().__init__()
        self.n_prefix = network.num_prefix_tokens
        self.pooling = pooling or _own_pooling(network)
        self.include_prefix = getattr(network, "pool_include_prefix", False)
        self.attn_pool = getattr(network, "attn_pool", None) if pooling is None else None
        self.fc_norm = getattr(network, "fc_norm", None) or nn.Identity()
        network.attn_pool, network.fc_norm = None, nn.Identity()

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch features"]:
        if self.attn_pool is not None:
            return self.fc_norm(self.attn_pool(tokens if self.include_prefix else tokens[:, self.n_prefix :]))
        if self.pooling == "class_token":
            return self.fc_norm(tokens[:, 0])
        if self.pooling == "mean":
            return self.fc_norm(tokens[:, self.n_prefix :].mean(dim=1))
        if self.pooling == "both":
            return cat([self.fc_norm(tokens[:, 0]), self.fc_norm(tokens[:, self.n_prefix :].mean(dim=1))], dim=1)
        return self.fc_norm(global_pool_nlc(tokens, self.pooling, self.n_prefix, self.include_prefix))


class OwnPooling(nn.Module):
    """A convolutional network's own way from its last feature maps to one vector."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.head = network.head
        network.head = nn.Identity()

    def forward(self, maps: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        return self.head(maps, pre_logits=True)


class WholeNetwork(nn.Module):
    """From normalized pixels to pooled features."""

    def __init__(self, network: Any, pooling: nn.Module | None) -> None:
        super().__init__()
        self.network, self.pooling = network, pooling

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        maps = self.network.forward_features(x)
        return self.network.forward_head(maps, pre_logits=True) if self.pooling is None else self.pooling(maps)


class Features(nn.Module):
    """A network's features before its head."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Tensor:
        return self.network.forward_features(x)


def has_tokens(network: nn.Module) -> bool:
    """Whether its features are tokens, whose pooling can be chosen."""
    return hasattr(network, "num_prefix_tokens")


def has_class_token(network: nn.Module) -> bool:
    """Whether one of the tokens is a class token."""
    return getattr(network, "cls_token", None) is not None


def has_last_block(network: nn.Module) -> bool:
    """Whether it can be split before its last block."""
    return _cut_of(network) is not None


def split(network: nn.Module, trained: str, pooling: str | None) -> tuple[nn.Module, nn.Module]:
    """The network's frozen and its trained part.

    Args:
        network: without its output layer; not to be used afterwards.
        trained: head, last_block (where it has one), all.
        pooling: of tokens; None for the network's own.
    """
    if trained == LAST_BLOCK:
        return cast(Callable[[Any, str | None], Parts], _cut_of(network))(network, pooling)
    whole = WholeNetwork(network, TokenPooling(network, pooling) if has_tokens(network) else None)
    return {HEAD: (whole, nn.Identity()), ALL_WEIGHTS: (nn.Identity(), whole)}[trained]


def _own_pooling(network: Any) -> str:
    """The network's ``global_pool`` in our words; a configuration without any means the class token."""
    own = getattr(network, "global_pool", "")
    if own == "token" or not own:
        return "class_token" if has_class_token(network) else "mean"
    return own if isinstance(own, str) else "mean"


def _cut_transformer(network: Any, pooling: str | None) -> Parts:
    pool = TokenPooling(network, pooling)
    last, norm = network.blocks[-1], network.norm
    network.blocks, network.norm = network.blocks[:-1], nn.Identity()
    return Features(network), nn.Sequential(last, norm, pool)


def _cut_convnext(network: Any, pooling: str | None) -> Parts:
    del pooling
    last, norm = network.stages[-1], network.norm_pre
    network.stages, network.norm_pre = network.stages[:-1], nn.Identity()
    return Features(network), nn.Sequential(last, norm, OwnPooling(network))


def _cut_resnet(network: Any, pooling: str | None) -> Parts:
    del pooling
    last, pool = network.layer4, network.global_pool
    network.layer4, network.global_pool = nn.Identity(), nn.Identity()
    return Features(network), nn.Sequential(last, pool, nn.Flatten())


_CUTS: tuple[tuple[type[nn.Module], Callable[[Any, str | None], Parts]], ...] = (
    (VisionTransformer, _cut_transformer),
    (ConvNeXt, _cut_convnext),
    (ResNet, _cut_resnet),
)


def _cut_of(network: nn.Module) -> Callable[[Any, str | None], Parts] | None:
    """How its kind is cut; a subclass that computes its features in another way is not known to be."""
    for kind, cut in _CUTS:
        if isinstance(network, kind) and type(network).forward_features is kind.forward_features:  # type: ignore[attr-defined]
            return cut
    return None
