"""Reads a source, checks it, and prepares the images that everything else is made from."""

from synthpath_kedro.pipelines.data_prep.pipeline import create_pipeline

__all__ = ["create_pipeline"]
