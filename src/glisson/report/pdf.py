"""The dossier as PDF: the same view, laid out on A4 by typst with fonts that come with the installed packages."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from glisson.errors import MissingExtra
from glisson.report.view import DossierView

__all__ = ["pdf", "typeset"]

STANDARD: Literal["ua-1"] = "ua-1"
"""PDF/UA-1: tagged, with a title, a language and a description of every picture."""


def pdf(view: DossierView, pictures: Mapping[str, bytes], *, stamped: datetime | None = None) -> bytes:
    """The PDF of a view; the same view gives the same bytes.

    pictures: file name (as in the view's figures) -> PNG bytes. stamped: date of the document's
    properties. Nothing is read from the network or from the machine's own fonts.
    """
    data = {**asdict(view), "created": [stamped.year, stamped.month, stamped.day] if stamped else None}
    return typeset("dossier.typ", data, pictures, timestamp=int(stamped.timestamp()) if stamped else 0)


def typeset(template: str, data: Mapping[str, object], pictures: Mapping[str, bytes], *, timestamp: int) -> bytes:
    """The PDF of a template of the report, which reads `data` as view.json and the pictures by their file names.

    timestamp: seconds since 1970 for the document's properties. The same arguments give the same bytes.
    """
    import typst

    folder = files("glisson.report").joinpath("templates")
    with tempfile.TemporaryDirectory(prefix="glisson-") as name:
        root = Path(name)
        for file, png in pictures.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)
        (root / "view.json").write_text(json.dumps(data), encoding="utf-8")
        for item in folder.iterdir():
            if item.name.endswith(".typ"):
                (root / item.name).write_text(item.read_text(encoding="utf-8"), encoding="utf-8")
        made: bytes = typst.compile(
            root / template,
            root=root,
            font_paths=[_fonts()],
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=STANDARD,
            timestamp=timestamp,
        )
    return made


def _fonts() -> Path:
    """The folder of DejaVu fonts that ships with matplotlib, found without importing it."""
    spec = find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("The PDF needs the fonts that come with matplotlib. Install it: pip install matplotlib")
    return Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
