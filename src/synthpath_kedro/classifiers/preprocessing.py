"""The first layers of every classifier, inside the model so that an attack works in pixel space."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

Moments = tuple[tuple[float, float, float], tuple[float, float, float]]

IMAGENET: Moments = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP: Moments = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
CENTERED: Moments = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def to_unit_interval(images: UInt8[Tensor, "batch height width 3"]) -> Float[Tensor, "batch 3 height width"]:
    """Images at rest as what a classifier takes: channels first, in [0, 1]."""
    return images.permute(0, 3, 1, 2).to(torch.get_default_dtype(), memory_format=torch.contiguous_format).div_(255)


class Resize(nn.Module):
    """Bilinear, with antialiasing where the image shrinks."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 size size"]:
        height, width = x.shape[-2:]
        if (height, width) == (self.size, self.size):
            return x
        shrinks = max(height, width) > self.size
        return F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=shrinks, align_corners=False)


class Normalize(nn.Module):
    """Subtracts the mean and divides by the standard deviation of the channels the backbone was trained with."""

    mean: Tensor
    std: Tensor

    def __init__(self, moments: Moments) -> None:
        super().__init__()
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in moments)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
        return (x - self.mean) / self.std


def preprocessing(input_size: int, moments: Moments) -> nn.Sequential:
    """Resize, then normalize."""
    return nn.Sequential(Resize(input_size), Normalize(moments))
