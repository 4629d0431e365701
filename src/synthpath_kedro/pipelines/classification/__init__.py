"""Trains every cell of the grid: each model under each regime."""

from synthpath_kedro.pipelines.classification.pipeline import create_pipeline

__all__ = ["create_pipeline"]
