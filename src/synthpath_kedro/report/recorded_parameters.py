"""The parameters that results were made with, which are not always those of the run that writes the report."""

from collections.abc import Iterable, Mapping
from typing import Any

from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.synthetic import GeneratorCard

Values = Mapping[str, Any]


def recorded_parameters(
    parameters: Values, data_card: DataCard, generators: Mapping[str, GeneratorCard], cells: Iterable[CellMetadata]
) -> dict[str, Any]:
    """``parameters`` with every value that an artifact recorded in place of the present one.

    Args:
        parameters: all of conf's, as plain nested values.
        data_card: of the prepared data.
        generators: cards of the synthetic sets by name.
        cells: of each trained cell. Where cells differ, a value reads
            "2 (cnn/real), 1 (cnn/mixed)"; where they differ by model alone, "5 (cnn), 3 (resnet18, clip)".
    """
    of_sets = {name: card.parameters for name, card in generators.items()}
    made_with = {
        "data_prep": data_card.parameters,
        "synthesis": next(iter(of_sets.values())) if len(of_sets) == 1 else {},
        "classification": _of_cells(parameters["classification"], list(cells)),
    }
    return {**parameters, **{name: {**parameters[name], **values} for name, values in made_with.items()}}


def _of_cells(present: Values, cells: list[CellMetadata]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    backbones = dict(present["backbones"])
    for cell in cells:
        for key, value in cell.parameters.items():
            if key == cell.model:
                backbones[key] = {**backbones.get(key, {}), **value}
            else:
                found.setdefault(key, {})[cell.name] = value
    return {key: _in_one_value(values) for key, values in found.items()} | {"backbones": backbones}


def _in_one_value(by_cell: Mapping[str, Any]) -> Any:
    values = list(by_cell.values())
    if all(value == values[0] for value in values):
        return values[0]
    by_model: dict[str, list[Any]] = {}
    for cell, value in by_cell.items():
        by_model.setdefault(cell.split("/")[0], []).append(value)
    if all(value == of_model[0] for of_model in by_model.values() for value in of_model):
        by_cell = {model: of_model[0] for model, of_model in by_model.items()}
    owners: dict[str, list[str]] = {}
    for name, value in by_cell.items():
        owners.setdefault(str(value), []).append(name)
    return ", ".join(f"{value} ({', '.join(names)})" for value, names in owners.items())
