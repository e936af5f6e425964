"""Folders on disk that appear whole: copies by hard link, hashes, and what may be in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from glisson.errors import InputError

__all__ = ["discard", "hashes", "link_tree", "put_in_place", "refuse_links", "sync_folder", "walk"]

COPIED_BELOW = 64 * 1024
"""Bytes up to which a file is copied, not linked: cheap, and safe from a program that writes into it."""
CHUNK = 1 << 20


def walk(folder: Path) -> Iterator[Path]:
    """Every file of a folder, sorted by path. Nothing that is not a plain file is followed."""
    for path in sorted(folder.rglob("*")):
        if stat.S_ISREG(path.lstat().st_mode):
            yield path


def refuse_links(folder: Path) -> None:
    """Raise InputError where a folder holds anything but folders and plain files."""
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise InputError(f"{path.relative_to(folder)} is a link or a special file. Only plain files are taken.")


def link_tree(source: Path, target: Path) -> None:
    """A copy of a folder that shares the bytes of its larger files."""
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        elif path.stat().st_size < COPIED_BELOW:
            shutil.copyfile(path, place)
        else:
            place.hardlink_to(path)


def hashes(folder: Path, known: Mapping[tuple[int, int, int], str] | None = None) -> dict[str, str]:
    """Relative path -> SHA-256 of every file. known: hashes by (inode, size, time) of files that did not change."""
    found = {}
    for path in walk(folder):
        key = _identity(path)
        found[path.relative_to(folder).as_posix()] = (known or {}).get(key) or _sha256(path)
    return found


def known_hashes(folder: Path, recorded: Mapping[str, str]) -> dict[tuple[int, int, int], str]:
    """The recorded hashes of a folder's files by (inode, size, time), for the copies that are links to them."""
    return {_identity(folder / name): digest for name, digest in recorded.items() if (folder / name).is_file()}


def _identity(path: Path) -> tuple[int, int, int]:
    held = path.stat()
    return held.st_ino, held.st_size, held.st_mtime_ns


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Have a folder's new files and its entries on the disk; a full disk is noticed here at the latest."""
    for path in walk(folder):
        if path.stat().st_nlink == 1:
            _sync(path)
    for path in [*(p for p in folder.rglob("*") if p.is_dir()), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def put_in_place(staging: Path, target: Path) -> None:
    """Move a complete folder (after `sync_folder`) to its place. What an interrupted attempt left there is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    staging.rename(target)
    _sync(target.parent)


def discard(folder: Path) -> None:
    """Delete a folder and all in it; nothing happens where there is none."""
    shutil.rmtree(folder, ignore_errors=True)
