import re
from base64 import b64encode
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report.pages.feature_space import render_feature_space
from synthpath_kedro.report.pages.reader_study import render_reader_study


@pytest.fixture(params=["reader study", "feature space"])
def page(request, images):
    if request.param == "reader study":
        return render_reader_study(images, images, 6, 0, "A <title>", phantom=True)
    points = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "label": 0, "source": "synthetic", "index": [0, 1]})
    tiles = {"synthetic": np.zeros((2, 4, 4, 3), np.uint8)}
    return render_feature_space({"<CNN>": points}, tiles, ("</script>",), "A <title>", "Digital phantom, not tissue")


def test_the_page_names_no_address_outside_itself(page):
    without_pictures = re.sub(r"base64,[^\"]+", "", page)
    assert not re.search(r"(?:https?:)?//\w|url\(|@import|<link|<iframe", without_pictures)
    assert set(re.findall(r' src="([^"]{15})', page)) == {"data:image/png;"}


def test_the_policy_lets_only_the_pages_own_script_run(page):
    script = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(script) == 1
    digest = b64encode(sha256(script[0].encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page


def test_names_are_escaped_and_the_warning_stands_under_the_title(page):
    assert "<h1>A &lt;title&gt;</h1>\n" in page
    assert '<p class="alarm"><strong>Digital phantom, not tissue.</strong></p>' in page
    assert "<CNN>" not in page
    assert page.count("</script>") == 2
