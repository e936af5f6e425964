"""Uploads: multipart forms written to the disk as they arrive, counted, never held in memory."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from glisson.errors import InputError
from glisson.serve.archives import safe_path
from glisson.serve.files import discard
from glisson.serve.importing import FILES, MANIFEST
from glisson.serve.problems import Refusal, TooLarge
from glisson.serve.settings import Limits

__all__ = ["Upload", "UploadedFile", "receive_upload"]

LARGEST_FIELD = 2000
MOST_FIELDS = 60_000
BATCH = 1 << 20


@dataclass(frozen=True)
class UploadedFile:
    """path: below the upload's files. name: as the browser gave it. role: what it is, where the person said."""

    path: str
    name: str
    role: str


@dataclass(frozen=True)
class Upload:
    """What arrived: its id (and folder), the case's title and the files."""

    id: str
    title: str
    files: tuple[UploadedFile, ...]


async def receive_upload(home: Path, content_type: str, body: AsyncIterator[bytes], limits: Limits) -> Upload:
    """Write a form's files to `home`/<id>/files and what was said of them to upload.json.

    Fields: `title`; `files` (also `files[]`), repeated; `role`, repeated, in the order of the files, empty where none.
    Raises Refusal for a form that is none, TooLarge beyond the limits, InputError for odd file names; nothing of
    it stays on the disk then.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refusal("An import is a form of the type multipart/form-data.")
    folder = home / str(uuid.uuid4())
    form = _Form(folder, limits)
    try:
        (folder / FILES).mkdir(parents=True)
        parser = MultipartParser(options[b"boundary"], form.callbacks())  # type: ignore[arg-type]
        held = bytearray()
        async for part in body:
            held += part
            form.count(len(part))
            if len(held) >= BATCH:
                await run_in_threadpool(parser.write, bytes(held))
                held.clear()
        await run_in_threadpool(parser.write, bytes(held))
        parser.finalize()
        return await run_in_threadpool(form.finished)
    except FormParserError:
        form.abandon()
        raise Refusal("The form is damaged or was cut off.") from None
    except BaseException:
        form.abandon()
        raise


class _Form:
    """The state of one form while its parts arrive."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._total = self._fields = 0
        self._headers: dict[str, bytes] = {}
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._name = ""
        self._text = bytearray()
        self._file: IO[bytes] | None = None
        self._complete = False
        self._title = ""
        self._roles: list[str] = []
        self._files: list[tuple[str, str]] = []

    def callbacks(self) -> dict[str, object]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin, "on_part_data": self._data, "on_part_end": self._end,
            "on_header_field": lambda d, a, b: self._header[0].extend(d[a:b]),
            "on_header_value": lambda d, a, b: self._header[1].extend(d[a:b]),
            "on_header_end": self._header_end, "on_headers_finished": self._headers_end, "on_end": self._done,
        }  # fmt: skip

    def count(self, size: int) -> None:
        """Count bytes of the body. Raises TooLarge."""
        self._total += size
        if self._total > self._limits.upload_bytes:
            raise TooLarge(f"An import is at most {self._limits.upload_bytes} bytes.")

    def _begin(self) -> None:
        self._fields += 1
        if self._fields > MOST_FIELDS:
            raise TooLarge("The form has too many fields.")
        self._headers, self._text, self._name = {}, bytearray(), ""

    def _header_end(self) -> None:
        field, value = self._header
        self._headers[field.decode("latin-1").lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace").removesuffix("[]")
        if b"filename" in options and self._name == "files":
            self._file = self._open(options[b"filename"].decode("utf-8", "replace"))

    def _open(self, name: str) -> IO[bytes] | None:
        if not name:
            return None
        if len(self._files) >= self._limits.upload_files:
            raise TooLarge(f"An import holds at most {self._limits.upload_files} files; pack them into one zip or tar.")
        place = safe_path(name)
        path = self._folder / FILES / place
        if path.exists():
            place = safe_path(f"{len(self._files)}/{place}")
            path = self._folder / FILES / place
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            opened = path.open("xb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise InputError(f"The form holds the file {place.name} twice.") from None
        self._files.append((place.as_posix(), name))
        return opened

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > LARGEST_FIELD:
            raise TooLarge(f"A field of the form is at most {LARGEST_FIELD} bytes.")

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        elif self._name == "title":
            self._title = self._text.decode("utf-8", "replace").strip()
        elif self._name == "role":
            self._roles.append(self._text.decode("utf-8", "replace").strip())

    def _done(self) -> None:
        self._complete = True

    def finished(self) -> Upload:
        """The upload, described on the disk. Raises Refusal for a form that was cut off or holds nothing."""
        if not self._complete:
            raise Refusal("The form is damaged or was cut off.")
        if not self._files:
            raise InputError("The import holds no file. Give scans, masks, a case folder as zip or tar, or facts.")
        if len(self._roles) > len(self._files):
            raise InputError("The import names more roles than files.")
        roles = self._roles + [""] * (len(self._files) - len(self._roles))
        files = tuple(UploadedFile(path, name, role) for (path, name), role in zip(self._files, roles, strict=True))
        upload = Upload(self._folder.name, self._title, files)
        (self._folder / MANIFEST).write_text(json.dumps([asdict(f) for f in files]), encoding="utf-8")
        return upload

    def abandon(self) -> None:
        """Leave nothing on the disk."""
        if self._file is not None:
            self._file.close()
        discard(self._folder)
