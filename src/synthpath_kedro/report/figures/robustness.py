"""What attacks do to accuracy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    Style,
    add_legend_below,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
)
from synthpath_kedro.report.labels import (
    Training,
    attack_label,
    eps_label,
    model_label,
    ordered_attacks,
    ordered_models,
    rows_of,
    training_style,
    trainings,
)


def robustness(table: pd.DataFrame, title: str = "Robustness", note: str | None = None) -> Figure:
    """Accuracy under attack: against the attack for one budget, against the budget for several.

    Args:
        table: one row per cell, replicate, attack and eps: ``model, regime, set, replicate, attack, eps,
            clean_accuracy, accuracy``; eps in [0, 1] pixel units.
        title: heading.
        note: a warning under the title.
    """
    if table.empty:
        return blank_figure(title, note, "no cell has been trained")
    budgets = sorted(table.loc[table["eps"] > 0, "eps"].unique())
    if len(budgets) > 1:
        return _against_eps(table, title, note)
    return _against_attack(table, f"{title}, eps {eps_label(budgets[0])}" if budgets else title, note)


def _against_attack(table: pd.DataFrame, title: str, note: str | None) -> Figure:
    models, attacks = ordered_models(table["model"]), ordered_attacks(table["attack"])
    figure = new_figure(max(5.0, 1.0 + 2.35 * len(models)), 3.8, title, note)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    shown = trainings(table)
    step = min(0.2, 0.7 / len(shown))
    for axes, model in zip(panels, models, strict=True):
        for number, training in enumerate(shown):
            cell, shift = rows_of(table, model, training), (number - (len(shown) - 1) / 2) * step
            _draw_cell_against_attack(axes, cell, attacks, training_style(training, shown), shift)
        names = ["clean", *map(attack_label, attacks)]
        axes.set_xticks(range(len(names)), [literal(name.replace(" ", "\n")) for name in names])
        axes.set(ylim=(-0.03, 1.03), xlim=(-0.5, len(names) - 0.5))
        name_panel(dress(axes), literal(model_label(model)))
    panels[0].set_ylabel("accuracy")
    _add_trainings(figure, shown)
    return figure


def _draw_cell_against_attack(
    axes: Axes, cell: pd.DataFrame, attacks: list[str], style: Mapping[str, Any], shift: float
) -> None:
    clean = cell.drop_duplicates("replicate")["clean_accuracy"]
    columns = [clean, *(cell.loc[cell["attack"] == attack, "accuracy"] for attack in attacks)]
    points: Style = {"color": style["color"], "marker": style["marker"], "linewidths": 0}
    for place, accuracies in enumerate(columns):
        places = np.full(len(accuracies), place + shift)
        axes.scatter(places, accuracies, s=16, alpha=0.55, **points)
    means = [accuracies.mean() for accuracies in columns]
    line: Style = {"color": style["color"], "linestyle": style["linestyle"]}
    axes.plot(np.arange(len(means)) + shift, means, linewidth=1.3, **line)


def _against_eps(table: pd.DataFrame, title: str, note: str | None) -> Figure:
    models, attacks = ordered_models(table["model"]), ordered_attacks(table["attack"])
    size = max(5.0, 1.2 + 2.3 * len(attacks)), 1.2 + 1.9 * len(models)
    figure = new_figure(*size, title, note)
    panels = figure.subplots(len(models), len(attacks), sharex=True, sharey=True, squeeze=False)
    shown = trainings(table)
    for row, model in zip(panels, models, strict=True):
        for axes, attack in zip(row, attacks, strict=True):
            attacked = table[(table["model"] == model) & (table["attack"] == attack)]
            for training in shown:
                _draw_curve(axes, rows_of(attacked, training=training), training_style(training, shown))
            axes.set(ylim=(-0.03, 1.03))
            dress(axes)
        row[0].set_ylabel(f"{literal(model_label(model))}\naccuracy")
    for axes, attack in zip(panels[0], attacks, strict=True):
        name_panel(axes, literal(attack_label(attack)))
    for axes in panels[-1]:
        axes.set_xlabel("eps, gray levels of 255")
    _add_trainings(figure, shown)
    return figure


def _draw_curve(axes: Axes, cell: pd.DataFrame, style: Mapping[str, Any]) -> None:
    clean = cell.drop_duplicates("replicate").assign(eps=0.0, accuracy=lambda rows: rows["clean_accuracy"])
    by_eps = pd.concat([clean, cell[cell["eps"] > 0]]).groupby("eps")["accuracy"]
    levels = np.array([*by_eps.groups]) * 255
    axes.fill_between(levels, by_eps.min(), by_eps.max(), color=style["color"], alpha=0.18, linewidth=0)
    axes.plot(levels, by_eps.mean(), markersize=4, linewidth=1.4, **style)


def _add_trainings(figure: Figure, shown: list[Training]) -> None:
    handles = [Line2D([], [], **training_style(training, shown)) for training in shown]
    labels = [training.label for training in shown]
    add_legend_below(figure, handles, labels)
