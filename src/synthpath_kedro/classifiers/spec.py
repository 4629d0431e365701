"""What a family needs to know to build a classifier."""

from dataclasses import dataclass

from synthpath_kedro.hub import BlockName
from synthpath_kedro.parameters import BackboneParameters, ClassificationParameters, FeatureParameters
from synthpath_kedro.study.models import FAMILIES

FEATURES_BLOCK = BlockName("evaluation.features", "evaluation.features.family=efficientnet_lite0", random_weights=False)


@dataclass(frozen=True)
class ClassifierSpec:
    """One classifier before it is built.

    Attributes:
        name: the model's; decides its random numbers.
        block: where its parameters lie, for errors.
        backbone: its parameters; the variant is the family's own where they name none.
        class_names: one name per class, in label order.
        prompt: the text that clip reads a class name in.
        seed: the study's.
        replicate: which replicate's new layers, from 0.
    """

    name: str
    block: BlockName
    backbone: BackboneParameters
    class_names: tuple[str, ...]
    prompt: str = "{class_name}"
    seed: int = 0
    replicate: int = 0

    @classmethod
    def of_model(
        cls,
        model: str,
        class_names: tuple[str, ...],
        params: ClassificationParameters,
        seed: int,
        replicate: int = 0,
    ) -> "ClassifierSpec":
        """The model that ``params.backbones`` describes under that name."""
        backbone = _with_variant(params.backbone(model))
        return cls(model, BlockName.of_model(model), backbone, class_names, params.prompt, seed, replicate)

    @classmethod
    def of_extractor(cls, params: FeatureParameters) -> "ClassifierSpec":
        """The network that ``evaluation.features`` describes; of its output layer nothing is used."""
        fields = params.model_dump(exclude={"images", "train_images"})
        backbone = _with_variant(BackboneParameters(**fields, batch_size=1, learning_rate=1))
        return cls(params.family or str(params.module), FEATURES_BLOCK, backbone, ("any",))


def _with_variant(backbone: BackboneParameters) -> BackboneParameters:
    if backbone.variant or backbone.module is not None or backbone.family is None:
        return backbone
    return backbone.model_copy(update={"variant": FAMILIES[backbone.family].variant})
