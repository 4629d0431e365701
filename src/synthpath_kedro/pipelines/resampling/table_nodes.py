"""The tables and figures of learning curve and cross-validation, from the predictions that each part left."""

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.lineage import source_note
from synthpath_kedro.parameters import EvaluationParameters


def tabulate_learning_curve(
    params: EvaluationParameters, seed: int, *predictions: Artifact
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Scores by replicate, mean accuracies with intervals, and how many real images each set is worth."""
    from synthpath_kedro.evaluation import learning_curve_tables as tables

    resamples = params.bootstrap_resamples
    return (
        tables.learning_curve_table(predictions),
        tables.interval_table(predictions, resamples, seed),
        tables.worth_table(predictions, resamples, seed),
    )


def tabulate_synthetic_count(*predictions: Artifact) -> pd.DataFrame:
    from synthpath_kedro.evaluation.learning_curve_tables import synthetic_count_table

    return synthetic_count_table(predictions)


def draw_learning_curve(intervals: pd.DataFrame, worth: pd.DataFrame, card: DataCard) -> Figure:
    from synthpath_kedro.report.figures.learning_curve import learning_curve

    return learning_curve(intervals, worth, note=source_note(phantom=card.phantom))


def draw_synthetic_count(scores: pd.DataFrame, card: DataCard) -> Figure:
    from synthpath_kedro.report.figures.synthetic_count import synthetic_count

    return synthetic_count(scores, note=source_note(phantom=card.phantom))


def tabulate_cross_validation(
    params: EvaluationParameters, *predictions: Artifact, oracles: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of every fold, and every regime against its baseline over all folds."""
    from synthpath_kedro.evaluation import cross_validation_tables as tables

    scores = tables.cross_validation_table(predictions)
    return scores, tables.cross_validation_comparison(scores, params.margin, oracles)
