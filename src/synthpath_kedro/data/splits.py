"""The three sets of a study: what is trained on, what training is steered by, what is reported."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from synthpath_kedro.data.artifact import Card
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

    def card(self) -> Card:
        """What the sets are, in plain JSON: the source's own facts, digests, counts per split and class.

        A fact on which the sets differ, such as their stain, is part of each set's entry in ``splits``.
        """
        known = {key: value for key, value in self.train.card.items() if key != "digest"}
        differing = [
            key for key, value in known.items() if any(images.card.get(key, value) != value for _, images in self)
        ]
        return {
            **{key: value for key, value in known.items() if key not in differing},
            "image_size": self.train.image_size,
            "class_names": list(self.class_names),
            "multi_label": self.train.multi_label,
            "groups_known": self.train.groups is not None,
            "digest": self.digest,
            "splits": {name: _split_card(images, differing) for name, images in self},
        }


def _split_card(images: LabeledImages, own_facts: list[str]) -> Card:
    counts = dict(zip(images.class_names, images.class_counts.tolist(), strict=True))
    groups = {} if images.groups is None else {"n_groups": len(set(images.groups.tolist()))}
    own = {key: images.card[key] for key in own_facts}
    return {"n": len(images), **groups, **own, "counts": counts, "digest": images.digest}
