"""What a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure


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
    image: Figure | bytes


@dataclass(frozen=True)
class ReportContent:
    """Everything ``render_report`` shows.

    Attributes:
        title: heading of the page.
        question: what the study asks, one sentence.
        data_card: ``Splits.card()``: source, name, image_size, class_names, multi_label, groups_known, digest, splits.
        phantom: the data is rendered, not taken from patients; marked in red wherever a number stands.
        tables: "4_1", "4_2", "4_3" as ``tables`` lays them out; any other by a name of its own, shown behind them.
        figures: in the order of the page.
        parameters: those that the results were made with, as plain nested values.
        versions: package versions by name.
        cost: ``stage, seconds, images_per_second`` (missing where a stage makes no images).
        missing_cells: (model, regime) of the cells that have not been trained.
        groups_known: patients or slides are known, so that none stands in two splits.
        random_weights: models that ran without their pretrained weights.
        verdicts: ``model, comparison, difference, low, high, p_adjusted, verdict`` (accuracies; 95 % interval), or
            None where nothing was tested.
        sensitivity: a sentence on how small a difference the verdicts could have shown; empty for none.
        differences: as ``mean_differences`` gives them; shown where there are no verdicts.
        captions: a sentence above a table, by its name in ``tables``.
        notes: a paragraph below table 4.1, 4.2 or 4.3, likewise; empty for none.
    """

    title: str
    question: str
    data_card: Mapping[str, Any]
    phantom: bool
    tables: Mapping[str, pd.DataFrame]
    figures: Sequence[ReportFigure | tuple[str, str, str, Figure | bytes]]
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    cost: pd.DataFrame
    missing_cells: Sequence[tuple[str, str]]
    groups_known: bool
    random_weights: Sequence[str]
    verdicts: pd.DataFrame | None = None
    differences: pd.DataFrame | None = None
    sensitivity: str = ""
    captions: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
