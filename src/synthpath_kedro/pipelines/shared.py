"""Nodes that several pipelines begin with, so that each can run by itself; and how a node is told what it works on."""

from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

from kedro.pipeline import Node

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.parameters import read_parameters
from synthpath_kedro.study.grid import Grid


def bound(function: Callable, **facts: Any) -> Callable:
    """``function`` with some arguments given by the graph, such as which cell it works on."""
    return update_wrapper(partial(function, **facts), function)


def folder_of(namespace: str, folder: Path) -> Path:
    """Where a namespace's nodes keep what is theirs alone: when its nodes are done, this part of scratch goes."""
    return folder.joinpath(*namespace.split("."))


def check_study(parameters: dict[str, Any], data_card: DataCard) -> Card:
    """Refuses what the prepared data does not allow, before anything is trained."""
    from synthpath_kedro.checks import check_data

    return check_data(read_parameters(parameters), data_card)


def collect_sets(*sets: SyntheticSet) -> dict[str, SyntheticSet]:
    """The study's synthetic sets by name."""
    return {synthetic.name: synthetic for synthetic in sets}


def check_study_node() -> Node:
    return Node(
        check_study,
        inputs=["parameters", "data_card"],
        outputs="study_check",
        name="check_study",
        namespace="data_prep",
    )


def collect_sets_node(grid: Grid) -> Node:
    return Node(
        collect_sets,
        inputs=[grid.of_set("synthetic", name) for name in grid.sets],
        outputs="synthetic_sets",
        name="collect_sets",
        namespace="synthesis",
    )
