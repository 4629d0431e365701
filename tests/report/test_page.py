import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report.limitations import limitations
from synthpath_kedro.report.published import NETWORKS
from synthpath_kedro.report.section import ReportFigure, Section, SectionContent, build_section
from synthpath_kedro.report.sections import SECTIONS

NETWORKS_RECORDED = {"cnn": NETWORKS["cnn"], "clip": NETWORKS["clip"] | {"weights": "random"}}
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


def test_the_page_loads_nothing_from_anywhere(evidence, rendered):
    html = rendered(evidence)
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


def test_the_page_is_well_formed_and_its_contents_lead_somewhere(evidence, evidence_of_two_sets, rendered):
    phantom = evidence | {"data_card": evidence["data_card"].model_copy(update={"phantom": True})}
    for shown in (evidence, evidence_of_two_sets, phantom):
        page = Page(rendered(shown))
        assert page.open == []
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(set(ids)) == len(ids)
        assert {link["href"].removeprefix("#") for link in page.all("a")} <= set(ids)
        labels = {attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes}
        assert labels <= set(ids)


def test_class_names_and_captions_are_escaped(evidence, rendered):
    loud = ReportFigure("Loud", "By <regime>.", 'Points "by" regime', evidence["sample_grid_figure"])
    section = Section("loud", "Loud", "images", (), lambda _: SectionContent(figures={"loud": loud}))
    with SECTIONS.extended(section):
        html = rendered(evidence)
    assert "<b>mucus" not in html
    assert "&lt;b&gt;mucus&lt;/b&gt; &amp; &#39;co&#39;" in html
    assert "By &lt;regime&gt;." in html
    assert 'Points "by" regime' in [image["alt"] for image in Page(html).all("img")]


def test_every_figure_has_its_alternative_text_and_its_size(evidence, rendered):
    images = Page(rendered(evidence)).all("img")
    assert len(images) == 22
    for image in images:
        assert image["alt"]
        png = base64.b64decode(image["src"].partition(",")[2])
        assert png.startswith(b"\x89PNG")
        assert int(image["width"]) == int.from_bytes(png[16:20])
        assert int(image["height"]) == int.from_bytes(png[20:24])


def test_the_same_evidence_gives_the_same_page(evidence, rendered):
    assert rendered(evidence) == rendered(dict(evidence))


def test_the_page_reads_by_question(evidence, rendered):
    text = Page(rendered(evidence)).text
    places = [
        text.index(words)
        for words in (
            "Do synthetic images help these image classifiers on this data?",
            "Summary",
            "helps CNN (",
            "Figure 1. Real and synthetic images.",
            "Table 4.1: accuracy",
            "What do the images look like? At the top",
            "Fidelity",
            "Do they help? At the top",
            "Accuracy by training data",
            "Verdicts",
            "Are they like real data to a classifier? Table 4.2: synthetic",
            "Table 4.3: robustness",
            "Are they safe to share? Near-duplicates",
            "Can the probabilities be trusted? Calibration",
            "What was done? Data card",
            "Denoiser 1 h 2 min",
            "Limitations",
            "Cells not trained.",
        )
    ]
    assert places == sorted(places)


def test_the_first_screen_holds_the_summary_a_picture_and_the_main_table(evidence, rendered):
    html = rendered(evidence)
    first = html[html.index('<section class="lead"') : html.index('<dl class="glance"')]
    assert [find in first for find in ("helps CNN", "real training images on the left", "Table 4.1")] == [True] * 3
    assert first.count("<img") == 1
    assert first.count("<table") == 1


def test_of_several_sets_the_first_screen_shows_one_and_folds_the_others(evidence_of_two_sets, rendered):
    html = rendered(evidence_of_two_sets)
    first = html[html.index('<section class="lead"') : html.index('<dl class="glance"')]
    assert first.index("images: good.") < first.index("<details>") < first.index("images: bad.")


def test_a_comparison_stands_with_its_verdict_interval_and_adjusted_p(evidence, rendered):
    comparison = evidence["comparison"].assign(
        verdict="helps", difference=0.031, ci_low=0.012, ci_high=0.05, p_adjusted=0.0002, small=False, non_inferior=True
    )
    comparison = comparison.assign(detectable=0.04)
    alone = comparison.assign(
        model="clip", verdict="no_verdict", reason="one replicate", ci_low=np.nan, ci_high=np.nan, p_adjusted=np.nan
    ).assign(difference=-0.004, non_inferior=False)
    page = Page(rendered(evidence | {"comparison": pd.concat([comparison, alone])}))
    assert "no test of significance" not in page.text.lower()
    assert "helps 1 of 2 classifiers (CNN +0.031); for 1 no verdict can be given." in page.text
    assert "CNN mixed vs real helps +0.031 +0.012 to +0.050 < 0.001 not inferior" in page.text
    assert "CLIP mixed vs real no verdict: one replicate -0.004" in page.text
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert labels == ["difference +0.031, 95 % interval +0.012 to +0.050", "difference -0.004"]


def test_a_difference_beyond_the_scale_is_an_arrow_at_its_end(evidence, rendered):
    rows = [
        evidence["comparison"].assign(model=name, ci_low=d - 0.01, ci_high=d + 0.01, difference=d)
        for name, d in (("cnn", -0.5), ("clip", 0.02), ("dinov2", 0.03))
    ]
    html = rendered(evidence | {"comparison": pd.concat(rows)})
    assert html.count('transform="scale(-1 1)"') == 1
    assert html.count('<circle class="point"') == 2


def test_without_verdicts_the_differences_of_means_stand_in_their_place(evidence, rendered):
    page = Page(rendered(evidence | {"comparison": evidence["comparison"].iloc[:0]}))
    assert "no test of significance was run" in page.text
    assert "No test of significance." in page.text
    assert "CNN mixed vs real +0.020" in page.text


@pytest.fixture
def evidence_as_published(evidence):
    """The same of the published CNN on PathMNIST."""
    card = evidence["data_card"]
    splits = card.splits | {"train": card.splits["train"].model_copy(update={"n": 89_996})}
    cells = [replace(cell, card=cell.card | {"parameters": NETWORKS_RECORDED}) for cell in evidence["predictions"]]
    data = {"source": "medmnist", "name": "pathmnist", "image_size": 64, "splits": splits}
    return evidence | {"data_card": card.model_copy(update=data), "predictions": cells}


def test_our_value_and_the_published_one_stand_in_one_cell(evidence_as_published, rendered):
    text = Page(rendered(evidence_as_published)).text
    assert "0.810 / 0.710 / 0.910 ±.014 / ±.014 / ±.014 0.852 / 0.846 / 0.988 published" in text
    assert "Published: the number of the original study, a single run on PathMNIST at 64x64." in text
    assert "A warning about the published table." in text
    assert "0.888 / 0.881 / 0.972" not in text  # CLIP's: here its weights are random


def test_of_other_data_nothing_published_is_shown(evidence, rendered):
    text = Page(rendered(evidence)).text
    assert "0.852 / 0.846 / 0.988" not in text
    assert "No published numbers are shown here" in text
    assert "warning about the published table" not in text


def test_missing_cells_are_named(evidence, rendered):
    assert "Not trained: CLIP mixed." in Page(rendered(evidence)).text
    assert "Not trained:" not in Page(rendered(evidence | {"missing_cells": []})).text


def test_unknown_patients_are_a_warning_at_the_top_and_in_the_data_card(evidence, rendered):
    page = Page(rendered(evidence))
    assert page.text.index("Patients unknown.") < page.text.index("Summary")
    assert "unknown: one may stand in several splits" in page.text
    known = evidence | {"data_card": evidence["data_card"].model_copy(update={"groups_known": True})}
    assert "Patients unknown" not in Page(rendered(known)).text


def test_random_weights_are_marked_in_red_but_not_those_of_the_cnn(evidence, rendered):
    html = rendered(evidence)
    alarm = re.search(r'<p class="alarm"><strong>Random weights\.</strong> (.*?)</p>', html).group(1)
    assert alarm.startswith("ResNet18, DINOv2, CLIP ran without pretrained weights.")
    assert '<span class="fact warn">weights: random (not pretrained)' in html
    assert re.search(r'<span class="fact">\s*weights: from scratch', html)


def test_a_phantom_is_marked_in_red_at_the_top_at_every_table_and_at_every_figure(evidence, rendered):
    html = rendered(evidence | {"data_card": evidence["data_card"].model_copy(update={"phantom": True})})
    tag = '<span class="tag">Digital phantom, not tissue</span>'
    headings = re.findall(r"<h3[^>]*>.*?</h3>|<h4>.*?</h4>|<summary>.*?</summary>", html)
    captions = re.findall(r"<figcaption>.*?</figcaption>", html)
    assert len(captions) == 22
    assert all(tag in part for part in (*headings, *captions))
    assert '<p class="alarm"><strong>Digital phantom, not tissue.</strong>' in html
    assert "phantom, not tissue" not in rendered(evidence)


def test_parameters_are_printed_exactly(evidence, rendered):
    text = Page(rendered(evidence)).text
    assert "phantom.n_train 9000" in text
    assert "margin 0.02" in text
    assert "path none" in text


def test_long_tables_fold(evidence, rendered):
    html = rendered(evidence)
    folded = re.findall(r"<details>\s*<summary>(.*?)</summary>", html)
    assert {"Comparisons in full", "Kernel distance, by class", "evaluation"} <= set(folded)


def test_a_study_without_any_cell_still_has_its_report(evidence, rendered):
    nothing = pd.DataFrame(columns=["model", "regime", "set", "replicate", "weights", "n"])
    tables = ("classification", "comparison", "synthetic_as_test", "robustness", "intervals", "per_class")
    bare = evidence | dict.fromkeys(tables, nothing) | {"predictions": [], "tsne": {}, "missing_cells": []}
    bare |= {"calibration": None, "robustness_curves": None, "knn_mixing": None, "generators": None}
    bare["robustness"] = nothing.assign(control=True)
    text = Page(rendered(bare)).text
    assert "No pair of cells that could be compared has been trained." in text
    assert "not trained" in text
    assert "No calibration: no cell has been evaluated." in text


def test_what_only_a_denoiser_has_is_absent_with_one_line(evidence_of_two_sets, rendered):
    text = Page(rendered(evidence_of_two_sets)).text
    for words in ("No training loss", "No samples by epoch", "No membership inference", "No denoiser"):
        assert f"{words}: these images were not made by this study's denoiser." in text
    assert "Images made elsewhere." in text
    assert "One denoiser" not in text


def test_a_study_of_the_denoiser_alone_names_its_one_training_as_a_limit(evidence, rendered):
    text = Page(rendered(evidence)).text
    assert "One denoiser." in text
    assert "Images made elsewhere" not in text


def test_a_new_section_stands_at_the_end_of_its_chapter(evidence, rendered):
    note = ReportFigure("Stain", "Mean color.", "Mean color of each set", evidence["sample_grid_figure"])
    section = Section(
        "stain", "Stain of the images", "images", ("data_card",), lambda _: SectionContent(figures={"stain": note})
    )
    with SECTIONS.extended(section):
        page = Page(rendered(evidence))
    assert page.text.index("Training of the denoiser") < page.text.index("Stain of the images")
    assert page.text.index("Stain of the images") < page.text.index("Do they help? At the top")
    assert "Stain of the images" not in Page(rendered(evidence)).text


def test_a_section_without_its_evidence_is_one_line(evidence, rendered):
    section = Section(
        "stain", "Stain", "images", ("stain_table",), lambda _: SectionContent(), absent="No stain: none."
    )
    with SECTIONS.extended(section):
        assert '<p id="stain" class="absent">No stain: none.</p>' in rendered(evidence)


def test_a_section_of_an_unknown_chapter_is_refused():
    with pytest.raises(Exception, match="unknown chapter 'moods'"):
        Section("stain", "Stain", "moods", (), lambda _: SectionContent())


OF_EVERY_STUDY = [name for name in SECTIONS if name != "reconstruction"]
"""That one belongs to latent space and is tested in sections/test_images.py."""


@pytest.mark.parametrize("name", OF_EVERY_STUDY)
def test_every_section_is_built_from_its_needs_alone(name, evidence):
    section = SECTIONS[name]
    content = build_section(section, {need: evidence[need] for need in section.needs})
    assert content is not None
    assert name == "generators" or not content.empty


@pytest.mark.parametrize("name", [name for name in OF_EVERY_STUDY if SECTIONS[name].needs])
def test_every_section_that_lacks_evidence_says_so_in_one_line(name, evidence):
    section = SECTIONS[name]
    assert build_section(section, evidence | {section.needs[-1]: None}) is None
    assert section.absent
    assert "\n" not in section.absent


@pytest.mark.parametrize(
    ("cards", "title", "words"),
    [
        ({"a": {"made_from": {"checkpoint": "x"}}}, "One denoiser", "for this synthetic set, not for this generator"),
        (
            {"a": {"made_from": {"checkpoint": "x"}, "replicates": 3}},
            "Several denoisers",
            "3 denoisers were trained from different random numbers",
        ),
        ({"a": {"made_from": {"checkpoint": "x"}}, "b": {}}, "One run of each generator", "not for their generators"),
        ({"a": {"made_from": {"checkpoint": "x"}, "replicates": 2}, "b": {}}, "Several denoisers", "Verdicts about b,"),
        ({"a": {"made_from": {"files": "x"}}}, "Images made elsewhere", "for these images, not for their generator"),
    ],
)
def test_a_limitation_says_whether_the_generator_was_trained_more_than_once(
    cards, title, words, evidence, generator_card
):
    cards = {name: generator_card(name=name, **facts) for name, facts in cards.items()}
    notes = {note.heading: note.text for note in limitations(evidence | {"generator_cards": cards})}
    of_generators = {"One denoiser", "Several denoisers", "One run of each generator", "Images made elsewhere"}
    assert notes.keys() & of_generators == {title}
    assert words in notes[title]
