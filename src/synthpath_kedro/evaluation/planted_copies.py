"""How surely the search finds copies: copies of the study's own training images are planted, and sought."""

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.evaluation.extractors import Extractor
from synthpath_kedro.evaluation.image_features import FEATURES, INDEX, extract
from synthpath_kedro.evaluation.training_search import SPACES, SYNTHETIC, Found, Searched, search_training_images
from synthpath_kedro.metrics.disguises import DISGUISES, disguised
from synthpath_kedro.parameters import EvaluationParameters

EITHER = "either"


def planted_copies_table(
    train: Searched, held_out: Searched, extractor: Extractor, params: EvaluationParameters, seed: int
) -> pd.DataFrame:
    """The share of planted copies that is found, under each disguise.

    Args:
        train: of those that have features, ``privacy.planted_copies`` are planted under each disguise, stratified.
        held_out: as in the search of a synthetic set.
        extractor: the network of the features.
        params: the block ``evaluation``.
        seed: of draws and disguises.

    Returns:
        Columns ``disguise, n``, the share found in ``pixels``, in ``features`` and in ``either``. Found is a suspect
        whose nearest training image is the one that was copied.
    """
    searched = train.features.tensors[INDEX]
    rows = searched[stratified_subset(train.images.labels[searched], params.privacy.planted_copies, seed)]
    originals = train.images.images[rows]
    copies = np.concatenate([disguised(originals, name, seed) for name in DISGUISES])
    everything = np.arange(len(copies))
    planted = Searched(
        LabeledImages(copies, np.tile(train.images.labels[rows], len(DISGUISES)), train.images.class_names),
        Artifact({FEATURES: extract(extractor, copies, everything, params.batch_size), INDEX: everything}),
    )
    all_of_them = params.privacy.model_copy(update={"pixel_images": max(len(copies), params.privacy.pixel_images)})
    found = search_training_images(planted, held_out, train, all_of_them, seed)
    truth = np.tile(rows, len(DISGUISES))
    right = {space: _in_order(found[space][SYNTHETIC], truth) for space in SPACES}
    right[EITHER] = np.logical_or.reduce(list(right.values()))
    shares = {space: hits.reshape(len(DISGUISES), len(rows)).mean(1) for space, hits in right.items()}
    return pd.DataFrame({"disguise": list(DISGUISES), "n": len(rows), **shares})


def _in_order(found: Found, truth: np.ndarray) -> np.ndarray:
    """Whether each planted copy was found, in the order of the copies."""
    hits = np.zeros(len(truth), bool)
    hits[found.index] = found.suspects & (found.nearest == truth[found.index])
    return hits
