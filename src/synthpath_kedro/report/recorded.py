"""The parameters that results were made with, which are not always those of the run that writes the report."""

from collections.abc import Iterable, Mapping
from typing import Any

from synthpath_kedro.data.artifact import Card

Values = Mapping[str, Any]


def recorded_parameters(
    parameters: Values, data_card: Card, manifest: Card, denoiser: Card, cells: Iterable[Card]
) -> dict[str, Any]:
    """``parameters`` with every value that an artifact recorded in place of the present one.

    Args:
        parameters: all of conf's, as plain nested values.
        data_card: of the prepared data.
        manifest: of the synthetic shards.
        denoiser: of the checkpoint.
        cells: of each trained cell: ``model, regime, parameters``. Where cells differ, a value reads
            "2 (cnn/real), 1 (cnn/mixed)".
    """
    made_with = {
        "data_prep": data_card.get("parameters", {}),
        "diffusion": denoiser.get("parameters", {}),
        "synthesis": manifest.get("parameters", {}),
        "classification": _of_cells(parameters["classification"], list(cells)),
    }
    return {**parameters, **{name: {**parameters[name], **values} for name, values in made_with.items()}}


def _of_cells(present: Values, cells: list[Card]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    backbones = dict(present["backbones"])
    for card in cells:
        for key, value in card.get("parameters", {}).items():
            if key == card["model"]:
                backbones[key] = value
            else:
                found.setdefault(key, {})[f"{card['model']}/{card['regime']}"] = value
    return {key: _said_once(values) for key, values in found.items()} | {"backbones": backbones}


def _said_once(by_cell: Mapping[str, Any]) -> Any:
    values = list(by_cell.values())
    if all(value == values[0] for value in values):
        return values[0]
    return ", ".join(f"{value} ({cell})" for cell, value in by_cell.items())
