"""A synthetic set as a folder of shards with its card, manifest.json."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.data.artifact import Artifact, AtomicFile, place_file, read_artifact, write_artifact
from synthpath_kedro.data.synthetic import HINT, GeneratorCard, SyntheticSet, part_folder
from synthpath_kedro.errors import InputError

MANIFEST = "manifest.json"


class SyntheticSetDataset(AbstractDataset[SyntheticSet, SyntheticSet]):
    """Shards (safetensors) and ``manifest.json``, which is written last: without it the set is not complete.

    Where several generators made the set, the shards of each are in a folder ``replicate_<k>``, a set by itself.
    Loading leaves the images on the disk and checks that the shards are those that the manifest lists.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def load(self) -> SyntheticSet:
        synthetic = _read(self.path)
        synthetic.check()
        return synthetic

    def save(self, data: SyntheticSet) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / MANIFEST).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to {self.path}: {error.strerror}; give write permission") from error
        for name, shard in data.shards.items():
            if shard.path is not None:
                place_file(shard.path, self.path / name)
            else:
                write_artifact(self.path / name, Artifact(shard.tensors, shard.card))
        for path, name in _shards(self.path).items():
            if name not in data.shards:
                path.unlink()
        _write_cards(self.path, data)

    def _exists(self) -> bool:
        return (self.path / MANIFEST).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.path}

    def preview(self) -> dict[str, Any]:
        """The generator card, for kedro-viz."""
        return json.loads((self.path / MANIFEST).read_text())


def _read(folder: Path) -> SyntheticSet:
    """The set in ``folder`` as its manifest describes it."""
    shards = _shards(folder)
    if not (folder / MANIFEST).is_file():
        what = "is incomplete: the run that made it was interrupted" if shards else "does not exist"
        raise InputError(f"the synthetic set {folder} {what}; {HINT}")
    try:
        card = GeneratorCard.from_json(json.loads((folder / MANIFEST).read_text()))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder / MANIFEST} is damaged ({error}); {HINT}") from error
    parts = [_read(folder / part_folder(k)) for k in range(card.replicates)] if card.replicates > 1 else []
    return SyntheticSet({name: read_artifact(path) for path, name in shards.items()}, card, tuple(parts))


def _shards(folder: Path) -> dict[Path, str]:
    """Every shard in ``folder``, those of several generators included, and its name in the set."""
    paths = [*folder.glob("*.safetensors"), *folder.glob(f"{part_folder('*')}/*.safetensors")]
    return {path: path.relative_to(folder).as_posix() for path in sorted(paths)}


def _write_cards(folder: Path, synthetic: SyntheticSet) -> None:
    """The manifests of all parts, then that of the whole."""
    parts = {folder / part_folder(k): part for k, part in enumerate(synthetic.parts)}
    for surplus in set(folder.glob(part_folder("*"))) - parts.keys():
        (surplus / MANIFEST).unlink(missing_ok=True)
        if not any(surplus.iterdir()):
            surplus.rmdir()
    for place, part in parts.items():
        _write_cards(place, part)
    with AtomicFile(folder / MANIFEST) as file:
        file.write((json.dumps(synthetic.card.to_json(), indent=1, sort_keys=True) + "\n").encode())
