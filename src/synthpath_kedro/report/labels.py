"""What tables and figures call models, regimes, synthetic sets, attacks and corruptions, and in which order."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from synthpath_kedro.study.attacks import ATTACKS
from synthpath_kedro.study.corruptions import CORRUPTIONS
from synthpath_kedro.study.grid import Cell
from synthpath_kedro.study.models import FAMILIES
from synthpath_kedro.study.regimes import REGIMES

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.parameters import CellsParameters, Parameters

RANDOM = "random"
"""What tables call weights that were not pretrained."""

_SET_MARKERS = ("o", "v", "<", ">", "*", "p")
_FAINT, _DIAMOND = "#6b7280", "D"


class Training(NamedTuple):
    """What a cell was trained on.

    Attributes:
        regime: one of ``REGIMES``.
        set: the synthetic set; "" where the regime uses none.
        label: in print; names the set where a study has several: "mixed (gan)".
    """

    regime: str
    set: str
    label: str


def model_label(model: str) -> str:
    """The model's name in print; its own where it is no family's."""
    return FAMILIES[model].label if model in FAMILIES else model


def is_trained_from_scratch(model: str) -> bool:
    """Whether the model has no published weights by design, so that random ones are no lack."""
    return model in FAMILIES and FAMILIES[model].from_scratch


def regime_label(regime: str) -> str:
    """The regime's name in print; its own where none is known."""
    return REGIMES[regime].label if regime in REGIMES else regime


def training_label(regime: str, synthetic_set: str = "", *, several_sets: bool = False) -> str:
    """What a cell was trained on, in print: "mixed", or "mixed (gan)" where a study has several synthetic sets."""
    label = regime_label(regime)
    return f"{label} ({synthetic_set})" if synthetic_set and several_sets else label


def cell_label(cell: Cell) -> str:
    """A cell in print: "CLIP mixed"."""
    return f"{model_label(cell.model)} {training_label(cell.regime, cell.set, several_sets=cell.several_sets)}"


def study_trainings(parameters: "Parameters") -> list[Training]:
    """What the cells of the study are trained on, in the grid's order."""
    from synthpath_kedro.study.grid import Grid

    cells = Grid.from_parameters(parameters).cells
    found = {(cell.regime, cell.set): cell.several_sets for cell in cells}
    return [Training(*names, training_label(*names, several_sets=several)) for names, several in found.items()]


def study_cells(parameters: "Parameters", among: "CellsParameters | None" = None) -> list[Cell]:
    """The cells of the study, or those of them that are ``among`` some."""
    from synthpath_kedro.study.grid import Grid

    cells = Grid.from_parameters(parameters).cells
    return [cell for cell in cells if among is None or among.include(cell.model, cell.regime)]


def trainings(table: "pd.DataFrame") -> list[Training]:
    """What the cells of a long table were trained on: regimes in the order of ``REGIMES``, sets as they appear."""
    if not {"regime"} <= set(table):
        return []
    sets = table["set"] if "set" in table else table["regime"].map(lambda _: "")
    pairs = list(dict.fromkeys(zip(table["regime"], sets, strict=True)))
    several = len({name for _, name in pairs if name}) > 1
    ranks = {name: rank for rank, name in enumerate(ordered_regimes(regime for regime, _ in pairs))}
    ordered = sorted(pairs, key=lambda pair: ranks[pair[0]])
    return [Training(*pair, training_label(*pair, several_sets=several)) for pair in ordered]


def rows_of(table: "pd.DataFrame", model: str | None = None, training: Training | None = None) -> "pd.DataFrame":
    """The rows of a long table that are about one model, one training (of any set where it names none), or both."""
    if model is not None:
        table = table[table["model"] == model]
    if training is not None:
        table = table[table["regime"] == training.regime]
        table = table[table["set"] == training.set] if training.set else table
    return table


def cells_of(table: "pd.DataFrame") -> "list[tuple[str, Training, pd.DataFrame]]":
    """The rows of every cell, model by model."""
    pairs = [(model, training) for model in ordered_models(table["model"]) for training in trainings(table)]
    found = [(model, training, rows_of(table, model, training)) for model, training in pairs]
    return [(model, training, rows) for model, training, rows in found if len(rows)]


def training_style(training: Training, among: Iterable[Training]) -> Mapping[str, Any]:
    """Color, marker and line style (matplotlib); sets of one regime differ in their line style."""
    regime = REGIMES.get(training.regime)
    sets = list(dict.fromkeys(other.set for other in among if other.regime == training.regime))
    lines = ("-", "--", ":", "-.")
    return {
        "color": regime.color if regime else _FAINT,
        "marker": regime.marker if regime else _DIAMOND,
        "linestyle": lines[sets.index(training.set) % len(lines)] if training.set in sets else lines[0],
    }


def point_style(training: Training, among: Iterable[Training]) -> Mapping[str, Any]:
    """Color and marker of a training's points; sets of one regime differ in their marker."""
    others = [other.set for other in among if other.regime == training.regime]
    place = others.index(training.set) if training.set in others else 0
    style = training_style(training, ())
    return {
        "color": style["color"],
        "marker": style["marker"] if place == 0 else _SET_MARKERS[place % len(_SET_MARKERS)],
    }


def worth_label(worth: float, least: float, most: float) -> str:
    """How many real images something is worth: "+310", or "more than +700" where the curve of real ones ends."""
    if worth > most:
        return f"more than {_signed(most)}"
    if worth < least:
        return f"less than {_signed(least)}"
    return _signed(worth)


def _signed(n: float) -> str:
    return f"{round(n):+,}" if round(n) else "0"


def attack_label(attack: str) -> str:
    """The attack's name in print; its own where none is known."""
    return ATTACKS[attack].label if attack in ATTACKS else attack


def corruption_label(corruption: str) -> str:
    """The corruption's name in print; its own where none is known."""
    return CORRUPTIONS[corruption].label if corruption in CORRUPTIONS else corruption


def level_label(corruption: str, level: float) -> str:
    """A level of a corruption in print: "q 50"."""
    return (CORRUPTIONS[corruption].tick if corruption in CORRUPTIONS else "{:g}").format(level)


def ordered_models(models: Iterable[str]) -> list[str]:
    """Each model once, in the order of appearance, which is the grid's."""
    return list(dict.fromkeys(models))


def ordered_regimes(regimes: Iterable[str]) -> list[str]:
    """Each regime once, in the order of ``REGIMES``; then any other by name."""
    return _ordered(regimes, tuple(REGIMES))


def ordered_attacks(attacks: Iterable[str]) -> list[str]:
    """Each attack once, in the order of their table; then any other by name."""
    return _ordered(attacks, tuple(ATTACKS))


def ordered_corruptions(corruptions: Iterable[str]) -> list[str]:
    """Each corruption once, in the order of their table; then any other by name."""
    return _ordered(corruptions, tuple(CORRUPTIONS))


def eps_label(eps: float) -> str:
    """A budget in [0, 1] pixel units, in gray levels where it is a whole number of them: "8/255"."""
    levels = eps * 255
    return f"{round(levels)}/255" if abs(levels - round(levels)) < 1e-3 else f"{eps:.4g}"


def _ordered(names: Iterable[str], known: tuple[str, ...]) -> list[str]:
    found = set(names)
    return [name for name in known if name in found] + sorted(found.difference(known))
