import numpy as np

from synthpath_kedro.report.section import build_section
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.report.sections.table_4_3 import halved_label
from synthpath_kedro.report.values import DASH, text


def build(name, evidence):
    return build_section(SECTIONS[name], evidence)


def texts(table):
    return [[text(value).replace("\N{NO-BREAK SPACE}", " ") for value in row] for row in table.rows]


def test_attacks_have_intervals_budgets_and_checks_and_masked_gradients_stand_on_top(evidence):
    content = build("table_4_3", evidence)
    _, in_full, checks = content.tables
    row = dict(zip(in_full.columns, texts(in_full)[0], strict=True))
    assert row["FGSM"] == "0.500 [0.400, 0.600]"
    assert row["halved by FGSM"] == "3.4/255"
    assert row["halved by uniform noise"] == "above 8/255"
    by_cell = {(shown[0], shown[1]): shown[-1] for shown in texts(checks)}
    assert by_cell["CNN", "real"] == "no sign of masked gradients"
    assert by_cell["CLIP", "real"] == "may be masked: a budget of 32/255 still leaves 0.40 of accuracy"
    assert content.notes[0].grave
    assert content.notes[0].text.startswith("CLIP real: a budget of 32/255 still leaves 0.40 of accuracy.")
    honest = evidence | {"masking": evidence["masking"].assign(signs="")}
    assert not any(note.grave for note in build("table_4_3", honest).notes)
    assert halved_label(np.nan, 8 / 255) == DASH
