"""Builds the classifiers that ``synthpath_kedro.study.models.FAMILIES`` lists."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from synthpath_kedro.study.models import FAMILIES

if TYPE_CHECKING:
    from synthpath_kedro.classifiers.classifier import Classifier
    from synthpath_kedro.parameters import ClassificationParameters


def build_classifier(
    model: str,
    class_names: tuple[str, ...],
    params: "ClassificationParameters",
    seed: int,
    replicate: int = 0,
) -> "Classifier":
    """The classifier ``model`` before its first training step.

    Args:
        model: a name in ``params.backbones``.
        class_names: one name per class, in label order; ``clip`` reads them.
        params: the block ``classification``.
        seed: the study's seed. A random backbone follows from it and ``model`` alone, a head from ``replicate`` too.
        replicate: which replicate's head.

    Raises:
        InputError: no such model, or its variant, input size or weights cannot be used.
    """
    return _module(params.family(model)).build(class_names, params, seed, replicate)


def restore_classifier(model: str, architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> "Classifier":
    """The classifier ``model`` as ``Classifier.architecture`` describes it, its weights still to be loaded."""
    return _module(model).restore(architecture, class_names)


def _module(family: str) -> ModuleType:
    return import_module(FAMILIES.find(family).module)
