"""The graph of one part of the data, which learning curve and cross-validation share."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.resampling.nodes import (
    Trial,
    estimate_resampling_cost,
    make_autoencoder_on_part,
    make_set_of_part,
    train_and_predict,
    train_denoiser_on_part,
)
from synthpath_kedro.pipelines.shared import bound, check_study_node
from synthpath_kedro.study.generators import Generator

REAL = {name: name for name in ("real_train", "real_val", "real_test")}
FOLDERS = {name: name for name in ("scratch", "logs")}

TrialOfPart = tuple[str, Trial]
"""A part's name and what is trained on it."""


def train_on_parts(
    study: str, trials: Iterable[TrialOfPart], own_sets: Mapping[str, Mapping[str, Generator]], latent: bool
) -> Pipeline:
    """Denoiser, synthetic sets and classifiers of every part, and before them what all of it will cost.

    Args:
        study: the pipeline's name.
        trials: of all parts.
        own_sets: by part the synthetic sets that are made for it; its other sets are the study's.
        latent: denoisers work on the latents of an autoencoder, and each part has its own.
    """
    by_part: dict[str, list[Trial]] = {}
    for part, trial in trials:
        by_part.setdefault(part, []).append(trial)
    nodes = [
        node
        for part, of_part in by_part.items()
        for node in _train_on_part(study, part, of_part, own_sets[part], latent)
    ]
    n_denoisers = sum(output.endswith("/denoiser") for node in nodes for output in node.outputs)
    trials_of = Counter(trial.cell.model for of_part in by_part.values() for trial in of_part)
    return Pipeline([*nodes, _estimate_cost(study, n_denoisers, trials_of), check_study_node()])


def draw_parts(study: str, draw: Callable, **facts: Any) -> Node:
    """The node that decides which images each part holds; it waits until the cost is logged."""
    return Node(
        bound(draw, **facts),
        inputs={**REAL, "seed": "params:seed", "study_check": "study_check", "cost": f"{study}_cost"},
        outputs=f"{study}_parts",
        name="draw_parts",
        namespace=study,
    )


def predictions(study: str, trials: Iterable[TrialOfPart]) -> list[str]:
    """Names of the datasets that ``trials`` leave."""
    return [f"{study}/{part}/{trial.name}/test_predictions" for part, trial in trials]


def _estimate_cost(study: str, n_denoisers: int, trials_of: Mapping[str, int]) -> Node:
    return Node(
        bound(estimate_resampling_cost, study=study, n_denoisers=n_denoisers, trials_of=dict(trials_of)),
        inputs=["data_card", "params:diffusion", "params:synthesis", "params:classification"],
        outputs=f"{study}_cost",
        name="estimate_cost",
        namespace=study,
    )


def _train_on_part(
    study: str, part: str, trials: Sequence[Trial], own_sets: Mapping[str, Generator], latent: bool
) -> list[Node]:
    used = dict.fromkeys(trial.cell.set for trial in trials)
    made = {name: generator for name, generator in own_sets.items() if name in used}
    nodes = [_make_set(study, part, name, generator, latent) for name, generator in made.items()]
    if any(generator.needs_denoiser for generator in made.values()):
        nodes.append(_train_denoiser(study, part, latent))
        nodes += [_make_autoencoder(study, part)] if latent else []
    for model in dict.fromkeys(trial.cell.model for trial in trials):
        of_model = [trial for trial in trials if trial.cell.model == model]
        nodes.append(_train_and_predict(study, part, model, of_model, made))
    return nodes


def _make_autoencoder(study: str, part: str) -> Node:
    namespace = f"{study}.{part}.autoencoder"
    own = {"parts": f"{study}_parts", "params": "params:diffusion", "training": "params:training"}
    return Node(
        bound(make_autoencoder_on_part, part=part, namespace=namespace),
        inputs={**REAL, **FOLDERS, **own},
        outputs=f"{study}/{part}/autoencoder",
        name="make_autoencoder",
        namespace=namespace,
    )


def _train_denoiser(study: str, part: str, latent: bool) -> Node:
    namespace = f"{study}.{part}.denoiser"
    own = {"parts": f"{study}_parts", "params": "params:diffusion", "training": "params:training"}
    own |= {"autoencoder": f"{study}/{part}/autoencoder"} if latent else {}
    return Node(
        bound(train_denoiser_on_part, part=part, namespace=namespace),
        inputs={**REAL, **FOLDERS, **own},
        outputs=f"{study}/{part}/denoiser",
        name="train_denoiser",
        namespace=namespace,
    )


def _make_set(study: str, part: str, name: str, generator: Generator, latent: bool) -> Node:
    namespace = f"{study}.{part}.synthesis.{name}"
    inputs = {**REAL, "parts": f"{study}_parts", "params": "params:synthesis", "scratch": "scratch"}
    inputs["evaluation"] = "params:evaluation"
    if generator.needs_denoiser:
        inputs["denoiser"] = f"{study}/{part}/denoiser"
        inputs |= {"autoencoder": f"{study}/{part}/autoencoder"} if latent else {}
    return Node(
        bound(make_set_of_part, part=part, name=name, namespace=namespace),
        inputs=inputs,
        outputs=f"{study}/{part}/generated/{name}",
        name="make_synthetic_set",
        namespace=namespace,
    )


def _train_and_predict(study: str, part: str, model: str, trials: Sequence[Trial], own_sets: Collection[str]) -> Node:
    namespace = f"{study}.{part}.classifiers.{model}"
    used = [name for name in dict.fromkeys(trial.cell.set for trial in trials) if name]
    own = {"parts": f"{study}_parts", "params": "params:classification", "training": "params:training"}
    sets = {f"set_{name}": f"{study}/{part}/generated/{name}" for name in used if name in own_sets}
    if len(sets) < len(used):
        sets["synthetic_sets"] = "synthetic_sets"
    return Node(
        bound(train_and_predict, part=part, trials=tuple(trials), namespace=namespace),
        inputs={**REAL, **FOLDERS, **own, **sets},
        outputs=predictions(study, [(part, trial) for trial in trials]),
        name="train_and_predict",
        namespace=namespace,
    )
