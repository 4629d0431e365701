"""The parameters that results were made with, which are not always those of the run that writes the report."""

from collections.abc import Iterable, Mapping
from typing import Any

from synthpath_kedro.data.artifact import Card

Values = Mapping[str, Any]


def recorded_parameters(
    parameters: Values, data_card: Card, generators: Mapping[str, Card], cells: Iterable[Card]
) -> dict[str, Any]:
    """``parameters`` with every value that an artifact recorded in place of the present one.

    Args:
        parameters: all of conf's, as plain nested values.
        data_card: of the prepared data.
        generators: cards of the synthetic sets by name.
        cells: of each trained cell: ``model, regime, set, parameters``. Where cells differ, a value reads
            "2 (cnn/real), 1 (cnn/mixed)".
    """
    of_sets = {name: card.get("parameters", {}) for name, card in generators.items()}
    made_with = {
        "data_prep": data_card.get("parameters", {}),
        "synthesis": next(iter(of_sets.values())) if len(of_sets) == 1 else {},
        "classification": _of_cells(parameters["classification"], list(cells)),
    }
    return {**parameters, **{name: {**parameters[name], **values} for name, values in made_with.items()}}


def _of_cells(present: Values, cells: list[Card]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    backbones = dict(present["backbones"])
    for card in cells:
        name = "/".join(filter(None, (card["model"], card["regime"], card.get("set", ""))))
        for key, value in card.get("parameters", {}).items():
            if key == card["model"]:
                backbones[key] = value
            else:
                found.setdefault(key, {})[name] = value
    return {key: _in_one_value(values) for key, values in found.items()} | {"backbones": backbones}


def _in_one_value(by_cell: Mapping[str, Any]) -> Any:
    values = list(by_cell.values())
    if all(value == values[0] for value in values):
        return values[0]
    return ", ".join(f"{value} ({cell})" for cell, value in by_cell.items())
