"""What attacks do to accuracy."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    Style,
    add_legend,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
    regime_color,
    regime_marker,
)
from synthpath_kedro.report.labels import (
    attack_label,
    eps_label,
    model_label,
    ordered_attacks,
    ordered_models,
    ordered_regimes,
)


def robustness(table: pd.DataFrame, title: str = "Robustness", note: str | None = None) -> Figure:
    """Accuracy under attack: against the attack for one budget, against the budget for several.

    Args:
        table: one row per cell, replicate, attack and eps: ``model, regime, replicate, attack, eps, clean_accuracy,
            accuracy``; eps in [0, 1] pixel units.
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
    regimes = ordered_regimes(table["regime"])
    for axes, model in zip(panels, models, strict=True):
        for number, regime in enumerate(regimes):
            cell = table[(table["model"] == model) & (table["regime"] == regime)]
            _draw_cell_against_attack(axes, cell, attacks, regime, (number - (len(regimes) - 1) / 2) * 0.2)
        names = ["clean", *map(attack_label, attacks)]
        axes.set_xticks(range(len(names)), [literal(name.replace(" ", "\n")) for name in names])
        axes.set(ylim=(-0.03, 1.03), xlim=(-0.5, len(names) - 0.5))
        name_panel(dress(axes), literal(model_label(model)))
    panels[0].set_ylabel("accuracy")
    _add_regimes(figure, regimes)
    return figure


def _draw_cell_against_attack(axes: Axes, cell: pd.DataFrame, attacks: list[str], regime: str, shift: float) -> None:
    clean = cell.drop_duplicates("replicate")["clean_accuracy"]
    columns = [clean, *(cell.loc[cell["attack"] == attack, "accuracy"] for attack in attacks)]
    style: Style = {"color": regime_color(regime)}
    for place, accuracies in enumerate(columns):
        places = np.full(len(accuracies), place + shift)
        axes.scatter(places, accuracies, s=16, marker=regime_marker(regime), alpha=0.55, linewidths=0, **style)
    means = [accuracies.mean() for accuracies in columns]
    axes.plot(np.arange(len(means)) + shift, means, linewidth=1.3, **style)


def _against_eps(table: pd.DataFrame, title: str, note: str | None) -> Figure:
    models, attacks = ordered_models(table["model"]), ordered_attacks(table["attack"])
    size = max(5.0, 1.2 + 2.3 * len(attacks)), 1.2 + 1.9 * len(models)
    figure = new_figure(*size, title, note)
    panels = figure.subplots(len(models), len(attacks), sharex=True, sharey=True, squeeze=False)
    regimes = ordered_regimes(table["regime"])
    for row, model in zip(panels, models, strict=True):
        for axes, attack in zip(row, attacks, strict=True):
            attacked = table[(table["model"] == model) & (table["attack"] == attack)]
            for regime in regimes:
                _draw_curve(axes, attacked[attacked["regime"] == regime], regime)
            axes.set(ylim=(-0.03, 1.03))
            dress(axes)
        row[0].set_ylabel(f"{literal(model_label(model))}\naccuracy")
    for axes, attack in zip(panels[0], attacks, strict=True):
        name_panel(axes, literal(attack_label(attack)))
    for axes in panels[-1]:
        axes.set_xlabel("eps, gray levels of 255")
    _add_regimes(figure, regimes)
    return figure


def _draw_curve(axes: Axes, cell: pd.DataFrame, regime: str) -> None:
    clean = cell.drop_duplicates("replicate").assign(eps=0.0, accuracy=lambda rows: rows["clean_accuracy"])
    by_eps = pd.concat([clean, cell[cell["eps"] > 0]]).groupby("eps")["accuracy"]
    levels = np.array([*by_eps.groups]) * 255
    axes.fill_between(levels, by_eps.min(), by_eps.max(), color=regime_color(regime), alpha=0.18, linewidth=0)
    axes.plot(
        levels, by_eps.mean(), color=regime_color(regime), marker=regime_marker(regime), markersize=4, linewidth=1.4
    )


def _add_regimes(figure: Figure, regimes: list[str]) -> None:
    handles = [Line2D([], [], color=regime_color(regime), marker=regime_marker(regime)) for regime in regimes]
    add_legend(figure, handles, regimes, loc="outside lower center", ncols=len(regimes))
