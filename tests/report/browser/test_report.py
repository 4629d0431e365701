import re

import pytest


@pytest.fixture
def html(evidence, rendered):
    """Of a study of the phantom without near-duplicates."""
    quiet = evidence["privacy"].assign(alarm=False)
    card = evidence["data_card"].model_copy(update={"phantom": True})
    return rendered(evidence | {"data_card": card, "privacy": quiet})


@pytest.fixture
def page(open_page, html):
    return open_page(html)


def test_every_figure_is_loaded_at_its_full_size(page, html):
    widths = [int(width) for width in re.findall(r'<img [^>]*? width="(\d+)"', html)]
    assert page.picture_widths == widths
    shown = [image.size for image in page.all("figure img")]
    assert all(size["width"] <= 1024 and size["height"] > 20 for size in shown)


def test_the_first_screen_holds_summary_picture_and_main_table(page):
    for selector in ("#result p", "#real_and_synthetic img", "#table_4_1 table"):
        assert page.top_in_view(page.find(selector)) < 900


def test_a_folded_table_opens_on_a_click(page):
    folded = page.find("#comparisons details")
    assert not folded.find_element("css selector", "table").is_displayed()
    folded.find_element("css selector", "summary").click()
    assert folded.find_element("css selector", "table").is_displayed()


def test_every_entry_of_the_contents_leads_to_its_section(page):
    for link in page.all("nav a"):
        link.click()
        section = page.find(link.get_attribute("hash"))
        assert -1 < page.top_in_view(section) < 900


def test_nothing_is_wider_than_a_phone(phone, page):
    assert page.overflow == 0
    assert min(page.picture_widths) > 0
    assert page.find("#table_4_1 tbody tr").size["width"] <= 390
