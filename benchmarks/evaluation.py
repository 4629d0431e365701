"""Joint t-SNE beside scikit-learn's, nearest neighbours beside the matrix product in them, attacks beside bare passes.

BENCH_TSNE_N sets the number of points of the t-SNE.
"""

import os
import sys
from pathlib import Path

import numpy as np
import torch
from measure import ROUNDS, THREADS, Comparison, compare, report, seconds, set_up
from omegaconf import OmegaConf
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.metrics.attack_suite import attack_suite
from synthpath_kedro.metrics.embedding import joint_tsne
from synthpath_kedro.metrics.neighbours import nearest_neighbours
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters

CONF = Path(__file__).parents[1] / "conf"
CLASS_NAMES = tuple(f"tissue {label}" for label in range(9))
TSNE_POINTS = int(os.environ.get("BENCH_TSNE_N", "20000"))
N_NEIGHBOURS, DIMENSIONS, K = 20_000, 384, 10
PERPLEXITY = 30
BLOCK = 1000  # rows of a matrix product that fits in memory
MODEL = "resnet18"
GRADIENT_STEPS = {"noise": 0, "fgsm": 1, "bim": 10}
DEMO_IMAGES = {"real_val": 270, "real_test": 540, "synthetic": 540}


def features(n: int, seed: int = 0) -> np.ndarray:
    """Like penultimate features: nine overlapping classes on a curved sheet of 16 dimensions among 384; not negative."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(CLASS_NAMES), 16))
    latent = centres[np.arange(n) % len(CLASS_NAMES)] + 0.7 * rng.standard_normal((n, 16))
    sheet = np.maximum(latent @ rng.standard_normal((16, DIMENSIONS)), 0)
    return (sheet + 0.3 * rng.standard_normal((n, DIMENSIONS))).astype(np.float32)


def kl_divergence(affinities: PerplexityBasedNN, xy: np.ndarray) -> float:
    """Exact KL(P || Q) of an embedding, every pair counted (van der Maaten and Hinton 2008, equations 2 and 4)."""
    xy = xy.astype(np.float64)
    squares = np.square(xy).sum(axis=1)
    total = -len(xy)  # each point with itself
    for rows in range(0, len(xy), BLOCK):
        part = slice(rows, rows + BLOCK)
        total += (1 / (1 + np.maximum(squares[part, None] + squares - 2 * xy[part] @ xy.T, 0))).sum()
    pairs = affinities.P.tocoo()
    q = 1 / (1 + np.square(xy[pairs.row] - xy[pairs.col]).sum(axis=1)) / total
    return float((pairs.data * np.log(pairs.data / q)).sum())


def bench_tsne() -> None:
    points = features(TSNE_POINTS)
    half = len(points) // 2
    found: dict[str, np.ndarray] = {}

    def ours() -> None:
        found["ours"] = np.concatenate(joint_tsne(points[:half], points[half:], PERPLEXITY, 0, n_jobs=THREADS))

    def peer() -> None:
        found["peer"] = TSNE(perplexity=PERPLEXITY, random_state=0, n_jobs=THREADS).fit_transform(points)

    with threadpool_limits(THREADS):
        mine, theirs = seconds(ours), seconds(peer)
    name, peer_name = f"t-SNE of {len(points)} x {DIMENSIONS} features", "scikit-learn TSNE"
    report(Comparison(f"{name}, time", mine, theirs, mine / theirs, "s", peer_name))
    neighbours = nearest_neighbours(points, k=3 * PERPLEXITY)
    index = PrecomputedNeighbors(neighbours.indices, neighbours.distances.astype(np.float64))
    affinities = PerplexityBasedNN(knn_index=index, perplexity=PERPLEXITY)
    kl = {whose: kl_divergence(affinities, xy) for whose, xy in found.items()}
    report(Comparison(f"{name}, exact KL", kl["ours"], kl["peer"], kl["ours"] / kl["peer"], "nat", peer_name))


def bench_neighbours() -> None:
    queries, points = features(N_NEIGHBOURS, 1), features(N_NEIGHBOURS, 2)
    x, y = torch.from_numpy(queries), torch.from_numpy(points)
    scores = torch.empty(BLOCK, len(points))

    def product() -> None:
        for rows in x.split(BLOCK):
            torch.mm(rows, y.T, out=scores[: len(rows)])

    compare(
        f"{K} nearest of {N_NEIGHBOURS} among {N_NEIGHBOURS}, {DIMENSIONS} dimensions",
        lambda: nearest_neighbours(queries, points, K),
        product,
        "the matrix product alone",
    )


def demo(block: str) -> dict:
    """A block of the demo's parameters."""
    files = (CONF / environment / f"parameters_{block}.yml" for environment in ("base", "demo"))
    merged = OmegaConf.to_container(OmegaConf.merge(*map(OmegaConf.load, files)))
    return merged[block]


def tiles(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def bare_passes(classifier: nn.Module, images: np.ndarray, labels: np.ndarray, steps: int, batch_size: int) -> None:
    """As many forward and backward passes as the attack makes, and the prediction after it."""
    for start in range(0, len(images), batch_size):
        pixels = to_unit_interval(torch.from_numpy(images[start : start + batch_size]))
        truth = torch.from_numpy(labels[start : start + batch_size])
        for _ in range(steps):
            pixels.requires_grad_()
            torch.autograd.grad(F.cross_entropy(classifier(pixels), truth), pixels)
        with torch.no_grad():
            classifier(pixels)


def evaluate_cell(
    classifier: Classifier, sets: dict[str, np.ndarray], attacked: tuple, params: EvaluationParameters
) -> None:
    """What the evaluation of one replicate computes: predictions, attacks, t-SNE."""
    found = {name: predict(classifier, images, params.batch_size).features for name, images in sets.items()}
    attack_suite(classifier, *attacked, params, 0)
    joint_tsne(found["real_test"][: params.tsne_images], found["synthetic"][: params.tsne_images], PERPLEXITY, 0)


def bench_attacks() -> None:
    classification = ClassificationParameters.model_validate(demo("classification"))
    params = EvaluationParameters.model_validate(demo("evaluation"))
    classifier = build_classifier(MODEL, CLASS_NAMES, classification, 0).eval()
    for parameter in classifier.parameters():
        parameter.requires_grad_(False)
    sets = {name: tiles(n, seed) for seed, (name, n) in enumerate(DEMO_IMAGES.items())}
    images = sets["real_test"][: params.attack_images]
    labels = np.arange(len(images)) % len(CLASS_NAMES)
    rows = np.arange(params.curve_images)
    on_curve = [eps for eps in params.eps_curve if eps != params.eps] + ["control"]

    def passes() -> None:
        for attack in params.attacks:
            steps = GRADIENT_STEPS[attack]
            bare_passes(classifier, images, labels, steps, params.batch_size)
            for _ in on_curve:
                bare_passes(classifier, images[rows], labels[rows], steps, params.batch_size)

    what = f"{MODEL} at {classifier.input_size}, demo"
    attacked = (images, labels, rows)
    peer_name = "the attacks' forward and backward passes alone"
    for name, work in (
        (f"attacks on a cell ({what})", lambda: attack_suite(classifier, *attacked, params, 0)),
        (f"evaluation of a cell ({what})", lambda: evaluate_cell(classifier, sets, attacked, params)),
    ):
        done = compare(name, work, passes, peer_name, rounds=min(ROUNDS, 3))
        print(f"{name}: {1 / done.ratio:.1%} in the attacks' passes", file=sys.stderr)


def main() -> None:
    set_up()
    bench_neighbours()
    bench_attacks()
    bench_tsne()


if __name__ == "__main__":
    main()
