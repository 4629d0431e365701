"""What a generator is given, and the one way in which a synthetic set is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import SynthesisParameters, SyntheticSetParameters
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.table import load_attribute


@dataclass(frozen=True)
class Request:
    """What a generator is given.

    Attributes:
        name: of the set.
        source: where it comes from.
        params: the block ``synthesis``.
        real: the prepared real images that it belongs to: its classes, its image size.
        seed: the study's.
        scratch: folder for what is made, so that a killed run keeps it.
        denoiser: the study's; None where no set needs one.
        autoencoder: the one whose latents the denoiser works on; None in pixel space.
        existing: shards of an earlier run by file name, to be used where they are what would be made.
    """

    name: str
    source: SyntheticSetParameters
    params: SynthesisParameters
    real: Splits
    seed: int
    scratch: Path
    denoiser: Artifact | None = None
    autoencoder: Artifact | None = None
    existing: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def path_parameter(self) -> str:
        """The full name of the parameter that names the user's own images, for errors."""
        return self.params.path_parameter(self.name)


def generate(request: Request) -> SyntheticSet:
    """The synthetic set of ``request``, made by the generator that its source names.

    Raises:
        InputError: the source cannot give a set that fits the real images.
    """
    made: SyntheticSet = load_attribute(GENERATORS.find(request.source.source).generate)(request)
    train = request.real.train
    if made.class_names != train.class_names or made.card.image_size != train.image_size:
        raise InputError(
            f"the synthetic set {made.name} has classes {', '.join(made.class_names)} at {made.card.image_size} "
            f"pixels, the real images {', '.join(train.class_names)} at {train.image_size} pixels; both must be alike"
        )
    return made
