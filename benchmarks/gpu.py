"""The study on this machine's GPU: images per second, share of the peak and memory, as a table.

Everything is the study's own (conf/base), with random weights and noise for images, which cost the same time. The peak
is that of a large matrix product in bfloat16, measured first. FLOPs are counted: two for a multiply-add, and a training
step's with its backward pass.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from study import read_study
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from synthpath_kedro.classifiers.cached_features import frozen_shape
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import frozen_output, predict_replicates
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.diffusion.batches import to_denoiser_range
from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.metrics.robustness import attack_probabilities
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.parameters.block import Precision
from synthpath_kedro.planning.classifiers import passes_per_image
from synthpath_kedro.study.attacks import ATTACKS
from synthpath_kedro.study.samplers import SAMPLERS
from synthpath_kedro.training.device import choose_device, placed
from synthpath_kedro.training.precision import InPrecision, computing_in
from synthpath_kedro.training.resident import resident, take

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
CLASS_NAMES = tuple(f"tissue {label}" for label in range(9))
TRAIN_IMAGES = 89_996  # of PathMNIST
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
WAYS = [(precision, compiled) for compiled in (False, True) for precision in PRECISIONS]

Step = Callable[[int], object]


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: was measured.
        rate: images per second.
        flops: per image.
        gigabytes: most memory that was taken at once; NaN without a GPU.
    """

    what: str
    rate: float
    flops: float
    gigabytes: float

    def line(self, peak: float) -> str:
        """As a row of Markdown; ``peak`` in FLOP per second."""
        reached = self.rate * self.flops
        return (
            f"| {self.what} | {self.rate:,.0f} | {reached / 1e12:.3g} | {reached / peak:.0%} | {self.gigabytes:.1f} |"
        )


def synchronize() -> None:
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


def calls_per_second(work: Callable[[], object]) -> float:
    """Of calls that follow each other for ``SECONDS``, after two to warm up."""
    for _ in range(2):
        work()
    synchronize()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        work()
        synchronize()
        calls += 1
    return calls / (time.perf_counter() - start)


def measure(what: str, step: Step, n: int, flops: float | None = None) -> Row:
    """Times ``step`` on batches of ``n`` images; its FLOPs are counted on two where they are not given."""
    if flops is None:
        with FlopCounterMode(display=False) as counter:
            step(2)
        flops = counter.get_total_flops() / 2
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    rate = n * calls_per_second(lambda: step(n))
    return Row(what, rate, flops, torch.cuda.max_memory_allocated() / 1e9 if cuda else float("nan"))


def matrix_product(size: int = 8192) -> float:
    """FLOP per second of a large matrix product in bfloat16."""
    a, b = (torch.randn(size, size, device=choose_device(), dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 * calls_per_second(lambda: a @ b)


def noise_images(n: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def denoiser_training(study: Parameters) -> Iterator[Row]:
    """Optimizer steps of the denoiser."""
    n, flops = study.diffusion.batch_size, None
    for precision, compiled in WAYS:
        what = f"denoiser, training, {precision}{', compiled' * compiled}, batch {n}"
        row = measure(what, denoiser_step(study, precision, compiled), n, flops)
        flops = row.flops  # a compiled network's cannot be counted
        yield row


def denoiser_step(study: Parameters, precision: Precision, compiled: bool) -> Step:
    """A training step on images that lie on the device."""
    size = study.data_prep.image_size
    denoiser, images = new_denoiser(study), resident(noise_images(4 * study.diffusion.batch_size, size))
    if compiled:
        denoiser.network.compile()
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=1e-6, fused=True)
    device, rows = choose_device(), np.random.default_rng(0)

    def step(n: int) -> None:
        x0 = to_denoiser_range(take(images, rows.permutation(len(images))[:n])).to(device)
        levels = denoiser.parameterization.training_levels(torch.rand(n, device=device))
        with computing_in(precision, device):
            loss = denoiser.loss(x0, torch.randn_like(x0), levels, some_labels(n))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def denoiser_sampling(study: Parameters) -> Iterator[Row]:
    """Evaluations of the denoiser as samplers ask for them."""
    n, flops = study.synthesis.batch_size, None
    for precision, compiled in WAYS:
        what = f"denoiser, evaluation, {precision}{', compiled' * compiled}, batch {n}"
        row = measure(what, evaluation_step(study, precision, compiled), n, flops)
        flops = row.flops
        yield row


def evaluation_step(study: Parameters, precision: Precision, compiled: bool) -> Step:
    """The denoiser on noisy images, as in synthesis."""
    denoiser = new_denoiser(study).requires_grad_(False).eval()
    denoiser.network = InPrecision(denoiser.network, precision)
    if compiled:
        denoiser.network.compile(dynamic=False)
    level = denoiser.parameterization.sampling_levels(study.synthesis.num_steps)[0]
    size, device = study.data_prep.image_size, choose_device()

    @torch.inference_mode()
    def step(n: int) -> None:
        denoiser.denoise(torch.randn(n, 3, size, size, device=device), level, some_labels(n))

    return step


def new_denoiser(study: Parameters) -> Denoiser:
    return placed(make_denoiser(study.diffusion, len(CLASS_NAMES), study.data_prep.image_size))


def some_labels(n: int) -> Tensor:
    return torch.arange(n, device=choose_device()) % len(CLASS_NAMES)


def classifiers(study: Parameters) -> Iterator[Row]:
    """Training steps, predictions and attacks of every model."""
    params = study.classification
    for model in params.models:
        classifier = placed(build_classifier(model, CLASS_NAMES, params, study.seed))
        n = params.backbone(model).batch_size
        yield measure(f"{model}, training, float32, batch {n}", classifier_step(classifier, study, n), n)
        n = study.evaluation.batch_size
        for precision in PRECISIONS:
            step = prediction_step(classifier, study, precision)
            forward = measure(f"{model}, predictions, {precision}, batch {n}", step, n)
            yield forward
        for attack in study.evaluation.attacks:
            # Counted by passes: PyTorch's counter does not bear a gradient with respect to the images.
            flops = forward.flops * passes_per_image(attack, study.evaluation, len(CLASS_NAMES))
            yield measure(f"{model}, {attack}, float32, batch {n}", attack_step(classifier, study, attack), n, flops)


def classifier_step(classifier: Classifier, study: Parameters, batch_size: int) -> Step:
    """A training step on images that lie on the device, the frozen part's pass included."""
    images = resident(noise_images(batch_size, study.data_prep.image_size))
    trained = [parameter for parameter in classifier.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, fused=True)

    def step(n: int) -> None:
        inputs = take(images, np.arange(n)).to(choose_device())
        logits = classifier.train().head_logits(frozen_output(classifier, inputs))
        optimizer.zero_grad()
        functional.cross_entropy(logits, some_labels(n)).backward()
        optimizer.step()

    return step


def prediction_step(classifier: Classifier, study: Parameters, precision: Precision) -> Step:
    images = noise_images(study.evaluation.batch_size, study.data_prep.image_size)
    return lambda n: predict_replicates([classifier], images[:n], n, precision=precision)


def attack_step(classifier: Classifier, study: Parameters, name: str) -> Step:
    params = study.evaluation
    images = noise_images(params.batch_size, study.data_prep.image_size)
    labels = np.arange(len(images)) % len(CLASS_NAMES)
    return lambda n: attack_probabilities(
        classifier, images[:n], labels[:n], ATTACKS[name], params.eps, params.bim_steps, n, seed=0
    )


def stored_features_per_second(study: Parameters, model: str, n: int = 2000) -> float:
    """Images whose stored features this disk gives back per second, in random order and batches of a training.

    The file is new and its pages are dropped from memory first, where the system can.
    """
    params = study.classification
    shape = frozen_shape(build_classifier(model, CLASS_NAMES, params, study.seed))
    with tempfile.NamedTemporaryFile() as file:
        features = np.memmap(file.name, np.dtype(params.cached_features_dtype), "w+", shape=(n, *shape))
        features[:] = 1
        features.flush()
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        batches = np.array_split(np.random.default_rng(0).permutation(n), -(-n // params.backbone(model).batch_size))
        start = time.perf_counter()
        for rows in batches:
            torch.from_numpy(features[rows]).to(choose_device())
        synchronize()
        return n / (time.perf_counter() - start)


def report(study: Parameters) -> None:
    """Prints the table, and what the rates mean for the study."""
    peak = matrix_product()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, PyTorch {torch.__version__}; a matrix product in bfloat16: {peak / 1e12:.3g} TFLOP/s\n")
    print("| what | images/s | TFLOP/s | share of the peak | GB |\n|---|---|---|---|---|")
    training, sampling = show(denoiser_training(study), peak), show(denoiser_sampling(study), peak)
    show(classifiers(study), peak)
    trained = study.diffusion.max_epochs * TRAIN_IMAGES
    evaluated = study.synthesis.n_images * SAMPLERS[study.synthesis.sampler].evaluations(study.synthesis.num_steps)
    print(f"\nThe study's denoiser: {trained / training / 3600:.2g} hours at the best of these rates, its")
    print(f"{study.synthesis.n_images:,} images {evaluated / sampling / 3600:.2g} hours.")
    for model in ("dinov2", "resnet18"):
        rate = stored_features_per_second(study, model)
        print(f"Stored features of {model} come from this disk at {rate:,.0f} images/s.")


def show(rows: Iterator[Row], peak: float) -> float:
    """Prints ``rows`` as they are measured; returns the best rate."""
    rates = []
    for row in rows:
        print(row.line(peak), flush=True)
        rates.append(row.rate)
    return max(rates)


def main() -> None:
    if not torch.cuda.is_available():
        print("benchmarks/gpu.py: PyTorch finds no CUDA device here, so that there is nothing to measure")
        return
    report(read_study())


if __name__ == "__main__":
    main()
