"""Artefacts (named arrays and a card) as versioned safetensors files."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, DatasetError, Version

from synthpath_kedro.data.artefact import Artefact, read_artefact, write_artefact
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.errors import InputError

_CONTENT = "content"
"""Of the card as it lies on the disk: the digest of the arrays."""


class ArtefactDataset(AbstractVersionedDataset[Artefact, Artefact | None]):
    """A safetensors file with a card; arrays load memory-mapped, and only if they are those that were saved.

    With ``optional``, loading gives None where there is no file, and saving an artefact without arrays removes the
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

    def load(self) -> Artefact | None:
        if self._optional and not self._exists():
            return None
        path = Path(self._get_load_path())
        artefact = read_artefact(path)
        card = dict(artefact.card)
        saved = card.pop(_CONTENT, None)
        if saved is not None and saved != artefact.digest:
            raise InputError(
                f"{path} is damaged: it does not hold what was saved; remove it and run the pipeline that makes it, or "
                "load another version with --load-versions"
            )
        return Artefact(artefact.tensors, card)

    def save(self, data: Artefact) -> None:
        path = Path(self._get_save_path())
        if self._optional and not data.tensors:
            path.unlink(missing_ok=True)
            return
        write_artefact(path, Artefact(data.tensors, data.card | {_CONTENT: data.digest}))

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_file()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}

    def preview(self) -> dict[str, Any]:
        """The card, for kedro-viz."""
        artefact = read_artefact(Path(self._get_load_path()))
        return {"card": artefact.card, "tensors": {name: list(a.shape) for name, a in artefact.tensors.items()}}


class LabelledImagesDataset(ArtefactDataset):
    """Labelled images as one safetensors file."""

    def load(self) -> LabelledImages:  # type: ignore[override]
        return LabelledImages.from_artefact(read_artefact(Path(self._get_load_path())))

    def save(self, data: LabelledImages) -> None:  # type: ignore[override]
        write_artefact(Path(self._get_save_path()), data.to_artefact())
