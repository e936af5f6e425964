"""How long a search lasts: counted work first, which is the same on every machine, and a clock behind it.

Work is counted in nominal seconds, by sizes and steps that the search itself decides (entries of a matrix, steps of the
simplex method, nodes of the search tree, choices tried), with the rates below, measured once on one core. Where the
work ends a search, it ends at the same place everywhere. The clock is for machines that are much slower than that, or
busy; where it ends a search, the answer says so.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["Clock", "Effort", "node_work", "pass_work", "root_work", "simplex_work"]

WORK_SHARE = 0.4
"""Nominal seconds of work in a second of the clock; the rest is slack for slower machines and for questions that take
longer than their size says."""

TIME_SLACK = 2.0
"""One question may take this much more of the clock than of the work."""

SIMPLEX_RATE = 3e8
"""Steps of the simplex method times entries of the matrix in a nominal second."""

ROOT_RATE = 1.7e4
"""Entries of the matrix that the root of a search tree takes in a nominal second, ..."""

ROOT_FULL = 25_000
"""... from so many entries on; smaller ones go faster, in proportion to their size."""

WIDE_GAP = 0.05
"""Smaller gaps are closed faster, in proportion."""

NODE_RATE = 1e6
"""Nodes of a search tree times entries in a nominal second."""

PASS_RATE = 3e7
"""Entries of the membership matrix that are summed in a nominal second."""


def simplex_work(steps: int, entries: int) -> float:
    """Nominal seconds of one relaxation."""
    return 1e-3 + steps * entries / SIMPLEX_RATE


def root_work(entries: int, gap: float) -> float:
    """Nominal seconds of the root of a search tree with a gap to close."""
    return entries / ROOT_RATE * min(1.0, entries / ROOT_FULL) * min(1.0, gap / WIDE_GAP)


def node_work(entries: int) -> float:
    """Nominal seconds of a further node."""
    return 1e-4 + entries / NODE_RATE


def pass_work(entries: int) -> float:
    """Nominal seconds of one pass over atoms and the candidates that cost them."""
    return 1e-4 + entries / PASS_RATE


@dataclass(frozen=True)
class Effort:
    """How long to search: seconds of the whole search by the clock; nodes of the search tree in each program (0: as
    many as the work allows); nominal seconds of work (0: WORK_SHARE of the seconds).

    A search that the clock ended says so; it may end elsewhere on another machine. One that ends by itself or by its
    work gives the same answer everywhere.
    """

    seconds: float = 60.0
    nodes: int = 0
    work: float = 0.0


@dataclass
class _Meter:
    spent: float = 0.0


@dataclass
class Clock:
    """Time and work that are left; clocks made by `share` count the same work."""

    ends: float
    limit: float
    _meter: _Meter = field(default_factory=_Meter)

    @classmethod
    def lasting(cls, effort: Effort) -> Clock:
        """A clock that begins now."""
        return cls(time.monotonic() + effort.seconds, effort.work or WORK_SHARE * effort.seconds)

    def left(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.ends - time.monotonic())

    def work(self) -> float:
        """Nominal seconds of work left, at least 0."""
        return max(0.0, self.limit - self._meter.spent)

    @property
    def over(self) -> bool:
        """Whether time or work is used up."""
        return self.work() == 0.0 or self.left() == 0.0

    def spend(self, work: float) -> None:
        """Count work that was done."""
        self._meter.spent += work

    def share(self, part: float) -> Clock:
        """A clock with that part of the work that is left, and up to TIME_SLACK as much of the time."""
        now, seconds = time.monotonic(), self.left()
        return Clock(now + min(1.0, TIME_SLACK * part) * seconds, self._meter.spent + part * self.work(), self._meter)
