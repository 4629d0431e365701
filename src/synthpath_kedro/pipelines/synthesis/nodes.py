from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.export import Export
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import source_note
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.synthetic import SyntheticSet, below
from synthpath_kedro.parameters import EvaluationParameters, SynthesisParameters
from synthpath_kedro.pipelines.shared import folder_of

_PER_CLASS = 6


def make_synthetic_set(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    params: SynthesisParameters,
    seed: int,
    scratch: Path,
    existing: dict[str, Artifact],
    evaluation: EvaluationParameters,
    study_check: Card | None = None,
    denoiser: Artifact | None = None,
    autoencoder: Artifact | None = None,
    *,
    name: str,
    namespace: str,
    folder: str,
) -> SyntheticSet:
    """The synthetic set ``name``, made by the generator that its source names.

    What an earlier run left (``existing``: shards by path below the folder of all sets; the set's own lie in
    ``folder``) is used where it is what would be made. Near-duplicates of training images are left out where
    ``synthesis.reject_copies`` says so.
    """
    from synthpath_kedro.evaluation.rejection import generate
    from synthpath_kedro.generators import Request

    del study_check
    request = Request(
        name=name,
        source=params.synthetic_sets[name],
        params=params,
        real=Splits(real_train, real_val, real_test),
        seed=seed,
        scratch=folder_of(namespace, scratch),
        denoiser=denoiser,
        autoencoder=autoencoder,
        existing=below(folder, existing),
    )
    return generate(request, evaluation)


def export_synthetic(synthetic: SyntheticSet, data_card: DataCard, params: SynthesisParameters) -> Export:
    return Export(synthetic, data_card, params.export)


def draw_real_and_synthetic(real_train: LabeledImages, synthetic: SyntheticSet, seed: int) -> Figure:
    from synthpath_kedro.report.figures.real_and_synthetic import real_and_synthetic

    labels = synthetic.labels
    rows = np.sort(np.concatenate([np.flatnonzero(labels == label)[:_PER_CLASS] for label in np.unique(labels)]))
    shown = synthetic.labeled(rows)
    return real_and_synthetic(real_train, shown, _PER_CLASS, seed=seed, note=source_note(phantom=real_train.phantom))
