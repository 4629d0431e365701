"""The three sets of a study: what is trained on, what training is steered by, what is reported."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthpath_kedro.data.data_card import DataCard, SplitFacts
from synthpath_kedro.data.images import LabeledImages


@dataclass(frozen=True)
class Splits:
    """Training, validation and test set of one data set; they share class names, image size and group codes."""

    train: LabeledImages
    val: LabeledImages
    test: LabeledImages

    def __iter__(self) -> Iterator[tuple[str, LabeledImages]]:
        """Pairs of name and set: train, val, test."""
        yield "train", self.train
        yield "val", self.val
        yield "test", self.test

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class, in label order."""
        return self.train.class_names

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the class names and the digests of the three sets."""
        facts = [self.class_names, [(name, images.digest) for name, images in self]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def map(self, change: Callable[[LabeledImages], LabeledImages]) -> "Splits":
        """Each set changed in the same way."""
        return Splits(change(self.train), change(self.val), change(self.test))

    def card(self, parameters: Mapping[str, Any] | None = None) -> DataCard:
        """What the sets are: the source's own facts, digests, counts per split and class.

        A fact of the source's on which the sets differ, such as their stain, is of each set's own facts.

        Args:
            parameters: the block ``data_prep``.
        """
        known = {key: value for key, value in self.train.card.items() if key not in ("digest", "prepared")}
        own = {key: known.pop(key) for key in DataCard.model_fields.keys() & known.keys()}
        differing = [
            key for key, value in known.items() if any(images.card.get(key, value) != value for _, images in self)
        ]
        return DataCard(
            **own,
            image_size=self.train.image_size,
            class_names=list(self.class_names),
            multi_label=self.train.multi_label,
            groups_known=self.train.groups is not None,
            digest=self.digest,
            splits={name: _split_facts(images, differing) for name, images in self},
            parameters=dict(parameters or {}),
            facts={key: value for key, value in known.items() if key not in differing},
        )


def _split_facts(images: LabeledImages, differing: list[str]) -> SplitFacts:
    return SplitFacts(
        n=len(images),
        counts=dict(zip(images.class_names, images.class_counts.tolist(), strict=True)),
        digest=images.digest,
        n_groups=None if images.groups is None else len(set(images.groups.tolist())),
        facts={key: images.card[key] for key in differing if key in images.card},
    )
