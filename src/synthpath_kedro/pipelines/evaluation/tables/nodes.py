from collections.abc import Iterable

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.lineage import cell_name, check_same_classifier, check_same_data
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters

Cell = Artifact | None


def _trained(cells: Iterable[Cell]) -> list[Artifact]:
    """The cells that have been trained; all of them on the same data."""
    found = {cell_name(cell.card): cell for cell in cells if cell is not None}
    if found:
        check_same_data({name: cell.card for name, cell in found.items()})
    return list(found.values())


def tabulate_classification(*predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import classification_table

    return classification_table(_trained(predictions))


def tabulate_intervals(params: EvaluationParameters, seed: int, *predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import interval_table

    return interval_table(_trained(predictions), params.bootstrap_resamples, seed)


def tabulate_comparison(params: EvaluationParameters, seed: int, *predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.comparison_tables import comparison_table

    return comparison_table(_trained(predictions), params.bootstrap_resamples, seed)


def tabulate_classes(*predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import per_class_table

    return per_class_table(_trained(predictions))


def tabulate_calibration(params: EvaluationParameters, *predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.calibration_tables import calibration_table

    return calibration_table(_trained(predictions), params.calibration_bins)


def tabulate_reliability(params: EvaluationParameters, *predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.calibration_tables import reliability_tables

    return reliability_tables(_trained(predictions), params.calibration_bins)


def tabulate_synthetic_as_test(*predictions: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import synthetic_as_test_table

    return synthetic_as_test_table(cell for cell in _trained(predictions) if cell.card["regime"] == "real")


def tabulate_robustness(*attacked_then_predictions: Cell) -> pd.DataFrame:
    """Accuracy under attack, of the classifiers that the tables of predictions are about.

    Raises:
        InputError: a cell was attacked and predicted by different classifiers.
    """
    from synthpath_kedro.evaluation.robustness_tables import robustness_table

    half = len(attacked_then_predictions) // 2
    attacked = _trained(attacked_then_predictions[:half])
    predicted = {cell_name(cell.card): cell.card for cell in _trained(attacked_then_predictions[half:])}
    for cell in attacked:
        if (name := cell_name(cell.card)) in predicted:
            check_same_classifier({f"attacked images of {name}": cell.card, f"predictions of {name}": predicted[name]})
    return robustness_table(attacked)


def tabulate_robustness_curves(*attacked: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.robustness_tables import robustness_curves

    return robustness_curves(_trained(attacked))


def tabulate_knn_mixing(params: EvaluationParameters, *features: Cell) -> pd.DataFrame:
    from synthpath_kedro.evaluation.feature_space_tables import knn_mixing_table

    return knn_mixing_table(_trained(features), params.neighbors)


def lay_out_table_4_1(classification: pd.DataFrame, params: ClassificationParameters) -> pd.DataFrame:
    from synthpath_kedro.report.tables import table_4_1

    return table_4_1(classification, params.models, params.regimes)


def lay_out_table_4_2(synthetic_as_test: pd.DataFrame, params: ClassificationParameters) -> pd.DataFrame:
    from synthpath_kedro.report.tables import table_4_2

    return table_4_2(synthetic_as_test, params.models)


def lay_out_table_4_3(robustness: pd.DataFrame, params: ClassificationParameters) -> pd.DataFrame:
    from synthpath_kedro.report.tables import table_4_3

    return table_4_3(robustness[~robustness["control"].astype(bool)], params.models, params.regimes)
