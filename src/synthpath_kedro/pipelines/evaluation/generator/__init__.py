"""What the synthetic images are by themselves: their fidelity, and what they give away of the training images."""

from synthpath_kedro.pipelines.evaluation.generator.pipeline import create_pipeline

__all__ = ["create_pipeline"]
