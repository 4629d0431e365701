from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import AttackedMetadata, CellMetadata, CorruptedMetadata, PredictedMetadata
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_classifier, check_same_data, source_note
from synthpath_kedro.data.missing import MISSING, Missing
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.evaluation.cell_results import CellResults
from synthpath_kedro.evaluation.rows import RECONSTRUCTED
from synthpath_kedro.parameters import EvaluationParameters
from synthpath_kedro.study.grid import Cell

if TYPE_CHECKING:
    from synthpath_kedro.classifiers.classifier import Classifier

Left = Artifact | Missing


def predict_cell(
    classifier: Left,
    real_val: LabeledImages,
    real_test: LabeledImages,
    synthetic_sets: Mapping[str, SyntheticSet],
    params: EvaluationParameters,
    seed: int,
    *,
    cell: Cell,
    tested_on: tuple[str, ...] | None = None,
    reconstructed_test: LabeledImages | None = None,
    **cached: Left,
) -> tuple[Left, Left]:
    """Predicts once, for every table: probabilities of all replicates, and features of the first for t-SNE.

    A cell that was trained on a synthetic set is tested on that set, another one on all of ``tested_on`` (None: every
    set of the study). Where the study has an autoencoder, cells without a set are also tested on ``RECONSTRUCTED``
    real test images.
    """
    from synthpath_kedro.classifiers.cached_features import stored_features
    from synthpath_kedro.classifiers.prediction import predict_replicates
    from synthpath_kedro.training.device import choose_device
    from synthpath_kedro.training.precision import resolve_precision

    if classifier is MISSING:
        return MISSING, MISSING
    names = (cell.set,) if cell.set else tuple(synthetic_sets) if tested_on is None else tested_on
    tested = {name: synthetic_sets[name] for name in names}
    whole: dict[str, LabeledImages] = {"real_val": real_val, "real_test": real_test}
    if reconstructed_test is not None:
        whole[RECONSTRUCTED] = reconstructed_test
    whole |= {f"synthetic.{name}": synthetic.labeled() for name, synthetic in tested.items()}
    cards = {name: images.card for name, images in whole.items() if not name.startswith("synthetic.")}
    metadata = CellMetadata.of(classifier)
    for name in tested:
        check_same_data({metadata.name: classifier.card, **cards, name: whole[f"synthetic.{name}"].card})
    models, precision = _load(classifier), resolve_precision(params.precision, choose_device())
    sets, places, predicted = {}, {}, {}
    for name, images in whole.items():
        stored = stored_features(_known(cached, name), name, models[0], images)
        rows = stratified_subset(images.labels, params.synthetic_images, seed) if name not in cards else None
        inputs = images.images if stored is None else stored
        predicted[name] = predict_replicates(models, inputs, params.batch_size, rows, precision)
        places[name] = np.arange(len(images)) if rows is None else rows
        sets[name] = images.labels[places[name]]
    probabilities = {
        name: np.stack([one.probabilities for one in replicates]) for name, replicates in predicted.items()
    }
    truth = {f"{name}_labels": labels for name, labels in sets.items()}
    truth |= {f"{name}_index": places[name] for name in whole if name not in cards}
    if real_test.groups is not None:
        truth["real_test_groups"] = real_test.groups
    digests = {name: one.digest for name, one in tested.items()}
    made_from = {"classifier": classifier.digest, "synthetic_sets": digests, "precision": precision}
    if reconstructed_test is not None:
        made_from["autoencoder"] = reconstructed_test.card["autoencoder"]
    card = PredictedMetadata(**metadata.to_json() | made_from).to_json()
    shown = {
        name: replicates[0].features
        for name, replicates in predicted.items()
        if name not in ("real_val", RECONSTRUCTED)
    }
    return (
        Artifact(probabilities | truth, card),
        Artifact(_for_tsne(shown, sets, places, params.tsne_images, seed), card),
    )


def _known(cached: Mapping[str, Left], name: str) -> Artifact | None:
    found = cached.get(f"cached_{name.removeprefix('synthetic.')}", MISSING)
    return None if found is MISSING else found


def _for_tsne(
    features: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    places: Mapping[str, np.ndarray],
    n: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """A stratified part of the features, with labels and the images' places in the whole sets."""
    tensors: dict[str, np.ndarray] = {}
    for name, values in features.items():
        chosen = stratified_subset(labels[name], n, seed)
        tensors |= {name: values[chosen], f"{name}_labels": labels[name][chosen]}
        tensors[f"{name}_index"] = places[name][chosen]
    return tensors


def attack_cell(
    classifier: Left,
    predictions: Left,
    real_test: LabeledImages,
    params: EvaluationParameters,
    seed: int,
) -> Left:
    """Attacks a stratified part of the test set with every replicate; clean answers come from the predictions.

    MISSING where the cell is not among ``attack_cells``.

    Raises:
        InputError: the predictions are another classifier's.
    """
    from synthpath_kedro.evaluation.attack_suite import (
        CLEAN,
        CURVE_ROWS,
        GROUPS,
        LABELS,
        MASKING_ROWS,
        attack_suite,
        masking_suite,
    )

    if classifier is MISSING or predictions is MISSING:
        return MISSING
    metadata = CellMetadata.of(classifier)
    if not params.attack_cells.include(metadata.model, metadata.regime):
        return MISSING
    _check_same_cell(metadata.name, classifier, predictions, real_test)
    chosen = stratified_subset(real_test.labels, params.attack_images, seed)
    images = real_test.select(chosen)
    curve_rows = stratified_subset(images.labels, params.epsilon_sweep_images, seed)
    models = _load(classifier)
    replicates = [attack_suite(model, images.images, images.labels, curve_rows, params, seed) for model in models]
    probabilities = {name: np.stack([replicate[name] for replicate in replicates]) for name in replicates[0]}
    known_of_cell = metadata.model_copy(update={"classifier": classifier.digest}).to_json()
    attacked = AttackedMetadata(
        **known_of_cell,
        attacks=list(params.attacks),
        eps=params.eps,
        epsilon_sweep=list(params.epsilon_sweep),
        bim_steps=params.bim_steps,
    )
    known = {CLEAN: predictions.tensors["real_test"][:, chosen], LABELS: images.labels, CURVE_ROWS: curve_rows}
    if images.groups is not None:
        known[GROUPS] = images.groups
    if params.attacks:
        rows = stratified_subset(images.labels, params.masking_images, seed)
        checks = masking_suite(models[0], images.images[rows], images.labels[rows], params, seed)
        known |= {MASKING_ROWS: rows, **checks}
    return Artifact(probabilities | known, attacked.to_json())


def corrupt_cell(
    classifier: Left,
    predictions: Left,
    real_test: LabeledImages,
    params: EvaluationParameters,
    seed: int,
) -> Left:
    """Predicts corrupted copies of a stratified part of the test set; clean answers come from the predictions.

    MISSING where the cell is not among ``corruption_cells``, or there is no corruption.

    Raises:
        InputError: the predictions are another classifier's.
    """
    from synthpath_kedro.evaluation.attack_suite import CLEAN, GROUPS, LABELS
    from synthpath_kedro.evaluation.corruption_suite import corruption_suite
    from synthpath_kedro.evaluation.corruption_tables import ROWS

    if classifier is MISSING or predictions is MISSING or not params.corruptions:
        return MISSING
    metadata = PredictedMetadata.of(predictions)
    if not params.corruption_cells.include(metadata.model, metadata.regime):
        return MISSING
    _check_same_cell(metadata.name, classifier, predictions, real_test)
    chosen = stratified_subset(real_test.labels, params.corruption_images, seed)
    images, precision = real_test.select(chosen), metadata.precision
    probabilities = corruption_suite(_load(classifier), images.images, chosen, params, seed, precision)
    known = {CLEAN: predictions.tensors["real_test"][:, chosen], LABELS: images.labels, ROWS: chosen}
    if images.groups is not None:
        known[GROUPS] = images.groups
    levels = {kind: list(values) for kind, values in params.levels_of_corruptions.items()}
    return Artifact(probabilities | known, CorruptedMetadata(**metadata.to_json(), corruption_levels=levels).to_json())


def _load(classifier: Artifact) -> "list[Classifier]":
    """The cell's replicates, on the GPU where there is one."""
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.training.device import placed

    return [placed(model) for model in load_classifiers(classifier)]


def score_cell(predictions: Left, attacked: Left, corrupted: Left) -> dict[str, Any] | Missing:
    """One flat number per metric, the mean over replicates: what DVC compares between runs.

    Raises:
        InputError: predictions and attacked or corrupted images come from different classifiers.
    """
    from synthpath_kedro.evaluation.classification_tables import classification_table, synthetic_as_test_table
    from synthpath_kedro.evaluation.corruption_tables import corruption_means_table
    from synthpath_kedro.evaluation.robustness_tables import robustness_table

    if predictions is MISSING:
        return MISSING
    metrics = ["accuracy", "macro_f1", "auc"]
    real = classification_table([predictions])[metrics].mean()
    synthetic = synthetic_as_test_table([predictions])[metrics].mean()
    robust = {}
    if attacked is not MISSING:
        name = CellMetadata.of(predictions).name
        check_same_classifier({f"predictions of {name}": predictions.card, f"attacked images of {name}": attacked.card})
        robust = robustness_table([attacked]).query("not control").groupby("attack")["accuracy"].mean().to_dict()
    if corrupted is not MISSING:
        name = CellMetadata.of(predictions).name
        check_same_classifier(
            {f"predictions of {name}": predictions.card, f"corrupted images of {name}": corrupted.card}
        )
        means = corruption_means_table([corrupted]).groupby("corruption")["accuracy"].mean()
        robust |= {f"{kind}_corruption": value for kind, value in means.items()}
    return {
        **{str(name): value for name, value in real.items()},
        **{f"synthetic_as_test_{name}": value for name, value in synthetic.items()},
        **{f"{attack}_accuracy": value for attack, value in robust.items()},
    }


def embed_features(features: Left, params: EvaluationParameters, seed: int) -> pd.DataFrame | Missing:
    """Embeds features of real and synthetic images jointly: x, y, label, source, index (place in the whole source).

    MISSING where the cell is not among ``tsne_cells``.
    """
    from synthpath_kedro.metrics.embedding import joint_tsne

    if features is MISSING:
        return MISSING
    metadata = CellMetadata.of(features)
    if not params.tsne_cells.include(metadata.model, metadata.regime):
        return MISSING
    tensors = features.tensors
    sources = [name for name in tensors if f"{name}_labels" in tensors]
    embedded = joint_tsne([tensors[name] for name in sources], params.tsne_perplexity, seed)
    parts = [
        pd.DataFrame(
            {
                "x": xy[:, 0],
                "y": xy[:, 1],
                "label": tensors[f"{source}_labels"],
                "source": source.removeprefix("synthetic."),
                "index": tensors[f"{source}_index"],
            }
        )
        for source, xy in zip(sources, embedded, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def draw_tsne(points: pd.DataFrame | Missing, features: Left) -> Figure | Missing:
    from synthpath_kedro.report.figures.tsne import tsne
    from synthpath_kedro.report.labels import model_label, regime_label

    if points is MISSING or features is MISSING:
        return MISSING
    metadata = CellMetadata.of(features)
    title = f"{model_label(metadata.model)}, trained on {regime_label(metadata.regime)} images"
    return tsne(points, tuple(metadata.class_names), title, note=source_note(phantom=metadata.phantom))


def gather_cell(
    predictions: Left,
    features: Left,
    attacked: Left,
    tsne: pd.DataFrame | Missing,
    tsne_figure: bytes | Missing,
    history: pd.DataFrame | Missing,
    history_figure: bytes | Missing,
    metrics: dict[str, Any] | Missing,
    corrupted: Left = MISSING,
    *,
    cell: Cell,
) -> CellResults | Missing:
    """What ``cell`` has left for the study's tables and report; MISSING where it has not been trained."""
    del history_figure, metrics
    if predictions is MISSING:
        return MISSING
    parts = {
        "features": features,
        "attacked": attacked,
        "tsne": tsne,
        "tsne_figure": tsne_figure,
        "history": history,
        "corrupted": corrupted,
    }
    present = {name: None if part is MISSING else part for name, part in parts.items()}
    return CellResults(cell, predictions, **present)  # type: ignore[arg-type]


def collect_cells(*results: CellResults | Missing) -> list[CellResults]:
    """The cells that have been trained, in the grid's order; all of them on the same data."""
    cells = [one for one in results if one is not MISSING]
    if cells:
        check_same_data({one.cell.name: one.predictions.card for one in cells})
    return cells


def _check_same_cell(name: str, classifier: Artifact, predictions: Artifact, real_test: LabeledImages) -> None:
    """Raises InputError where the predictions are another classifier's, or it learned from other data."""
    check_same_data({name: classifier.card, "real_test": real_test.card})
    check_same_classifier({f"predictions of {name}": predictions.card, name: {"classifier": classifier.digest}})
