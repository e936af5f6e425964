"""Collects every problem of a case file, each with its line, instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from yaml.nodes import MappingNode, Node, ScalarNode

from glisson.errors import CaseError

__all__ = ["CaseFileError", "Problem", "Reader", "given", "suggest"]

LONGEST_QUOTE = 60
"""Characters of what was given that a message repeats."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a case file: line counts from 1; key is the dotted path, such as labs[2].unit."""

    file: str
    line: int
    key: str
    given: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}"
        key = f": {self.key}" if self.key else ""
        return f"{where}{key}: given {self.given}; {self.expected}"


class CaseFileError(CaseError):
    """A case file is wrong. `problems` holds all that was found, in the order of their lines."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        count = len(self.problems)
        what, them = ("1 problem", "it") if count == 1 else (f"{count} problems", "them")
        head = f"{file} has {what}. Correct {them} and try again."
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class Reader:
    """The state of one reading: the file's name, the line of each key path, the problems so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []

    def seen(self, node: Node, path: str) -> None:
        """Remember the line at which the value of a key path stands."""
        self.lines[path] = line_of(node)

    def fail(self, where: Node | str, path: str, what: str, expected: str) -> None:
        """Record a problem at a node, or at the line remembered for a key path (or its nearest parent)."""
        line = self.line(where) if isinstance(where, str) else line_of(where)
        self.problems.append(Problem(self.name, line, path, what, expected))

    def line(self, path: str) -> int:
        """Line of a key path, of the nearest parent that has one, or 1."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)

    def finish(self) -> None:
        """Raise CaseFileError when anything was wrong."""
        if self.problems:
            raise CaseFileError(self.name, self.problems)


def line_of(node: Node) -> int:
    """Line of a YAML node, counted from 1."""
    return int(node.start_mark.line) + 1


def given(node: Node) -> str:
    """What stands at a node, short enough for a message."""
    if isinstance(node, ScalarNode):
        text = str(node.value)
        if not text:
            return "nothing"
        return repr(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "...")
    return "a mapping (key: value)" if isinstance(node, MappingNode) else "a list"


def suggest(word: str, allowed: Iterable[str]) -> str:
    """' Did you mean ...?' for a misspelt word, or nothing."""
    by_lower = {option.lower(): option for option in allowed}
    close = get_close_matches(word.strip().lower().replace(" ", "-"), by_lower, n=1, cutoff=0.6)
    close = close or get_close_matches(word.strip().lower().replace(" ", "_"), by_lower, n=1, cutoff=0.6)
    return f" Did you mean '{by_lower[close[0]]}'?" if close else ""
