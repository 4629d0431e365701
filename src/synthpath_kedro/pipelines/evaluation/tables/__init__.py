"""The study's tables, made from what the cells left."""

from synthpath_kedro.pipelines.evaluation.tables.pipeline import create_pipeline

__all__ = ["create_pipeline"]
