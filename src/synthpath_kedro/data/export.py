"""The synthetic set in forms that other people's training scripts read, with a card that says what it is."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike
from PIL import Image

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.lineage import source_note

Format = Literal["none", "npz", "image_folder", "both"]
Shards = Mapping[str, Artifact]

NPZ, FOLDER, CARD = "synthetic.npz", "train", "README.md"


def folder_writer(
    shards: Shards, manifest: Card, denoiser: Card, data_card: Card, form: Format
) -> Callable[[Path], None]:
    """What writes the export into an empty folder, shard by shard.

    ``npz`` gives one file in the MedMNIST layout: train_images uint8 [N, H, W, 3], train_labels int64 [N, 1]; val and
    test are there and empty, because a classifier is to be judged on real images. Beside them stand class_names, in
    label order. ``image_folder`` gives ``train/<class>/<number>.png``.

    Args:
        shards: by file name, ``images`` and ``labels`` each.
        manifest: of the shards.
        denoiser: card of the checkpoint they were drawn from.
        data_card: card of the real images it was trained on.
        form: none gives an empty folder.
    """

    def write(folder: Path) -> None:
        if form in ("npz", "both"):
            _write_npz(folder / NPZ, shards, manifest)
        if form in ("image_folder", "both"):
            _write_images(folder / FOLDER, shards, manifest["class_names"])
        if form != "none":
            (folder / CARD).write_text(describe(manifest, denoiser, data_card))

    return write


def describe(manifest: Card, denoiser: Card, data_card: Card) -> str:
    """The data card in Markdown: what the set is, how it was made, from what, and its known limits."""
    settings = ", ".join(f"{name} {value}" for name, value in manifest["parameters"].items())
    note, size = source_note(manifest), manifest["image_size"]
    lines = [
        f"# Synthetic images after {data_card.get('name', 'real images')}",
        "",
        *(
            [f"**{note}: the images it was made from are drawn by code.**", ""]
            if (note := source_note(manifest))
            else []
        ),
        f"{manifest['total']:,} RGB images of {size}x{size} pixels, made by SynthPath.",
        "",
        "| class | images |",
        "|---|---|",
        *(f"| {name} | {count:,} |" for name, count in manifest["counts"].items()),
        "",
        "## How they were made",
        "",
        f"- Real images: {data_card.get('name')} (source {data_card.get('source')}), digest "
        f"`{data_card.get('digest')}`; {data_card['splits']['train']['n']:,} of them trained the denoiser.",
        f"- Denoiser: class-conditional U-Net, parameterization {denoiser['parameterization']}, "
        f"{denoiser['epochs']} epochs, "
        f"{denoiser['images_seen']:,} images seen, digest `{manifest['checkpoint']}`.",
        f"- Sampling: {settings}; seed {manifest['seed']}.",
        f"- Packages: {', '.join(f'{name} {version}' for name, version in manifest['versions'].items())}.",
        "",
        "## Known limits",
        "",
        "- A label is the class that the denoiser was asked for. Nobody has looked at the images one by one.",
        "- Diffusion models can repeat training images. Read the privacy table of the study's report before sharing.",
        "- They show what one denoiser learned from one data set: its scanner, stain and patients, and their gaps.",
        "- They are for training and study. They are no evidence about any patient.",
        "- Terms of use of the real images may bind these too.",
    ]
    return "\n".join(lines) + "\n"


def _write_npz(path: Path, shards: Shards, manifest: Card) -> None:
    size, total = manifest["image_size"], manifest["total"]
    pixels = (_bytes(shard.tensors["images"], np.uint8) for shard in _in_order(shards))
    labels = (_bytes(shard.tensors["labels"], np.int64) for shard in _in_order(shards))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _write_array(archive, "train_images", (total, size, size, 3), np.uint8, pixels)
        _write_array(archive, "train_labels", (total, 1), np.int64, labels)
        for split in ("val", "test"):
            _write_array(archive, f"{split}_images", (0, size, size, 3), np.uint8, iter(()))
            _write_array(archive, f"{split}_labels", (0, 1), np.int64, iter(()))
        names = np.array(manifest["class_names"])
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


def _write_images(folder: Path, shards: Shards, class_names: list[str]) -> None:
    folders = [folder / name for name in folder_names(class_names)]
    for place in folders:
        place.mkdir(parents=True)
    number = 0
    for shard in _in_order(shards):
        for image, label in zip(shard.tensors["images"], shard.tensors["labels"], strict=True):
            Image.fromarray(np.asarray(image)).save(folders[label] / f"{number:06d}.png")
            number += 1


def _in_order(shards: Shards) -> Iterator[Artifact]:
    return (shards[name] for name in sorted(shards))


def _bytes(array: np.ndarray, dtype: type) -> bytes:
    return np.ascontiguousarray(array, dtype).tobytes()
