"""Scores every cell on real, synthetic and attacked images, and reports what the study found."""

from synthpath_kedro.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
