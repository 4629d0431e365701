"""Kedro datasets: what kedro-datasets lacks, and its own written atomically."""

from synthpath_kedro.datasets.artifact import ArtifactDataset, LabeledImagesDataset
from synthpath_kedro.datasets.constant import ConstantDataset
from synthpath_kedro.datasets.files import FigureDataset, JSONDataset, TableDataset, TextDataset
from synthpath_kedro.datasets.folder import FolderDataset
from synthpath_kedro.datasets.recipe import RecipeDataset, ShardsDataset
from synthpath_kedro.datasets.written_folder import WrittenFolderDataset

__all__ = [
    "ArtifactDataset",
    "ConstantDataset",
    "FigureDataset",
    "FolderDataset",
    "JSONDataset",
    "LabeledImagesDataset",
    "RecipeDataset",
    "ShardsDataset",
    "TableDataset",
    "TextDataset",
    "WrittenFolderDataset",
]
