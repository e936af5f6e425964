"""Lesions beside the cava: it stays, whatever is resected, so no resection has a wider margin than the gap to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from glisson.geometry import Grid, Mask, Surface, box_around, surface, surface_distance_mm
from glisson.planning.clearance import Candidate

__all__ = ["beside_cava"]

REACH_MM = 15.0
"""A cava further away than this is not looked at: no margin that is asked for is wider."""

CUTTING = ("resection", "wedge")
"""Kinds of acts whose margin the cava limits; an ablation's margin is that of its zone."""

WORDS = "the cava"


def beside_cava(
    candidates: Sequence[Candidate],
    lesions: Mapping[str, Mask],
    cava: Mask | None,
    grid: Grid,
    accept_mm: float,
    surfaces: Mapping[str, Surface] | None = None,
) -> tuple[Candidate, ...]:
    """The candidates with the margins that the cava leaves them.

    lesions: id -> mask. cava: None when it is not known. grid: lattice of the scene. accept_mm: least margin accepted.
    The margin of a lesion in a resection or wedge is at most its distance to the cava. Where that is less than accepted
    and the margin to the cut is not, the act is offered once more under "vessel-detachment", with the margin to the
    cut. Candidates that need a relaxation already are left as they are.
    """
    gaps = {} if cava is None else {name: _gap_mm(mask, cava, grid, (surfaces or {}).get(name))
                                    for name, mask in lesions.items()}  # fmt: skip
    near = {name: mm for name, mm in gaps.items() if mm < REACH_MM}
    short = {one.id for one in candidates if _is_short(one, near, accept_mm)}
    found: list[Candidate] = []
    for one in candidates:
        found.append(_limited(one, near))
        if one.id in short:
            others = one.excludes | {f"{name}-detached" for name in one.excludes & short} | {one.id}
            limits = {**one.limiting, **{name: WORDS for name, mm in near.items() if mm < accept_mm}}
            found.append(
                replace(one, id=f"{one.id}-detached", needs="vessel-detachment", excludes=others, limiting=limits)
            )
    return tuple(found)


def _gap_mm(lesion: Mask, cava: Mask, grid: Grid, mesh: Surface | None) -> float:
    """Distance between the outlines; infinite where none of the cava lies near."""
    box = grid.crop(box_around([lesion], grid, REACH_MM))
    around = Mask(cava.on(box, "the cava"), box)
    return math.inf if around.is_empty else surface_distance_mm(mesh or surface(lesion), surface(around))


def _is_cut(one: Candidate) -> bool:
    return one.kind in CUTTING and not one.needs


def _limited(one: Candidate, near: Mapping[str, float]) -> Candidate:
    closer = {
        name: near[name]
        for name, margin in one.lesions.items()
        if name in near and (margin is None or near[name] < margin)
    }
    if not closer or not _is_cut(one):
        return one
    return replace(one, lesions={**one.lesions, **closer}, limiting={**one.limiting, **dict.fromkeys(closer, WORDS)})


def _is_short(one: Candidate, near: Mapping[str, float], accept_mm: float) -> bool:
    """Whether the cava, and not the cut, takes the accepted margin from a lesion."""
    return _is_cut(one) and any(
        near.get(name, math.inf) < accept_mm and (margin is None or margin >= accept_mm)
        for name, margin in one.lesions.items()
    )
