"""A case as one zip, made while it is sent: nothing of it is written on the server."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from glisson.serve.audit import Entry
from glisson.serve.core import Core
from glisson.serve.deciding import decisions_of
from glisson.serve.files import walk

__all__ = ["export_chunks"]

CHUNK = 1 << 20
SQUEEZED = (".html", ".json", ".yaml", ".csv", ".txt", ".svg", ".nii")
"""Everything else is compressed already."""


class _Outlet(io.RawIOBase):
    """Holds what the zip writer wrote until it is sent on."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._held += part
        return len(part)

    def taken(self) -> bytes:
        part = bytes(self._held)
        self._held.clear()
        return part


def export_chunks(core: Core, case_id: str, version: int) -> Iterator[bytes]:
    """The zip's bytes: case/, results/, letter/, decisions.json, audit.json, versions.json, files.json (hashes).

    Raises NotFound at once, before anything is sent.
    """
    store = core.store
    folders = {"case": store.case_folder(case_id, version)}
    results = store.results_folder(case_id, version)
    decisions = decisions_of(core, case_id)
    if results is not None:
        folders["results"] = results
    if decisions and store.letter_folder(case_id, len(decisions)).is_dir():
        folders["letter"] = store.letter_folder(case_id, len(decisions))
    texts = {
        "decisions.json": decisions,
        "audit.json": [asdict(entry) for entry in _trail(core, case_id)],
        "versions.json": [asdict(found) for found in store.versions(case_id)],
        "files.json": store.files(case_id, version),
    }
    return _chunks(folders, {name: json.dumps(held, indent=1, ensure_ascii=False) for name, held in texts.items()})


def _trail(core: Core, case_id: str) -> Iterator[Entry]:
    after = 0
    while found := core.audit.entries(case_id=case_id, after=after):
        yield from found
        after = found[-1].n


def _chunks(folders: dict[str, Path], texts: dict[str, str]) -> Iterator[bytes]:
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        for name, folder in folders.items():
            for path in walk(folder):
                item = zipfile.ZipInfo.from_file(path, f"{name}/{path.relative_to(folder).as_posix()}")
                squeezed = path.suffix in SQUEEZED
                item.compress_type = zipfile.ZIP_DEFLATED if squeezed else zipfile.ZIP_STORED
                with path.open("rb") as source, archive.open(item, "w", force_zip64=True) as target:
                    while part := source.read(CHUNK):
                        target.write(part)
                        yield outlet.taken()
    yield outlet.taken()
