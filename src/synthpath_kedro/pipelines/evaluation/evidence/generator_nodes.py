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
    """Nearest training images of the set ``name`` and of held-out images, as whole tiles and by their parts."""
    from synthpath_kedro.evaluation.training_search import Searched, search_training_images, to_tensors

    synthetic = synthetic_sets[name]
    labeled = synthetic.labeled()
    stored = {"synthetic": synthetic_features, "held_out": val_features, "train": train_features}
    cards = {f"features of {kind}": artifact.card for kind, artifact in stored.items()}
    check_same_data({"real_train": real_train.card, "real_val": real_val.card, name: labeled.card, **cards})
    found = search_training_images(
        Searched(labeled, synthetic_features),
        Searched(real_val, val_features),
        Searched(real_train, train_features),
        params.privacy,
        seed,
    )
    card = {
        "set": name,
        "prepared": real_train.prepared,
        "phantom": real_train.phantom,
        "synthetic": synthetic.digest,
        "checkpoint": synthetic.card.checkpoint,
        "duplicates": synthetic.card.duplicates,
        "extractor": synthetic_features.card["extractor"],
        "weights": synthetic_features.card["weights"],
        "n_train": {"pixels": len(real_train), "features": len(train_features.tensors["index"])},
    }
    return Artifact(to_tensors(found), card)


def tabulate_planted_copies(
    real_train: LabeledImages,
    real_val: LabeledImages,
    train_features: Artifact,
    val_features: Artifact,
    params: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """How surely copies of this study's training images are found, under every disguise."""
    from synthpath_kedro.evaluation.extractors import load_extractor
    from synthpath_kedro.evaluation.planted_copies import planted_copies_table
    from synthpath_kedro.evaluation.training_search import Searched

    cards = {"features of real_train": train_features.card, "features of real_val": val_features.card}
    check_same_data({"real_train": real_train.card, "real_val": real_val.card, **cards})
    train, held_out = Searched(real_train, train_features), Searched(real_val, val_features)
    return planted_copies_table(train, held_out, load_extractor(params.features), params, seed)


def measure_denoiser_losses(
    denoiser: Artifact,
    real_train: LabeledImages,
    real_val: LabeledImages,
    params: EvaluationParameters,
    seed: int,
    autoencoder: Artifact | None = None,
) -> Artifact:
    """The denoiser's loss on clean training and held-out images, one number per image: the mean over all denoisers.

    Beside it are the image's class and, where it is known, its patient or slide, within which losses are compared.
    """
    from synthpath_kedro.diffusion.autoencoder import load_encoder
    from synthpath_kedro.diffusion.checkpoint import load_denoiser, split_replicates
    from synthpath_kedro.diffusion.membership import image_losses
    from synthpath_kedro.evaluation.membership_table import to_tensors

    check_same_data({"denoiser": denoiser.card, "real_train": real_train.card, "real_val": real_val.card})
    encoder, privacy = load_encoder(autoencoder), params.privacy
    networks = [load_denoiser(one, encoder=encoder) for one in split_replicates(denoiser)]
    tensors: dict[str, np.ndarray] = {}
    for name, images in (("real_train", real_train), ("real_val", real_val)):
        chosen = images.select(stratified_subset(images.labels, privacy.loss_images, seed))
        losses = [
            image_losses(network, chosen.images, chosen.labels, privacy.loss_levels, params.batch_size, encoder)
            for network in networks
        ]
        tensors |= to_tensors(name, np.mean(losses, axis=0), chosen)
    kept = {key: denoiser.card.get(key) for key in ("prepared", "phantom")}
    return Artifact(tensors, kept | {"checkpoint": denoiser.card["digest"], "loss_levels": privacy.loss_levels})


def tabulate_privacy(denoiser_losses: Artifact | None = None, **nearest: Artifact) -> pd.DataFrame:
    """What each synthetic set, and the denoiser, give away of the training images.

    Raises:
        InputError: a set was sampled from another denoiser than the one whose losses are given.
    """
    from synthpath_kedro.evaluation.membership_table import membership_table
    from synthpath_kedro.evaluation.privacy_tables import privacy_table

    cards = {f"nearest training images of {name}": one.card for name, one in nearest.items()}
    losses = {} if denoiser_losses is None else {"denoiser losses": denoiser_losses.card}
    check_same_data(cards | losses)
    tables = []
    for name, one in nearest.items():
        tables.append(privacy_table(one, name))
        if denoiser_losses is not None and one.card.get("checkpoint"):
            tables.append(membership_table(denoiser_losses, name))
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
    """The pairs most alike, the training image in its place; without it where real tiles must not be shown."""
    from synthpath_kedro.evaluation.training_search import SPACES, SYNTHETIC, closest_synthetic, read_found
    from synthpath_kedro.metrics.tile_matching import turned_back
    from synthpath_kedro.report.figures.closest_pairs import Pairs, closest_pairs

    synthetic, found = synthetic_sets[nearest.card["set"]].images, read_found(nearest)
    pairs = {}
    for space, label in SPACES.items():
        closest = closest_synthetic(found[space][SYNTHETIC], params.privacy.pairs)
        train = None
        if report.embed_real_images:
            train = turned_back(real_train.images[closest.train], closest.position)
        pairs[label] = Pairs(synthetic[closest.synthetic], train, [f"{distance:.2f}" for distance in closest.relative])
    return closest_pairs(pairs, note=source_note(phantom=real_train.phantom))


def draw_nearest_distances(nearest: Artifact) -> Figure:
    """How far synthetic and held-out images are from the threshold of near-duplicates."""
    from synthpath_kedro.evaluation.training_search import HELD_OUT, SPACES, SYNTHETIC, read_found
    from synthpath_kedro.report.figures.nearest_distances import Distances, nearest_distances

    found, distances = read_found(nearest), {}
    for space, label in SPACES.items():
        synthetic, held_out = (found[space][name] for name in (SYNTHETIC, HELD_OUT))
        distances[label] = Distances(synthetic.relative / synthetic.threshold, held_out.relative / held_out.threshold)
    return nearest_distances(distances, note=source_note(phantom=nearest.card["phantom"]))
