"""What the synthetic images are by themselves: their fidelity, and what they give away of the training images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.data.synthetic import SyntheticSet
from synthpath_kedro.parameters import EvaluationParameters, ReportParameters


def compute_image_features(
    images: LabeledImages, params: EvaluationParameters, seed: int, existing: dict[str, Artifact], *, name: str
) -> Artifact:
    """The features of a stratified part of ``images``, called ``name``; those at hand where they are the same."""
    from synthpath_kedro.evaluation.extractors import load_extractor
    from synthpath_kedro.evaluation.image_features import image_features

    extractor = load_extractor(params.features)
    n = params.features.train_images if name == "real_train" else params.features.images
    at_hand = existing.get(f"{name}.safetensors")
    return image_features(name, images, extractor, n, params.batch_size, seed, at_hand, params.precision)


def compute_set_features(
    synthetic_sets: Mapping[str, SyntheticSet],
    params: EvaluationParameters,
    seed: int,
    existing: dict[str, Artifact],
    *,
    name: str,
) -> Artifact:
    """The same for the synthetic set ``name``."""
    return compute_image_features(synthetic_sets[name].labeled(), params, seed, existing, name=name)


def tabulate_fidelity(
    real_train: Artifact, real_val: Artifact, real_test: Artifact, seed: int, **sets: Artifact
) -> pd.DataFrame:
    """Fidelity of every synthetic set over all images and class by class, from what is stored of the images."""
    from synthpath_kedro.evaluation.fidelity_tables import fidelity_table

    real = {"real_train": real_train, "real_val": real_val, "real_test": real_test}
    check_same_data({name: artifact.card for name, artifact in (real | sets).items()})
    return _stacked([fidelity_table(real, one, name, seed) for name, one in sets.items()])


def find_nearest_training_images(
    real_train: LabeledImages,
    real_val: LabeledImages,
    synthetic_sets: Mapping[str, SyntheticSet],
    train_features: Artifact,
    val_features: Artifact,
    synthetic_features: Artifact,
    params: EvaluationParameters,
    seed: int,
    *,
    name: str,
) -> Artifact:
    """Nearest training images of the set ``name`` and of held-out images, in pixels and in features."""
    from synthpath_kedro.evaluation.training_search import Points, pixel_points, search_training_images, to_tensors

    synthetic = synthetic_sets[name]
    stored = {"synthetic": synthetic_features, "held_out": val_features, "train": train_features}
    cards = {f"features of {kind}": artifact.card for kind, artifact in stored.items()}
    labeled = synthetic.labeled()
    check_same_data({"real_train": real_train.card, "real_val": real_val.card, name: labeled.card, **cards})
    privacy = params.privacy
    points = {
        "pixels": {
            "synthetic": pixel_points(labeled, privacy.pixel_images, seed),
            "held_out": pixel_points(real_val, privacy.pixel_images, seed),
            "train": pixel_points(real_train, privacy.pixel_train_images, seed),
        },
        "features": {kind: Points(one.tensors["features"], one.tensors["index"]) for kind, one in stored.items()},
    }
    found = {
        space: {kind: search_training_images(sets[kind], sets["train"]) for kind in ("synthetic", "held_out")}
        for space, sets in points.items()
    }
    card = {
        "set": name,
        "prepared": real_train.prepared,
        "phantom": real_train.phantom,
        "synthetic": synthetic.digest,
        "checkpoint": synthetic.card.checkpoint,
        "duplicates": synthetic.card.duplicates,
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
    autoencoder: Artifact | None = None,
) -> Artifact:
    """The denoiser's loss on training and on held-out images, one number per image: the mean over all denoisers."""
    from synthpath_kedro.diffusion.autoencoder import load_encoder
    from synthpath_kedro.diffusion.checkpoint import load_denoiser, split_replicates
    from synthpath_kedro.diffusion.membership import image_losses

    check_same_data({"denoiser": denoiser.card, "real_train": real_train.card, "real_val": real_val.card})
    encoder, privacy = load_encoder(autoencoder), params.privacy
    networks = [load_denoiser(one, encoder=encoder) for one in split_replicates(denoiser)]
    tensors = {}
    for name, images in (("real_train", real_train), ("real_val", real_val)):
        chosen = images.select(stratified_subset(images.labels, privacy.loss_images, seed))
        losses = [
            image_losses(network, chosen.images, chosen.labels, privacy.loss_levels, params.batch_size, seed, encoder)
            for network in networks
        ]
        tensors[name] = np.mean(losses, axis=0)
    kept = {key: denoiser.card.get(key) for key in ("prepared", "phantom")}
    return Artifact(tensors, kept | {"checkpoint": denoiser.card["digest"], "loss_levels": privacy.loss_levels})


def tabulate_privacy(denoiser_losses: Artifact | None = None, **nearest: Artifact) -> pd.DataFrame:
    """What each synthetic set, and the denoiser, give away of the training images.

    Raises:
        InputError: a set was sampled from another denoiser than the one whose losses are given.
    """
    from synthpath_kedro.evaluation.privacy_tables import privacy_table

    cards = {f"nearest training images of {name}": one.card for name, one in nearest.items()}
    losses = {} if denoiser_losses is None else {"denoiser losses": denoiser_losses.card}
    check_same_data(cards | losses)
    tables = []
    for name, one in nearest.items():
        table = privacy_table(one, name, denoiser_losses if one.card.get("checkpoint") else None)
        if one.card.get("duplicates", {}).get("real_train"):
            # Copies pixel by pixel, counted over the whole set, are an alarm whatever the sample shows.
            table.loc[table["measure"] == "near_duplicates", "alarm"] = True
        tables.append(table)
    return _stacked(tables)


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of several sets in one; what they have in common, such as real training images, once."""
    return pd.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True)


def draw_closest_pairs(
    nearest: Artifact,
    real_train: LabeledImages,
    synthetic_sets: Mapping[str, SyntheticSet],
    params: EvaluationParameters,
    report: ReportParameters,
) -> Figure:
    """The pairs most alike; without training images where real tiles must not be shown."""
    from synthpath_kedro.evaluation.training_search import SPACES, closest_synthetic
    from synthpath_kedro.report.figures.closest_pairs import Pairs, closest_pairs

    synthetic = synthetic_sets[nearest.card["set"]].images
    pairs = {}
    for space, label in SPACES.items():
        found = closest_synthetic(nearest, space, params.privacy.pairs)
        train = real_train.images[found.train] if report.embed_real_images else None
        pairs[label] = Pairs(synthetic[found.synthetic], train, [f"{distance:.2f}" for distance in found.distances])
    return closest_pairs(pairs, note=source_note(phantom=real_train.phantom))


def draw_nearest_distances(nearest: Artifact) -> Figure:
    from synthpath_kedro.evaluation.training_search import HELD_OUT, SPACES, SYNTHETIC, read_found
    from synthpath_kedro.metrics.privacy import near_duplicates
    from synthpath_kedro.report.figures.nearest_distances import Distances, nearest_distances

    distances = {}
    for space, label in SPACES.items():
        synthetic, held_out = (read_found(nearest, space, name).distances for name in (SYNTHETIC, HELD_OUT))
        distances[label] = Distances(synthetic, held_out, near_duplicates(synthetic, held_out).threshold)
    return nearest_distances(distances, note=source_note(phantom=nearest.card["phantom"]))
