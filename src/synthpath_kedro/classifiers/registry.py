"""The classifiers by name. A new one is a file with ``build`` and ``restore``, and a line here."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from synthpath_kedro.errors import InputError

if TYPE_CHECKING:
    from synthpath_kedro.classifiers.classifier import Classifier
    from synthpath_kedro.parameters import ClassificationParameters


class Entry(NamedTuple):
    """Where a classifier is built, and whether a part of it is frozen."""

    module: str
    trunk: bool


_ENTRIES = {
    "cnn": Entry("synthpath_kedro.classifiers.cnn", trunk=False),
    "resnet18": Entry("synthpath_kedro.classifiers.resnet18", trunk=True),
    "dinov2": Entry("synthpath_kedro.classifiers.dinov2", trunk=True),
    "clip": Entry("synthpath_kedro.classifiers.clip", trunk=False),
    "efficientnet_lite0": Entry("synthpath_kedro.classifiers.efficientnet_lite0", trunk=True),
}


MODELS = tuple(_ENTRIES)


def has_trunk(model: str) -> bool:
    """Whether a part of ``model`` is frozen, so that its output is worth storing."""
    return _entry(model).trunk


def build_classifier(
    model: str,
    class_names: tuple[str, ...],
    params: "ClassificationParameters",
    seed: int,
    replicate: int = 0,
) -> "Classifier":
    """The classifier ``model`` before its first training step.

    Args:
        model: one of ``MODELS``.
        class_names: one name a class, in label order; ``clip`` reads them.
        params: the block ``classification``.
        seed: the study's seed. A random backbone follows from it and ``model`` alone, a head from ``replicate`` too.
        replicate: which replicate's head.

    Raises:
        InputError: no such model, or its variant, input size or weights cannot be used.
    """
    return _module(model).build(class_names, params, seed, replicate)


def restore_classifier(model: str, architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> "Classifier":
    """The classifier ``model`` as ``Classifier.architecture`` describes it, its weights still to be loaded."""
    return _module(model).restore(architecture, class_names)


def _entry(model: str) -> Entry:
    if model not in _ENTRIES:
        raise InputError(f"model is {model!r}; valid models: {', '.join(_ENTRIES)}")
    return _ENTRIES[model]


def _module(model: str) -> ModuleType:
    return import_module(_entry(model).module)
