"""Archives from strangers: zip, tar, tar.gz, tar.bz2 and tar.xz, unpacked with nothing trusted that they say."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from glisson.errors import InputError

__all__ = ["ARCHIVE_ENDINGS", "UnpackLimits", "is_archive", "safe_path", "unpack"]

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")
CHUNK = 1 << 20
SMALL_BYTES = 10 * CHUNK
"""Below so many bytes out, the ratio of bytes out to bytes in says nothing."""
DEEPEST = 20
DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, LookupError, struct.error,
    OverflowError, MemoryError,
)  # fmt: skip
"""What the readers of archives raise for damaged ones, beside OSError of no number or EINVAL (a place before the file's
beginning, a damaged gzip or bzip2 stream); other OSErrors are of our disk."""
LARGEST_READ = 8 * CHUNK
"""Most of a tar that is read at once. Its long names and further headers are read whole, however long they say they
are, and would fill the memory from a small packed file."""
LONGEST_NAME = 200
"""Bytes of one part of a path; file systems allow 255."""

PACKED: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
"""How a tar is packed, by its first bytes."""


@dataclass(frozen=True)
class UnpackLimits:
    """What the archives of one import may unpack to."""

    total_bytes: int
    files: int
    ratio: int


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive we unpack."""
    return name.lower().endswith(ARCHIVE_ENDINGS)


def safe_path(name: str) -> PurePosixPath:
    """A path from a stranger as one below a folder. Raises InputError for absolute paths, `..`, drives, backslashes
    and characters that cannot be shown.
    """
    path = PurePosixPath(unicodedata.normalize("NFC", name))
    parts = [part for part in path.parts if part != "."]
    bad = (
        path.is_absolute() or PureWindowsPath(name).drive or "\\" in name or ".." in parts or not parts
        or len(parts) > DEEPEST or not name.isprintable() or any(len(part.encode()) > LONGEST_NAME for part in parts)
    )  # fmt: skip
    if bad:
        shown = "".join(c if c.isprintable() else "?" for c in name[:80])
        raise InputError(f"The file name {shown!r} is not taken: it leaves its folder, or is too long or odd.")
    return PurePosixPath(*parts)


def unpack(archive: Path, target: Path, limits: UnpackLimits) -> int:
    """Unpack an archive into an empty folder; gives back the bytes written.

    Raises InputError for one that is damaged or encrypted, holds links, special files, archives, odd or doubled names,
    or more than the limits allow: bytes are counted as they come, not as the archive states them.
    """
    counter = _Counter(limits, archive.stat().st_size)
    try:
        members = _zip(archive) if archive.name.lower().endswith(".zip") else _tar(archive)
        for name, stream in members:
            _write(target, safe_path(name), stream, counter)
    except (NotImplementedError, RuntimeError) as unknown:
        raise InputError(f"{archive.name} is encrypted or packed in a way that is not known.") from unknown
    except (OSError, *DAMAGE) as damage:
        if isinstance(damage, OSError) and damage.errno not in (None, errno.EINVAL):
            raise
        raise InputError(f"{archive.name} is damaged or not an archive of its name's kind.") from damage
    return counter.written


class _Counter:
    def __init__(self, limits: UnpackLimits, packed: int) -> None:
        self._limits, self._packed = limits, max(packed, 1)
        self.written = self.files = 0

    def file(self) -> None:
        self.files += 1
        if self.files > self._limits.files:
            raise InputError(f"The archive holds more than {self._limits.files} files.")

    def bytes(self, count: int) -> None:
        self.written += count
        if self.written > self._limits.total_bytes:
            raise InputError(f"The archive unpacks to more than {self._limits.total_bytes} bytes.")
        if self.written > SMALL_BYTES and self.written > self._limits.ratio * self._packed:
            raise InputError(f"The archive unpacks to more than {self._limits.ratio} times its size.")


def _zip(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as held:
        for item in held.infolist():
            kind = stat.S_IFMT(item.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError("The archive holds a link or a special file. Only plain files are taken.")
            if item.orig_filename != item.filename and "\0" in item.orig_filename:
                raise InputError("The archive holds a file name with a zero byte.")
            if not item.is_dir():
                with held.open(item) as stream:
                    yield item.filename, stream


def _tar(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with archive.open("rb") as packed:
        start = packed.read(6)
        packed.seek(0)
        unpacker = next((of for magic, of in PACKED.items() if start.startswith(magic)), None)
        stream: Any = _Bounded(packed if unpacker is None else unpacker(packed))
        with tarfile.open(fileobj=stream, mode="r:") as held:
            for item in held:
                if not item.isreg() and not item.isdir():
                    raise InputError("The archive holds a link or a special file. Only plain files are taken.")
                content = held.extractfile(item) if item.isreg() else None
                if content is not None:
                    yield item.name, content


class _Bounded:
    """A stream that gives little at once."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST_READ:
            raise InputError(f"The archive holds a header of {size} bytes. Pack the files again.")
        content: bytes = self._stream.read(size)
        return content


def _write(target: Path, name: PurePosixPath, stream: IO[bytes], counter: _Counter) -> None:
    counter.file()
    if is_archive(name.name):
        raise InputError(f"The archive holds another archive ({name.name}). Unpack that one first.")
    path = target / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while chunk := stream.read(CHUNK):
                counter.bytes(len(chunk))
                file.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"The archive holds {name.name} twice.") from None
