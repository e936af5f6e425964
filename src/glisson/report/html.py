"""The dossier as one HTML file that needs nothing beside it: pictures inside, no script, no request."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files

from glisson.report.view import DossierView

__all__ = ["html", "render"]


def html(view: DossierView, pictures: Mapping[str, bytes]) -> str:
    """The page of a view. pictures: file name (as in the view's figures) -> PNG bytes. Raises KeyError for a picture
    that is not given.
    """

    def data_uri(file: str) -> str:
        return "data:image/png;base64," + base64.b64encode(pictures[file]).decode("ascii")

    return render("dossier.html.j2", view=view, data_uri=data_uri)


def render(template: str, **values: object) -> str:
    """The page of a template of the report. Everything put into it is escaped; a value it misses is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files("glisson.report").joinpath("templates")
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    return environment.get_template(template).render(**values)
