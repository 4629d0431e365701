import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card, Recipe
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters, ReportParameters


def store_image_features(
    real_train: LabeledImages,
    real_val: LabeledImages,
    real_test: LabeledImages,
    shards: dict[str, Artifact],
    manifest: Card,
    params: EvaluationParameters,
    classification: ClassificationParameters,
    seed: int,
) -> tuple[Recipe, Recipe, Recipe, Recipe]:
    """Says how each set's features are made; the catalog makes them unless it has them."""
    from synthpath_kedro.evaluation.extractors import load_extractor
    from synthpath_kedro.evaluation.image_features import feature_recipe

    extractor = load_extractor(params.features, classification)
    n, batch_size = params.features.images, params.batch_size
    synthetic = open_synthetic(shards, manifest)
    sets = {"real_train": real_train, "real_val": real_val, "real_test": real_test, "synthetic": synthetic}
    check_same_data({name: images.card for name, images in sets.items()})
    return (
        feature_recipe("real_train", real_train, extractor, params.features.train_images, batch_size, seed),
        feature_recipe("real_val", real_val, extractor, n, batch_size, seed),
        feature_recipe("real_test", real_test, extractor, n, batch_size, seed),
        feature_recipe("synthetic", synthetic, extractor, n, batch_size, seed),
    )


def tabulate_fidelity(
    real_train: Artifact, real_val: Artifact, real_test: Artifact, synthetic: Artifact, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fidelity over all classes, and by class, from stored features."""
    from synthpath_kedro.evaluation.fidelity_tables import fidelity_per_class, fidelity_scores

    features = {"real_train": real_train, "real_val": real_val, "real_test": real_test, "synthetic": synthetic}
    check_same_data({name: artifact.card for name, artifact in features.items()})
    return fidelity_scores(features, seed), fidelity_per_class(features)


def find_nearest_training_images(
    real_train: LabeledImages,
    real_val: LabeledImages,
    shards: dict[str, Artifact],
    manifest: Card,
    train_features: Artifact,
    val_features: Artifact,
    synthetic_features: Artifact,
    params: EvaluationParameters,
    seed: int,
) -> Artifact:
    """Nearest training images of synthetic and held-out images, in pixels and in features."""
    from synthpath_kedro.evaluation.training_search import Points, pixel_points, search_training_images, to_tensors

    synthetic = open_synthetic(shards, manifest)
    stored = {"synthetic": synthetic_features, "held_out": val_features, "train": train_features}
    cards = {f"features of {name}": artifact.card for name, artifact in stored.items()}
    check_same_data({"real_train": real_train.card, "real_val": real_val.card, "synthetic": synthetic.card, **cards})
    privacy = params.privacy
    points = {
        "pixels": {
            "synthetic": pixel_points(synthetic, privacy.pixel_images, seed),
            "held_out": pixel_points(real_val, privacy.pixel_images, seed),
            "train": pixel_points(real_train, privacy.pixel_train_images, seed),
        },
        "features": {name: Points(one.tensors["features"], one.tensors["index"]) for name, one in stored.items()},
    }
    found = {
        space: {name: search_training_images(sets[name], sets["train"]) for name in ("synthetic", "held_out")}
        for space, sets in points.items()
    }
    card = {
        "prepared": real_train.card.get("prepared"),
        "phantom": real_train.card.get("phantom", False),
        "checkpoint": manifest.get("checkpoint"),
        "extractor": synthetic_features.card["extractor"],
        "weights": synthetic_features.card["weights"],
        "n_train": {space: len(sets["train"].index) for space, sets in points.items()},
    }
    return Artifact(to_tensors(found), card)


def measure_denoiser_losses(
    denoiser: Artifact,
    real_train: LabeledImages,
    real_val: LabeledImages,
    params: EvaluationParameters,
    seed: int,
) -> Artifact:
    """The denoiser's loss on training and on held-out images, one number per image."""
    from synthpath_kedro.diffusion.checkpoint import load_denoiser
    from synthpath_kedro.diffusion.membership import image_losses

    check_same_data({"denoiser": denoiser.card, "real_train": real_train.card, "real_val": real_val.card})
    network, privacy = load_denoiser(denoiser), params.privacy
    tensors = {}
    for name, images in (("real_train", real_train), ("real_val", real_val)):
        chosen = images.select(stratified_subset(images.labels, privacy.loss_images, seed))
        tensors[name] = image_losses(
            network, chosen.images, chosen.labels, privacy.loss_levels, params.batch_size, seed
        )
    kept = {key: denoiser.card.get(key) for key in ("prepared", "phantom")}
    return Artifact(tensors, kept | {"checkpoint": denoiser.card["digest"], "loss_levels": privacy.loss_levels})


def tabulate_privacy(nearest: Artifact, losses: Artifact) -> pd.DataFrame:
    """What the synthetic images and the denoiser that painted them give away.

    Raises:
        InputError: the synthetic images were painted by another denoiser than the one whose losses are given.
    """
    from synthpath_kedro.evaluation.privacy_tables import privacy_table

    check_same_data({"nearest training images": nearest.card, "denoiser losses": losses.card})
    return privacy_table(nearest, losses)


def draw_closest_pairs(
    nearest: Artifact,
    real_train: LabeledImages,
    shards: dict[str, Artifact],
    manifest: Card,
    params: EvaluationParameters,
    report: ReportParameters,
) -> Figure:
    """The pairs most alike; without training images where real tiles must not be shown."""
    from synthpath_kedro.evaluation.training_search import SPACES, closest_synthetic
    from synthpath_kedro.report.figures.closest_pairs import Pairs, closest_pairs

    synthetic = open_synthetic(shards, manifest).images
    pairs = {}
    for space, label in SPACES.items():
        found = closest_synthetic(nearest, space, params.privacy.pairs)
        train = real_train.images[found.train] if report.embed_real_images else None
        pairs[label] = Pairs(synthetic[found.synthetic], train, [f"{distance:.2f}" for distance in found.distances])
    return closest_pairs(pairs, note=source_note(real_train.card))


def draw_nearest_distances(nearest: Artifact) -> Figure:
    from synthpath_kedro.evaluation.training_search import HELD_OUT, SPACES, SYNTHETIC, read_found
    from synthpath_kedro.metrics.privacy import near_duplicates
    from synthpath_kedro.report.figures.nearest_distances import Distances, nearest_distances

    distances = {}
    for space, label in SPACES.items():
        synthetic, held_out = (read_found(nearest, space, name).distances for name in (SYNTHETIC, HELD_OUT))
        distances[label] = Distances(synthetic, held_out, near_duplicates(synthetic, held_out).threshold)
    return nearest_distances(distances, note=source_note(nearest.card))
