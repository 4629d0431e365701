"""What the artifacts of a cell say of it: classifier, predictions, features, attacked and corrupted images."""

from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.lineage import Lineage


class CellMetadata(Lineage):
    """What every artifact of a cell says of it.

    Attributes:
        model: its name in ``classification.backbones``.
        regime: one of ``REGIMES``.
        family: of ``FAMILIES``; "" for a module of one's own.
        variant: the architecture.
        weights: where the first weights come from, in words.
        license: of these weights; "" where it is not known.
        class_names: in label order.
        zero_shot_val_accuracy: before any training, of a model that can classify then.
        parameters: those that decide the weights.
        denoiser_replicates: generators that made its synthetic images; 1 without any.
        denoiser_of_replicate: by replicate, on whose images it was trained; empty without synthetic images.
    """

    # An artifact of a cell may say more than its reader asks for.
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    WHAT: ClassVar = "the metadata of a cell"
    HINT: ClassVar = "run the pipelines classification and evaluation again"

    model: str
    regime: str
    family: str = ""
    variant: str
    weights: str
    license: str = ""
    class_names: list[str] = Field(default_factory=list)
    zero_shot_val_accuracy: float | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    denoiser_replicates: int = 1
    denoiser_of_replicate: list[int] = Field(default_factory=list)

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """What ``artifact`` says of its cell.

        Raises:
            InputError: it is not an artifact of a cell, or one of another version.
        """
        return cls.from_json(artifact.card)

    @property
    def name(self) -> str:
        """The cell in words: "clip/mixed/diffusion"."""
        return "/".join(filter(None, (self.model, self.regime, self.set)))


class ClassifierMetadata(CellMetadata):
    """What a cell's weights were made from.

    Attributes:
        module: of one's own, or "".
        revision: of downloaded weights; "" where they have none.
        input_size: pixels.
        start_digest: of the weights before training.
        description: in words.
        architecture: plain JSON from which the layers are built again.
        image_digests: of the images, by their name.
        n_images: used of them.
        rows: digest of the rows that are used, where not all are.
        inputs: dtype of what a batch holds.
        seed: the study's.
        versions: of packages.
        replicates: of each its number, its best epoch and that epoch's loss.
    """

    module: str = ""
    revision: str = ""
    input_size: int | None = None
    start_digest: str = ""
    description: str = ""
    architecture: dict[str, Any]
    image_digests: dict[str, str] = Field(default_factory=dict)
    n_images: dict[str, int] = Field(default_factory=dict)
    rows: dict[str, str] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    replicates: list[dict[str, Any]] = Field(default_factory=list)


class PredictedMetadata(CellMetadata):
    """How a cell's images were predicted.

    Attributes:
        precision: float32 or bfloat16, of all layers but the last.
    """

    precision: Literal["float32", "bfloat16"] = "float32"


class AttackedMetadata(CellMetadata):
    """How a cell's images were attacked.

    Attributes:
        attacks: names in ``ATTACKS``.
        eps: their budget.
        epsilon_sweep: budgets of the sweep.
        bim_steps: of attacks that do not fix their own.
    """

    attacks: list[str]
    eps: float
    epsilon_sweep: list[float]
    bim_steps: int | None = None


class CorruptedMetadata(PredictedMetadata):
    """How a cell's test images were corrupted.

    Attributes:
        corruption_levels: levels by the corruption's name in ``CORRUPTIONS``.
    """

    corruption_levels: dict[str, list[float]]
