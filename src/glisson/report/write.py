"""The dossier on disk: made whole in a folder beside the target and moved into place at once, or not written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from glisson.imaging import write_whole
from glisson.report.build import dossier_view
from glisson.report.numbers import findings_json
from glisson.report.plans import plans_json

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["write_dossier"]

Progress = Callable[[str, float], None]

MARK = "findings.json"
"""A folder that holds this file and `dossier.html` is a dossier, and may be replaced by a new one."""


def write_dossier(
    result: Assessment,
    out: str | Path,
    *,
    stamped: datetime | None = None,
    progress: Progress | None = None,
    extra: Callable[[Path], None] | None = None,
) -> Path:
    """Write dossier.html, dossier.pdf, findings.json, figures/*.png and masks/*.nii.gz into `out`; give back its path.

    All of it appears at once or not at all. An earlier dossier in `out` is replaced when the new one is complete and
    stays as it was when anything goes wrong. stamped: the time of writing that stands in the dossier; without it, none
    does, and the same assessment gives the same bytes.
    progress: called with the step in words and the share done, 0 to 1. extra: called with the folder when all else is
    in it; what it writes there appears with the dossier, and where it raises nothing does.

    Raises OutputError, saying what and where, for a folder that holds anything else and for a disk that refuses.
    """
    say = progress or (lambda _words, _share: None)

    def fill(folder: Path) -> None:
        _fill(folder, result, stamped, say)
        if extra is not None:
            say("Writing further results", 0.95)
            extra(folder)
        say("Moving the dossier into place", 0.99)

    target = write_whole(out, fill, marks=frozenset((MARK, "dossier.html")), what="dossier")
    say("Dossier written", 1.0)
    return target


def _fill(folder: Path, result: Assessment, stamped: datetime | None, say: Progress) -> None:
    """Make every file in the folder; the masks are packed on a thread of their own while the pictures are drawn."""
    from concurrent.futures import ThreadPoolExecutor

    from glisson.report.masks import write_masks

    with ThreadPoolExecutor(1) as pool:
        masks = pool.submit(write_masks, result, folder / "masks")
        _fill_pages(folder, result, stamped, say)
        say("Writing masks and findings", 0.9)
        (folder / MARK).write_text(findings_json(result, stamped=stamped), encoding="utf-8")
        if result.clearing is not None:
            (folder / "plans.json").write_text(plans_json(result), encoding="utf-8")
        masks.result()


def _fill_pages(folder: Path, result: Assessment, stamped: datetime | None, say: Progress) -> None:
    from glisson.report.html import html
    from glisson.report.pdf import pdf
    from glisson.report.pictures import draw

    drawn = draw(result, lambda words, share: say(words, 0.8 * share))
    for file, png in drawn.files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    say("Laying out the pages", 0.8)
    view = dossier_view(result, drawn.figures, stamped=stamped)
    (folder / "dossier.html").write_text(html(view, drawn.files), encoding="utf-8")
    (folder / "dossier.pdf").write_bytes(pdf(view, drawn.files, stamped=stamped))
