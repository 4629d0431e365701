"""A synthetic set as a folder of shards with its card, manifest.json."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.data.artifact import Artifact, atomic_path, place_file, read_artifact, write_artifact
from synthpath_kedro.data.synthetic import HINT, GeneratorCard, SyntheticSet
from synthpath_kedro.errors import InputError

MANIFEST = "manifest.json"


class SyntheticSetDataset(AbstractDataset[SyntheticSet, SyntheticSet]):
    """Shards (safetensors) and ``manifest.json``, which is written last: without it the set is not complete.

    Loading leaves the images on the disk and checks that the shards are those that the manifest lists.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def load(self) -> SyntheticSet:
        if not self._exists():
            what = "is incomplete: the run that made it was interrupted" if any(self._shards()) else "does not exist"
            raise InputError(f"the synthetic set {self.path} {what}; {HINT}")
        try:
            card = GeneratorCard.from_json(json.loads((self.path / MANIFEST).read_text()))
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self.path / MANIFEST} is damaged ({error}); {HINT}") from error
        synthetic = SyntheticSet({path.name: read_artifact(path) for path in self._shards()}, card)
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
        for path in self._shards():
            if path.name not in data.shards:
                path.unlink()
        with atomic_path(self.path / MANIFEST) as temporary:
            temporary.write_text(json.dumps(data.card.to_json(), indent=1, sort_keys=True) + "\n")

    def _shards(self) -> list[Path]:
        return sorted(self.path.glob("*.safetensors"))

    def _exists(self) -> bool:
        return (self.path / MANIFEST).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.path}

    def preview(self) -> dict[str, Any]:
        """The generator card, for kedro-viz."""
        return json.loads((self.path / MANIFEST).read_text())
