"""Kedro datasets: what kedro-datasets lacks, and its own written atomically. They read and write, nothing else."""

from synthpath_kedro.datasets.artifact import ArtifactDataset, ArtifactFolderDataset, LabeledImagesDataset
from synthpath_kedro.datasets.export import ExportDataset
from synthpath_kedro.datasets.files import (
    DataCardDataset,
    FigureDataset,
    JSONDataset,
    TableDataset,
    TablesDataset,
    TextDataset,
)
from synthpath_kedro.datasets.folder import FolderDataset, ScratchDataset
from synthpath_kedro.datasets.synthetic_set import SyntheticSetDataset

__all__ = [
    "ArtifactDataset",
    "ArtifactFolderDataset",
    "DataCardDataset",
    "ExportDataset",
    "FigureDataset",
    "FolderDataset",
    "JSONDataset",
    "LabeledImagesDataset",
    "ScratchDataset",
    "SyntheticSetDataset",
    "TableDataset",
    "TablesDataset",
    "TextDataset",
]
