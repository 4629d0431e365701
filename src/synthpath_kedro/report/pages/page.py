"""What the interactive pages have in common: one file, one script, no request to anywhere."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from synthpath_kedro.report.pages.sprite_sheet import SpriteSheet
from synthpath_kedro.report.templating import render_template


def render_page(
    name: str, title: str, note: str | None, content: Mapping[str, Any], sheet: SpriteSheet | None, **values: Any
) -> str:
    """The template ``name``.html.j2 with the script ``name``.js, the only one that the page's policy lets run.

    Args:
        name: of the page.
        title: heading.
        note: a warning in red under it, such as "Digital phantom, not tissue".
        content: what the script reads, as plain values.
        sheet: the page's pictures.
        values: further values of the template.
    """
    script = render_template(f"{name}.js")
    return render_template(
        f"{name}.html.j2",
        title=title,
        note=note,
        content=content,
        sheet=b64encode(sheet.png).decode() if sheet else None,
        script=script,
        script_digest=b64encode(sha256(script.encode()).digest()).decode(),
        **values,
    )
