"""Kedro datasets: what kedro-datasets lacks, and its own written whole or not at all."""

from synthpath_kedro.datasets.artefact import ArtefactDataset, LabelledImagesDataset
from synthpath_kedro.datasets.constant import ConstantDataset
from synthpath_kedro.datasets.files import FigureDataset, JSONDataset, TableDataset, TextDataset
from synthpath_kedro.datasets.folder import FolderDataset
from synthpath_kedro.datasets.recipe import RecipeDataset, ShardsDataset
from synthpath_kedro.datasets.written_folder import WrittenFolderDataset

__all__ = [
    "ArtefactDataset",
    "ConstantDataset",
    "FigureDataset",
    "FolderDataset",
    "JSONDataset",
    "LabelledImagesDataset",
    "RecipeDataset",
    "ShardsDataset",
    "TableDataset",
    "TextDataset",
    "WrittenFolderDataset",
]
