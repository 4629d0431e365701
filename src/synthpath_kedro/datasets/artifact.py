"""Artifacts (named arrays and a card) as versioned safetensors files."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, DatasetError, Version

from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError

_CONTENT = "content"
"""Of the card as it lies on the disk: the digest of the arrays."""


class ArtifactDataset(AbstractVersionedDataset[Artifact, Artifact | None]):
    """A safetensors file with a card; arrays load memory-mapped, and only if they are those that were saved.

    With ``optional``, loading gives None where there is no file, and saving an artifact without arrays removes the
    file: a cell that was not trained has no predictions.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        optional: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=PurePosixPath(filepath), version=version)
        self._optional = optional
        self.metadata = metadata

    def load(self) -> Artifact | None:
        if self._optional and not self._exists():
            return None
        path = Path(self._get_load_path())
        artifact = read_artifact(path)
        card = dict(artifact.card)
        saved = card.pop(_CONTENT, None)
        if saved is not None and saved != artifact.digest:
            raise InputError(
                f"{path} is damaged: it does not hold what was saved; remove it and run the pipeline that makes it, or "
                "load another version with --load-versions"
            )
        return Artifact(artifact.tensors, card)

    def save(self, data: Artifact) -> None:
        path = Path(self._get_save_path())
        if self._optional and not data.tensors:
            path.unlink(missing_ok=True)
            return
        write_artifact(path, Artifact(data.tensors, data.card | {_CONTENT: data.digest}))

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_file()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}

    def preview(self) -> dict[str, Any]:
        """The card, for kedro-viz."""
        artifact = read_artifact(Path(self._get_load_path()))
        return {"card": artifact.card, "tensors": {name: list(a.shape) for name, a in artifact.tensors.items()}}


class LabeledImagesDataset(ArtifactDataset):
    """Labeled images as one safetensors file."""

    def load(self) -> LabeledImages:  # type: ignore[override]
        return LabeledImages.from_artifact(read_artifact(Path(self._get_load_path())))

    def save(self, data: LabeledImages) -> None:  # type: ignore[override]
        write_artifact(Path(self._get_save_path()), data.to_artifact())
