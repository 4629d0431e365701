"""What a reader must know before relying on a report's numbers."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from synthpath_kedro.report.labels import RANDOM, cell_label, is_trained_from_scratch, model_label
from synthpath_kedro.report.section import Evidence, Note
from synthpath_kedro.study.grid import Cell

if TYPE_CHECKING:
    import pandas as pd

    from synthpath_kedro.data.data_card import DataCard
    from synthpath_kedro.data.synthetic import GeneratorCard
    from synthpath_kedro.parameters import Parameters

_ENOUGH_GROUPS = 10
_ENOUGH_REPLICATES, _WITHIN = 5, 3
_COLORECTAL = ("pathmnist", "nctcrche", "crcvalhe")
"""In names of data, without punctuation."""

_COLORECTAL_CLASSES = {"ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"}


def limitations(evidence: Evidence) -> list[Note]:
    """The limitations of a study, the grave ones first.

    Args:
        evidence: ``parameters, data_card, classification, comparison, missing_cells, generator_cards, privacy``; all
            but the first two may be missing.
    """
    card = evidence["data_card"]
    found = [
        *_phantom(card),
        *_near_duplicates(evidence.get("privacy")),
        *_random_weights(evidence.get("classification")),
        *_unknown_groups(card),
        *_few_groups(card),
        *_absent_classes(card),
        *_known_flaws(card),
        *_missing_cells(evidence.get("missing_cells") or ()),
        *_left_out(evidence["parameters"]),
        *_no_test(evidence.get("comparison")),
        *_few_replicates(evidence.get("classification"), evidence["parameters"]),
        *_one_generator(evidence.get("generator_cards") or {}),
        *_start(evidence.get("generator_cards") or {}),
        Note(
            "These numbers are about classifiers on this data set. They are no evidence of clinical usefulness or "
            "safety, and a synthetic image may resemble a training image closely.",
            "Research software",
        ),
    ]
    return sorted(found, key=lambda note: not note.grave)


def _phantom(card: "DataCard") -> Iterator[Note]:
    if card.phantom:
        text = "The images are rendered by a program: these numbers say nothing about patients."
        yield Note(text, "Digital phantom, not tissue", grave=True)


def _near_duplicates(privacy: "pd.DataFrame | None") -> Iterator[Note]:
    if privacy is None:
        return
    counted = privacy[(privacy["measure"] == "near_duplicates") & privacy["alarm"].fillna(value=False)]
    for name, suspects, n in counted[["set", "suspects", "n"]].itertuples(index=False):
        text = (
            f"{suspects:,} of {n:,} images examined of the set {name} are near-duplicates of training images: look at "
            "the pairs below before the images or their generator are shared."
        )
        yield Note(text, "Near-duplicates of training images", grave=True)


def _random_weights(classification: "pd.DataFrame | None") -> Iterator[Note]:
    if classification is None or classification.empty:
        return
    random = classification.loc[classification["weights"] == RANDOM, "model"].unique()
    models = [model_label(model) for model in random if not is_trained_from_scratch(model)]
    if models:
        text = (
            f"{', '.join(models)} ran without pretrained weights. Their numbers say nothing about the pretrained "
            "models of these names."
        )
        yield Note(text, "Random weights", grave=True)


def _unknown_groups(card: "DataCard") -> Iterator[Note]:
    if not card.groups_known and not card.phantom:
        text = (
            "It is not known which images come from the same patient or slide. If one has images in several splits, "
            "accuracies are too high. If one has several test images, intervals are too narrow and verdicts too sure: "
            "of simulated studies without any effect, in which images of a patient correlated by .8, a share of .36 "
            "to .66 claimed one (.34 to .86 by number of patients, docs/evidence.md), where .05 may. Set "
            "data_prep.group to keep patients together."
        )
        yield Note(text, "Patients unknown", grave=True)


def _few_groups(card: "DataCard") -> Iterator[Note]:
    n_groups = card.splits["test"].n_groups
    if n_groups is not None and n_groups < _ENOUGH_GROUPS:
        text = (
            f"The test images come from {n_groups} patients or slides. Intervals are taken over these, and over so few "
            "they are too narrow."
        )
        yield Note(text, "Few test patients", grave=True)


def _absent_classes(card: "DataCard") -> Iterator[Note]:
    parts = []
    for split, facts in card.splits.items():
        absent = [name for name in card.class_names if not facts.counts.get(name, 0)]
        if absent:
            parts.append(f"{', '.join(absent)} in the {split} set")
    if parts:
        text = (
            f"There is no image of {'; of '.join(parts)}. Averages over classes are of those that the real test set "
            "holds: nothing is known of how well the others are recognized."
        )
        yield Note(text, "Classes without images", grave=True)


def _known_flaws(card: "DataCard") -> Iterator[Note]:
    name = re.sub("[^a-z0-9]", "", card.name.lower())
    if any(known in name for known in _COLORECTAL) or set(card.class_names) == _COLORECTAL_CLASSES:
        text = (
            "NCT-CRC-HE, which PathMNIST is made from, has inappropriate color normalization and JPEG artifacts that "
            "differ between classes: the mean red, green and blue of an image alone give an accuracy of over 50 % on "
            "its nine classes, a color histogram over 82 % (Ignatov and Malivenko 2024). A high accuracy on it is no "
            "evidence that tissue was recognized; see the row mean color in table 4.1."
        )
        yield Note(text, "Color gives classes away")


def _missing_cells(cells: Sequence[Cell]) -> Iterator[Note]:
    if cells:
        names = ", ".join(map(cell_label, cells))
        yield Note(f"{names}. Tables and comparisons are without them.", "Cells not trained")


def _left_out(parameters: "Parameters") -> Iterator[Note]:
    """What the settings leave out of the grid, and the parameter that switches each on."""
    from synthpath_kedro.report.labels import study_cells
    from synthpath_kedro.study.regimes import REGIMES

    study, cells = parameters.classification, study_cells(parameters)
    parts = []
    for key, what in (
        ("attack_cells", "attacked"),
        ("corruption_cells", "tested on corrupted images"),
        ("tsne_cells", "embedded by t-SNE"),
    ):
        n = len(study_cells(parameters, getattr(parameters.evaluation, key)))
        if n < len(cells):
            parts.append(f"{n} of {len(cells)} cells are {what} (evaluation.{key})")
    regimes = {cell.regime for cell in cells}
    by_missing: dict[tuple[str, ...], list[str]] = {}
    for model in study.models:
        left_out = regimes.difference(cell.regime for cell in cells if cell.model == model)
        by_missing.setdefault(tuple(name for name in REGIMES if name in left_out), []).append(model)
    for missing, models in by_missing.items():
        if missing:
            who, verb = ", ".join(map(model_label, models)), "is" if len(models) == 1 else "are"
            labels = ", ".join(REGIMES[name].label for name in missing)
            keys = ", ".join(f"classification.backbones.{model}.regimes" for model in models)
            parts.append(f"{who} {verb} not trained under {labels} ({keys})")
    if parts:
        yield Note(f"{'; '.join(parts)}.", "Left out by the settings")


def _no_test(comparison: "pd.DataFrame | None") -> Iterator[Note]:
    from synthpath_kedro.report.summary import NO_TEST

    if comparison is None or comparison.empty:
        text = f"For the differences above {NO_TEST}: they may be no larger than what another seed would change."
        yield Note(text, "No test of significance")


def _few_replicates(classification: "pd.DataFrame | None", parameters: "Parameters") -> Iterator[Note]:
    """Where three replicates are too few for the verdicts: docs/evidence.md has the simulations."""
    if classification is None or classification.empty:
        return
    by_cell = classification.groupby(["model", "regime", "set"], sort=False)["accuracy"].agg(["std", "size"])
    tested = by_cell[by_cell["size"] > 1]
    low, high = tested["std"].min(), tested["std"].max()
    few = tested[tested["size"] < _ENOUGH_REPLICATES].index.unique("model")
    if len(few) and high > _WITHIN * low:
        yield Note(
            f"Cells of {', '.join(map(model_label, few))} have fewer than {_ENOUGH_REPLICATES} replicates, and the "
            f"standard deviation of accuracy between replicates ranges from {low:.3f} to {high:.3f} over the cells. So "
            "few keep false alarms at 5 % only where deviations differ by no more than threefold, and find few of the "
            f"true differences. Set {_replicates_keys(few, parameters)} to {_ENOUGH_REPLICATES}.",
            "Few replicates",
            grave=True,
        )


def _replicates_keys(models: Iterable[str], parameters: "Parameters") -> str:
    """The parameters that decide how many replicates the models have."""
    study = parameters.classification
    own = {model for model in models if model in study.backbones and study.backbones[model].replicates}
    keys = [
        f"classification.backbones.{model}.replicates" if model in own else "classification.replicates"
        for model in models
    ]
    return ", ".join(dict.fromkeys(keys))


def _one_generator(cards: "Mapping[str, GeneratorCard]") -> Iterator[Note]:
    sampled = {name: card for name, card in cards.items() if card.checkpoint}
    n_denoisers = max((card.replicates for card in sampled.values()), default=1)
    if n_denoisers > 1:
        yield _several_denoisers(n_denoisers, [name for name in cards if name not in sampled])
    elif cards and not sampled:
        text = (
            "The synthetic images were made elsewhere, once: verdicts hold for these images, not for their generator, "
            "another run of which could give another result."
        )
        yield Note(text, "Images made elsewhere")
    elif len(cards) > 1:
        text = (
            "Replicates repeat the training of the classifiers, not of the generators: verdicts hold for these "
            "synthetic sets, not for their generators. diffusion.replicates trains several denoisers."
        )
        yield Note(text, "One run of each generator")
    else:
        text = (
            "Every synthetic image comes from one trained denoiser, and replicates repeat the training of the "
            "classifiers alone: verdicts hold for this synthetic set, not for this generator. diffusion.replicates "
            "trains several denoisers."
        )
        yield Note(text, "One denoiser")


def _start(cards: "Mapping[str, GeneratorCard]") -> Iterator[Note]:
    start = next((card.facts["start"] for card in cards.values() if "start" in card.facts), None)
    if start is None:
        return
    data = start.get("data", "unknown data")
    text = f"The denoiser did not start from random weights but from {start['name']}, which was trained on {data}. "
    if start["phantom"]:
        text += "That start, or its own, has seen tiles rendered by a program."
    else:
        text += "If that data has images of this study's test patients, verdicts are too good."
    yield Note(text, "The denoiser's start")


def _several_denoisers(n: int, made_once: Sequence[str]) -> Note:
    text = (
        f"{n} denoisers were trained from different random numbers, and the replicates of a cell take turns in their "
        "images: the error of a verdict includes the luck of training the generator, as far as so few of them show it."
    )
    if made_once:
        text += f" Verdicts about {', '.join(made_once)}, made once, hold for these images, not for their generator."
    return Note(text, "Several denoisers")
