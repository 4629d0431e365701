"""Trains the class-conditional denoiser on the real training images."""

from synthpath_kedro.pipelines.diffusion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
