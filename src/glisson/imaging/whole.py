"""A folder on disk made whole: filled beside its target and moved into place at once, or not written."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from glisson.errors import OutputError

__all__ = ["write_whole"]


def write_whole(
    out: str | Path,
    fill: Callable[[Path], None],
    *,
    marks: frozenset[str],
    what: str,
    names: frozenset[str] | None = None,
) -> Path:
    """Have `fill` make a folder beside `out`, then put it in its place at once; nothing is written when anything fails.

    marks: names that a folder holds when it is an earlier one of its kind and may be replaced. what: its name in
    messages. names: all that a folder of its kind holds; one that holds more is left alone. Without it, only the marks
    are asked for. Gives back the folder's path. Raises OutputError for a folder that holds anything else and for a disk
    that refuses.
    """
    target = Path(out).resolve()
    _refuse_foreign(target, marks, names, what)
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


def _refuse_foreign(target: Path, marks: frozenset[str], names: frozenset[str] | None, what: str) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is there and is not a folder. Name a folder that does not exist yet: -o OUT.")
    held = sorted(path.name for path in target.iterdir())
    strange = [name for name in held if names is not None and name not in names]
    if held and (strange or not marks <= set(held)):
        held = strange or held
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
