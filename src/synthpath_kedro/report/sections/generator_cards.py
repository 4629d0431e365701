"""Where the synthetic images come from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synthpath_kedro.report.section import Evidence, Section, SectionContent

if TYPE_CHECKING:
    from synthpath_kedro.data.synthetic import GeneratorCard

_ELSEWHERE = {"name", "counts", "parameters", "versions", "shards", "class_names"}


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import facts_table, flattened, plain_table
    from synthpath_kedro.report.values import Exact

    tables = []
    cards: Mapping[str, GeneratorCard] = evidence["generator_cards"]
    for name, card in cards.items():
        known = card.model_dump(mode="json", exclude=_ELSEWHERE)
        shown = {key.replace("_", " "): value for key, value in known.items()}
        facts = {**shown, **dict(flattened(card.parameters))}
        tables.append(
            facts_table([(key, Exact(value)) for key, value in flattened(facts)], title=f"Synthetic set {name}")
        )
    classes = dict.fromkeys(name for card in cards.values() for name in card.counts)
    counts = [
        {"Synthetic images of class": one} | {name: card.counts.get(one, 0) for name, card in cards.items()}
        for one in classes
    ]
    return SectionContent(
        [*tables, *([plain_table(counts, folded=True, title="Synthetic images by class")] if counts else [])]
    )


SECTION = Section(
    name="generator_cards",
    title="Generators",
    question="provenance",
    needs=("generator_cards",),
    build=_build,
    absent="No generator card: there is no synthetic set.",
)
