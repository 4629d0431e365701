from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.missing import MISSING, Missing
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.evaluation.cell_results import CellResults
from synthpath_kedro.parameters import ReportParameters, read_parameters
from synthpath_kedro.report.section import Evidence, SectionContent
from synthpath_kedro.study.grid import Grid


def by_set(*figures: bytes, names: tuple[str, ...]) -> dict[str, bytes]:
    """One figure of each synthetic set, by the set's name."""
    return dict(zip(names, figures, strict=True))


def assemble_evidence(
    parameters: dict[str, Any],
    data_card: DataCard,
    synthetic_sets: Mapping[str, SyntheticSet],
    cells: list[CellResults],
    evidence: Mapping[str, pd.DataFrame],
    run_times: dict[str, Any] | Missing,
    sweep_tables: Mapping[str, pd.DataFrame],
    denoiser: Artifact | None = None,
    diffusion_history: pd.DataFrame | None = None,
    denoiser_loss_figure: bytes | None = None,
    denoiser_samples_figure: bytes | None = None,
    autoencoder: Artifact | None = None,
    reconstructed_test: LabeledImages | None = None,
    *,
    grid: Grid,
    **facts: Any,
) -> Evidence:
    """Everything that the report's sections are made from, by name; what the study does not have is None.

    Raises:
        InputError: the synthetic images are of another denoiser than the study's.
    """
    cards = {name: one.labeled().card for name, one in synthetic_sets.items()}
    check_same_data(
        cards | ({} if denoiser is None else {"denoiser": denoiser.card | {"checkpoint": denoiser.card["digest"]}})
    )
    trained = {one.cell for one in cells}
    if autoencoder is not None and reconstructed_test is not None:
        own = {"autoencoder": autoencoder.card["digest"], "prepared": data_card.digest}
        check_same_data({"autoencoder": own, "reconstructed_test": reconstructed_test.card})
        facts |= {"autoencoder_card": autoencoder.card, "psnr": reconstructed_test.card["psnr"]}
    return {
        "parameters": read_parameters(parameters),
        "data_card": data_card,
        "denoiser_card": None if denoiser is None else denoiser.card,
        "diffusion_history": diffusion_history,
        "denoiser_loss_figure": denoiser_loss_figure,
        "denoiser_samples_figure": denoiser_samples_figure,
        "generator_cards": {name: one.card for name, one in synthetic_sets.items()},
        "predictions": [one.predictions for one in cells],
        "tsne": {one.cell.name: one.tsne for one in cells if one.tsne is not None},
        "tsne_figures": {one.cell.name: one.tsne_figure for one in cells if one.tsne_figure is not None},
        "missing_cells": [cell for cell in grid.cells if cell not in trained],
        "run_times": {} if run_times is MISSING else run_times,
        **evidence,
        **_of_this_data(sweep_tables, data_card),
        **facts,
    }


def _of_this_data(tables: Mapping[str, pd.DataFrame], data_card: DataCard) -> dict[str, pd.DataFrame]:
    """The tables that were made from the prepared data that is there now."""
    return {name: table for name, table in tables.items() if set(table["prepared"]) <= {data_card.digest}}


def build_section(evidence: Evidence, *, name: str) -> SectionContent | Missing:
    """The section ``name`` of the report; MISSING where the study has nothing for it."""
    from synthpath_kedro.report.section import build_section as build
    from synthpath_kedro.report.sections import SECTIONS

    return build(SECTIONS[name], evidence) or MISSING


def collect_figures(**sections: SectionContent | Missing) -> dict[str, Figure]:
    """The figures that sections have drawn, by the path of their file: "<section>/<figure>.png"."""
    return {
        f"{section}/{name}.png": figure.image
        for section, content in sections.items()
        if content is not MISSING
        for name, figure in content.figures.items()
        if isinstance(figure.image, Figure)
    }


def write_report(
    study_evidence: Evidence, **sections: SectionContent | Missing
) -> tuple[str, dict[str, Any], str, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The report as one page of HTML, the verdict for machines, the summary for the terminal, and tables 4.1 to 4.3."""
    from synthpath_kedro.data.cell_metadata import CellMetadata
    from synthpath_kedro.report import published_tables as published
    from synthpath_kedro.report.labels import study_cells, study_trainings
    from synthpath_kedro.report.page import render_report
    from synthpath_kedro.report.published import models_as_published
    from synthpath_kedro.report.summary import corruption_lines, verdict_json
    from synthpath_kedro.report.tables import to_csv_table
    from synthpath_kedro.report.terminal import as_text

    parameters = study_evidence["parameters"]
    models, shown, cells = parameters.classification.models, study_trainings(parameters), study_cells(parameters)
    robustness = study_evidence["robustness"]
    beside = models_as_published(study_evidence["data_card"], map(CellMetadata.of, study_evidence["predictions"]))
    colors = study_evidence["color_baseline"]
    table_4_1 = published.table_4_1(
        study_evidence["classification"], models, shown, cells=cells, color_baseline=colors, as_published=beside
    )
    table_4_2 = published.table_4_2(study_evidence["synthetic_as_test"], models, as_published=beside)
    attacked = robustness[~robustness["control"].astype(bool)]
    cells_to_attack = study_cells(parameters, parameters.evaluation.attack_cells)
    table_4_3 = published.table_4_3(attacked, models, shown, cells=cells_to_attack, as_published=beside)
    title = "Table 4.1, real test set: accuracy / macro F1 / AUC"
    summary = as_text(table_4_1, title, source_note(phantom=study_evidence["data_card"].phantom))
    summary = "\n".join([summary, *corruption_lines(study_evidence["corruption_means"])])
    comparisons = [study_evidence[name] for name in ("comparison", "corruption_comparison")]
    contents = {name: None if content is MISSING else content for name, content in sections.items()}
    return (
        render_report(contents, study_evidence),
        verdict_json(pd.concat([table for table in comparisons if len(table)] or comparisons[:1])),
        f"{summary}\npaper: as published, single runs on PathMNIST at 64x64" if beside else summary,
        to_csv_table(table_4_1),
        to_csv_table(table_4_2),
        to_csv_table(table_4_3),
    )


def write_feature_space(
    real_test: LabeledImages,
    synthetic_sets: Mapping[str, SyntheticSet],
    cells: list[CellResults],
    params: ReportParameters,
) -> str | Missing:
    """A page on which hovering over a point of a classifier's t-SNE shows the tile; real ones only where allowed.

    Raises:
        InputError: a cell was embedded with other images than those at hand.
    """
    from synthpath_kedro.report.labels import model_label, regime_label
    from synthpath_kedro.report.pages.feature_space import render_feature_space

    sets = {name: one.labeled() for name, one in synthetic_sets.items()}
    cards = {"real_test": real_test.card, **{name: one.card for name, one in sets.items()}}
    points = {}
    for one in cells:
        if one.tsne is not None and one.features is not None:
            cards[f"t-SNE of {one.cell.name}"] = one.features.card
            suffix = f" ({one.cell.set})" if one.cell.several_sets and one.cell.set else ""
            title = f"{model_label(one.cell.model)}, trained on {regime_label(one.cell.regime)} images{suffix}"
            points[title] = one.tsne
    check_same_data(cards)
    if not points:
        return MISSING
    tiles = {"real_test": real_test.images if params.embed_real_images else None}
    tiles |= {name: one.images for name, one in sets.items()}
    title = "Feature space of the classifiers"
    return render_feature_space(points, tiles, real_test.class_names, title, source_note(phantom=real_test.phantom))


def write_reader_study(
    real_val: LabeledImages, synthetic_sets: Mapping[str, SyntheticSet], params: ReportParameters, seed: int
) -> str | Missing:
    """A page that asks a reader which tiles are synthetic; none where real tiles must not be shown.

    The real tiles are validation images: the test images of another center would give themselves away by their stain.
    Of several synthetic sets the first is shown, and named.
    """
    from synthpath_kedro.report.pages.reader_study import render_reader_study

    name, first = next(iter(synthetic_sets.items()))
    synthetic = first.labeled()
    check_same_data({"real_val": real_val.card, "synthetic": synthetic.card})
    if not params.embed_real_images:
        return MISSING
    several = f"Of {len(synthetic_sets)} synthetic sets this test shows {name}." if len(synthetic_sets) > 1 else ""
    n_images, title = params.reader_study_images, "Real or synthetic?"
    return render_reader_study(real_val, synthetic, n_images, seed, title, real_val.phantom, several)
