from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import cell_name, check_same_classifier, check_same_data, source_note
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.parameters import EvaluationParameters

if TYPE_CHECKING:
    from synthpath_kedro.classifiers.classifier import Classifier

NOTHING = Artifact({})


def predict_cell(
    classifier: Artifact | None,
    real_val: LabeledImages,
    real_test: LabeledImages,
    shards: dict[str, Artifact],
    manifest: Card,
    params: EvaluationParameters,
    seed: int,
    cached_real_val: Artifact | None = None,
    cached_real_test: Artifact | None = None,
    cached_synthetic: Artifact | None = None,
) -> tuple[Artifact, Artifact]:
    """Predicts once, for every table: probabilities of all replicates, and features of the first for t-SNE."""
    from synthpath_kedro.classifiers.cached_features import stored_features
    from synthpath_kedro.classifiers.prediction import predict_replicates

    if classifier is None:
        return NOTHING, NOTHING
    synthetic = open_synthetic(shards, manifest)
    cards = {"real_test": real_test.card, "real_val": real_val.card, "synthetic": synthetic.card}
    check_same_data({cell_name(classifier.card): classifier.card, **cards})
    chosen = stratified_subset(synthetic.labels, params.synthetic_images, seed)
    sets = {"real_val": real_val, "real_test": real_test, "synthetic": synthetic.select(chosen)}
    models = _load(classifier)
    predicted = {}
    for name, whole, cached, rows in (
        ("real_val", real_val, cached_real_val, None),
        ("real_test", real_test, cached_real_test, None),
        ("synthetic", synthetic, cached_synthetic, chosen),
    ):
        stored = stored_features(cached, name, models[0], whole)
        inputs = whole.images if stored is None else stored
        predicted[name] = predict_replicates(models, inputs, params.batch_size, rows)
    probabilities = {
        name: np.stack([one.probabilities for one in replicates]) for name, replicates in predicted.items()
    }
    features = {name: predicted[name][0].features for name in ("real_test", "synthetic")}
    places = {"real_test": np.arange(len(real_test)), "synthetic": chosen}
    card = _cell_card(classifier) | {"synthetic": synthetic.digest}
    return (
        Artifact(probabilities | _truth(sets) | {"synthetic_index": chosen}, card),
        Artifact(_for_tsne(features, sets, places, params.tsne_images, seed), card),
    )


def _truth(sets: Mapping[str, LabeledImages]) -> dict[str, np.ndarray]:
    """Labels of every set, and the test images' groups where they are known."""
    labels = {f"{name}_labels": images.labels for name, images in sets.items()}
    groups = sets["real_test"].groups
    return labels if groups is None else labels | {"real_test_groups": groups}


def _for_tsne(
    features: Mapping[str, np.ndarray],
    sets: Mapping[str, LabeledImages],
    places: Mapping[str, np.ndarray],
    n: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """A stratified part of the features, with labels and the images' places in the whole sets."""
    tensors: dict[str, np.ndarray] = {}
    for name, values in features.items():
        chosen = stratified_subset(sets[name].labels, n, seed)
        tensors |= {name: values[chosen], f"{name}_labels": sets[name].labels[chosen]}
        tensors[f"{name}_index"] = places[name][chosen]
    return tensors


def attack_cell(
    classifier: Artifact | None,
    predictions: Artifact | None,
    real_test: LabeledImages,
    params: EvaluationParameters,
    seed: int,
) -> Artifact:
    """Attacks a stratified part of the test set with every replicate; clean answers come from the predictions.

    Raises:
        InputError: the predictions are another classifier's.
    """
    from synthpath_kedro.evaluation.attack_suite import CLEAN, CURVE_ROWS, LABELS, attack_suite

    if classifier is None or predictions is None:
        return NOTHING
    name = cell_name(classifier.card)
    check_same_data({name: classifier.card, "real_test": real_test.card})
    check_same_classifier({f"predictions of {name}": predictions.card, name: {"classifier": classifier.digest}})
    chosen = stratified_subset(real_test.labels, params.attack_images, seed)
    images = real_test.select(chosen)
    curve_rows = stratified_subset(images.labels, params.epsilon_sweep_images, seed)
    replicates = [
        attack_suite(model, images.images, images.labels, curve_rows, params, seed) for model in _load(classifier)
    ]
    probabilities = {name: np.stack([replicate[name] for replicate in replicates]) for name in replicates[0]}
    attacks = {
        "attacks": list(params.attacks),
        "eps": params.eps,
        "epsilon_sweep": list(params.epsilon_sweep),
        "bim_steps": params.bim_steps,
    }
    known = {CLEAN: predictions.tensors["real_test"][:, chosen], LABELS: images.labels, CURVE_ROWS: curve_rows}
    return Artifact(probabilities | known, _cell_card(classifier) | attacks)


def _load(classifier: Artifact) -> "list[Classifier]":
    """The cell's replicates, on the GPU where there is one."""
    import torch

    from synthpath_kedro.classifiers.checkpoint import load_classifiers

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return [model.to(device) for model in load_classifiers(classifier)]


def _cell_card(classifier: Artifact) -> Card:
    kept = (
        "model",
        "regime",
        "weights",
        "variant",
        "class_names",
        "prepared",
        "synthetic",
        "phantom",
        "zero_shot_val_accuracy",
        "parameters",
    )
    return {key: classifier.card[key] for key in kept if key in classifier.card} | {"classifier": classifier.digest}


def score_cell(predictions: Artifact | None, attacked: Artifact | None) -> dict[str, Any]:
    """One flat number per metric, the mean over replicates: what DVC compares between runs.

    Raises:
        InputError: predictions and attacked images come from different classifiers.
    """
    from synthpath_kedro.evaluation.classification_tables import classification_table, synthetic_as_test_table
    from synthpath_kedro.evaluation.robustness_tables import robustness_table

    if predictions is None or attacked is None:
        return {}
    name = cell_name(predictions.card)
    check_same_classifier({f"predictions of {name}": predictions.card, f"attacked images of {name}": attacked.card})
    metrics = ["accuracy", "macro_f1", "auc"]
    real = classification_table([predictions])[metrics].mean()
    synthetic = synthetic_as_test_table([predictions])[metrics].mean()
    robust = robustness_table([attacked]).query("not control").groupby("attack")["accuracy"].mean()
    return {
        **{str(name): value for name, value in real.items()},
        **{f"synthetic_as_test_{name}": value for name, value in synthetic.items()},
        **{f"{attack}_accuracy": value for attack, value in robust.items()},
    }


def embed_features(features: Artifact | None, params: EvaluationParameters, seed: int) -> pd.DataFrame:
    """Embeds features of real and synthetic images jointly: x, y, label, source, index (place in the whole source)."""
    from synthpath_kedro.metrics.embedding import joint_tsne

    if features is None:
        return pd.DataFrame()
    tensors, sources = features.tensors, ("real_test", "synthetic")
    embedded = joint_tsne(tensors["real_test"], tensors["synthetic"], params.tsne_perplexity, seed)
    parts = [
        pd.DataFrame(
            {
                "x": xy[:, 0],
                "y": xy[:, 1],
                "label": tensors[f"{source}_labels"],
                "source": source,
                "index": tensors[f"{source}_index"],
            }
        )
        for source, xy in zip(sources, embedded, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def draw_tsne(points: pd.DataFrame | None, features: Artifact | None) -> Figure | list[Figure]:
    from synthpath_kedro.report.figures.tsne import tsne
    from synthpath_kedro.report.labels import model_label

    if points is None or features is None:
        return []
    card = features.card
    title = f"{model_label(card['model'])}, trained on {card['regime']} images"
    return tsne(points, tuple(card["class_names"]), title, note=source_note(card))
