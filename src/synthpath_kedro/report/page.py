"""The study on one page: a self-contained HTML file that needs no network."""

from base64 import b64encode
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.lineage import PHANTOM_NOTE
from synthpath_kedro.report import html_tables
from synthpath_kedro.report.answer import NO_TEST, difference_sentences, verdict_sentences
from synthpath_kedro.report.content import ReportContent, ReportFigure
from synthpath_kedro.report.figures.style import png_bytes
from synthpath_kedro.report.labels import model_label
from synthpath_kedro.report.limits import limits, uses_the_studys_data
from synthpath_kedro.report.study import TABLE_4_3_WARNING
from synthpath_kedro.report.templating import render_template

__all__ = ["ReportContent", "ReportFigure", "render_report"]

_STUDY_TABLES = {
    "4_1": (
        "Table 4.1",
        "Accuracy / macro F1 / AUC on the real test set",
        "By training data. AUC is one-vs-rest, averaged over classes.",
    ),
    "4_2": (
        "Table 4.2",
        "Synthetic images as test data",
        "Classifiers trained on real images, tested on synthetic ones. In brackets: change against the real test set.",
    ),
    "4_3": (
        "Table 4.3",
        "Robustness",
        "Accuracy under attack. In brackets: change from the accuracy on the same images, not attacked.",
    ),
}


class _Picture(NamedTuple):
    title: str
    caption: str
    alt: str
    data: str
    width: int
    height: int


class _AnswerRow(NamedTuple):
    model: str
    comparison: str
    difference: float
    low: float | None
    high: float | None
    rest: list[str]
    verdict: str


def render_report(content: ReportContent) -> str:
    """``content`` as one HTML page: styles, pictures and all, without a request to anywhere.

    The same content gives the same page. Text is escaped.
    """
    return render_template(
        "report.html.j2",
        content=content,
        phantom_note=PHANTOM_NOTE,
        limits=limits(content),
        answer=_answer(content),
        study_tables=_study_tables(content),
        comparable=uses_the_studys_data(content),
        warning_4_3=TABLE_4_3_WARNING,
        supplementary_tables=_supplementary_tables(content),
        pictures=[_picture(ReportFigure(*figure)) for figure in content.figures],
        card=_card_facts(content.data_card),
        counts=_counts(content.data_card),
        parameters=_parameter_blocks(content.parameters),
        cost=_cost(content.cost),
    )


def _answer(content: ReportContent) -> dict[str, Any]:
    if content.verdicts is not None:
        rows = [_verdict_row(row) for row in content.verdicts.to_dict("records")]
        first, headers = "difference", ["adjusted p"]
        sentences = [*verdict_sentences(content.verdicts), *filter(None, [content.sensitivity])]
    else:
        differences = content.differences if content.differences is not None else pd.DataFrame(columns=["comparison"])
        rows = [_difference_row(row) for row in differences.to_dict("records")]
        first, headers, sentences = "accuracy", ["macro F1", "AUC"], difference_sentences(differences)
    reach = max([0.01, *(abs(end) for row in rows for end in (row.difference, row.low, row.high) if end is not None)])
    tested = content.verdicts is not None
    return {
        "tested": tested,
        "no_test": NO_TEST,
        "sentences": sentences,
        "first": first,
        "headers": headers,
        "rows": rows,
        "reach": reach,
        "missing": ", ".join(f"{model_label(model)} {regime}" for model, regime in content.missing_cells),
    }


def _verdict_row(row: Mapping[Hashable, Any]) -> _AnswerRow:
    low, high, p = (None if pd.isna(row[key]) else float(row[key]) for key in ("low", "high", "p_adjusted"))
    p_text = "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
    label = model_label(row["model"])
    return _AnswerRow(label, row["comparison"], float(row["difference"]), low, high, [p_text], row["verdict"])


def _difference_row(row: Mapping[Hashable, Any]) -> _AnswerRow:
    rest = [f"{row[metric]:+.3f}" for metric in ("macro_f1", "auc")]
    return _AnswerRow(model_label(row["model"]), row["comparison"], float(row["accuracy"]), None, None, rest, "")


def _study_tables(content: ReportContent) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "number": number,
            "title": title,
            "caption": content.captions.get(key, caption),
            "table": html_tables.laid_out(content.tables[key]),
            "note": content.notes.get(key, ""),
        }
        for key, (number, title, caption) in _STUDY_TABLES.items()
        if key in content.tables
    ]


def _supplementary_tables(content: ReportContent) -> list[dict[str, Any]]:
    return [
        {"title": _sentence_case(name), "caption": content.captions.get(name, ""), "table": html_tables.plain(table)}
        for name, table in content.tables.items()
        if name not in _STUDY_TABLES
    ]


def _picture(figure: ReportFigure) -> _Picture:
    png = png_bytes(figure.image) if isinstance(figure.image, Figure) else figure.image
    width, height = (int.from_bytes(png[start : start + 4]) for start in (16, 20))
    return _Picture(figure.title, figure.caption, figure.alt, b64encode(png).decode(), width, height)


def _card_facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = {
        key: value
        for key, value in card.items()
        if key not in ("splits", "class_names", "groups_known", "key", "parameters")
    }
    return [(_sentence_case(key), value) for key, value in html_tables.flattened(facts)]


def _counts(card: Mapping[str, Any]) -> pd.DataFrame:
    splits = card.get("splits", {})
    counts = pd.DataFrame({name: split["counts"] for name, split in splits.items()}, index=card.get("class_names", []))
    return counts.fillna(0).astype(int)


def _parameter_blocks(parameters: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    blocks = {key: value for key, value in parameters.items() if isinstance(value, Mapping)}
    top = {key: value for key, value in parameters.items() if key not in blocks}
    named = {"study": top, **blocks} if top else blocks
    return [(name, list(html_tables.flattened(block))) for name, block in named.items()]


def _cost(cost: pd.DataFrame) -> list[tuple[str, str, str]]:
    rows = [
        (str(stage), _duration(seconds), "" if pd.isna(rate) else f"{rate:,.1f}")
        for stage, seconds, rate in cost[["stage", "seconds", "images_per_second"]].itertuples(index=False)
    ]
    return [*rows, ("total", _duration(cost["seconds"].sum()), "")] if rows else []


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _sentence_case(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
