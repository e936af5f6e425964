"""Fingerprints of inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from glisson.errors import ImageError
from glisson.scene import SourceFile

__all__ = ["fingerprint", "sha256_of"]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder: of the relative names and fingerprints of its files in sorted order.

    Raises ImageError where a file cannot be read.
    """
    try:
        if path.is_dir():
            whole = hashlib.sha256()
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                whole.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
            return whole.hexdigest()
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise ImageError(
            f"{path} cannot be read: {problem.strerror}. Check that it exists and may be read."
        ) from problem


def fingerprint(role: str, path: Path, given: str | None = None) -> SourceFile:
    """The fingerprint of a file or folder under the path that the case gives for it."""
    return SourceFile(role, given if given is not None else str(path), sha256_of(path))
