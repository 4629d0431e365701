"""How near synthetic images are to real ones in the stored features; real training images are the reference."""

from collections.abc import Mapping

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.image_features import FEATURES, LABELS
from synthpath_kedro.evaluation.rows import GENERATOR, lead_with_shared
from synthpath_kedro.metrics.fidelity import fidelity_table, kernel_distance_per_class

REFERENCES = ("real_val", "real_test")
CANDIDATES = ("synthetic", "real_train")

Features = Mapping[str, Artifact]


def fidelity_scores(features: Features, seed: int) -> pd.DataFrame:
    """Every candidate against every reference, all at the size of the smallest set.

    Args:
        features: of real_train, real_val, real_test and synthetic, by name, as ``feature_recipe`` makes them.
        seed: of the draw that makes sizes equal.

    Returns:
        Columns ``model`` (denoiser; none for the reference), ``regime`` (synthetic; real for the reference),
        ``replicate`` (0, there is one denoiser), ``weights`` of the extractor, ``n, reference, candidate, extractor,
        input_size, frechet_distance, kernel_distance, precision, recall, density, coverage``. The Fréchet distance is
        nan where n does not exceed the features' dimensions.
    """
    table = fidelity_table(_arrays(features, REFERENCES), _arrays(features, CANDIDATES), seed).assign(**GENERATOR)
    table.loc[table["candidate"] != "synthetic", ["model", "regime"]] = "none", "real"
    return lead_with_shared(_with_extractor(table, features))


def fidelity_per_class(features: Features) -> pd.DataFrame:
    """Kernel distance of each class of every candidate to the same class of every reference.

    Args:
        features: as for ``fidelity_scores``.

    Returns:
        Columns ``reference, candidate, extractor, weights, input_size, class, n_reference, n_candidate,
        kernel_distance``.
    """
    names = next(iter(features.values())).card["class_names"]
    tables = []
    for reference in REFERENCES:
        for candidate in CANDIDATES:
            a, b = features[reference].tensors, features[candidate].tensors
            table = kernel_distance_per_class(a[FEATURES], b[FEATURES], a[LABELS], b[LABELS], len(names))
            table["class"] = list(names)
            table.insert(0, "reference", reference)
            table.insert(1, "candidate", candidate)
            tables.append(table)
    return _with_extractor(pd.concat(tables, ignore_index=True), features)


def _arrays(features: Features, names: tuple[str, ...]) -> dict:
    return {name: features[name].tensors[FEATURES] for name in names}


def _with_extractor(table: pd.DataFrame, features: Features) -> pd.DataFrame:
    card = next(iter(features.values())).card
    facts = {"extractor": card["extractor"], "weights": card["weights"], "input_size": card["key"]["input_size"]}
    for place, (name, value) in enumerate(facts.items(), start=2):
        table.insert(place, name, value)
    return table
