"""The prepared artifact: labeled images and what is known of them."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from synthpath_kedro.data.artifact import Artifact, Card, digest_arrays


@dataclass(frozen=True)
class LabeledImages:
    """One set of images, in memory or memory-mapped.

    Attributes:
        images: uint8 [N, H, W, 3], RGB.
        labels: int64 [N] for one label per image; uint8 [N, classes] of 0 and 1 for a multi-label set.
        class_names: one name per class, in label order.
        groups: int64 [N] codes of the patient or slide each image came from, or None where that is not known.
        card: where the set came from (source, name, seed, ...); the synthetic set's card names its denoiser.
        files: the file of each image, where each has one; for messages while they are read, not stored.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    groups: np.ndarray | None = None
    card: Card = field(default_factory=dict)
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def name(self) -> str:
        """Of the data set, for messages."""
        return self.card.get("name", "the data set")

    @property
    def prepared(self) -> str | None:
        """Digest of the prepared data that the images belong to."""
        return self.card.get("prepared")

    @property
    def phantom(self) -> bool:
        """Whether the real images are rendered, not taken from patients."""
        return bool(self.card.get("phantom"))

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def image_size(self) -> int:
        """Height (and width) in pixels."""
        return self.images.shape[1]

    @property
    def multi_label(self) -> bool:
        return self.labels.ndim == 2

    @property
    def class_counts(self) -> np.ndarray:
        """int64 [classes]: images of each class (for a multi-label set: images that show it)."""
        if self.multi_label:
            return self.labels.sum(axis=0, dtype=np.int64)
        return np.bincount(self.labels, minlength=self.n_classes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of images, labels and groups; taken from the card where the set was read from a file."""
        return self.card.get("digest") or digest_arrays(self._arrays())

    def select(self, indices: np.ndarray) -> "LabeledImages":
        """The images at ``indices``, in that order, with a digest of their own."""
        return LabeledImages(
            self.images[indices],
            self.labels[indices],
            self.class_names,
            None if self.groups is None else self.groups[indices],
            {key: value for key, value in self.card.items() if key != "digest"},
            None if self.files is None else tuple(self.files[index] for index in indices),
        )

    def with_card(self, **facts: Any) -> "LabeledImages":
        """The same images with further facts on their card."""
        return replace(self, card={**self.card, **facts})

    def to_artifact(self) -> Artifact:
        """As named arrays and a card that holds the class names and the digest."""
        return Artifact(self._arrays(), {**self.card, "class_names": list(self.class_names), "digest": self.digest})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> "LabeledImages":
        """The inverse of ``to_artifact``."""
        tensors, card = artifact.tensors, artifact.card
        return cls(tensors["images"], tensors["labels"], tuple(card["class_names"]), tensors.get("groups"), card)

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"images": self.images, "labels": self.labels}
        return arrays if self.groups is None else {**arrays, "groups": self.groups}
