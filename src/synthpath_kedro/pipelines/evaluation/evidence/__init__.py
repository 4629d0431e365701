"""The study's evidence: tables about all cells, and what the synthetic images are by themselves."""

from synthpath_kedro.pipelines.evaluation.evidence.pipeline import create_pipeline

__all__ = ["create_pipeline"]
