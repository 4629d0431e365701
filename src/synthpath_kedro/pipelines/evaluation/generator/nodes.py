import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artefact import Artefact, Card, Recipe
from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters, ReportParameters


def store_image_features(
    real_train: LabelledImages,
    real_val: LabelledImages,
    real_test: LabelledImages,
    shards: dict[str, Artefact],
    manifest: Card,
    params: EvaluationParameters,
    classification: ClassificationParameters,
    seed: int,
) -> tuple[Recipe, Recipe, Recipe, Recipe]:
    """Says how each set's features are made; the catalog makes them unless it has them."""
    from synthpath_kedro.metrics.extractors import load_extractor
    from synthpath_kedro.metrics.image_features import feature_recipe

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
    real_train: Artefact, real_val: Artefact, real_test: Artefact, synthetic: Artefact, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fidelity over all classes, and by class, from stored features."""
    from synthpath_kedro.metrics.scores.fidelity import fidelity_per_class, fidelity_scores

    features = {"real_train": real_train, "real_val": real_val, "real_test": real_test, "synthetic": synthetic}
    check_same_data({name: artefact.card for name, artefact in features.items()})
    return fidelity_scores(features, seed), fidelity_per_class(features)


def find_nearest_training_images(
    real_train: LabelledImages,
    real_val: LabelledImages,
    shards: dict[str, Artefact],
    manifest: Card,
    train_features: Artefact,
    val_features: Artefact,
    synthetic_features: Artefact,
    params: EvaluationParameters,
    seed: int,
) -> Artefact:
    """Nearest training images of synthetic and held-out images, in pixels and in features."""
    from synthpath_kedro.metrics.training_search import Points, pixel_points, search_training_images, to_tensors

    synthetic = open_synthetic(shards, manifest)
    stored = {"synthetic": synthetic_features, "held_out": val_features, "train": train_features}
    cards = {f"features of {name}": artefact.card for name, artefact in stored.items()}
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
    return Artefact(to_tensors(found), card)


def measure_denoiser_losses(
    denoiser: Artefact,
    real_train: LabelledImages,
    real_val: LabelledImages,
    params: EvaluationParameters,
    seed: int,
) -> Artefact:
    """The denoiser's loss on training and on held-out images, one number an image."""
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
    return Artefact(tensors, kept | {"checkpoint": denoiser.card["digest"], "loss_levels": privacy.loss_levels})


def tabulate_privacy(nearest: Artefact, losses: Artefact) -> pd.DataFrame:
    """What the synthetic images and the denoiser that painted them give away.

    Raises:
        InputError: the synthetic images were painted by another denoiser than the one whose losses are given.
    """
    from synthpath_kedro.metrics.scores.privacy import privacy_table

    check_same_data({"nearest training images": nearest.card, "denoiser losses": losses.card})
    return privacy_table(nearest, losses)


def draw_closest_pairs(
    nearest: Artefact,
    real_train: LabelledImages,
    shards: dict[str, Artefact],
    manifest: Card,
    params: EvaluationParameters,
    report: ReportParameters,
) -> Figure:
    """The pairs most alike; without training images where real tiles must not be shown."""
    from synthpath_kedro.metrics.training_search import SPACES, closest_synthetic
    from synthpath_kedro.reporting.figures.closest_pairs import Pairs, closest_pairs

    synthetic = open_synthetic(shards, manifest).images
    pairs = {}
    for space, label in SPACES.items():
        found = closest_synthetic(nearest, space, params.privacy.pairs)
        train = real_train.images[found.train] if report.embed_real_images else None
        pairs[label] = Pairs(synthetic[found.synthetic], train, [f"{distance:.2f}" for distance in found.distances])
    return closest_pairs(pairs, note=source_note(real_train.card))


def draw_nearest_distances(nearest: Artefact) -> Figure:
    from synthpath_kedro.metrics.privacy import near_copies
    from synthpath_kedro.metrics.training_search import HELD_OUT, SPACES, SYNTHETIC, read_found
    from synthpath_kedro.reporting.figures.nearest_distances import Distances, nearest_distances

    distances = {}
    for space, label in SPACES.items():
        synthetic, held_out = (read_found(nearest, space, name).distances for name in (SYNTHETIC, HELD_OUT))
        distances[label] = Distances(synthetic, held_out, near_copies(synthetic, held_out).threshold)
    return nearest_distances(distances, note=source_note(nearest.card))
