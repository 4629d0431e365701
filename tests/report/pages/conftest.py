import json
import re

import pytest


@pytest.fixture
def content_of():
    """Reads what a page's script reads."""

    def content_of(html):
        return json.loads(re.search(r'<script type="application/json" id="content">(.*?)</script>', html).group(1))

    return content_of
