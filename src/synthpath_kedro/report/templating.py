"""Text from the templates of this package."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render_template(name: str, **values: Any) -> str:
    """The template ``name`` filled with ``values``: text is escaped, and a value it lacks is an error."""
    environment = Environment(
        loader=PackageLoader("synthpath_kedro.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":")}
    return environment.get_template(name).render(**values)
