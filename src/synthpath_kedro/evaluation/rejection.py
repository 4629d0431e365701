"""A synthetic set without the images that are near-duplicates of training images."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet, without_rows
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.extractors import Extractor, load_extractor
from synthpath_kedro.evaluation.image_features import image_features
from synthpath_kedro.evaluation.training_search import Searched, search_training_images, suspects_of
from synthpath_kedro.generators import Request
from synthpath_kedro.generators import generate as generate_all
from synthpath_kedro.parameters import EvaluationParameters

log = logging.getLogger(__name__)

_REJECTED_BY = "rejected_by"


def generate(request: Request, params: EvaluationParameters) -> SyntheticSet:
    """The set of ``request``, without near-duplicates where ``synthesis.reject_copies`` says so.

    Args:
        request: of the set.
        params: the block ``evaluation``, whose search finds them.

    Raises:
        InputError: the source cannot give a set that fits the real images, or every image of a class is rejected.
    """
    if not request.params.reject_copies:
        return generate_all(request)
    rejection = Rejection(request.real, params, request.seed)
    return rejection(generate_all(replace(request, existing=rejection.usable(request.existing))))


class Rejection:
    """What takes near-duplicates out of synthetic sets; every image is decided on by itself.

    Args:
        real: the prepared real images.
        params: the block ``evaluation``, whose search this is, here of all images.
        seed: the study's.
    """

    def __init__(self, real: Splits, params: EvaluationParameters, seed: int) -> None:
        self._real, self._params, self._seed = real, params, seed
        blocks = {"features": params.features, "privacy": params.privacy}
        deciding: Card = {name: block.model_dump(mode="json") for name, block in blocks.items()}
        deciding |= {"train": real.train.digest, "held_out": real.val.digest, "seed": seed}
        self._digest = hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def usable(self, existing: Mapping[str, Artifact]) -> dict[str, Artifact]:
        """Shards of an earlier run, as the generator knows them: without the mark that this rejection has left."""
        return {name: self._unmarked(shard) for name, shard in existing.items()}

    def __call__(self, made: SyntheticSet) -> SyntheticSet:
        """``made`` without its suspects, whose number its card's ``facts`` hold.

        Raises:
            InputError: every image of a class is a suspect.
        """
        suspects = self._suspects(made.labeled())
        log.log(
            logging.WARNING if len(suspects) else logging.INFO,
            "%s: %d of %d synthetic images are near-duplicates of training images: left out (synthesis.reject_copies)",
            made.name,
            len(suspects),
            len(made),
        )
        kept = np.delete(made.labels, suspects)
        if emptied := [made.class_names[label] for label in np.setdiff1d(made.labels, kept)]:
            raise InputError(
                f"the synthetic set {made.name}: every image of {', '.join(emptied)} is a near-duplicate of a training "
                "image; train the generator on more images or for less long, or set synthesis.reject_copies to false"
            )
        return without_rows(made, suspects, {_REJECTED_BY: self._digest}, {"rejected_copies": len(suspects)})

    def _suspects(self, synthetic: LabeledImages) -> np.ndarray:
        extractor = load_extractor(self._params.features)
        everything = self._params.privacy.model_copy(update={"pixel_images": max(10, len(synthetic))})
        found = search_training_images(
            self._searched("synthetic", synthetic, extractor, len(synthetic)),
            self._searched("real_val", self._real.val, extractor, self._params.features.images),
            self._searched("real_train", self._real.train, extractor, self._params.features.train_images),
            everything,
            self._seed,
        )
        return suspects_of(found)

    def _searched(self, name: str, images: LabeledImages, extractor: Extractor, n: int) -> Searched:
        params = self._params
        features = image_features(name, images, extractor, n, params.batch_size, self._seed, None, params.precision)
        return Searched(images, features)

    def _unmarked(self, shard: Artifact) -> Artifact:
        key = shard.card.get("key", {})
        if key.get(_REJECTED_BY) != self._digest:
            return shard
        return replace(shard, card=shard.card | {"key": {k: v for k, v in key.items() if k != _REJECTED_BY}})
