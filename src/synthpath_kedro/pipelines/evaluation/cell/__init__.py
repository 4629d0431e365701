"""What is computed for each cell by itself: predictions, attacks, features and their embedding."""

from synthpath_kedro.pipelines.evaluation.cell.pipeline import create_pipeline, gather

__all__ = ["create_pipeline", "gather"]
