from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.lineage import source_note
from synthpath_kedro.parameters import Parameters


def draw_accuracy_by_regime(classification: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.report.figures.accuracy_by_regime import accuracy_by_regime

    return accuracy_by_regime(classification, note=source_note(card))


def draw_confusion_matrices(*predictions: Artifact | None) -> Figure | list[Figure]:
    """The cells of one model side by side, over all replicates."""
    from synthpath_kedro.evaluation.classification_tables import confusion_of_cell
    from synthpath_kedro.report.figures.confusion_matrices import confusion_matrices
    from synthpath_kedro.report.labels import model_label

    cells = [cell for cell in predictions if cell is not None]
    if not cells:
        return []
    card = cells[0].card
    title = f"{model_label(card['model'])}: percent of each true class"
    matrices = {cell.card["regime"]: confusion_of_cell(cell) for cell in cells}
    return confusion_matrices(matrices, card["class_names"], title, note=source_note(card))


def draw_f1_by_class(per_class: pd.DataFrame, class_distribution: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.report.figures.f1_by_class import f1_by_class

    return f1_by_class(per_class, class_distribution, tuple(card.get("subsampled", ())), note=source_note(card))


def draw_reliability(table: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.report.figures.reliability import reliability

    return reliability(table, note=source_note(card))


def draw_robustness(robustness: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.report.figures.robustness import robustness as draw

    return draw(robustness[~robustness["control"].astype(bool)], note=source_note(card))


def draw_robustness_curves(curves: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.report.figures.robustness import robustness as draw

    return draw(curves, title="Accuracy against the attack's budget", note=source_note(card))


def tabulate_cost(diffusion_history: pd.DataFrame, **histories: pd.DataFrame | None) -> pd.DataFrame:
    from synthpath_kedro.report.cost import cost_table

    trained = [history for history in histories.values() if history is not None]
    cells = pd.concat(trained) if trained else pd.DataFrame(columns=["model"])
    return cost_table(diffusion_history, {name: cells[cells["model"] == name] for name in cells["model"].unique()})


def write_report(
    parameters: dict[str, Any],
    data_card: Card,
    manifest: Card,
    denoiser: Artifact,
    run_times: Card | None,
    **results: Artifact | pd.DataFrame | bytes | Figure | None,
) -> str:
    """The study's report as one page of HTML, from tables and figures by name, and the predictions of each cell."""
    from synthpath_kedro.report.cost import with_run_times
    from synthpath_kedro.report.recorded import recorded_parameters
    from synthpath_kedro.report.study_report import render_study_report

    cells = [cell.card for cell in results.values() if isinstance(cell, Artifact)]
    tables = {name: table for name, table in results.items() if isinstance(table, pd.DataFrame)}
    present = Parameters.model_validate(parameters)
    return render_study_report(
        present,
        data_card,
        manifest,
        tables | {"cost": with_run_times(tables["cost"], run_times or {})},
        {name: image for name, image in results.items() if isinstance(image, bytes | Figure)},
        recorded_parameters(present.model_dump(mode="json"), data_card, manifest, denoiser.card, cells),
    )
