"""A fact nobody recorded, as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["FrozenMap", "Unknown", "is_known"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Unknown:
    """A fact that is missing, with the reason in words. Two unknowns are equal when their reasons are.

    It has no truth value: `if fact:` on an unknown raises TypeError, because unknown is not negative.
    """

    reason: str = "not recorded"

    def __bool__(self) -> bool:
        raise TypeError(f"Unknown is not negative: this fact is unknown ({self.reason}). Ask is_known(fact) first.")

    def __str__(self) -> str:
        return f"unknown ({self.reason})"


def is_known(fact: object) -> bool:
    """True when the fact is a value, False when it is an `Unknown`."""
    return not isinstance(fact, Unknown)


class FrozenMap(Mapping[K, V], Generic[K, V]):
    """A read-only, hashable, picklable mapping that keeps its order; equal to any mapping with the same pairs."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[K, V] | None = None) -> None:
        self._pairs = dict(pairs or {})

    def __getitem__(self, key: K) -> V:
        return self._pairs[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return hash(frozenset(self._pairs.items()))

    def __repr__(self) -> str:
        return f"FrozenMap({self._pairs!r})"
