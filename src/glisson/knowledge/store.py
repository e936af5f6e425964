"""Reading the knowledge files.

They are parsed afresh in each process: libyaml reads 600 files (400 rules, 200 sources) in about 0.1 s, so nothing
derived is kept that could grow old, and every message about the content can name its line.
"""

from __future__ import annotations

import os
from pathlib import Path

from glisson.errors import KnowledgeError
from glisson.knowledge.strict_yaml import Section, parse_yaml

__all__ = ["ROOT", "TEST_SUFFIX", "load_files", "load_section", "test_files"]

ROOT = Path(__file__).parent
"""The knowledge that ships with the package."""

TEST_SUFFIX = ".test.yaml"
"""Ending of the files that test a rule or score; read by the check only."""

TOP_FILES = ("facts.yaml", "modalities.yaml")
"""Lists that the whole library shares."""


def load_files(root: Path) -> dict[str, Section]:
    """Every knowledge file below a folder but the tests, by its path with forward slashes, in a fixed order.

    Raises KnowledgeError for a file that is not strict YAML, or that does not end in .yaml.
    """
    return {name: load_section(root, name) for name in _names(root)}


def load_section(root: Path, name: str) -> Section:
    """One file with its line numbers. Raises KnowledgeError when it is not strict YAML."""
    data = (root / name).read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise KnowledgeError(f"{name}: not UTF-8 text (byte {error.start}).") from None
    content, lines = parse_yaml(text, name)
    return Section(content, name, lines)


def test_files(root: Path) -> tuple[str, ...]:
    """Every test file of the library, sorted, with forward slashes."""
    return tuple(name for name in _below(root, "library") if name.endswith(TEST_SUFFIX))


def _names(root: Path) -> list[str]:
    top = [name for name in TOP_FILES if (root / name).is_file()]
    found = [*_below(root, "sources"), *_below(root, "library"), *_below(root, "claims")]
    return top + [name for name in found if not name.endswith(TEST_SUFFIX)]


def _below(root: Path, folder: str) -> list[str]:
    found = []
    for path, folders, files in os.walk(root / folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        below = Path(path).relative_to(root).as_posix()
        for file in files:
            if not file.endswith(".yaml"):
                raise KnowledgeError(f"{below}/{file}: only .yaml files belong here.")
            found.append(f"{below}/{file}")
    return sorted(found)
