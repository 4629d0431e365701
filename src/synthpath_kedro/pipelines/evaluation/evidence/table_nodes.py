"""The tables about the cells that have been trained, and the baseline beside them."""

from collections.abc import Mapping

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_classifier, check_same_data
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.evaluation.cell_results import CellResults
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters


def tabulate_classification(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import classification_table

    return classification_table(_predictions(cells))


def tabulate_color_baseline(
    real_train: LabeledImages,
    real_test: LabeledImages,
    synthetic_sets: Mapping[str, SyntheticSet],
    params: ClassificationParameters,
) -> pd.DataFrame:
    """How well the mean color of each image tells the classes apart."""
    from synthpath_kedro.evaluation.color_baseline_table import color_baseline_table

    sets = {name: one.labeled() for name, one in synthetic_sets.items()}
    images = {"real_train": real_train, "real_test": real_test, **sets}
    check_same_data({name: one.card for name, one in images.items()})
    return color_baseline_table(real_train, real_test, sets, params.mixing_ratio)


def tabulate_intervals(cells: list[CellResults], params: EvaluationParameters, seed: int) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import interval_table

    return interval_table(_predictions(cells), params.bootstrap_resamples, seed)


def tabulate_comparison(
    cells: list[CellResults], params: EvaluationParameters, *, oracles: tuple[str, ...]
) -> pd.DataFrame:
    """Every regime against its baseline; what the sets ``oracles`` gain is a positive control."""
    from synthpath_kedro.evaluation.comparison_tables import comparison_table

    return comparison_table(_predictions(cells), params.margin, oracles)


def tabulate_classes(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.classification_tables import per_class_table

    return per_class_table(_predictions(cells))


def tabulate_calibration(cells: list[CellResults], params: EvaluationParameters) -> pd.DataFrame:
    from synthpath_kedro.evaluation.calibration_tables import calibration_table

    return calibration_table(_predictions(cells), params.calibration_bins)


def tabulate_reliability(cells: list[CellResults], params: EvaluationParameters) -> pd.DataFrame:
    from synthpath_kedro.evaluation.calibration_tables import reliability_tables

    return reliability_tables(_predictions(cells), params.calibration_bins)


def tabulate_selective(cells: list[CellResults], params: EvaluationParameters) -> pd.DataFrame:
    from synthpath_kedro.evaluation.selective_tables import selective_table

    return selective_table(_predictions(cells), params.selective_coverages)


def tabulate_risk_coverage(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.selective_tables import risk_coverage_table

    return risk_coverage_table(_predictions(cells))


def tabulate_conformal(cells: list[CellResults], params: EvaluationParameters) -> pd.DataFrame:
    from synthpath_kedro.evaluation.conformal_tables import conformal_table

    return conformal_table(_predictions(cells), params.conformal_coverage)


def tabulate_synthetic_as_test(cells: list[CellResults]) -> pd.DataFrame:
    """How cells that were trained without synthetic images classify every synthetic set."""
    from synthpath_kedro.evaluation.classification_tables import synthetic_as_test_table

    return synthetic_as_test_table([one.predictions for one in cells if not one.cell.set])


def tabulate_reconstruction(cells: list[CellResults]) -> pd.DataFrame:
    """How cells that were trained without synthetic images classify the reconstructed test images."""
    from synthpath_kedro.evaluation.classification_tables import reconstruction_table

    return reconstruction_table([one.predictions for one in cells if not one.cell.set])


def tabulate_robustness(cells: list[CellResults]) -> pd.DataFrame:
    """Accuracy under attack, of the classifiers that the tables of predictions are about.

    Raises:
        InputError: a cell was attacked and predicted by different classifiers.
    """
    from synthpath_kedro.evaluation.robustness_tables import robustness_table

    return robustness_table(_attacked(cells))


def tabulate_robustness_curves(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.robustness_tables import robustness_curves

    return robustness_curves(_attacked(cells))


def tabulate_attack_summary(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.robustness_tables import attack_summary_table

    return attack_summary_table(_attacked(cells))


def tabulate_masking(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.robustness_tables import masking_table

    return masking_table(_attacked(cells))


def tabulate_corruptions(cells: list[CellResults]) -> pd.DataFrame:
    """Accuracy at each level of each corruption.

    Raises:
        InputError: a cell's images were corrupted for another classifier than predicted them.
    """
    from synthpath_kedro.evaluation.corruption_tables import corruptions_table

    return corruptions_table(_corrupted(cells))


def tabulate_corruption_means(cells: list[CellResults]) -> pd.DataFrame:
    from synthpath_kedro.evaluation.corruption_tables import corruption_means_table

    return corruption_means_table(_corrupted(cells))


def tabulate_corruption_comparison(
    cells: list[CellResults], params: EvaluationParameters, *, oracles: tuple[str, ...]
) -> pd.DataFrame:
    """Every regime against its baseline on corrupted images."""
    from synthpath_kedro.evaluation.corruption_tables import corruption_comparison_table

    return corruption_comparison_table(_corrupted(cells), params.margin, oracles)


def tabulate_knn_mixing(cells: list[CellResults], params: EvaluationParameters) -> pd.DataFrame:
    from synthpath_kedro.evaluation.feature_space_tables import knn_mixing_table

    return knn_mixing_table([one.features for one in cells if one.features is not None], params.neighbors)


def tabulate_cost(cells: list[CellResults], diffusion_history: pd.DataFrame | None = None) -> pd.DataFrame:
    from synthpath_kedro.report.cost import cost_table

    histories = [one.history for one in cells if one.history is not None]
    table = pd.concat(histories) if histories else pd.DataFrame(columns=["model"])
    return cost_table(diffusion_history, {name: table[table["model"] == name] for name in table["model"].unique()})


def rank_generators(
    fidelity: pd.DataFrame,
    privacy: pd.DataFrame,
    comparison: pd.DataFrame,
    classification: pd.DataFrame,
    *,
    oracles: tuple[str, ...],
) -> pd.DataFrame:
    from synthpath_kedro.evaluation.generator_tables import generators_table

    return generators_table(fidelity, privacy, comparison, classification, oracles)


def collect_evidence(**tables: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The study's tables by name."""
    return tables


def _predictions(cells: list[CellResults]) -> list[Artifact]:
    return [one.predictions for one in cells]


def _attacked(cells: list[CellResults]) -> list[Artifact]:
    return [_of_predictions(one, one.attacked, "attacked") for one in cells if one.attacked is not None]


def _corrupted(cells: list[CellResults]) -> list[Artifact]:
    return [_of_predictions(one, one.corrupted, "corrupted") for one in cells if one.corrupted is not None]


def _of_predictions(one: CellResults, made: Artifact, what: str) -> Artifact:
    """``made``, of the classifier that predicted."""
    name = one.cell.name
    check_same_classifier({f"{what} images of {name}": made.card, f"predictions of {name}": one.predictions.card})
    return made
