"""What a planning run keeps for the workbench beside its dossier, and how the routes read it back."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["VIEWER_FILE", "read_json", "viewer_data", "write_viewer_data"]

VIEWER_FILE = "viewer.json"
"""Beside findings.json in a results folder."""

KEPT = 24
"""Parsed files kept in memory, so that many readers of one case cost one reading."""


def viewer_data(result: Assessment) -> dict[str, Any]:
    """Needles, reasons and timeline of an assessment as plain data."""
    from glisson.serve.content.needles import needles_data
    from glisson.serve.content.reasons import reasons_data
    from glisson.serve.content.timeline import timeline_page

    return {
        "format": "1",
        "needles": needles_data(result),
        "reasons": reasons_data(result),
        "timeline": timeline_page(result),
    }


def write_viewer_data(result: Assessment, folder: Path) -> Path:
    """Write viewer.json into a results folder that is being made; gives back its path. Raises OSError."""
    path = folder / VIEWER_FILE
    text = json.dumps(viewer_data(result), ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def read_json(path: Path) -> Any:
    """The content of a JSON file that never changes once it is there; read once. Callers must not change it.

    Raises FileNotFoundError.
    """
    stat = path.stat()
    return _parsed(str(path), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=KEPT)
def _parsed(path: str, _time: int, _size: int) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))
