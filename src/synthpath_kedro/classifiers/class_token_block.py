"""A vision transformer's last block for the class token alone."""

from typing import cast

import torch
from jaxtyping import Float
from timm.layers import Attention
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F


class ClassTokenBlock(nn.Module):
    """The last block and the final norm, as far as they reach the class token; equal to the whole, and cheaper.

    Nothing but the class token leaves the last block, so queries, attention output and MLP are computed for it alone.
    Keys and values are not computed at all: with n_i a normalized token, k_i = w_k n_i + b_k and q the query,
    q . k_i = (w_k^T q) . n_i + q . b_k, and sum_i a_i (w_v n_i + b_v) = w_v (sum_i a_i n_i) + b_v as sum_i a_i = 1.
    A head thus reads every token once instead of projecting it.

    Args:
        block: timm's pre-norm block with plain attention.
        norm: the norm after the last block.
    """

    def __init__(self, block: Block, norm: nn.Module) -> None:
        super().__init__()
        self.block, self.norm = block, norm

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch width"]:
        block = self.block
        class_token = tokens[:, 0]
        class_token = class_token + block.ls1(_class_token_attention(cast(Attention, block.attn), block.norm1(tokens)))
        class_token = class_token + block.ls2(block.mlp(block.norm2(class_token)))
        return self.norm(class_token)


def _class_token_attention(
    attention: Attention, n: Float[Tensor, "batch tokens width"]
) -> Float[Tensor, "batch width"]:
    heads, width = attention.num_heads, n.shape[-1]
    w_q, w_k, w_v = (w.view(heads, -1, width) for w in attention.qkv.weight.chunk(3))
    b_q, b_k, b_v = attention.qkv.bias.chunk(3)
    q = F.linear(n[:, 0], w_q.flatten(0, 1), b_q).view(len(n), heads, -1).transpose(0, 1)
    query = torch.bmm(q, w_k).transpose(0, 1)
    score = torch.bmm(query, n.transpose(1, 2)) + (q @ b_k.view(heads, -1, 1)).transpose(0, 1)
    a = (score * attention.scale).softmax(dim=-1)
    attended = torch.bmm(a, n).transpose(0, 1)
    values = torch.bmm(attended, w_v.transpose(1, 2)).transpose(0, 1)
    return attention.proj(values.flatten(1) + b_v)
