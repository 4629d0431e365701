"""The interactive pages beside the report."""

from synthpath_kedro.pipelines.evaluation.pages.pipeline import create_pipeline

__all__ = ["create_pipeline"]
