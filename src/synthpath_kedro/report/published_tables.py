"""Tables 4.1 to 4.3 as in the published study, with its value beside ours where model and data are the same."""

from collections.abc import Collection, Iterable, Sequence
from math import nan
from typing import Any

import pandas as pd

from synthpath_kedro.report import published
from synthpath_kedro.report.labels import (
    RANDOM,
    Training,
    attack_label,
    eps_label,
    is_trained_from_scratch,
    model_label,
    ordered_attacks,
    ordered_models,
    regime_label,
    rows_of,
    trainings,
)
from synthpath_kedro.report.tables import CellRow, CellTable
from synthpath_kedro.report.values import DASH, Changed, Mean, Scores
from synthpath_kedro.study.grid import PUBLISHED_REGIMES, Cell
from synthpath_kedro.study.regimes import REGIMES

NOT_TRAINED = "not trained"
NOT_RUN = "not run"
COLOR_BASELINE = "mean color"
RANDOM_WEIGHTS = "random (not pretrained)"
STUDY_TRAININGS = tuple(Training(name, "", REGIMES[name].label) for name in PUBLISHED_REGIMES)

_METRICS = {"accuracy": "accuracy", "macro_f1": "F1", "auc": "AUC"}


def table_4_1(
    classification: pd.DataFrame,
    models: Sequence[str] = published.STUDY_MODELS,
    regimes: Sequence[Training] = STUDY_TRAININGS,
    cells: Collection[Cell] | None = None,
    color_baseline: pd.DataFrame | None = None,
    as_published: Collection[str] = (),
) -> CellTable:
    """Real test set: a row per model, a column per training, each "accuracy / F1 / AUC"; then a row for mean color.

    Args:
        classification: one row per cell and replicate: ``model, regime, set, replicate, weights, n, accuracy, macro_f1,
            auc``; a column ``variant`` (the architecture) is shown where there is one.
        models: rows to show even where no cell of theirs was trained.
        regimes: columns to show even where no cell of theirs was trained, see ``labels.study_trainings``.
        cells: those of the study, where it has not every model under every regime; the others have a dash.
        color_baseline: the same columns for mean color alone; None: without its row.
        as_published: models beside which published numbers stand, see ``published.models_as_published``.
    """
    shown = _all_trainings(classification, regimes)
    rows = []
    for model in ordered_models([*models, *_values(classification, "model")]):
        own = rows_of(classification, model)
        values = {}
        for training in shown:
            planned = _is_planned(model, training, cells)
            numbers = _published_scores(model, training) if planned and model in as_published else ()
            cell = rows_of(own, training=training)
            values[training.label] = _scores(cell, numbers, NOT_TRAINED if planned else DASH)
        rows.append(CellRow(model_label(model), "", *_facts(model, own), values))
    if color_baseline is not None and len(color_baseline):
        rows.append(_color_row(color_baseline, shown))
    return CellTable(tuple(training.label for training in shown), tuple(rows))


def table_4_2(
    synthetic_as_test: pd.DataFrame,
    models: Sequence[str] = published.STUDY_MODELS,
    as_published: Collection[str] = (),
) -> CellTable:
    """Trained without synthetic images, tested on them: a row per model, a column per metric, each "value (change)".

    Where a study has several synthetic sets or several such regimes, a row per each of them that the model has.

    Args:
        synthetic_as_test: one row per cell and replicate: ``model, regime, set, replicate, weights, n, accuracy,
            macro_f1, auc, accuracy_change, macro_f1_change, auc_change``, and ``tested_on``, the synthetic set; rows of
            regimes that use synthetic images are left out.
        models: as in ``table_4_1``.
        as_published: likewise.
    """
    table = synthetic_as_test
    if len(table):
        table = table[[not REGIMES.find(name).uses_synthetic for name in table["regime"]]]
    tests = _tests(table)
    columns = {metric: f"{label} (change)" for metric, label in _METRICS.items()}
    rows = []
    for model in ordered_models([*models, *_values(table, "model")]):
        for (regime, tested_on), label in tests.items():
            own = rows_of(table, model)
            cells = own[(own["regime"] == regime) & (_column(own, "tested_on") == tested_on)] if regime else own
            if cells.empty and len(own):
                continue
            numbers = published.TABLE_4_2.get(model) if len(tests) == 1 and model in as_published else None
            values = {
                column: _changed(cells, metric, f"{metric}_change", getattr(numbers, metric) if numbers else None)
                for metric, column in columns.items()
            }
            rows.append(CellRow(model_label(model), label, *_facts(model, cells), values))
    return CellTable(tuple(columns.values()), tuple(rows), by_training=len(tests) > 1)


def table_4_3(
    robustness: pd.DataFrame,
    models: Sequence[str] = published.STUDY_MODELS,
    regimes: Sequence[Training] = STUDY_TRAININGS,
    cells: Collection[Cell] | None = None,
    as_published: Collection[str] = (),
) -> CellTable:
    """Robustness: a row per model and training, a column per attack, each "accuracy (change from clean)".

    Shows one budget: the published 8/255, or the largest where that was not run; published numbers stand beside their
    own budget only. An attack that was not run on a trained cell reads "not run".

    Args:
        robustness: one row per cell, replicate, attack and eps: ``model, regime, set, replicate, weights, n, attack,
            eps, clean_accuracy, accuracy, change``, eps in [0, 1] pixel units; rows whose ``control`` is true are left
            out.
        models: as in ``table_4_1``.
        regimes: likewise.
        cells: those of the study, where it has not every model under every regime; the others have no row.
        as_published: likewise.
    """
    shown = _at_one_eps(_in_pixel_space(robustness))
    attacks = ordered_attacks([*published.STUDY_ATTACKS, *_values(shown, "attack")])
    of_the_study = bool(shown.empty or _is_the_studys(shown["eps"]).all())
    rows = []
    for model in ordered_models([*models, *_values(shown, "model")]):
        for training in _all_trainings(shown, regimes):
            cell = rows_of(shown, model, training)
            if cell.empty and not _is_planned(model, training, cells):
                continue
            facts, warnings = _facts(model, cell)
            facts["eps"] = ", ".join(map(eps_label, _values(cell, "eps")))
            values = {}
            for attack in attacks:
                beside = of_the_study and model in as_published and not _is_one_of_several(training)
                numbers = published.TABLE_4_3.get((model, training.regime, attack)) if beside else None
                attacked = cell[cell["attack"] == attack] if len(cell) else cell
                absent = NOT_RUN if len(cell) else NOT_TRAINED
                values[attack_label(attack)] = _changed(attacked, "accuracy", "change", numbers, absent)
            rows.append(CellRow(model_label(model), training.label, facts, warnings, values))
    return CellTable(tuple(map(attack_label, attacks)), tuple(rows), by_training=True)


def weights_label(model: str, weights: str) -> str:
    """A backbone's weights in print: random ones stand out, unless the model is trained from scratch by design."""
    if weights != RANDOM:
        return weights
    return "from scratch" if is_trained_from_scratch(model) else RANDOM_WEIGHTS


def _is_planned(model: str, training: Training, cells: Collection[Cell] | None) -> bool:
    return cells is None or any(
        (cell.model, cell.regime) == (model, training.regime) and training.set in ("", cell.set) for cell in cells
    )


def _color_row(baseline: pd.DataFrame, shown: Sequence[Training]) -> CellRow:
    cells = {training.label: rows_of(baseline, training=training) for training in shown}
    values = {label: Scores((), absent=DASH) if rows.empty else _scores(rows, ()) for label, rows in cells.items()}
    facts = {"variant": baseline["variant"].iloc[0], "n": _span(_values(baseline, "n"))}
    return CellRow(COLOR_BASELINE, "", facts, frozenset(), values)


def _all_trainings(table: pd.DataFrame, wanted: Sequence[Training]) -> list[Training]:
    """Those wanted, then any other that the table has; a wanted one that names no set stands for all."""
    known = {(training.regime, training.set) for training in wanted}
    return [
        *wanted,
        *(t for t in trainings(table) if not known & {(t.regime, t.set), (t.regime, "")}),
    ]


def _tests(table: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Regime and synthetic set of every test, with its name in print; one nameless test where there is none."""
    pairs = dict.fromkeys(zip(table["regime"], _column(table, "tested_on"), strict=True)) if len(table) else {}
    several = len({name for _, name in pairs}) > 1, len({regime for regime, _ in pairs}) > 1
    labels = {
        (regime, name): ", ".join(
            part
            for part, shown in zip((REGIMES.find(regime).label, f"tested on {name}"), several[::-1], strict=True)
            if shown
        )
        for regime, name in pairs
    }
    return labels or {("", ""): ""}


def _published_scores(model: str, training: Training) -> tuple[float, ...]:
    numbers = published.TABLE_4_1.get((model, training.regime))
    return tuple(numbers) if numbers and not _is_one_of_several(training) else ()


def _is_one_of_several(training: Training) -> bool:
    """The published study had one generator: its numbers stand beside no particular one of several."""
    return training.label != regime_label(training.regime)


def _facts(model: str, cells: pd.DataFrame) -> tuple[dict[str, str], frozenset[str]]:
    variant = {"variant": ", ".join(_values(cells, "variant"))} if "variant" in cells else {}
    weights = ", ".join(weights_label(model, weights) for weights in _values(cells, "weights"))
    counts = [rows["replicate"].nunique() for _, rows in cells.groupby("regime")] if len(cells) else []
    facts = {**variant, "weights": weights, "n": _span(_values(cells, "n")), "replicates": _span(counts)}
    return facts, frozenset(["weights"] if RANDOM_WEIGHTS in weights else [])


def _scores(cell: pd.DataFrame, numbers: tuple[float, ...], absent: str = NOT_TRAINED) -> Scores:
    if cell.empty:
        return Scores((), numbers, absent)
    return Scores(tuple(_mean(cell[metric]) for metric in _METRICS), numbers)


def _changed(
    cell: pd.DataFrame, value: str, change: str, numbers: published.Changed | None, absent: str = NOT_TRAINED
) -> Changed:
    beside = tuple(numbers) if numbers else ()
    if cell.empty:
        return Changed((), beside, absent)
    return Changed((_mean(cell[value]), _mean(cell[change], signed=True)), beside)


def _mean(values: pd.Series, *, signed: bool = False) -> Mean:
    known = values.astype(float).dropna()
    return Mean(known.mean() if len(known) else nan, known.std() if len(known) > 1 else nan, signed)


def _span(counts: Iterable[float]) -> str:
    known = sorted({int(count) for count in counts})
    if not known:
        return ""
    return f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,} to {known[-1]:,}"


def _in_pixel_space(robustness: pd.DataFrame) -> pd.DataFrame:
    return robustness[~robustness["control"].astype(bool)] if "control" in robustness else robustness


def _at_one_eps(robustness: pd.DataFrame) -> pd.DataFrame:
    if robustness.empty:
        return robustness
    at_study = _is_the_studys(robustness["eps"])
    return robustness[at_study if at_study.any() else robustness["eps"] == robustness["eps"].max()]


def _is_the_studys(eps: pd.Series) -> pd.Series:
    return (eps - published.EPS).abs() < 1e-6


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    return table[name] if name in table else pd.Series("", index=table.index)


def _values(table: pd.DataFrame, column: str) -> list[Any]:
    return list(dict.fromkeys(table[column])) if column in table else []
