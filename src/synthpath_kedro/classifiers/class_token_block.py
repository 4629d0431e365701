"""A vision transformer's last block for the class token alone."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class ClassTokenBlock(nn.Module):
    """The last block and the final norm, as far as they reach the class token; equal to the whole, and cheaper.

    Nothing but the class token leaves the last block, so queries, attention output and MLP are computed for it alone.
    Keys and values are not computed at all: with n a normalised token, k = W_k n + b_k and q the query,
    q . k = (W_k^T q) . n + q . b_k, and sum_i a_i (W_v n_i + b_v) = W_v (sum_i a_i n_i) + b_v because sum_i a_i = 1.
    A head thus reads every token once instead of projecting it.

    Args:
        block: timm's pre-norm ``Block`` with plain attention.
        norm: the norm after the last block.
    """

    def __init__(self, block: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.block, self.norm = block, norm

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch width"]:
        block = self.block
        class_token = tokens[:, 0]
        class_token = class_token + block.ls1(self._attention(block.norm1(tokens)))
        class_token = class_token + block.ls2(block.mlp(block.norm2(class_token)))
        return self.norm(class_token)

    def _attention(self, n: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch width"]:
        attention = self.block.attn
        W_q, W_k, W_v = attention.qkv.weight.chunk(3)
        b_q, b_k, b_v = attention.qkv.bias.chunk(3)
        q = self._by_head(F.linear(n[:, 0], W_q, b_q))
        query = torch.bmm(q, W_k.view(attention.num_heads, -1, n.shape[-1])).transpose(0, 1)
        score = torch.bmm(query, n.transpose(1, 2)) + (q @ b_k.view(attention.num_heads, -1, 1)).transpose(0, 1)
        a = (score * attention.scale).softmax(dim=-1)
        attended = torch.bmm(a, n).transpose(0, 1)
        values = torch.bmm(attended, W_v.view(attention.num_heads, -1, n.shape[-1]).transpose(1, 2))
        return attention.proj(values.transpose(0, 1).flatten(1) + b_v)

    def _by_head(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "heads batch head_width"]:
        return x.view(len(x), self.block.attn.num_heads, -1).transpose(0, 1)
