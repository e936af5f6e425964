"""Reading the knowledge files, and keeping what was parsed.

Parsing some 600 YAML files takes seconds; hashing them takes milliseconds. So the parsed content is kept as one JSON file in
`__pycache__`, next to Python's own compiled modules and for the same reason: it is derived from files that lie beside it, belongs in
no repository, needs no build step and no command, and may be missing or unwritable without harm. It is used only when the SHA-256
over every name and every byte it was made from is the same, so an edited file is never answered from an old copy. Checks of the
content (unknown keys, units, facts) run on every load, from either.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from glisson.errors import KnowledgeError
from glisson.knowledge.strict_yaml import Section, parse_yaml

__all__ = ["ROOT", "TEST_SUFFIX", "load_files", "load_section"]

ROOT = Path(__file__).parent
"""The knowledge that ships with the package."""

TEST_SUFFIX = ".test.yaml"
"""Ending of the files that test a rule, score or table; read by the check only."""

_FORMAT = 1
"""Changes when the strict YAML reader would read the same bytes differently."""


def load_files(root: Path) -> dict[str, Section]:
    """Every knowledge file below a folder but the tests, by its path with forward slashes, sorted.

    Raises KnowledgeError for a file that is not strict YAML.
    """
    texts = {name: (root / name).read_bytes() for name in _names(root)}
    digest = _digest(texts)
    cache = _cache_file(root)
    parsed = _cached(cache, digest)
    if parsed is not None:
        return {name: Section(parsed[name], name) for name in texts}
    sections = {name: _parse(name, data) for name, data in texts.items()}
    _keep(cache, digest, {name: section.data for name, section in sections.items()})
    return sections


def load_section(root: Path, name: str) -> Section:
    """One file, parsed afresh, with its line numbers."""
    return _parse(name, (root / name).read_bytes())


def _names(root: Path) -> list[str]:
    top = [name for name in ("facts.yaml", "modalities.yaml") if (root / name).is_file()]
    found = []
    for folder in ("sources", "library"):
        for path, folders, files in os.walk(root / folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            wrong = [file for file in files if not file.endswith(".yaml") and not file.startswith(".")]
            if wrong:
                raise KnowledgeError(f"{Path(path, wrong[0])}: only .yaml files belong here.")
            below = Path(path).relative_to(root)
            found += [(below / file).as_posix() for file in files if file.endswith(".yaml") and not file.endswith(TEST_SUFFIX)]
    return top + sorted(found)


def _digest(texts: Mapping[str, bytes]) -> str:
    total = hashlib.sha256(str(_FORMAT).encode())
    for name, data in texts.items():
        total.update(f"\0{name}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


def _parse(name: str, data: bytes) -> Section:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise KnowledgeError(f"{name}: not UTF-8 text (byte {error.start}).") from None
    content, lines = parse_yaml(text, name)
    return Section(content, name, lines)


def _cache_file(root: Path) -> Path:
    prefix = sys.pycache_prefix
    folder = Path(prefix, *root.resolve().parts[1:]) if prefix else root / "__pycache__"
    return folder / "knowledge.json"


def _cached(cache: Path, digest: str) -> dict[str, dict[str, Any]] | None:
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        return dict(content["files"]) if content["sha256"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(cache: Path, digest: str, files: Mapping[str, object]) -> None:
    """Write whole or not at all; a folder that cannot be written is no fault."""
    if sys.dont_write_bytecode:
        return
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=cache.parent, prefix="knowledge", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump({"sha256": digest, "files": files}, stream, ensure_ascii=False)
            Path(temporary).replace(cache)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
