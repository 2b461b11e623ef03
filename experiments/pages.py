"""How a page of HTML is made from its template: every text of a model, a log or a run is escaped,
and a figure is an image that can run no script."""

from __future__ import annotations

import base64
from typing import Any

import jinja2
from markupsafe import Markup


def fill_template(
    template: str, *, undefined: type[jinja2.Undefined] = jinja2.StrictUndefined, **fields: Any
) -> str:
    """The page of a template in `experiments/templates`.

    Args:
        template: name of its file.
        undefined: what a field that is missing does; it raises by default.
        fields: what the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("experiments", "templates"),
        autoescape=True,
        undefined=undefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**fields)


def data_uri(svg: str) -> Markup:
    """An SVG as a data URI: as an image it can run no script and load nothing."""
    return Markup("data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii"))
