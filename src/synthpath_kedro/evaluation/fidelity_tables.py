"""How near synthetic images are to real ones; as many real training images are the reference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.fidelity_measures import FEATURES, HEADLINE, MEASURES
from synthpath_kedro.evaluation.image_features import LABELS
from synthpath_kedro.evaluation.rows import records
from synthpath_kedro.metrics.fidelity import class_distances, frechet_distance, precision_recall_density_coverage

REFERENCES = ("real_val", "real_test")
REAL_TRAIN = "real_train"
OVERALL = ""
"""In the column ``class``: over all classes, or their mean."""

COLUMNS = ("set", "reference", "class", "measure", "value", "ci_low", "ci_high", "n", "n_reference")
EXTRACTOR = ("extractor", "weights", "input_size")

Images = Mapping[str, np.ndarray]
"""What is stored of each image of a set, and its label, by name."""


def fidelity_table(real: Mapping[str, Artifact], synthetic: Artifact, set_name: str, seed: int) -> pd.DataFrame:
    """One synthetic set, and real training images, against every reference.

    Args:
        real: features of real_train, real_val and real_test by name.
        synthetic: features of the synthetic set.
        set_name: its name.
        seed: of the draw that cuts all sets to the size of the smallest, for what is measured over all images.

    Returns:
        Columns ``set`` (real_train for the reference), ``reference, class`` (empty: the whole set, or the mean over
        classes), ``measure`` (see ``compare_sets`` and ``compare_classes``), ``value, ci_low, ci_high`` (nan), ``n,
        n_reference``, and ``extractor, weights, input_size``.
    """
    sets = {**{name: real[name] for name in REFERENCES}, set_name: synthetic, REAL_TRAIN: real[REAL_TRAIN]}
    n = min(len(one.tensors[LABELS]) for one in sets.values())
    rng = np.random.default_rng(seed)
    drawn = {name: _drawn(one.tensors, n, rng) for name, one in sets.items()}
    names = synthetic.card["class_names"]
    rows = [
        {"set": candidate, "reference": reference} | row
        for reference in REFERENCES
        for candidate in (set_name, REAL_TRAIN)
        for row in (
            *compare_sets(drawn[reference], drawn[candidate]),
            *compare_classes(sets[reference].tensors, sets[candidate].tensors, names),
        )
    ]
    card = synthetic.card
    facts = dict(zip(EXTRACTOR, (card["extractor"], card["weights"], card["key"]["input_size"]), strict=True))
    return pd.DataFrame(rows).assign(ci_low=np.nan, ci_high=np.nan, **facts)[[*COLUMNS, *EXTRACTOR]]


def compare_sets(reference: Images, candidate: Images) -> Iterator[dict[str, Any]]:
    """Every measure over the whole set, whatever the labels: ``MEASURES`` and ``WHOLE_SET``.

    The Fréchet distance of the features is nan where n does not exceed their dimensions.
    """
    features = reference[FEATURES], candidate[FEATURES]
    values = {one.name: one.distance(reference[one.tensor], candidate[one.tensor]) for one in MEASURES.values()}
    values |= {"frechet_distance": frechet_distance(*features), **precision_recall_density_coverage(*features)}
    n = {"n": len(candidate[LABELS]), "n_reference": len(reference[LABELS])}
    for measure, value in values.items():
        yield {"class": OVERALL, "measure": measure, "value": value} | n


def compare_classes(reference: Images, candidate: Images, class_names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """``MEASURES`` of each class against itself and, as ``<measure>_of_classes``, their mean, from all images.

    A class that the candidate has too few images of has no value of its own; in the mean it counts as
    ``class_distances`` says.
    """
    for one in MEASURES.values():
        labels = reference[LABELS], candidate[LABELS]
        found = class_distances(one.distance, reference[one.tensor], candidate[one.tensor], *labels, len(class_names))
        n = {"n": len(labels[1]), "n_reference": len(labels[0])}
        yield {"class": OVERALL, "measure": one.of_classes, "value": found.mean} | n
        for name, value, n_real, n_own in zip(
            class_names, found.values, found.n_reference, found.n_candidate, strict=True
        ):
            yield {"class": name, "measure": one.name, "value": value, "n": n_own, "n_reference": n_real}


def missing_classes(fidelity: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Classes that a set has too few images of to be measured, with how many it has, by set.

    Args:
        fidelity: as ``fidelity_table`` gives it, of one or several sets.
    """
    rows = fidelity[(fidelity["class"] != OVERALL) & (fidelity["measure"] == HEADLINE.name) & (fidelity["n"] < 2)]
    found: dict[str, dict[str, int]] = {}
    for row in records(rows):
        found.setdefault(row["set"], {})[row["class"]] = int(row["n"])
    return found


def _drawn(images: Images, n: int, rng: np.random.Generator) -> Images:
    rows = np.sort(rng.choice(len(images[LABELS]), n, replace=False))
    return {name: images[name][rows] for name in (LABELS, *dict.fromkeys(one.tensor for one in MEASURES.values()))}
