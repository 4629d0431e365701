"""The data that everything was made from."""

from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

if TYPE_CHECKING:
    from synthpath_kedro.data.data_card import DataCard

UNKNOWN_GROUPS = "unknown: one may stand in several splits"
_ELSEWHERE = {"splits", "class_names", "groups_known", "parameters", "facts"}


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import PHANTOM_NOTE
    from synthpath_kedro.report.tables import plain_table

    card: DataCard = evidence["data_card"]
    counts = [
        {"Images of class": name} | {split: facts.counts.get(name, 0) for split, facts in card.splits.items()}
        for name in card.class_names
    ]
    figure = ReportFigure(
        "Class distribution",
        "Images of each class in the training, validation and test set.",
        "Bar chart of images by class and set",
        evidence["class_distribution_figure"],
    )
    note = [Note("every image is rendered by a program.", f"{PHANTOM_NOTE}:", grave=True)] if card.phantom else []
    return SectionContent([_facts(card), plain_table(counts)], {"class_distribution": figure}, note)


def _facts(card: "DataCard") -> Any:
    from synthpath_kedro.report.tables import facts_table, flattened
    from synthpath_kedro.report.values import Exact, Warned

    shown = card.model_dump(mode="json", exclude=_ELSEWHERE) | card.facts
    facts: list[tuple[str, Any]] = [(_sentence_case(key), Exact(value)) for key, value in flattened(shown)]
    facts += [
        (f"{_sentence_case(key)}, {name}", Exact(value))
        for name, split in card.splits.items()
        for key, value in ({"digest": split.digest} | split.facts).items()
    ]
    groups: Any = Warned(UNKNOWN_GROUPS)
    if card.groups_known:
        groups = "known: none stands in two splits"
    elif card.phantom:
        groups = "none: the images are rendered"
    return facts_table([*facts, ("Patients or slides", groups)])


def _sentence_case(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


SECTION = Section(
    name="data_card",
    title="Data card",
    question="provenance",
    needs=("data_card", "class_distribution_figure"),
    build=_build,
    absent="No data card: no data has been prepared.",
)
