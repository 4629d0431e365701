from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.report.nodes import (
    assemble_evidence,
    build_section,
    by_set,
    collect_figures,
    write_feature_space,
    write_reader_study,
    write_report,
)
from synthpath_kedro.pipelines.shared import bound
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.study.grid import Grid

FIGURES_OF_SETS = {"real_and_synthetic": "synthesis", "closest_pairs": "evidence", "nearest_distances": "evidence"}
"""Figures of which each synthetic set has one, and the namespace that they belong to."""
OF_DENOISER = ("denoiser", "diffusion_history", "denoiser_loss_figure", "denoiser_samples_figure")

OF_AUTOENCODER = ("autoencoder", "reconstructed_test", "reconstruction_figure")


def create_pipeline(grid: Grid) -> Pipeline:
    """The report, section by section, and the pages beside it."""
    report = Pipeline(
        [_evidence(grid), *_sections(), *_pages()], namespace="report", prefix_datasets_with_namespace=False
    )
    return Pipeline([*report.nodes, *_figures_of_sets(grid)], tags="report")


def _figures_of_sets(grid: Grid) -> list[Node]:
    return [
        Node(
            bound(by_set, names=tuple(grid.sets)),
            inputs=[grid.of_set(f"{figure}_figure", name) for name in grid.sets],
            outputs=f"{figure}_figures",
            name=f"collect_{figure}_figures",
            namespace=namespace,
        )
        for figure, namespace in FIGURES_OF_SETS.items()
    ]


def _evidence(grid: Grid) -> Node:
    names = (
        "parameters",
        "data_card",
        "class_distribution_figure",
        "sample_grid_figure",
        "synthetic_sets",
        "cells",
        "evidence",
        "run_times",
        "sweep_tables",
        *(f"{figure}_figures" for figure in FIGURES_OF_SETS),
        *(OF_DENOISER if grid.needs_denoiser else ()),
        *(OF_AUTOENCODER if grid.latent else ()),
    )
    return Node(
        bound(assemble_evidence, grid=grid),
        inputs={name: name for name in names},
        outputs="study_evidence",
        name="assemble_evidence",
    )


def _sections() -> list[Node]:
    nodes = [
        Node(
            bound(build_section, name=name),
            inputs="study_evidence",
            outputs=f"{name}/section",
            name=f"build_{name}",
        )
        for name in SECTIONS
    ]
    sections = {name: f"{name}/section" for name in SECTIONS}
    return [
        *nodes,
        Node(
            write_report,
            inputs={"study_evidence": "study_evidence", **sections},
            outputs=["report", "verdict", "summary", "table_4_1", "table_4_2", "table_4_3"],
            name="write_report",
        ),
        Node(collect_figures, inputs=sections, outputs="report_figures", name="collect_figures"),
    ]


def _pages() -> list[Node]:
    return [
        Node(
            write_feature_space,
            inputs=["real_test", "synthetic_sets", "cells", "params:report"],
            outputs="feature_space_page",
            name="write_feature_space",
        ),
        Node(
            write_reader_study,
            inputs=["real_val", "synthetic_sets", "params:report", "params:seed"],
            outputs="reader_study_page",
            name="write_reader_study",
        ),
    ]
