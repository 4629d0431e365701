"""Artifacts (named arrays and a card) as versioned safetensors files."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version

from synthpath_kedro.data.artifact import Artifact, place_file, read_artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.missing import MISSING, Missing
from synthpath_kedro.datasets.versioned import OwnVersion
from synthpath_kedro.errors import InputError

_CONTENT = "content"
"""Of the card as it lies on the disk: the digest of the arrays."""


class ArtifactDataset(OwnVersion, AbstractVersionedDataset[Artifact | Missing, Artifact | Missing]):
    """A safetensors file with a card; arrays load memory-mapped, and only if they are those that were saved.

    An artifact that lies in a file already (``Artifact.path``) is linked to its place, neither written nor read again:
    it is large, and whoever wrote the file checks it. With
    ``optional``, loading gives MISSING where there is no file, and saving MISSING removes the file.
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
        self.optional = optional
        self.metadata = metadata

    @property
    def path(self) -> Path:
        """The file that is loaded."""
        return Path(self._get_load_path())

    def load(self) -> Artifact | Missing:
        if self.optional and not self._exists():
            return MISSING
        artifact = read_artifact(self.path)
        card = dict(artifact.card)
        saved = card.pop(_CONTENT, None)
        if saved is not None and saved != artifact.digest:
            raise InputError(
                f"{self.path} is damaged: it does not hold what was saved; remove it and run the pipeline that makes "
                "it, or load another version with --load-versions"
            )
        return Artifact(artifact.tensors, card, None if saved else artifact.path)

    def save(self, data: Artifact | Missing) -> None:
        path = Path(self._get_save_path())
        if data is MISSING:
            path.unlink(missing_ok=True)
            return
        if data.path is not None:
            place_file(data.path, path)
            return
        write_artifact(path, Artifact(data.tensors, data.card | {_CONTENT: data.digest}))

    def _exists(self) -> bool:
        try:
            return self.path.is_file()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}

    def preview(self) -> dict[str, Any]:
        """The card, for kedro-viz."""
        artifact = read_artifact(self.path)
        return {"card": artifact.card, "tensors": {name: list(a.shape) for name, a in artifact.tensors.items()}}


class LabeledImagesDataset(ArtifactDataset):
    """Labeled images as one safetensors file."""

    def load(self) -> LabeledImages:  # type: ignore[override]
        artifact = read_artifact(self.path)
        try:
            return LabeledImages.from_artifact(artifact)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{self.path} does not hold labeled images ({type(error).__name__}: {error}); remove it and run the "
                "pipeline that makes it"
            ) from error

    def save(self, data: LabeledImages) -> None:  # type: ignore[override]
        write_artifact(Path(self._get_save_path()), data.to_artifact())


class ArtifactFolderDataset(AbstractDataset[None, dict[str, Artifact]]):
    """What lies in a folder already: its artifacts by path, without those that cannot be read; for reading only."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Artifact]:
        found = {}
        for path in sorted(self._folder.rglob("*.safetensors")):
            try:
                found[path.relative_to(self._folder).as_posix()] = read_artifact(path)
            except InputError:
                continue  # damaged: whoever needs it makes it again
        return found

    def save(self, data: None) -> None:  # noqa: ARG002
        raise DatasetError("this dataset is for reading only")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder}
