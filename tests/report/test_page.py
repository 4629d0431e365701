import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report.answer import mean_differences
from synthpath_kedro.report.figures.accuracy_by_regime import accuracy_by_regime
from synthpath_kedro.report.figures.style import png_bytes
from synthpath_kedro.report.page import ReportContent, render_report
from synthpath_kedro.report.tables import table_4_1, table_4_2, table_4_3

VOID = {"meta", "img", "line", "circle", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, the text, and whether every element is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def content(classification, synthetic_as_test, robustness):
    counts = {"adipose": 3, "<b>mucus</b> & 'co'": 2}
    split = {"n": 5, "counts": counts, "digest": "cd" * 32}
    return ReportContent(
        title="Does synthetic data help?",
        question="Does it, and for which classifiers?",
        data_card={
            "source": "npz",
            "name": "tiles & more",
            "image_size": 28,
            "class_names": list(counts),
            "groups_known": False,
            "digest": "ab" * 32,
            "splits": {"train": split, "val": split, "test": split},
        },
        phantom=False,
        tables={
            "4_1": table_4_1(classification),
            "4_2": table_4_2(synthetic_as_test),
            "4_3": table_4_3(robustness),
            "per_class": pd.DataFrame({"class": list(counts), "recall": [0.5, np.nan]}),
        },
        figures=[
            ("Accuracy", "By <regime>.", 'Points "by" regime', accuracy_by_regime(classification)),
            ("The same", "As bytes.", "Points again", png_bytes(accuracy_by_regime(classification))),
        ],
        parameters={"seed": 0, "data_prep": {"path": None, "phantom": {"n_train": 9000}}, "evaluation": {"eps": 0.03}},
        versions={"torch": "2.6.0"},
        cost=pd.DataFrame({"stage": ["diffusion"], "seconds": [3725.0], "images_per_second": [np.nan]}),
        missing_cells=[("clip", "mixed")],
        groups_known=False,
        random_weights=["cnn", "resnet18"],
        differences=mean_differences(classification),
    )


@pytest.fixture
def verdicts():
    return pd.DataFrame(
        {
            "model": ["cnn", "clip"],
            "comparison": ["mixed vs real", "mixed vs real"],
            "difference": [0.031, -0.004],
            "low": [0.012, np.nan],
            "high": [0.05, np.nan],
            "p_adjusted": [0.0002, np.nan],
            "verdict": ["helps", "no verdict: one replicate"],
        }
    )


def test_the_page_loads_nothing_from_anywhere(content):
    html = render_report(content)
    page = Page(html)
    loads = [
        attributes.get(name, "") for _, attributes in page.elements for name in ("src", "srcset", "data", "poster")
    ]
    links = [attributes["href"] for attributes in page.all("a")]
    assert all(load == "" or load.startswith("data:image/png;base64,") for load in loads)
    assert links
    assert all(link.startswith("#") for link in links)
    assert not {"link", "script", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert "url(" not in html
    assert "@import" not in html
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_the_page_is_well_formed_and_its_contents_lead_somewhere(content, verdicts):
    for shown in (content, replace(content, verdicts=verdicts, phantom=True)):
        page = Page(render_report(shown))
        assert page.open == []
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(set(ids)) == len(ids)
        assert {link["href"].removeprefix("#") for link in page.all("a")} <= set(ids)


def test_class_names_and_captions_are_escaped(content):
    html = render_report(content)
    assert "<b>mucus" not in html
    assert "&lt;b&gt;mucus&lt;/b&gt; &amp; &#39;co&#39;" in html
    assert "By &lt;regime&gt;." in html


def test_every_figure_has_its_alternative_text_and_its_size(content):
    images = Page(render_report(content)).all("img")
    assert [image["alt"] for image in images] == ['Points "by" regime', "Points again"]
    for image in images:
        png = base64.b64decode(image["src"].partition(",")[2])
        assert png.startswith(b"\x89PNG")
        assert int(image["width"]) == int.from_bytes(png[16:20])
        assert int(image["height"]) == int.from_bytes(png[20:24])


def test_the_same_content_gives_the_same_page(content, classification):
    again = replace(
        content, figures=[(*content.figures[0][:3], accuracy_by_regime(classification)), content.figures[1]]
    )
    assert render_report(content) == render_report(again)


def test_question_and_answer_come_before_the_tables(content):
    text = Page(render_report(content)).text
    places = [
        text.index(words)
        for words in (
            "Does it, and for which classifiers?",
            "no test of significance was run",
            "Table 4.1 Accuracy",
            "Table 4.2 Synthetic",
            "Table 4.3 Robustness",
            "A warning about the study's table.",
            "Figure 1. Accuracy.",
            "diffusion 1 h 2 min",
            "Cells not trained.",
        )
    ]
    assert places == sorted(places)


def test_verdicts_replace_the_differences(content, verdicts):
    page = Page(render_report(replace(content, verdicts=verdicts)))
    assert "no test of significance" not in page.text.lower()
    assert "helps 1 of 2 classifiers and hurts 0; for 1 no verdict can be given." in page.text
    assert "CNN mixed vs real helps +0.031 +0.012 to +0.050 < 0.001" in page.text
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert labels == ["difference +0.031, 95 % interval +0.012 to +0.050", "difference -0.004"]


def test_our_value_and_the_studys_stand_in_one_cell(content):
    text = Page(render_report(content)).text
    assert "0.810 / 0.710 / 0.910 ±.014 / ±.014 / ±.014 0.852 / 0.846 / 0.988 study" in text


def test_missing_cells_are_named(content):
    text = Page(render_report(content)).text
    assert "Not trained: CLIP mixed." in text
    assert "Not trained:" not in Page(render_report(replace(content, missing_cells=[]))).text


def test_unknown_patients_are_a_warning_at_the_top_and_in_the_data_card(content):
    page = Page(render_report(content))
    assert page.text.index("Patients unknown.") < page.text.index("Answer")
    assert "unknown: one may stand in several splits" in page.text
    assert "Patients unknown" not in Page(render_report(replace(content, groups_known=True))).text


def test_random_weights_are_marked_in_red_but_not_those_of_the_cnn(content):
    html = render_report(content)
    alarm = re.search(r'<p class="alarm"><strong>Random weights\.</strong> (.*?)</p>', html).group(1)
    assert alarm.startswith("ResNet18 ran without pretrained weights.")
    assert '<span class="fact warn">weights: random (not pretrained)' in html
    assert re.search(r'<span class="fact">\s*weights: from scratch', html)


def test_a_phantom_is_marked_in_red_at_the_top_at_every_table_and_at_every_figure(content):
    html = render_report(replace(content, phantom=True))
    tag = '<span class="tag">Digital phantom, not tissue</span>'
    headings = re.findall(r"<h3[^>]*>(?:(?!</h3>).)*(?:Table 4|Per class|against training)(?:(?!</h3>).)*</h3>", html)
    captions = re.findall(r"<figcaption>.*?</figcaption>", html)
    assert (len(headings), len(captions)) == (5, 2)
    assert all(tag in part for part in (*headings, *captions))
    assert '<p class="alarm"><strong>Digital phantom, not tissue.</strong>' in html
    assert "phantom, not tissue" not in render_report(content)


def test_parameters_are_printed_exactly(content):
    text = Page(render_report(content)).text
    assert "n_train 9000" in text
    assert "eps 0.03" in text
    assert "path none" in text


def test_the_studys_own_data_is_not_called_other_data(content):
    assert "The study used other data." in Page(render_report(content)).text
    card = {**content.data_card, "source": "medmnist", "name": "pathmnist"}
    assert "other data" not in Page(render_report(replace(content, data_card=card))).text


def test_a_study_without_any_cell_still_has_its_report(content):
    nothing = pd.DataFrame(columns=["model", "regime", "replicate", "weights", "n"])
    bare = replace(
        content,
        tables={"4_1": table_4_1(nothing), "4_2": table_4_2(nothing), "4_3": table_4_3(nothing)},
        figures=[],
        differences=mean_differences(nothing),
        cost=pd.DataFrame(columns=["stage", "seconds", "images_per_second"]),
    )
    text = Page(render_report(bare)).text
    assert "No pair of cells that could be compared has been trained." in text
    assert "not trained" in text
