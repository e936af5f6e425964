"""The dossier on disk: made whole in a folder beside the target and moved into place at once, or not written."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from glisson.errors import OutputError
from glisson.report.build import dossier_view
from glisson.report.numbers import findings_json
from glisson.report.plans import plans_json

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["write_dossier", "write_whole"]

Progress = Callable[[str, float], None]

MARK = "findings.json"
"""A folder that holds this file and `dossier.html` is a dossier, and may be replaced by a new one."""


def write_dossier(
    result: Assessment,
    out: str | Path,
    *,
    stamped: datetime | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write dossier.html, dossier.pdf, findings.json, figures/*.png and masks/*.nii.gz into `out`; give back its path.

    All of it appears at once or not at all. An earlier dossier in `out` is replaced when the new one is complete and
    stays as it was when anything goes wrong. stamped: the time of writing that stands in the dossier; without it, none
    does, and the same assessment gives the same bytes.
    progress: called with the step in words and the share done, 0 to 1.

    Raises OutputError, saying what and where, for a folder that holds anything else and for a disk that refuses.
    """
    say = progress or (lambda _words, _share: None)

    def fill(folder: Path) -> None:
        _fill(folder, result, stamped, say)
        say("Moving the dossier into place", 0.99)

    target = write_whole(out, fill, marks=frozenset((MARK, "dossier.html")), what="dossier")
    say("Dossier written", 1.0)
    return target


def write_whole(out: str | Path, fill: Callable[[Path], None], *, marks: frozenset[str], what: str) -> Path:
    """Have `fill` make a folder beside `out`, then put it in its place at once; nothing is written when anything fails.

    marks: names that a folder holds when it is an earlier one of its kind and may be replaced. what: its name in
    messages. Gives back the folder's path. Raises OutputError for a folder that holds anything else and for a disk that
    refuses.
    """
    target = Path(out).resolve()
    _refuse_foreign(target, marks, what)
    staging: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        fill(staging)
        _sync(staging)
        _swap(staging, target)
    except OSError as refusal:
        raise OutputError(_why(refusal, target, what)) from refusal
    except OutputError as refusal:
        if isinstance(refusal.__cause__, OSError):
            raise OutputError(_why(refusal.__cause__, target, what)) from refusal
        raise
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
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


def _refuse_foreign(target: Path, marks: frozenset[str], what: str) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is there and is not a folder. Name a folder that does not exist yet: -o OUT.")
    held = sorted(path.name for path in target.iterdir())
    if held and not marks <= set(held):
        shown = ", ".join(held[:3]) + (", ..." if len(held) > 3 else "")
        raise OutputError(
            f"{target} is not empty and holds no earlier {what} ({shown}). "
            "Nothing was written. Name an empty or new folder: -o OUT."
        )


def _sync(folder: Path) -> None:
    """Have the files on the disk before they take their place, so that a full disk is noticed now."""
    folder.chmod(0o755)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _swap(staging: Path, target: Path) -> None:
    """Put the new folder in the place of the old one; put the old one back when that does not work."""
    if not target.exists():
        staging.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(aside / "old")
    try:
        staging.rename(target)
    except OSError:
        (aside / "old").rename(target)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _why(refusal: OSError, target: Path, what: str) -> str:
    kept = f"Nothing was written{f'; the earlier {what} is as it was' if target.exists() else ''}."
    where = refusal.filename or target
    if refusal.errno == errno.ENOSPC:
        return f"The disk of {target.parent} is full. {kept} Free some space or name another disk: -o OUT."
    if refusal.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{target.parent} may not be written to ({refusal.strerror}: {where}). {kept} Name another folder: -o OUT."
        )
    return f"The {what} could not be written to {target} ({refusal.strerror or refusal}: {where}). {kept}"
