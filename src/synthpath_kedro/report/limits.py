"""What a reader must know before relying on a report's numbers."""

from typing import NamedTuple

from synthpath_kedro.report.answer import NO_TEST
from synthpath_kedro.report.content import ReportContent
from synthpath_kedro.report.labels import model_label
from synthpath_kedro.report.tables import TRAINED_FROM_SCRATCH

_ENOUGH_GROUPS = 10


class Limit(NamedTuple):
    """One limit.

    Attributes:
        grave: shown in red, at the top of the page too.
        heading: a few words.
        text: what follows from it.
    """

    grave: bool
    heading: str
    text: str


def limits(content: ReportContent) -> list[Limit]:
    """The limits of the study in ``content``, the grave ones first."""
    found = [
        *_phantom(content),
        *_random_weights(content),
        *_unknown_groups(content),
        *_few_groups(content),
        *_absent_classes(content),
        *_missing_cells(content),
        *_no_test(content),
        Limit(
            False,
            "One denoiser",
            "Every synthetic image comes from one trained denoiser. Replicates repeat the training of the classifiers, "
            "not of the denoiser: another run of it could give another answer.",
        ),
        *_another_data_set(content),
        Limit(
            False,
            "Research software",
            "These numbers are about classifiers on this data set. They are no evidence of clinical usefulness or "
            "safety, and a synthetic image may resemble a training image closely.",
        ),
    ]
    return sorted(found, key=lambda limit: not limit.grave)


def uses_the_studys_data(content: ReportContent) -> bool:
    """Whether the data is PathMNIST as published."""
    return (content.data_card.get("source"), content.data_card.get("name")) == ("medmnist", "pathmnist")


def _phantom(content: ReportContent) -> list[Limit]:
    text = "The images are rendered by a program. They show that the software works; they say nothing about patients."
    return [Limit(True, "Digital phantom, not tissue", text)] if content.phantom else []


def _random_weights(content: ReportContent) -> list[Limit]:
    models = [model_label(model) for model in content.random_weights if model not in TRAINED_FROM_SCRATCH]
    if not models:
        return []
    text = (
        f"{', '.join(models)} ran without pretrained weights. What such a backbone scores does not speak for the model "
        "whose name it bears."
    )
    return [Limit(True, "Random weights", text)]


def _unknown_groups(content: ReportContent) -> list[Limit]:
    if content.groups_known or content.phantom:
        return []
    text = (
        "It is not known which images come from the same patient or slide. If one stands in several splits, accuracies "
        "are too high and intervals too narrow. Set data_prep.group to keep patients together."
    )
    return [Limit(True, "Patients unknown", text)]


def _few_groups(content: ReportContent) -> list[Limit]:
    n_groups = content.data_card.get("splits", {}).get("test", {}).get("n_groups")
    if n_groups is None or n_groups >= _ENOUGH_GROUPS:
        return []
    text = (
        f"The test images come from {n_groups} patients or slides. Intervals are taken over these, and over so few "
        "they are too narrow."
    )
    return [Limit(True, "Few test patients", text)]


def _absent_classes(content: ReportContent) -> list[Limit]:
    names = content.data_card.get("class_names", [])
    parts = []
    for split, facts in content.data_card.get("splits", {}).items():
        absent = [name for name in names if not facts["counts"].get(name, 0)]
        if absent:
            parts.append(f"{', '.join(absent)} in the {split} set")
    if not parts:
        return []
    text = (
        f"There is no image of {'; of '.join(parts)}. Averages over classes are of those that the real test set holds: "
        "nothing is known of how well the others are recognized."
    )
    return [Limit(True, "Classes without images", text)]


def _missing_cells(content: ReportContent) -> list[Limit]:
    if not content.missing_cells:
        return []
    cells = ", ".join(f"{model_label(model)} {regime}" for model, regime in content.missing_cells)
    return [Limit(False, "Cells not trained", f"{cells}. Tables and comparisons are without them.")]


def _no_test(content: ReportContent) -> list[Limit]:
    if content.verdicts is not None:
        return []
    text = f"For the differences above {NO_TEST}: they may be no larger than what another seed would change."
    return [Limit(False, "No test of significance", text)]


def _another_data_set(content: ReportContent) -> list[Limit]:
    if uses_the_studys_data(content):
        return []
    text = (
        "The study's numbers are single runs on PathMNIST at 64x64 with 89,996 training images. This run used other "
        "data, so they stand beside ours for orientation only."
    )
    return [Limit(False, "The study used other data", text)]
