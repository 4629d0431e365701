"""Builds classifiers of the families that ``synthpath_kedro.study.models.FAMILIES`` lists, or of a module of one's own.

A family's module has two functions:

    build(spec: ClassifierSpec) -> Classifier: before its first training step.
    restore(architecture, class_names) -> Classifier: the same layers again, from what ``Classifier.architecture``
        says (plain JSON), without downloading anything; their weights are loaded afterwards.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.models import FAMILIES

if TYPE_CHECKING:
    from synthpath_kedro.classifiers.classifier import Classifier
    from synthpath_kedro.classifiers.spec import ClassifierSpec
    from synthpath_kedro.data.cell_metadata import ClassifierMetadata
    from synthpath_kedro.hub import BlockName
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
        InputError: its module cannot be imported, or its variant, input size or weights cannot be used.
    """
    from synthpath_kedro.classifiers.spec import ClassifierSpec

    return build(ClassifierSpec.of_model(model, class_names, params, seed, replicate))


def build(spec: "ClassifierSpec") -> "Classifier":
    """The classifier that ``spec`` describes.

    Raises:
        InputError: its module cannot be imported, or its variant, input size or weights cannot be used.
    """
    backbone = spec.backbone
    if backbone.module is not None:
        return own_module(backbone.module, spec.block).build(spec)
    return import_module(FAMILIES.find(str(backbone.family)).module).build(spec)


def restore_classifier(metadata: "ClassifierMetadata") -> "Classifier":
    """The layers of a trained classifier, their weights still to be loaded; needs no parameters.

    Args:
        metadata: of its checkpoint.

    Raises:
        InputError: its family is not known here, or its own module cannot be imported.
    """
    from synthpath_kedro.hub import BlockName

    if metadata.module:
        module = own_module(metadata.module, BlockName.of_model(metadata.model))
    else:
        # A checkpoint of the release before is of the family that its model is named after.
        module = import_module(FAMILIES.find(metadata.family or metadata.model).module)
    classifier = module.restore(metadata.architecture, tuple(metadata.class_names))
    classifier.weights = metadata.weights
    classifier.license, classifier.revision = metadata.license, metadata.revision
    return classifier


def own_module(name: str, block: "BlockName") -> ModuleType:
    """A module of the user's own.

    Raises:
        InputError: it cannot be imported, or lacks ``build`` or ``restore``.
    """
    key = block.key("module")
    try:
        module = import_module(name)
    except Exception as error:  # whatever the user's own code raises
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"{key} is {name!r}, which cannot be imported ({reason}); give the name of an installed module, or of one "
            "in src or on PYTHONPATH"
        ) from error
    if missing := [function for function in ("build", "restore") if not callable(getattr(module, function, None))]:
        raise InputError(f"{key} is {name!r}, which lacks {' and '.join(missing)}; docs/extending.md shows both")
    return module
