"""How many real images the synthetic ones are worth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.labels import model_label, trainings, worth_label
from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent
from synthpath_kedro.study.generators import GENERATORS

if TYPE_CHECKING:
    from synthpath_kedro.data.synthetic import GeneratorCard

TRAINED = (
    "At each number of real training images below all of them one denoiser was trained on just those, for as many "
    "steps as the study's, and its images ({names}) sampled again, as many per real image."
)
RENDERED = "Images that need no training ({names}) were made separately at each number, as many per real image."
EXTERNAL = "Sets made elsewhere ({names}) are the same at each number: their maker may have used every real image."
WHOLE = "At all real images the synthetic images are the study's own."
WORTH = (
    "At n real images beside the synthetic ones a classifier is as accurate as at n + k real images alone: the "
    "synthetic images are worth k real ones. Intervals (95 %) are over test {unit} and training seeds, not over "
    "trainings of the generator. \N{LEFT DOUBLE QUOTATION MARK}More than\N{RIGHT DOUBLE QUOTATION MARK}: the curve of "
    "real images ends there."
)
FIGURE = "A point is the mean over replicates, with its 95 % interval; the numbers are what synthetic images are worth."
ALT = "Accuracy of each classifier against the number of real training images, by what it was trained on"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.report.figures.learning_curve import learning_curve
    from synthpath_kedro.report.tables import plain_table

    intervals, worth, card = evidence["learning_curve_intervals"], evidence["real_images_worth"], evidence["data_card"]
    figure = learning_curve(intervals, worth, note=source_note(phantom=card.phantom))
    unit = "patients (or slides)" if card.groups_known else "images"
    rows = _rows(worth)
    table = plain_table(rows, title="This synthetic set is worth k real images", caption=WORTH.format(unit=unit))
    return SectionContent(
        tables=[table] if rows else [],
        figures={"learning_curve": ReportFigure("Accuracy by number of real images", FIGURE, ALT, figure)},
        notes=[Note(_how(worth, evidence["generator_cards"]))],
    )


def _rows(worth: Any) -> list[dict[str, Any]]:
    from synthpath_kedro.evaluation.rows import records

    labels = {(training.regime, training.set): training.label for training in trainings(worth)}
    return [
        {
            "model": model_label(row["model"]),
            "trained on": labels[row["regime"], row["set"]],
            "real images": int(row["n_train"]),
            "worth, real images": worth_label(row["worth"], row["least"], row["most"]),
            "95 % interval": _interval(row),
        }
        for row in records(worth)
    ]


def _interval(row: dict[str, Any]) -> str:
    ends = [worth_label(row[end], row["least"], row["most"]) for end in ("ci_low", "ci_high")]
    return " to ".join(dict.fromkeys(ends))


def _how(worth: Any, cards: "Mapping[str, GeneratorCard]") -> str:
    """How the synthetic images at each number were made, by the kind of their generator."""
    kinds: dict[str, list[str]] = {TRAINED: [], RENDERED: [], EXTERNAL: []}
    for name in dict.fromkeys(worth["set"]):
        if name in cards:
            generator = GENERATORS.find(cards[name].source)
            kind = EXTERNAL if generator.needs_path else TRAINED if generator.needs_denoiser else RENDERED
            kinds[kind].append(name)
    sentences = [kind.format(names=", ".join(names)) for kind, names in kinds.items() if names]
    return " ".join([*sentences, WHOLE])


SECTION = Section(
    name="learning_curve",
    title="At how many real images synthesis pays",
    question="help",
    needs=("data_card", "generator_cards", "learning_curve_intervals", "real_images_worth"),
    build=_build,
    absent=(
        "No learning curve of this data: kedro run --pipeline=learning_curve makes it, and kedro run "
        "--pipelines=evaluation --tags=report shows it here."
    ),
)
