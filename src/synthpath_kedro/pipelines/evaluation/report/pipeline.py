from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.report.nodes import (
    draw_accuracy_by_regime,
    draw_confusion_matrices,
    draw_f1_by_class,
    draw_reliability,
    draw_robustness,
    draw_robustness_curves,
    tabulate_cost,
    write_report,
)
from synthpath_kedro.study.grid import Grid

TABLES = (
    "classification",
    "intervals",
    "comparison",
    "per_class",
    "calibration",
    "robustness",
    "knn_mixing",
    "fidelity",
    "fidelity_per_class",
    "privacy",
    "cost",
)
FIGURES = (
    "sample_grid",
    "class_distribution",
    "denoiser_loss",
    "denoiser_samples",
    "real_and_synthetic",
    "accuracy_by_regime",
    "f1_by_class",
    "reliability",
    "robustness",
    "robustness_curves",
    "closest_pairs",
    "nearest_distances",
)


def create_pipeline(grid: Grid) -> Pipeline:
    """Figures over all cells, and the report that shows everything."""
    return Pipeline([*_figures(grid), _cost(grid), _report(grid)], tags="report")


def _figures(grid: Grid) -> list[Node]:
    drawn = [
        Node(draw, [f"{table}_table", "data_card"], f"{name}_figure", name=f"draw_{name}")
        for name, draw, table in (
            ("accuracy_by_regime", draw_accuracy_by_regime, "classification"),
            ("reliability", draw_reliability, "reliability"),
            ("robustness", draw_robustness, "robustness"),
            ("robustness_curves", draw_robustness_curves, "robustness_curves"),
        )
    ]
    inputs = ["per_class_table", "class_distribution", "data_card"]
    drawn.append(Node(draw_f1_by_class, inputs, "f1_by_class_figure", name="draw_f1_by_class"))
    for model in grid.models:
        predictions = [f"{cell.namespace}.predictions" for cell in grid.cells if cell.model == model]
        figure = f"{model}.confusion_figure"
        drawn.append(Node(draw_confusion_matrices, predictions, figure, name=f"draw_confusion_matrices_of_{model}"))
    return drawn


def _cost(grid: Grid) -> Node:
    histories = {f"{cell.model}_{cell.regime}": f"{cell.namespace}.history" for cell in grid.cells}
    inputs = {"diffusion_history": "diffusion_history", **histories}
    return Node(tabulate_cost, inputs, "cost_table", name="tabulate_cost")


def _report(grid: Grid) -> Node:
    inputs = {
        "parameters": "parameters",
        "data_card": "data_card",
        "manifest": "synthetic_manifest",
        "denoiser": "denoiser",
        "run_times": "run_times",
        "class_distribution": "class_distribution",
        **{f"table_{number}": f"table_{number}" for number in ("4_1", "4_2", "4_3")},
        **{name: f"{name}_table" for name in TABLES},
        **{f"{name}_figure": f"{name}_figure" for name in FIGURES},
        **{f"confusion_{model}_figure": f"{model}.confusion_figure" for model in grid.models},
        **{f"predictions_{cell.model}_{cell.regime}": f"{cell.namespace}.predictions" for cell in grid.cells},
        **{f"tsne_{cell.model}_{cell.regime}_figure": f"{cell.namespace}.tsne_figure" for cell in grid.cells},
    }
    return Node(write_report, inputs, "report", name="write_report")
