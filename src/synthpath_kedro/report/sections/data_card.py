"""The data that everything was made from."""

from collections.abc import Mapping
from typing import Any

from synthpath_kedro.report.section import Evidence, Note, ReportFigure, Section, SectionContent

UNKNOWN_GROUPS = "unknown: one may stand in several splits"
_IN_COUNTS = ("n", "n_groups", "counts")
_ELSEWHERE = ("splits", "class_names", "groups_known", "key", "parameters")


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import PHANTOM_NOTE
    from synthpath_kedro.report.tables import plain_table

    card, splits = evidence["data_card"], evidence["data_card"].get("splits", {})
    counts = [
        {"Images of class": name} | {split: int(facts["counts"].get(name, 0)) for split, facts in splits.items()}
        for name in card.get("class_names", [])
    ]
    figure = ReportFigure(
        "Class distribution",
        "Images of each class in the training, validation and test set.",
        "Bar chart of images by class and set",
        evidence["class_distribution_figure"],
    )
    note = (
        [Note("every image is rendered by a program.", f"{PHANTOM_NOTE}:", grave=True)] if card.get("phantom") else []
    )
    return SectionContent([_facts(card), plain_table(counts)], {"class_distribution": figure}, note)


def _facts(card: Mapping[str, Any]) -> Any:
    from synthpath_kedro.report.tables import facts_table, flattened
    from synthpath_kedro.report.values import Exact, Warned

    shown = {key: value for key, value in card.items() if key not in _ELSEWHERE}
    facts: list[tuple[str, Any]] = [(_sentence_case(key), Exact(value)) for key, value in flattened(shown)]
    facts += [
        (f"{_sentence_case(key)}, {name}", Exact(value))
        for name, split in card.get("splits", {}).items()
        for key, value in split.items()
        if key not in _IN_COUNTS
    ]
    groups: Any = Warned(UNKNOWN_GROUPS)
    if card.get("groups_known"):
        groups = "known: none stands in two splits"
    elif card.get("phantom"):
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
