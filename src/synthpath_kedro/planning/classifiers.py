"""Time, memory and disk of training and evaluating the classifiers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch
from torch import nn

from synthpath_kedro.classifiers.cached_features import max_cached_features_gb
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.registry import build
from synthpath_kedro.classifiers.schedule import Schedule
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.data.regimes import images_per_epoch
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.attack_suite import MASKING_ATTACKS
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters, Parameters
from synthpath_kedro.planning.images import ImageCounts, count_synthetic
from synthpath_kedro.planning.origins import configuration_is_at_hand
from synthpath_kedro.planning.probe import saved_bytes
from synthpath_kedro.planning.steps import Step
from synthpath_kedro.study.attacks import ATTACKS
from synthpath_kedro.study.grid import Cell, Grid
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.study.table import load_attribute
from synthpath_kedro.training.device import choose_device, placed
from synthpath_kedro.training.timing import images_per_second

_BYTES = 4  # of a float32
_PROBE_SECONDS = 0.3
_TRAINED_COPIES = 4  # weights, gradients and AdamW's two moments
_GRADIENT = 3  # forward passes that a forward and a backward pass take
_CLASSES = 9  # where their number is not known


@dataclass(frozen=True)
class Rates:
    """Images per second on this machine.

    Attributes:
        frozen: through preprocessing and the frozen part.
        head: a training step of the rest.
        forward: through everything, without gradients.
    """

    frozen: float
    head: float
    forward: float


def estimate_classifiers(
    parameters: Parameters, grid: Grid, images: ImageCounts | None, probe: bool
) -> tuple[list[Step], list[str]]:
    """Training and evaluating the cells of each model, and what they would be refused for.

    Args:
        parameters: all of them.
        grid: the study's.
        images: how many there are; None: not known.
        probe: time training steps on this machine.
    """
    training: list[Step] = []
    evaluation: list[Step] = []
    problems: list[str] = []
    for model in grid.models:
        cells = [cell for cell in grid.cells if cell.model == model]
        names = tuple(f"class {k}" for k in range((images and images.n_classes) or _CLASSES))
        spec = ClassifierSpec.of_model(model, names, parameters.classification, parameters.seed)
        if not configuration_is_at_hand(spec.backbone):
            training.append(Step(f"classification: {model}", note="unknown before its config.json is downloaded"))
            continue
        try:
            classifier = build_random(spec)
        except InputError as error:
            problems.append(str(error))
            training.append(Step(f"classification: {model}", note="refused"))
            continue
        rates = measure(classifier, parameters.data_prep.image_size) if probe else None
        training.append(_training(classifier, cells, parameters, images, rates))
        evaluation.append(_evaluation(classifier, cells, parameters, images, rates))
    return [*training, *evaluation], problems


def build_random(spec: ClassifierSpec) -> Classifier:
    """The classifier with random weights in place of published ones: they take as long, and nothing is downloaded.

    Raises:
        InputError: no such variant, or its input size or own weights cannot be used.
    """
    if spec.backbone.weights == "pretrained":
        spec = replace(spec, backbone=spec.backbone.model_copy(update={"weights": "random"}))
    return build(spec)


def measure(classifier: Classifier, image_size: int, batch_size: int = 32) -> Rates:
    """Times ``classifier`` on this machine, about a second.

    Args:
        classifier: as it is before its first step.
        image_size: pixels of the images at rest.
        batch_size: the largest batch to try.
    """
    device = choose_device()
    classifier = placed(classifier)
    shape = (3, image_size, image_size)

    def forward(n: int) -> torch.Tensor:
        with torch.inference_mode():
            return classifier.eval()(torch.zeros(n, *shape, device=device))

    def frozen(n: int) -> torch.Tensor:
        with torch.inference_mode():
            return classifier.frozen_features(torch.zeros(n, *shape, device=device))

    size = tuple(frozen(1).shape[1:])

    def head(n: int) -> None:
        # A batch of one has no batch statistics.
        logits = classifier.train().head_logits(torch.zeros(max(2, n), *size, device=device))
        torch.nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=device)).backward()
        classifier.zero_grad()

    rates = Rates(*(images_per_second(step, batch_size, _PROBE_SECONDS) for step in (frozen, head, forward)))
    classifier.eval().to("cpu")
    return rates


def _training(
    classifier: Classifier,
    cells: Sequence[Cell],
    parameters: Parameters,
    images: ImageCounts | None,
    rates: Rates | None,
) -> Step:
    study, model = parameters.classification, cells[0].model
    trained = _BYTES * sum(one.numel() for one in classifier.parameters() if one.requires_grad)
    frozen = _BYTES * sum(one.numel() for one in classifier.frozen.parameters())
    shape = _frozen_shape(classifier, parameters.data_prep.image_size)
    activations = saved_bytes(classifier, lambda: classifier.train().head_logits(torch.zeros(2, *shape))) / 2
    step = Step(
        f"classification: {model}",
        memory_bytes=_TRAINED_COPIES * trained + frozen + study.backbone(model).batch_size * activations,
    )
    if images is None:
        return step
    n_images, per_image = _cached_images(cells, parameters, images), prod(shape) * _dtype(study).itemsize
    is_cached = frozen > 0
    stored = is_cached and n_images * per_image <= max_cached_features_gb(study) * 1e9
    cached_bytes = n_images * per_image if stored else 0
    return Step(
        step.name,
        seconds=_training_seconds(cells, parameters, images, rates, is_cached, stored, n_images) if rates else None,
        memory_bytes=step.memory_bytes,
        disk_bytes=len(cells) * (frozen + study.replicates_of(model) * trained) + cached_bytes,
        note=_note(is_cached, stored, cached_bytes),
    )


def _training_seconds(
    cells: Sequence[Cell],
    parameters: Parameters,
    images: ImageCounts,
    rates: Rates,
    is_cached: bool,
    stored: bool,
    n_cached: int,
) -> float:
    """Every cell's epochs, validation included, and the frozen part's pass where its output is stored."""
    study = parameters.classification
    schedule = Schedule.of(study, cells[0].model, images.train)
    seconds = n_cached / rates.frozen if stored else 0.0
    for cell in cells:
        reads_cached = stored and not REGIMES[cell.regime].augment
        of_frozen = 0 if reads_cached or not is_cached else 1 / rates.frozen
        step = 1 / rates.head + of_frozen
        check = 1 / (rates.head * _GRADIENT) if stored else 1 / rates.forward
        trained = images_per_epoch(REGIMES[cell.regime], images.train, study.mixing_ratio)
        seconds += study.replicates_of(cell.model) * schedule.epochs * (trained * step + images.val * check)
    return seconds


def _note(is_cached: bool, stored: bool, cached_bytes: float) -> str:
    if stored:
        return f"at most, patience stops sooner; {cached_bytes / 1e9:.2f} GB of the disk are cached features"
    if is_cached:
        return "at most; its cached features are more than classification.cached_features_max_gb: computed every epoch"
    return "at most, patience stops sooner"


def _cached_images(cells: Sequence[Cell], parameters: Parameters, images: ImageCounts) -> int:
    counts = count_synthetic(parameters)
    return images.total + sum(counts[name] for name in {cell.set for cell in cells if cell.set})


def _dtype(study: ClassificationParameters) -> np.dtype:
    return np.dtype(study.cached_features_dtype)


def _frozen_shape(classifier: Classifier, image_size: int) -> tuple[int, ...]:
    with torch.inference_mode():
        return tuple(classifier.eval().frozen_features(torch.zeros(1, 3, image_size, image_size)).shape[1:])


def _evaluation(
    classifier: Classifier,
    cells: Sequence[Cell],
    parameters: Parameters,
    images: ImageCounts | None,
    rates: Rates | None,
) -> Step:
    model = cells[0].model
    params, replicates = parameters.evaluation, parameters.classification.replicates_of(model)
    name = f"evaluation: {model}"
    if images is None:
        return Step(name, note="unknown without the number of images")
    attacked = min(params.attack_images, images.test)
    # A cell of a set is tested on that set, one without on every set.
    counts = {name: min(params.synthetic_images, n) for name, n in count_synthetic(parameters).items()}
    synthetic = sum(counts[cell.set] if cell.set else sum(counts.values()) for cell in cells)
    predicted = len(cells) * (images.val + images.test) + synthetic
    n_classes = len(classifier.class_names)
    n_attacked = sum(params.attack_cells.include(model, cell.regime) for cell in cells)
    n_corrupted = sum(params.corruption_cells.include(model, cell.regime) for cell in cells)
    corrupted = min(params.corruption_images, images.test) * sum(map(len, params.levels_of_corruptions.values()))
    passes = predicted + n_attacked * attack_passes(params, attacked, n_classes) + n_corrupted * corrupted
    checks = n_attacked * masking_passes(params, attacked, n_classes)
    probabilities = predicted + n_attacked * attacked * len(params.attacks) + n_corrupted * corrupted
    size = classifier.input_size
    return Step(
        name,
        seconds=(replicates * passes + checks) / rates.forward if rates else None,
        memory_bytes=params.batch_size * saved_bytes(classifier, lambda: _with_gradient(classifier, size)),
        disk_bytes=replicates * probabilities * n_classes * _BYTES,
        note="t-SNE not counted",
    )


def attack_passes(params: EvaluationParameters, n_images: int, n_classes: int) -> int:
    """Forward passes that one replicate's attacks take, a pass with its gradient counted as three.

    Args:
        params: the block ``evaluation``.
        n_images: attacked images.
        n_classes: of the classifier.
    """
    on_curves = min(params.epsilon_sweep_images, n_images)
    budgets = sum(eps != params.eps for eps in params.epsilon_sweep) + 1  # and the attack in normalized space
    passes = 0
    for name in params.attacks:
        attacked = n_images + (on_curves * budgets if ATTACKS[name].on_curves else 0)
        passes += attacked * passes_per_image(name, params, n_classes)
    return passes


def masking_passes(params: EvaluationParameters, n_images: int, n_classes: int) -> int:
    """Forward passes of the checks for masked gradients on one replicate, out of ``n_images`` attacked images."""
    checked = min(params.masking_images, n_images) if params.attacks else 0
    return checked * sum(passes_per_image(attack, params, n_classes) for attack in MASKING_ATTACKS.values())


def passes_per_image(name: str, params: EvaluationParameters, n_classes: int) -> int:
    """Forward passes of the attack ``name``, with a gradient three, and one for what becomes of the attacked image.

    They are counted on a classifier that costs nothing.
    """
    attack, counter = ATTACKS[name], _CountingClassifier(n_classes)
    steps = params.bim_steps if attack.steps is None else attack.steps
    image, label = torch.full((1, 3, 8, 8), 0.5), torch.zeros(1, dtype=torch.long)
    with torch.random.fork_rng([]):
        load_attribute(attack.perturb)(counter.eval(), image, label, params.eps, steps)
    return counter.passes + 1


class _CountingClassifier(nn.Module):
    """Counts the passes through it; says class 0 whatever it is shown, so that no attack stops early."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.passes = 0
        self.output = nn.Linear(3, n_classes)
        with torch.no_grad():
            self.output.bias[0] += 100

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += _GRADIENT if x.requires_grad else 1
        return self.output(x.mean(dim=(2, 3)))


def _with_gradient(classifier: Classifier, size: int) -> torch.Tensor:
    return classifier.eval()(torch.zeros(1, 3, size, size, requires_grad=True))
