"""The synthetic set: the contract between whoever makes synthetic images and everything that uses them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from synthpath_kedro.data.artifact import Artifact, digest_arrays, package_versions, read_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.metadata import Metadata
from synthpath_kedro.data.sharded import ShardedImages
from synthpath_kedro.errors import InputError

HINT = "run kedro run --pipelines=synthesis, which makes only what is missing or different"


class ShardFacts(Metadata):
    """One file of a synthetic set.

    Attributes:
        digest: of its arrays.
        n: images.
    """

    digest: str
    n: int


class GeneratorCard(Metadata):
    """What a synthetic set is, how it was made, and from what: ``manifest.json`` beside its shards.

    Attributes:
        name: of the set.
        source: the generator's name.
        class_names: in label order.
        image_size: height and width in pixels.
        counts: images by class name.
        total: images.
        digest: of the whole set.
        shards: by file name.
        prepared: digest of the prepared real data it belongs to.
        phantom: the real data is rendered, not taken from patients.
        made_from: digests of what it was made from, by what: ``checkpoint`` (denoiser), ``files``.
        parameters: that decide its images.
        seed: of its random numbers.
        versions: of packages.
        duplicates: images that are real ones, pixel by pixel: ``real_train`` (how many) and ``treatment``.
        facts: further plain JSON that a reader should see.
        replicates: generators that it was made by, each trained separately and each making a part of it.
    """

    WHAT: ClassVar = "the synthetic set's manifest.json"
    HINT: ClassVar = HINT

    name: str
    source: str
    class_names: list[str]
    image_size: int
    counts: dict[str, int]
    total: int
    digest: str
    shards: dict[str, ShardFacts]
    prepared: str | None = None
    phantom: bool = False
    made_from: dict[str, str] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    duplicates: dict[str, Any] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    replicates: int = 1

    @property
    def checkpoint(self) -> str | None:
        """Digest of the denoiser that it was sampled from; None for images of another origin."""
        return self.made_from.get("checkpoint")


@dataclass(frozen=True)
class SyntheticSet:
    """Labeled synthetic images, read as they are asked for.

    Attributes:
        shards: by file name, in the order of their names: ``images`` uint8 [n, H, W, 3] and ``labels`` int64 [n].
        card: what they are.
        parts: where it was made by several generators, what each of them made, by their number.
    """

    shards: Mapping[str, Artifact]
    card: GeneratorCard
    parts: tuple["SyntheticSet", ...] = ()

    def __len__(self) -> int:
        return self.card.total

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def digest(self) -> str:
        """SHA-256 of the shards' names and digests."""
        return self.card.digest

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.card.class_names)

    @cached_property
    def images(self) -> ShardedImages:
        """uint8 [N, H, W, 3], left on the disk until rows are asked for."""
        return ShardedImages([self.shards[name].tensors["images"] for name in sorted(self.shards)])

    @cached_property
    def labels(self) -> np.ndarray:
        """int64 [N]."""
        return np.concatenate([np.asarray(self.shards[name].tensors["labels"]) for name in sorted(self.shards)])

    @cached_property
    def made_by(self) -> np.ndarray:
        """int64 [N]: which of several generators made each image; 0 where there is one."""
        of_part = {f"{part_folder(k)}/{name}": k for k, part in enumerate(self.parts) for name in part.shards}
        names = sorted(self.shards)
        return np.repeat(
            [of_part.get(name, 0) for name in names], [len(self.shards[name].tensors["labels"]) for name in names]
        )

    def labeled(self, rows: np.ndarray | None = None) -> LabeledImages:
        """The images (those at ``rows``) as labeled images whose card names the set.

        Without ``rows`` the images stay on the disk.
        """
        facts = {
            "name": self.name,
            "set": self.name,
            "prepared": self.card.prepared,
            "phantom": self.card.phantom,
            "synthetic": self.digest,
            "image_size": self.card.image_size,
            "total": self.card.total,
        }
        if self.card.checkpoint:
            facts["checkpoint"] = self.card.checkpoint
        if rows is not None:
            return LabeledImages(self.images[rows], self.labels[rows], self.class_names, card=facts)
        facts["digest"] = self.digest
        return LabeledImages(self.images, self.labels, self.class_names, card=facts)  # type: ignore[arg-type]

    def check(self) -> None:
        """Checks that the shards are those that the card lists, to the last byte.

        A file that was checked is not read again in this process while its size and time stay.

        Raises:
            InputError: a shard is missing, damaged, not the one that is listed, or not listed.
        """
        listed = {name: shard.digest for name, shard in self.card.shards.items()}
        present = {name: content_digest(shard) for name, shard in self.shards.items()}
        if listed != present:
            names = sorted(name for name in listed.keys() | present.keys() if listed.get(name) != present.get(name))
            raise InputError(
                f"the synthetic set {self.name}: manifest.json and the shards do not belong together "
                f"({', '.join(names)}); {HINT}"
            )


def assemble(shards: Mapping[str, Artifact], class_names: Sequence[str], **facts: Any) -> SyntheticSet:
    """A set of ``shards``, whose cards hold their ``digest``.

    Args:
        shards: by file name.
        class_names: in label order.
        facts: of ``GeneratorCard``: at least ``name`` and ``source``.
    """
    names = sorted(shards)
    labels = np.concatenate([np.asarray(shards[name].tensors["labels"]) for name in names])
    counts = np.bincount(labels, minlength=len(class_names)).tolist()
    facts_of = {
        name: ShardFacts(digest=shards[name].card["digest"], n=len(shards[name].tensors["labels"])) for name in names
    }
    listed = json.dumps({name: shard.to_json() for name, shard in facts_of.items()}, sort_keys=True)
    card = GeneratorCard(
        class_names=list(class_names),
        image_size=int(shards[names[0]].tensors["images"].shape[1]),
        counts=dict(zip(class_names, counts, strict=True)),
        total=len(labels),
        digest=hashlib.sha256(listed.encode()).hexdigest(),
        shards=facts_of,
        versions=package_versions(),
        **facts,
    )
    return SyntheticSet({name: shards[name] for name in names}, card)


def part_folder(replicate: int | str) -> str:
    """Below the folder of a set that several generators made: where the shards of one of them are ("*": of all)."""
    return f"replicate_{replicate}"


def below(folder: str, shards: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """Those of ``shards`` whose name begins with ``folder`` ("gan/"), by the rest of their name."""
    return {name.removeprefix(folder): shard for name, shard in shards.items() if name.startswith(folder)}


def join(parts: Sequence[SyntheticSet], **facts: Any) -> SyntheticSet:
    """One set of what several generators made.

    Args:
        parts: one per generator, of the same classes.
        facts: of ``GeneratorCard``: at least ``name`` and ``source``.
    """
    shards = {f"{part_folder(k)}/{name}": shard for k, part in enumerate(parts) for name, shard in part.shards.items()}
    whole = assemble(shards, parts[0].class_names, replicates=len(parts), **facts)
    return replace(whole, parts=tuple(parts))


def from_arrays(
    images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], shard_size: int, **facts: Any
) -> SyntheticSet:
    """A set of images in memory, in shards of ``shard_size``.

    Args:
        images: uint8 [N, H, W, 3], N at least 1.
        labels: int64 [N].
        class_names: in label order.
        shard_size: images per shard.
        facts: of ``GeneratorCard``: at least ``name`` and ``source``.
    """
    shards = {}
    for number, start in enumerate(range(0, len(images), shard_size)):
        rows = slice(start, start + shard_size)
        tensors = {"images": images[rows], "labels": labels[rows].astype(np.int64)}
        shards[f"shard_{number:05d}.safetensors"] = Artifact(tensors, {"digest": digest_arrays(tensors)})
    return assemble(shards, class_names, **facts)


def without_rows(
    made: SyntheticSet, rows: np.ndarray, mark: Mapping[str, Any], facts: Mapping[str, Any]
) -> SyntheticSet:
    """The set without some of its images.

    Args:
        made: the whole set.
        rows: places of the images to leave out.
        mark: added to the key of every shard, which is no longer what its generator made.
        facts: added to the card's ``facts``.
    """
    left_out = np.zeros(len(made), bool)
    left_out[rows] = True
    kept = dict(zip(sorted(made.shards), np.split(~left_out, np.cumsum(_sizes(made))[:-1]), strict=True))
    shards = {name: _rows_of(shard, kept[name], mark) for name, shard in made.shards.items()}
    parts = tuple(
        assemble(below(f"{part_folder(k)}/", shards), made.class_names, **_facts(part))
        for k, part in enumerate(made.parts)
    )
    own = _facts(made)
    return replace(assemble(shards, made.class_names, **own | {"facts": own["facts"] | facts}), parts=parts)


def _sizes(made: SyntheticSet) -> list[int]:
    return [len(made.shards[name].tensors["labels"]) for name in sorted(made.shards)]


def _rows_of(shard: Artifact, kept: np.ndarray, mark: Mapping[str, Any]) -> Artifact:
    tensors = {name: np.ascontiguousarray(array[kept]) for name, array in shard.tensors.items()}
    return Artifact(tensors, {"key": shard.card.get("key", {}) | mark, "digest": digest_arrays(tensors)})


def _facts(made: SyntheticSet) -> dict[str, Any]:
    """Of its card, what ``assemble`` does not find out by itself."""
    own = (
        "name",
        "source",
        "prepared",
        "phantom",
        "made_from",
        "parameters",
        "seed",
        "duplicates",
        "facts",
        "replicates",
    )
    return {name: getattr(made.card, name) for name in own}


def content_digest(shard: Artifact) -> str:
    """SHA-256 of the shard's arrays, as they are now."""
    if shard.path is None:
        return shard.digest
    status = shard.path.stat()
    return _digest_of_file(shard.path, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest_of_file(path: Path, inode: int, size: int, modified: int) -> str:
    del inode, size, modified
    return read_artifact(path).digest
