from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artefact import Artefact, Card
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters, Parameters

NOTHING = Artefact({})


def predict_cell(
    classifier: Artefact | None,
    real_val: LabelledImages,
    real_test: LabelledImages,
    shards: dict[str, Artefact],
    manifest: Card,
    params: EvaluationParameters,
    seed: int,
) -> tuple[Artefact, Artefact]:
    """Predicts once, for every table: probabilities of all replicates, and features of the first for t-SNE."""
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.classifiers.prediction import predict

    if classifier is None:
        return NOTHING, NOTHING
    synthetic = open_synthetic(shards, manifest)
    cards = {"real_test": real_test.card, "real_val": real_val.card, "synthetic": synthetic.card}
    check_same_data({"classifier": classifier.card, **cards})
    synthetic = synthetic.select(stratified_subset(synthetic.labels, params.synthetic_images, seed))
    sets = {"real_val": real_val, "real_test": real_test, "synthetic": synthetic}
    probabilities: dict[str, list[np.ndarray]] = {name: [] for name in sets}
    features: dict[str, np.ndarray] = {}
    for replicate, model in enumerate(load_classifiers(classifier)):
        for name, images in sets.items():
            predicted = predict(model, images.images, params.batch_size)
            probabilities[name].append(predicted.probabilities)
            if replicate == 0 and name != "real_val":
                features[name] = predicted.features
    labels = {f"{name}_labels": images.labels for name, images in sets.items()}
    card = _cell_card(classifier)
    return (
        Artefact({name: np.stack(replicates) for name, replicates in probabilities.items()} | labels, card),
        Artefact(_for_tsne(features, sets, params.tsne_images, seed), card),
    )


def _for_tsne(
    features: dict[str, np.ndarray], sets: dict[str, LabelledImages], n: int, seed: int
) -> dict[str, np.ndarray]:
    chosen = {name: stratified_subset(sets[name].labels, n, seed) for name in features}
    return {name: features[name][chosen[name]] for name in features} | {
        f"{name}_labels": sets[name].labels[chosen[name]] for name in features
    }


def attack_cell(
    classifier: Artefact | None, real_test: LabelledImages, params: EvaluationParameters, seed: int
) -> Artefact:
    """Attacks a stratified part of the test set with every replicate of the cell."""
    from synthpath_kedro.classifiers.checkpoint import load_classifiers
    from synthpath_kedro.classifiers.prediction import predict
    from synthpath_kedro.metrics.robustness import attack_probabilities

    if classifier is None:
        return NOTHING
    check_same_data({"classifier": classifier.card, "real_test": real_test.card})
    images = real_test.select(stratified_subset(real_test.labels, params.attack_images, seed))
    probabilities: dict[str, list[np.ndarray]] = {name: [] for name in ("clean", *params.attacks)}
    for model in load_classifiers(classifier):
        probabilities["clean"].append(predict(model, images.images, params.batch_size).probabilities)
        for attack in params.attacks:
            probabilities[attack].append(
                attack_probabilities(
                    model, images.images, images.labels, attack, params.eps, params.bim_steps, params.batch_size, seed
                )
            )
    return Artefact(
        {name: np.stack(replicates) for name, replicates in probabilities.items()} | {"labels": images.labels},
        _cell_card(classifier) | {"attacks": list(params.attacks), "eps": params.eps, "bim_steps": params.bim_steps},
    )


def _cell_card(classifier: Artefact) -> Card:
    kept = ("model", "regime", "weights", "variant", "class_names", "prepared", "phantom")
    return {key: classifier.card[key] for key in kept if key in classifier.card} | {"classifier": classifier.digest}


def score_cell(predictions: Artefact | None, attacked: Artefact | None) -> dict[str, Any]:
    """One flat number a metric, the mean over replicates: what DVC compares between runs."""
    from synthpath_kedro.metrics.scores import classification_table, robustness_table, synthetic_as_test_table

    if predictions is None or attacked is None:
        return {}
    metrics = ["accuracy", "macro_f1", "auc"]
    real = classification_table([predictions])[metrics].mean()
    synthetic = synthetic_as_test_table([predictions])[metrics].mean()
    robust = robustness_table([attacked]).groupby("attack")["accuracy"].mean()
    return {
        **{str(name): value for name, value in real.items()},
        **{f"synthetic_as_test_{name}": value for name, value in synthetic.items()},
        **{f"{attack}_accuracy": value for attack, value in robust.items()},
    }


def embed_features(features: Artefact | None, params: EvaluationParameters, seed: int) -> pd.DataFrame:
    """Embeds features of real and synthetic images jointly: x, y, label, source."""
    from synthpath_kedro.metrics.embedding import joint_tsne

    if features is None:
        return pd.DataFrame()
    tensors = features.tensors
    embedded = joint_tsne(tensors["real_test"], tensors["synthetic"], params.tsne_perplexity, seed)
    parts = [
        pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "label": tensors[f"{source}_labels"], "source": source})
        for source, xy in zip(("real_test", "synthetic"), embedded, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def draw_tsne(points: pd.DataFrame | None, features: Artefact | None) -> Figure | list[Figure]:
    from synthpath_kedro.reporting.figures.tsne import tsne

    if points is None or features is None:
        return []
    card = features.card
    title = f"{card['model']}, trained on {card['regime']} images"
    return tsne(points, tuple(card["class_names"]), title, note=source_note(card))


def tabulate_classification(*predictions: Artefact | None) -> pd.DataFrame:
    from synthpath_kedro.metrics.scores import classification_table

    return classification_table(filter(None, predictions))


def tabulate_synthetic_as_test(*predictions: Artefact | None) -> pd.DataFrame:
    from synthpath_kedro.metrics.scores import synthetic_as_test_table

    return synthetic_as_test_table(cell for cell in predictions if cell and cell.card["regime"] == "real")


def tabulate_robustness(*attacked: Artefact | None) -> pd.DataFrame:
    from synthpath_kedro.metrics.scores import robustness_table

    return robustness_table(filter(None, attacked))


def lay_out_table_4_1(classification: pd.DataFrame, params: ClassificationParameters) -> pd.DataFrame:
    from synthpath_kedro.reporting.tables import table_4_1

    return table_4_1(classification, params.models)


def lay_out_table_4_2(synthetic_as_test: pd.DataFrame, params: ClassificationParameters) -> pd.DataFrame:
    from synthpath_kedro.reporting.tables import table_4_2

    return table_4_2(synthetic_as_test, params.models)


def lay_out_table_4_3(robustness: pd.DataFrame, params: ClassificationParameters) -> pd.DataFrame:
    from synthpath_kedro.reporting.tables import table_4_3

    return table_4_3(robustness, params.models)


def draw_accuracy_by_regime(classification: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.reporting.figures.accuracy_by_regime import accuracy_by_regime

    return accuracy_by_regime(classification, note=source_note(card))


def draw_robustness(robustness: pd.DataFrame, card: Card) -> Figure:
    from synthpath_kedro.reporting.figures.robustness import robustness as draw

    return draw(robustness, note=source_note(card))


def tabulate_cost(diffusion_history: pd.DataFrame, **histories: pd.DataFrame | None) -> pd.DataFrame:
    from synthpath_kedro.reporting.cost import cost_table

    trained = [history for history in histories.values() if history is not None]
    cells = pd.concat(trained) if trained else pd.DataFrame(columns=["model"])
    return cost_table(diffusion_history, {name: cells[cells["model"] == name] for name in cells["model"].unique()})


def write_report(
    parameters: dict[str, Any],
    data_card: Card,
    manifest: Card,
    class_distribution: pd.DataFrame,
    classification: pd.DataFrame,
    table_4_1: pd.DataFrame,
    table_4_2: pd.DataFrame,
    table_4_3: pd.DataFrame,
    cost: pd.DataFrame,
    **figures: bytes | None,
) -> str:
    """The study's report as one page of HTML."""
    from synthpath_kedro.reporting.study_report import render_study_report

    return render_study_report(
        Parameters.model_validate(parameters),
        data_card,
        manifest,
        {"4_1": table_4_1, "4_2": table_4_2, "4_3": table_4_3, "Class distribution": class_distribution},
        classification,
        cost,
        {name: image for name, image in figures.items() if image is not None},
    )
