"""Generates the labeled synthetic images, shard by shard."""

from synthpath_kedro.pipelines.synthesis.pipeline import create_pipeline

__all__ = ["create_pipeline"]
