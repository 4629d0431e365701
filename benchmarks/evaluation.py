"""Joint t-SNE beside scikit-learn's, nearest neighbors beside their matrix product, attacks beside their passes.

BENCH_TSNE_N sets the number of points of the t-SNE.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from measure import ROUNDS, THREADS, Comparison, compare, report, seconds, set_up
from omegaconf import OmegaConf
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.evaluation.attack_suite import attack_suite
from synthpath_kedro.metrics.embedding import joint_tsne
from synthpath_kedro.metrics.neighbors import nearest_neighbors
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters

CONF = Path(__file__).parents[1] / "conf"
CLASS_NAMES = tuple(f"tissue {label}" for label in range(9))
TSNE_POINTS = int(os.environ.get("BENCH_TSNE_N", "20000"))
N_NEIGHBORS, DIMENSIONS, K = 20_000, 384, 10
PERPLEXITY = 30
BLOCK = 1000  # rows of a matrix product that fits in memory
MODEL = "resnet18"
PATHMNIST = (10_004, 7_180)  # validation and test images


def features(n: int, seed: int = 0) -> np.ndarray:
    """Like penultimate features: nine overlapping classes on a bent sheet of 16 dimensions among 384."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((len(CLASS_NAMES), 16))
    latent = centers[np.arange(n) % len(CLASS_NAMES)] + 0.7 * rng.standard_normal((n, 16))
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
        found["ours"] = np.concatenate(joint_tsne([points[:half], points[half:]], PERPLEXITY, 0, n_jobs=THREADS))

    def peer() -> None:
        found["peer"] = TSNE(perplexity=PERPLEXITY, random_state=0, n_jobs=THREADS).fit_transform(points)

    with threadpool_limits(THREADS):
        mine, theirs = seconds(ours), seconds(peer)
    name, peer_name = f"t-SNE of {len(points)} x {DIMENSIONS} features", "scikit-learn TSNE"
    report(Comparison(f"{name}, time", mine, theirs, mine / theirs, "s", peer_name))
    neighbors = nearest_neighbors(points, k=3 * PERPLEXITY)
    index = PrecomputedNeighbors(neighbors.indices, neighbors.distances.astype(np.float64))
    affinities = PerplexityBasedNN(knn_index=index, perplexity=PERPLEXITY)
    kl = {whose: kl_divergence(affinities, xy) for whose, xy in found.items()}
    report(Comparison(f"{name}, exact KL", kl["ours"], kl["peer"], kl["ours"] / kl["peer"], "nat", peer_name))


def bench_neighbors() -> None:
    queries, points = features(N_NEIGHBORS, 1), features(N_NEIGHBORS, 2)
    x, y = torch.from_numpy(queries), torch.from_numpy(points)
    scores = torch.empty(BLOCK, len(points))

    def product() -> None:
        for rows in x.split(BLOCK):
            torch.mm(rows, y.T, out=scores[: len(rows)])

    compare(
        f"{K} nearest of {N_NEIGHBORS} among {N_NEIGHBORS}, {DIMENSIONS} dimensions",
        lambda: nearest_neighbors(queries, points, K),
        product,
        "the matrix product alone",
    )


def parameters(block: str, *environments: str) -> dict:
    """A block of the parameters; what stands in a later environment wins."""
    files = (CONF / environment / f"parameters_{block}.yml" for environment in environments)
    merged = OmegaConf.to_container(OmegaConf.merge(*map(OmegaConf.load, files)))
    return merged[block]


def tiles(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


@contextmanager
def timed_passes(classifier: nn.Module) -> Iterator[list[float]]:
    """Collects the seconds of every whole forward pass and of every gradient while the block runs."""
    spent: list[float] = []
    started: list[float] = []
    gradient = torch.autograd.grad

    def timed_gradient(*args: object, **settings: object) -> tuple[torch.Tensor, ...]:
        start = time.perf_counter()
        result = gradient(*args, **settings)
        spent.append(time.perf_counter() - start)
        return result

    hooks = (
        classifier.register_forward_pre_hook(lambda *_: started.append(time.perf_counter())),
        classifier.register_forward_hook(lambda *_: spent.append(time.perf_counter() - started.pop())),
    )
    with patch.object(torch.autograd, "grad", timed_gradient):
        yield spent
    for hook in hooks:
        hook.remove()


@dataclass(frozen=True)
class Size:
    """How much a cell's evaluation has to do: replicates; images per replicate; points of the cell's one t-SNE."""

    replicates: int
    attacked: int
    predicted: int
    embedded: int


def size(environments: tuple[str, ...], n_val: int, n_test: int) -> Size:
    params = EvaluationParameters.model_validate(parameters("evaluation", *environments))
    on_curve = 1 + sum(
        eps != params.eps for eps in params.epsilon_sweep
    )  # the control; the table's own budget is at hand
    return Size(
        replicates=parameters("classification", *environments)["replicates"],
        attacked=params.attack_images + on_curve * params.epsilon_sweep_images,
        predicted=n_val + n_test + params.synthetic_images,
        embedded=2 * params.tsne_images,
    )


@torch.inference_mode()
def cached_features(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    batches = torch.from_numpy(images).split(64)
    return torch.cat([classifier.frozen_features(to_unit_interval(batch)) for batch in batches]).numpy()


def evaluate_replicate(classifier: Classifier, params: EvaluationParameters, n_predicted: int) -> dict[str, float]:
    """Seconds of the parts of an evaluation; predictions go on from stored features, as they do in a cell."""
    images = tiles(n_predicted, 0)
    attacked, on_curve = images[: params.attack_images], np.arange(params.epsilon_sweep_images)
    labels, found = np.arange(len(attacked)) % len(CLASS_NAMES), []

    def embedding() -> None:
        real, synthetic = found[0][: 2 * params.tsne_images].reshape(2, params.tsne_images, -1)
        joint_tsne([real, synthetic], params.tsne_perplexity, 0)

    stored = cached_features(classifier, images)
    with timed_passes(classifier) as spent:
        attacks = seconds(lambda: attack_suite(classifier, attacked, labels, on_curve, params, 0))
    predictions = seconds(lambda: found.append(predict(classifier, stored, params.batch_size).features))
    return {"passes": sum(spent), "attacks": attacks, "predictions": predictions, "t-SNE": seconds(embedding)}


def bench_cell() -> None:
    phantom = parameters("data_prep", "base", "demo")["phantom"]
    demo, study = size(("base", "demo"), phantom["n_val"], phantom["n_test"]), size(("base",), *PATHMNIST)
    params = EvaluationParameters.model_validate(parameters("evaluation", "base", "demo"))
    classification = ClassificationParameters.model_validate(parameters("classification", "base", "demo"))
    classifier = build_classifier(MODEL, CLASS_NAMES, classification, 0)
    rounds = pd.DataFrame([evaluate_replicate(classifier, params, demo.predicted) for _ in range(min(ROUNDS, 3))])
    print(rounds.to_string(float_format="%.2f"), file=sys.stderr)
    what = f"{MODEL} at {classifier.input_size}"
    report_share(f"attacks on one replicate ({what}, demo)", rounds["attacks"], rounds["passes"])
    for whose, cell in (("demo", demo), ("the study's numbers of images, extrapolated", study)):
        n_attacked = cell.replicates * cell.attacked / demo.attacked
        n_predicted = cell.replicates * cell.predicted / demo.predicted
        tsne = cell.embedded / demo.embedded * rounds["t-SNE"]
        whole = n_attacked * rounds["attacks"] + n_predicted * rounds["predictions"] + tsne
        report_share(f"evaluation of a cell ({what}, {whose})", whole, n_attacked * rounds["passes"])


def report_share(name: str, whole: pd.Series, passes: pd.Series) -> None:
    peer_name = "the attacks' forward and backward passes in it"
    report(Comparison(name, whole.median(), passes.median(), (whole / passes).median(), "s", peer_name))


def main() -> None:
    set_up()
    bench_neighbors()
    bench_cell()
    bench_tsne()


if __name__ == "__main__":
    main()
