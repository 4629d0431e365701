"""The synthetic set in forms that other people's training scripts read, with a card that says what it is."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike
from PIL import Image

from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.lineage import source_note
from synthpath_kedro.data.synthetic import GeneratorCard, SyntheticSet

Format = Literal["none", "npz", "image_folder", "both"]

NPZ, FOLDER, CARD = "synthetic.npz", "train", "README.md"


@dataclass(frozen=True)
class Export:
    """The synthetic set in forms that other training scripts read.

    ``npz`` gives one file in the MedMNIST layout: train_images uint8 [N, H, W, 3], train_labels int64 [N, 1]; val and
    test are there and empty, because a classifier is to be judged on real images. Beside them stand class_names, in
    label order. ``image_folder`` gives ``train/<class>/<number>.png``.

    Attributes:
        synthetic: the set.
        data_card: of the real images.
        form: npz, image_folder or both.
    """

    synthetic: SyntheticSet
    data_card: DataCard
    form: Format

    def write(self, folder: Path) -> None:
        """Writes everything into an empty folder, shard by shard."""
        if self.form in ("npz", "both"):
            _write_npz(folder / NPZ, self.synthetic)
        if self.form in ("image_folder", "both"):
            _write_images(folder / FOLDER, self.synthetic)
        (folder / CARD).write_text(describe(self.synthetic.card, self.data_card))


def describe(card: GeneratorCard, data_card: DataCard) -> str:
    """The data card in Markdown: what the set is, how it was made, from what, and its known limits."""
    size = card.image_size
    note = source_note(phantom=card.phantom)
    settings = ", ".join(f"{name} {value}" for name, value in card.parameters.items())
    made_from = "; ".join(f"{what} `{digest}`" for what, digest in card.made_from.items())
    lines = [
        f"# Synthetic images after {data_card.name}",
        "",
        *([f"**{note}: the images it was made from are drawn by code.**", ""] if note else []),
        f"{card.total:,} RGB images of {size}x{size} pixels, written by SynthPath.",
        "",
        "| class | images |",
        "|---|---|",
        *(f"| {name} | {count:,} |" for name, count in card.counts.items()),
        "",
        "## How they were made",
        "",
        f"- Real images: {data_card.name} (source {data_card.source}), digest "
        f"`{data_card.digest}`; {data_card.splits['train'].n:,} training images.",
        f"- Generator: {card.source}{', made from ' + made_from if made_from else ''}.",
        *(
            [f"- Generators: {card.replicates}, trained separately, each made an equal part."]
            if card.replicates > 1
            else []
        ),
        *(f"- {fact.replace('_', ' ')}: {_number(value)}." for fact, value in card.facts.items()),
        f"- Parameters: {settings}{'' if card.seed is None else f'; seed {card.seed}'}.",
        f"- Packages: {', '.join(f'{name} {version}' for name, version in card.versions.items())}.",
        "",
        "## Known limits",
        "",
        "- A label is the class that the generator was asked for. Nobody has looked at the images one by one.",
        "- Generative models can repeat training images. Read the privacy table of the study's report before sharing.",
        "- They show what one generator learned from one data set: its scanner, stain and patients, and their gaps.",
        "- They are for training and study. They are no evidence about any patient.",
        "- Terms of use of the real images may bind these too.",
    ]
    return "\n".join(lines) + "\n"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _write_npz(path: Path, synthetic: SyntheticSet) -> None:
    size, total = synthetic.card.image_size, len(synthetic)
    pixels = (_bytes(shard.tensors["images"], np.uint8) for shard in synthetic.shards.values())
    labels = (_bytes(shard.tensors["labels"], np.int64) for shard in synthetic.shards.values())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _write_array(archive, "train_images", (total, size, size, 3), np.uint8, pixels)
        _write_array(archive, "train_labels", (total, 1), np.int64, labels)
        for split in ("val", "test"):
            _write_array(archive, f"{split}_images", (0, size, size, 3), np.uint8, iter(()))
            _write_array(archive, f"{split}_labels", (0, 1), np.int64, iter(()))
        names = np.array(synthetic.class_names)
        _write_array(archive, "class_names", names.shape, names.dtype, iter([names.tobytes()]))


def _write_array(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterator[bytes]
) -> None:
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    # A fixed date, so that the same images give the same file.
    entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as stream:
        start = io.BytesIO()
        np.lib.format.write_array_header_1_0(start, header)
        stream.write(start.getvalue())
        for part in parts:
            stream.write(part)


def folder_names(class_names: Sequence[str]) -> list[str]:
    """A folder name per class: its own, without what file systems refuse, and numbered where two would be the same."""
    plain = [re.sub(r'[\\/:*?"<>|]', "_", name).strip(". ") or "_" for name in class_names]
    counts = Counter(name.casefold() for name in plain)
    return [name if counts[name.casefold()] == 1 else f"{label}_{name}" for label, name in enumerate(plain)]


def _write_images(folder: Path, synthetic: SyntheticSet) -> None:
    folders = [folder / name for name in folder_names(synthetic.class_names)]
    for place in folders:
        place.mkdir(parents=True)
    number = 0
    for shard in synthetic.shards.values():
        for image, label in zip(shard.tensors["images"], shard.tensors["labels"], strict=True):
            Image.fromarray(np.asarray(image)).save(folders[label] / f"{number:06d}.png")
            number += 1


def _bytes(array: np.ndarray, dtype: type) -> bytes:
    return np.ascontiguousarray(array, dtype).tobytes()
