"""The study's figures and its report."""

from synthpath_kedro.pipelines.evaluation.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
