"""The example of the documentation is true."""

import re
from pathlib import Path

from synthpath_kedro.report.sections import SECTIONS


def test_the_example_of_the_documentation_shows_on_the_page(project: Path, evidence, rendered):
    text = "".join(document.read_text() for document in sorted((project / "docs").glob("extending*.md")))
    code = re.search(r"```python\n(\"\"\"How large the synthetic sets.*?)```", text, re.DOTALL).group(1)
    names: dict = {}
    exec(compile(code, "docs", "exec"), names)
    with SECTIONS.extended(names["SECTION"]):
        html = rendered(evidence)
    assert "Sizes of the synthetic sets" in html
    assert "per training image" in html
    assert "0.900" in html
