"""The denoiser's network beside diffusers' UNet2DModel and denoising-diffusion-pytorch's Unet.

Speed is given as GFLOP/s reached, so that networks of slightly different size can stand beside each other: images per
second times the FLOPs of one image's forward pass (a training step counts three). ``share of matrix product`` says how
much of a large matrix product's rate that is.
"""

import sys
from functools import partial

import torch
from denoising_diffusion_pytorch import Unet as LucidrainsUnet
from diffusers import UNet2DModel
from measure import Comparison, compare, matmul_rate, report, set_up
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from synthpath_kedro.diffusion.unet import UNet
from synthpath_kedro.parameters import DenoiserParameters

N_CLASSES = 9
SETTINGS = [  # image size, base channels, multipliers, attention at, batch forward, batch training
    (32, 32, (1, 2, 2), (16,), 64, 32),
    (64, 64, (1, 2, 2, 4), (16,), 8, 4),
]


def ours(size: int, base: int, multipliers: tuple[int, ...], attention: tuple[int, ...]) -> nn.Module:
    parameters = DenoiserParameters(
        base_channels=base,
        channel_multipliers=multipliers,
        residual_blocks=2,
        attention_resolutions=attention,
        dropout=0.0,
    )
    return UNet(parameters, N_CLASSES, size)


class Diffusers(nn.Module):
    def __init__(self, size: int, base: int, multipliers: tuple[int, ...], attention: tuple[int, ...]) -> None:
        super().__init__()
        attends = [size // 2**level in attention for level in range(len(multipliers))]
        self.network = UNet2DModel(
            sample_size=size,
            layers_per_block=2,
            block_out_channels=tuple(base * multiplier for multiplier in multipliers),
            down_block_types=tuple("AttnDownBlock2D" if here else "DownBlock2D" for here in attends),
            up_block_types=tuple("AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attends)),
            attention_head_dim=64,
            num_class_embeds=N_CLASSES,
        )

    def forward(self, x: torch.Tensor, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.network(x, noise, labels).sample


class Lucidrains(nn.Module):
    """denoising-diffusion-pytorch's network; it knows no labels."""

    def __init__(self, _size: int, base: int, multipliers: tuple[int, ...], _attention: tuple[int, ...]) -> None:
        super().__init__()
        self.network = LucidrainsUnet(dim=base, dim_mults=multipliers)

    def forward(self, x: torch.Tensor, noise: torch.Tensor, _labels: torch.Tensor) -> torch.Tensor:
        return self.network(x, noise)


def inputs(n: int, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(n, 3, size, size), torch.rand(n) * 999, torch.arange(n) % N_CLASSES


def flops(network: nn.Module, size: int) -> float:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs(1, size))
    return counter.get_total_flops()


def forward(network: nn.Module, batch: tuple) -> None:
    with torch.inference_mode():
        network(*batch)


def train(network: nn.Module, batch: tuple, noise: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    functional.mse_loss(network(*batch), noise).backward()
    optimizer.step()


def main() -> None:
    set_up()
    for size, base, multipliers, attention, n_forward, n_train in SETTINGS:
        networks = {kind: kind(size, base, multipliers, attention) for kind in (ours, Diffusers, Lucidrains)}
        cost = {kind: flops(network, size) / 1e9 for kind, network in networks.items()}
        optimizers = {kind: torch.optim.AdamW(network.parameters(), fused=True) for kind, network in networks.items()}
        for peer, peer_name in ((Diffusers, "diffusers UNet2DModel"), (Lucidrains, "denoising-diffusion-pytorch Unet")):
            print(f"{size}x{size}: {cost[ours]:.3f} GFLOP per image, {peer_name} {cost[peer]:.3f}", file=sys.stderr)
            batch = inputs(n_forward, size)
            work = n_forward * cost[ours], n_forward * cost[peer]
            before = matmul_rate()
            done = compare(
                f"denoiser forward {size}x{size}",
                partial(forward, networks[ours], batch),
                partial(forward, networks[peer], batch),
                peer_name,
                work,
                "GFLOP/s",
            )
            best = max(before, matmul_rate()) / 1e9  # taken on both sides: the rate of a shared machine drifts
            name = f"denoiser forward {size}x{size}, share of matrix product"
            report(Comparison(name, done.ours / best, done.peer / best, done.ratio, "", peer_name))
            batch, noise = inputs(n_train, size), torch.randn(n_train, 3, size, size)
            compare(
                f"denoiser training {size}x{size}",
                partial(train, networks[ours], batch, noise, optimizers[ours]),
                partial(train, networks[peer], batch, noise, optimizers[peer]),
                peer_name,
                (3 * n_train * cost[ours], 3 * n_train * cost[peer]),
                "GFLOP/s",
            )


if __name__ == "__main__":
    main()
