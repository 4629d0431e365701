"""What a section of the report is; light to import, because the graph reads what each section needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from synthpath_kedro.study.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from synthpath_kedro.report.tables import Table as ReportTable

Evidence = Mapping[str, Any]
"""What the report is made from, by name: parameters, tables, figures, cards; None where it is missing."""


@dataclass(frozen=True)
class Chapter:
    """A question of the reader's, and the sections that answer it.

    Attributes:
        name: in links.
        title: the question in print.
    """

    name: str
    title: str


CHAPTERS = Table(
    "chapter",
    Chapter("summary", "Summary"),
    Chapter("images", "What do the images look like?"),
    Chapter("help", "Do they help?"),
    Chapter("like_real", "Are they like real data to a classifier?"),
    Chapter("robustness", "What do other stains, scanners and attacks do?"),
    Chapter("sharing", "Are they safe to share?"),
    Chapter("calibration", "Can the probabilities be trusted?"),
    Chapter("provenance", "What was done?"),
)


class ReportFigure(NamedTuple):
    """A picture of the report.

    Attributes:
        title: a few words.
        caption: what there is to see.
        alt: the same for a reader who cannot see it.
        image: a matplotlib figure or the bytes of a PNG.
    """

    title: str
    caption: str
    alt: str
    image: "Figure | bytes"


class Note(NamedTuple):
    """A paragraph.

    Attributes:
        text: what it states.
        heading: a few words in bold before it.
        grave: in red, at the top of the page too.
    """

    text: str
    heading: str = ""
    grave: bool = False


@dataclass(frozen=True)
class SectionContent:
    """What a section shows; nothing where it has nothing to tell about this study.

    Attributes:
        tables: see ``tables.CellTable`` and ``tables.PlainTable``.
        figures: by name, in reading order.
        notes: paragraphs below.
    """

    tables: "Sequence[ReportTable]" = ()
    figures: Mapping[str, ReportFigure] = field(default_factory=dict)
    notes: Sequence[Note] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.tables or self.figures or self.notes)


@dataclass(frozen=True)
class Section:
    """One file of ``report.sections``.

    Attributes:
        name: in links.
        title: heading.
        question: name of its chapter, one of ``CHAPTERS``.
        needs: names of its evidence.
        build: makes the content from exactly these.
        caption: a sentence under the heading.
        absent: stands in the section's place where any of its needs is missing.
        lead: it belongs to the first screen, which the chapter then points to.
    """

    name: str
    title: str
    question: str
    needs: tuple[str, ...]
    build: Callable[[Evidence], SectionContent]
    caption: str = ""
    absent: str = ""
    lead: bool = False

    def __post_init__(self) -> None:
        CHAPTERS.find(self.question)


def build_section(section: Section, evidence: Evidence) -> SectionContent | None:
    """The section's content; None where any of its needs is missing."""
    found = {name: evidence.get(name) for name in section.needs}
    return None if any(value is None for value in found.values()) else section.build(found)
