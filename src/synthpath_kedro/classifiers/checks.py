"""Checks a study's networks before anything runs or is written."""

from importlib import import_module
from typing import TYPE_CHECKING

from synthpath_kedro.classifiers.registry import own_module
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weight_files import local_weights
from synthpath_kedro.study.models import FAMILIES

if TYPE_CHECKING:
    from synthpath_kedro.parameters import Parameters


def check_backbones(params: "Parameters") -> None:
    """Checks the models of the study and the feature extractor: names, folders, files and modules of one's own.

    Imports torch and timm only where a block is of a family that they must be asked about.

    Raises:
        InputError: a file or folder of weights is missing, timm has no such name, or a module cannot be imported or
            lacks ``build`` or ``restore``.
    """
    study = params.classification
    models = dict.fromkeys([*study.models, *filter(None, [study.confidence_filtering.model])])
    for model in models:
        _check(ClassifierSpec.of_model(model, ("any",), study, params.seed))
    _check(ClassifierSpec.of_extractor(params.evaluation.features))


def _check(spec: ClassifierSpec) -> None:
    backbone = spec.backbone
    if backbone.module is not None:
        own_module(backbone.module, spec.block)
        return
    if backbone.weights not in ("pretrained", "random"):
        local_weights(backbone.weights, spec.block)
    family = FAMILIES[str(backbone.family)]
    if family.has_check:
        import_module(family.module).check(spec)
