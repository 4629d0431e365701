"""A classifier: preprocessing, a frozen part, a trained part, an output layer."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from synthpath_kedro.data.artifact import digest_arrays


class Classifier(nn.Module):
    """From pixels to logits, in four parts.

    Args:
        preprocessing: pixels in [0, 1] to what the backbone takes.
        frozen: the backbone's frozen part; stays in eval mode, its parameters take no gradient.
        trained: from the frozen part's output to the penultimate features.
        output: from features to logits.
        architecture: plain JSON from which the registry builds the same layers again; at least variant, input_size.
        weights: what the backbone started from: 'ImageNet', 'random', 'file:...'.
        class_names: one name per class, in label order.
        zero_shot: its logits mean something before any training.
        license: of the weights that the backbone started from; "" where it is not known.
        revision: commit of the downloaded weights; "" where it is not known.
    """

    def __init__(
        self,
        preprocessing: nn.Module,
        frozen: nn.Module,
        trained: nn.Module,
        output: nn.Module,
        architecture: dict[str, Any],
        weights: str,
        class_names: tuple[str, ...],
        zero_shot: bool = False,
        license: str = "",  # noqa: A002
        revision: str = "",
    ) -> None:
        super().__init__()
        self.preprocessing, self.frozen, self.trained, self.output = preprocessing, frozen, trained, output
        self.architecture, self.weights, self.class_names = architecture, weights, class_names
        self.zero_shot, self.license, self.revision = zero_shot, license, revision
        self.frozen.requires_grad_(False)
        self.train(self.training)

    @property
    def variant(self) -> str:
        return self.architecture["variant"]

    @property
    def input_size(self) -> int:
        """Pixels that images are resized to."""
        return self.architecture["input_size"]

    @property
    def description(self) -> str:
        """Variant, input size and weights, for tables."""
        return f"{self.variant} @ {self.input_size}, {self.weights}"

    @property
    def digest(self) -> str:
        """SHA-256 of all weights and statistics."""
        return _digest(self)

    @property
    def frozen_digest(self) -> str:
        """SHA-256 of the frozen part's weights and statistics."""
        return _digest(self.frozen)

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch classes"]:
        """Logits of images in [0, 1], of any size."""
        return self.head_logits(self.frozen_features(x))

    def features(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Penultimate-layer features of images in [0, 1]."""
        return self.head_features(self.frozen_features(x))

    def frozen_features(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch *frozen"]:
        """What the frozen part makes of images in [0, 1]."""
        return self.frozen(self.preprocessing(x))

    def head_features(self, frozen_features: Float[Tensor, "batch *frozen"]) -> Float[Tensor, "batch features"]:
        """Penultimate-layer features from the frozen part's output."""
        return self.trained(frozen_features)

    def head_logits(self, frozen_features: Float[Tensor, "batch *frozen"]) -> Float[Tensor, "batch classes"]:
        """Logits from the frozen part's output."""
        return self.output(self.trained(frozen_features))

    def train(self, mode: bool = True) -> "Classifier":
        """Sets the trained part's mode; the frozen part's batch-norm statistics must never move."""
        super().train(mode)
        self.frozen.eval()
        return self


def _digest(module: nn.Module) -> str:
    return digest_arrays({name: tensor.cpu().numpy() for name, tensor in module.state_dict().items()})
