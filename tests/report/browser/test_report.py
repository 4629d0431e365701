from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthpath_kedro.report.answer import mean_differences
from synthpath_kedro.report.figures.accuracy_by_regime import accuracy_by_regime
from synthpath_kedro.report.figures.robustness import robustness as robustness_figure
from synthpath_kedro.report.page import ReportContent, render_report
from synthpath_kedro.report.tables import table_4_1, table_4_2, table_4_3

NAMES = ("adipose", "normal colon mucosa", "colorectal adenocarcinoma epithelium")


@pytest.fixture
def figures(classification, robustness):
    return [accuracy_by_regime(classification), robustness_figure(robustness)]


@pytest.fixture
def page(open_page, classification, synthetic_as_test, robustness, figures):
    split = {"n": 540, "counts": dict.fromkeys(NAMES, 180), "digest": "cd" * 32}
    stream = BytesIO()
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(stream, format="png")
    content = ReportContent(
        title="Does synthetic data help?",
        question="Does it, and for which classifiers?",
        data_card={
            "source": "phantom",
            "image_size": 32,
            "class_names": list(NAMES),
            "groups_known": False,
            "digest": "ab" * 32,
            "splits": dict.fromkeys(("train", "val", "test"), split),
        },
        phantom=True,
        tables={
            "4_1": table_4_1(classification),
            "4_2": table_4_2(synthetic_as_test),
            "4_3": table_4_3(robustness),
            "per_class": pd.DataFrame(np.eye(3), index=NAMES, columns=NAMES).reset_index(),
        },
        figures=[
            *(("Figure", "Caption.", "What it shows", figure) for figure in figures),
            ("A", "B", "C", stream.getvalue()),
        ],
        parameters={"seed": 0, "data_prep": {"path": None, "phantom": {"n_train": 9000}}},
        versions={"torch": "2.6.0"},
        cost=pd.DataFrame({"stage": ["diffusion"], "seconds": [3725.0], "images_per_second": [48.3]}),
        missing_cells=[("clip", "mixed")],
        groups_known=False,
        random_weights=["resnet18"],
        differences=mean_differences(classification),
    )
    return open_page(render_report(content))


def test_every_figure_is_loaded_at_its_full_size(page, figures):
    sizes = [tuple(round(inches * figure.dpi) for inches in figure.get_size_inches()) for figure in figures]
    assert page.picture_widths == pytest.approx([*(width for width, _ in sizes), 40], abs=1)
    shown = [image.size for image in page.all("figure img")]
    assert all(size["width"] <= 1024 and size["height"] > 20 for size in shown)


def test_every_entry_of_the_contents_leads_to_its_section(page):
    for link in page.all("nav a"):
        link.click()
        section = page.find(link.get_attribute("hash"))
        assert -1 < page.top_in_view(section) < 900


def test_nothing_is_wider_than_a_phone(phone, page):
    assert page.overflow == 0
    assert min(page.picture_widths) > 0
    assert page.find("#table-4_1 tbody tr").size["width"] <= 390
