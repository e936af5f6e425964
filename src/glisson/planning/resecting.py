"""Anatomical resections as candidates of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from glisson.planning.act_rules import act_burden
from glisson.planning.clearance.candidate import Candidate
from glisson.planning.liver_voxels import IntArray
from glisson.planning.resection import Resection
from glisson.planning.supply import Supply

__all__ = ["resection_candidates"]


def resection_candidates(
    resections: Sequence[Resection],
    numbers: Mapping[str, IntArray],
    supplies: Mapping[str, Supply],
    rules: tuple[tuple[str, str], ...] = (),
) -> tuple[Candidate, ...]:
    """Every resection that removes a lesion whole, as a candidate.

    numbers: segment -> its voxels' numbers. supplies: "portal" and "hepatic" as far as they are known. rules: (rule,
    verdict) pairs on resection for this patient. Resections of overlapping segments exclude one another.
    """
    chosen = [item for item in resections if any(_is_whole(item, name) for name in item.margins_mm)]
    ids = {item.name: _id(item) for item in chosen}
    return tuple(
        Candidate(
            id=ids[item.name],
            kind="resection",
            label=_label(item),
            lesions={name: item.margins_mm[name] for name in item.margins_mm if _is_whole(item, name)},
            costs=_costs(item, numbers, supplies),
            segments=item.segments,
            burden=act_burden(_act(item)),
            rules=rules,
            excludes=frozenset(
                ids[other.name] for other in chosen if other is not item and set(other.segments) & set(item.segments)
            ),
            limiting=dict.fromkeys(item.margins_mm, "the cut between segments"),
            notes=() if supplies else ("Vessels cut by the resection were not followed: no vessel mask.",),
        )
        for item in chosen
    )


def _is_whole(item: Resection, lesion: str) -> bool:
    """Whether the lesion is removed whole, with whatever margin, or without any border with the rest."""
    return item.margins_mm[lesion] is not None or lesion in item.clears


def _costs(item: Resection, numbers: Mapping[str, IntArray], supplies: Mapping[str, Supply]) -> dict[str, IntArray]:
    removed = np.sort(np.concatenate([numbers[name] for name in item.segments]), kind="stable")
    causes = {"devascularised": "portal", "congested": "hepatic"}
    lost = {
        cause: supplies[kind].lost_without_segments(item.segments, removed)
        for cause, kind in causes.items()
        if kind in supplies
    }
    return {"removed": removed, **lost}


def _act(item: Resection) -> str:
    count = len(set(item.segments) - {"I"})
    if count <= 1:
        return "one segment"
    return "two segments" if count == 2 else "hepatectomy" if count <= 4 else "trisectionectomy"


def _id(item: Resection) -> str:
    return "resect-" + "+".join(item.segments)


def _label(item: Resection) -> str:
    name = item.name
    return name if len(name) < 2 or name[1].isupper() else name[0].lower() + name[1:]
