"""The study on one page: a self-contained HTML file that needs no network."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from math import copysign
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from synthpath_kedro.data.lineage import PHANTOM_NOTE
from synthpath_kedro.report.figures.style import png_bytes
from synthpath_kedro.report.limitations import limitations
from synthpath_kedro.report.section import CHAPTERS, Evidence, Note, ReportFigure, Section, SectionContent
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.report.tables import CellTable, Table, without_repeats
from synthpath_kedro.report.templating import render_template
from synthpath_kedro.report.values import (
    Changed,
    Fixed,
    IntervalPlot,
    PValue,
    Range,
    Scores,
    Verdict,
    Warned,
    is_number,
    means_line,
    published_line,
    stds_line,
    text,
)

QUESTION = "Do synthetic images help these image classifiers on this data?"

_PLOT_HALF_WIDTH = 88
"""Of an interval's picture, in its own units."""


class Picture(NamedTuple):
    number: int
    title: str
    caption: str
    alt: str
    data: str
    width: int
    height: int


class PlainCell(NamedTuple):
    """A value of a plain table; ``kind`` is text, fixed (no line break), verdict, warned or plot."""

    kind: str
    text: str
    tone: str = ""
    plot: Mapping[str, float] | None = None


class SectionView(NamedTuple):
    """A section as the template shows it; ``absent`` stands in place of everything else."""

    section: Section
    tables: list[dict[str, Any]]
    pictures: list[Picture]
    notes: list[Note]
    absent: str


def render_report(sections: Mapping[str, SectionContent | None], evidence: Evidence) -> str:
    """The report as one HTML page: styles, pictures and all, without a request to anywhere.

    The same content gives the same page. Text is escaped.

    Args:
        sections: contents by the section's name, as ``build_section`` gives them; None, or a section that is left out,
            is shown as absent.
        evidence: ``parameters`` and ``data_card`` for the heading, and what the limitations follow from.
    """
    views = list(_views(sections))
    card = evidence["data_card"]
    chapters = [
        (chapter, [view for view in views if view.section.question == chapter.name]) for chapter in CHAPTERS.values()
    ]
    return render_template(
        "report.html.j2",
        title=evidence["parameters"].report.title,
        question=QUESTION,
        card=card,
        phantom=card.phantom,
        phantom_note=PHANTOM_NOTE,
        alarms=[note for note in limitations(evidence) if note.grave],
        lead=[view for view in views if view.section.lead],
        chapters=[(chapter, shown) for chapter, shown in chapters if any(not view.section.lead for view in shown)],
    )


def _views(sections: Mapping[str, SectionContent | None]) -> Iterator[SectionView]:
    """The sections that have anything to tell, in reading order; figures are numbered as they come, leads first."""
    number = 0
    for section in sorted(SECTIONS.values(), key=_reading_order):
        content = sections.get(section.name)
        if content is None:
            if section.absent:
                yield SectionView(section, [], [], [], section.absent)
            continue
        if content.empty:
            continue
        pictures = [_picture(number + place, figure) for place, figure in enumerate(content.figures.values(), start=1)]
        number += len(pictures)
        tables = [_table(table) for table in content.tables]
        yield SectionView(section, tables, pictures, list(content.notes), "")


def _reading_order(section: Section) -> tuple[bool, int]:
    """Leads first, then chapter by chapter; sections of a chapter as they stand in ``SECTIONS``."""
    return not section.lead, list(CHAPTERS).index(section.question)


def _picture(number: int, figure: ReportFigure) -> Picture:
    png = png_bytes(figure.image) if isinstance(figure.image, Figure) else figure.image
    width, height = (int.from_bytes(png[start : start + 4]) for start in (16, 20))
    return Picture(number, figure.title, figure.caption, figure.alt, b64encode(png).decode(), width, height)


def _table(table: Table) -> dict[str, Any]:
    shared = {"title": table.title, "caption": table.caption}
    if isinstance(table, CellTable):
        return shared | {"kind": "cells", "folded": False, "headers": table.columns, **_cell_rows(table)}
    numeric = [bool(table.rows) and all(is_number(row[k]) for row in table.rows) for k in range(len(table.columns))]
    rows = [[_plain_cell(value) for value in row] for row in table.rows]
    kind = "facts" if table.facts else "plain"
    return shared | {
        "kind": kind,
        "folded": table.folded,
        "headers": table.columns,
        "numeric": numeric,
        "rows": rows,
        "opens": table.opens,
    }


def _cell_rows(table: CellTable) -> dict[str, Any]:
    rows = [
        {
            "model": row.model,
            "training": row.training,
            "continues": continues,
            "facts": [(name, fact, name in row.warnings) for name, fact in facts.items() if fact],
            "values": [_cell_value(name, row.values[name]) for name in table.columns],
        }
        for row, (continues, facts) in zip(table.rows, without_repeats(table.rows), strict=True)
    ]
    return {"by_training": table.by_training, "rows": rows}


def _cell_value(header: str, value: Scores | Changed) -> dict[str, Any]:
    return {
        "header": header,
        "means": means_line(value),
        "stds": stds_line(value),
        "published": published_line(value),
        "missing": bool(value.absent),
    }


def _plain_cell(value: Any) -> PlainCell:
    match value:
        case Verdict():
            return PlainCell("verdict", text(value), value.tone)
        case Warned():
            return PlainCell("warned", text(value))
        case IntervalPlot():
            return PlainCell("plot", text(value), plot=_drawn(value))
        case Range() | Fixed() | PValue():
            return PlainCell("fixed", text(value))
        case _:
            return PlainCell("text", text(value))


def _drawn(value: IntervalPlot) -> dict[str, float]:
    """Places on the line; what is beyond its ends is cut, and ``beyond`` is the end that the difference is past."""
    ends = {"difference": value.difference, "low": value.ci_low, "high": value.ci_high}
    plot = {name: max(-1.0, min(1.0, end / value.reach)) * _PLOT_HALF_WIDTH for name, end in ends.items() if end == end}
    return plot | ({"beyond": copysign(1, value.difference)} if abs(value.difference) > value.reach else {})
