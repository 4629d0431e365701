"""The data card: what the prepared images are."""

from typing import Any, ClassVar

from pydantic import Field

from synthpath_kedro.data.metadata import Metadata

_CLASSES_LISTED = 20


class SplitFacts(Metadata):
    """One split.

    Attributes:
        n: images.
        counts: images by class name.
        digest: of images, labels and groups.
        n_groups: patients or slides; None where they are not known.
        facts: further plain JSON that the source knows of this split and not of the others.
    """

    n: int
    counts: dict[str, int]
    digest: str
    n_groups: int | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


class DataCard(Metadata):
    """What the prepared images are, and where they come from: ``03_primary/card.json``.

    Attributes:
        source: of ``data_prep.source``.
        name: of the data set.
        image_size: height and width in pixels.
        class_names: in label order.
        multi_label: an image has several labels.
        groups_known: it is known which images come from one patient or slide.
        phantom: the images are rendered, not taken from patients.
        digest: of all splits; what is made from them holds it as ``prepared``.
        splits: by name: train, val, test.
        subsampled: the share of its training images that a class keeps, by class name; others keep all.
        duplicates_across_splits: ``treatment``, and how many images of which split were concerned.
        conflicting_labels: the same for images that stand under more than one label.
        parameters: the block ``data_prep``.
        facts: further plain JSON that the source knows of itself.
    """

    WHAT: ClassVar = "the data card (03_primary/card.json)"
    HINT: ClassVar = "run kedro run --pipelines=data_prep again"

    source: str
    name: str
    image_size: int
    class_names: list[str]
    multi_label: bool
    groups_known: bool
    phantom: bool = False
    digest: str
    splits: dict[str, SplitFacts]
    subsampled: dict[str, float] = Field(default_factory=dict)
    duplicates_across_splits: dict[str, Any] = Field(default_factory=dict)
    conflicting_labels: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)

    def summary(self) -> list[str]:
        """In a line each: the classes and counts of every split, and what was left out."""
        lines = [f"{name}: {facts.n:,} images, {_counted(facts.counts)}" for name, facts in self.splits.items()]
        left_out = [f"{count:,} {kind}" for kind, count in self.facts.get("left_out", {}).items()]
        return [*lines, *([f"left out: {', '.join(left_out)}"] if left_out else [])]


def _counted(counts: dict[str, int]) -> str:
    if len(counts) <= _CLASSES_LISTED:
        return ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f"{len(counts)} classes of {min(counts.values()):,} to {max(counts.values()):,}"
