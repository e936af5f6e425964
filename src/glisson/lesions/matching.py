"""Which lesion of one scan is which of another, by place and size, with how sure that is.

The scans lie over each other (`anatomy.overlay`). Each pair of lesions has a cost, the squared distance between them in
units of its expected error plus that of the change in size; the assignment of least total cost is found exactly
(Crouse 2016, doi 10.1109/TAES.2016.140952), with a fixed price for a lesion that stays without partner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.anatomy.overlay import Overlay
from glisson.geometry import FloatArray, Mask
from glisson.scene import LesionMask

__all__ = ["KINDS", "Match", "match_lesions"]

KINDS = ("same", "split", "merged", "vanished", "new")
"""What can become of a lesion between two scans; "new" of one on the later scan, "vanished" of one on the earlier."""
ALONE = 18.0
"""Price of a lesion without partner: beyond the distance that 999 of 1000 true pairs keep (chi-squared, 3 degrees)."""
SURE_COST, SURE_LEAD = 9.0, 12.0
"""A match is sure when it costs less than the first and any other partner of either lesion costs at least the second
more."""
LIKELY_LEAD = 5.0
"""It is likely when any other costs at least this more."""
SIZE_SPREAD = 1.2
"""A change of ln(volume) of this much costs as much as one expected error of place: sizes change, places do not."""
CENTRE_SHARE = 0.25
"""The middle of a lesion that grows or shrinks unevenly moves by about this share of the change of its radius."""
OUTLINE_MM = 1.0
"""Two readers put the middle of a lesion this far apart along each axis."""
SHARE_INSIDE = 0.5
"""A lesion that lies by at least this share in one that has another partner is a part of it."""


@dataclass(frozen=True)
class Match:
    """What became of lesions. kind: one of KINDS. earlier, later: ids on the two scans. confidence: "high", "moderate"
    or "low". apart_mm: between the middles in one frame; None without a partner. reason: in words."""

    kind: str
    earlier: tuple[str, ...]
    later: tuple[str, ...]
    confidence: str
    apart_mm: float | None
    reason: str


@dataclass(frozen=True, eq=False)
class _Pairing:
    """Costs (earlier, later) and distances in mm between middles."""

    cost: FloatArray
    apart_mm: FloatArray


def match_lesions(earlier: Sequence[LesionMask], later: Sequence[LesionMask], overlay: Overlay) -> tuple[Match, ...]:
    """Match the lesions of two scans.

    overlay: the later scan is its fixed one, the earlier its moving one. Every lesion of either scan is in exactly one
    match. With an overlay that is refused every pair is at most of low confidence. Sorted by id, later ones first.
    """
    pairing = _pairing(earlier, later, overlay)
    pairs = _assigned(pairing.cost)
    found = [_same(i, j, earlier, later, pairing, overlay) for i, j in pairs]
    partner_of_later = {j: n for n, (_, j) in enumerate(pairs)}
    partner_of_earlier = {i: n for n, (i, _) in enumerate(pairs)}
    for j in [n for n in range(len(later)) if n not in partner_of_later]:
        whole = _inside(later[j].mask, [earlier[i].mask for i, _ in pairs], overlay, into_moving=True)
        found = _joined(found, whole, later[j].id, "split") or [*found, _new(later[j].id, overlay)]
    for i in [n for n in range(len(earlier)) if n not in partner_of_earlier]:
        whole = _inside(earlier[i].mask, [later[j].mask for _, j in pairs], overlay, into_moving=False)
        found = _joined(found, whole, earlier[i].id, "merged") or [*found, _vanished(earlier[i].id, overlay)]
    return tuple(sorted(found, key=lambda m: (not m.later, _order(m.later or m.earlier))))


def _pairing(earlier: Sequence[LesionMask], later: Sequence[LesionMask], overlay: Overlay) -> _Pairing:
    """Squared distance in expected errors, and in the change of size, of every pair."""
    if not earlier or not later:
        empty = np.zeros((len(earlier), len(later)))
        return _Pairing(empty, empty)
    here = np.array([lesion.mask.centroid_mm for lesion in earlier])
    there = overlay.alignment.to_moving(np.array([lesion.mask.centroid_mm for lesion in later]))
    apart = np.linalg.norm(here[:, None] - there[None], axis=2)
    volume = [np.array([lesion.mask.volume_ml for lesion in lesions]) for lesions in (earlier, later)]
    radius = [np.cbrt(3000.0 * v / (4.0 * np.pi)) for v in volume]
    grown = np.abs(radius[0][:, None] - radius[1][None])
    variance = overlay.error_mm**2 + OUTLINE_MM**2 + (CENTRE_SHARE * grown) ** 2
    size = np.log(volume[1][None] / volume[0][:, None]) / SIZE_SPREAD
    return _Pairing(apart**2 / variance + size**2, apart)


def _assigned(cost: FloatArray) -> list[tuple[int, int]]:
    """Pairs of the cheapest assignment in which a lesion may stay alone at half the price of ALONE each."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = cost.shape
    if not rows or not columns:
        return []
    table = np.full((rows + columns, rows + columns), ALONE / 2)
    table[:rows, :columns] = cost
    table[rows:, columns:] = 0.0
    chosen = zip(*linear_sum_assignment(table), strict=True)
    return [(int(i), int(j)) for i, j in chosen if i < rows and j < columns and cost[i, j] < ALONE]


def _same(
    i: int, j: int, earlier: Sequence[LesionMask], later: Sequence[LesionMask], pairing: _Pairing, overlay: Overlay
) -> Match:
    cost = pairing.cost
    others = np.concatenate([np.delete(cost[i], j), np.delete(cost[:, j], i), [ALONE]])
    lead = float(others.min() - cost[i, j])
    sure = cost[i, j] < SURE_COST and (others[:-1].min(initial=np.inf) - cost[i, j]) >= SURE_LEAD
    confidence = "high" if sure and not overlay.doubtful else "moderate" if lead >= LIKELY_LEAD else "low"
    if overlay.refused:
        confidence = "low"
    apart = float(pairing.apart_mm[i, j])
    reason = f"{apart:.1f} mm apart where {overlay.error_mm:.1f} mm along each axis is expected"
    if np.isfinite(near := float(others[:-1].min(initial=np.inf))) and near - cost[i, j] < SURE_LEAD:
        reason += "; another lesion is nearly as near"
    return Match("same", (earlier[i].id,), (later[j].id,), confidence, apart, reason)


def _inside(mask: Mask, wholes: Sequence[Mask], overlay: Overlay, *, into_moving: bool) -> int | None:
    """Which of the other scan's lesions holds at least SHARE_INSIDE of this one; None for none."""
    points = mask.grid.to_mm(np.argwhere(mask.data))
    alignment = overlay.alignment
    moved = alignment.to_moving(points) if into_moving else alignment.to_fixed(points)
    shares = [float(_holds(whole, moved).mean()) for whole in wholes]
    best = int(np.argmax(shares)) if shares else -1
    return best if best >= 0 and shares[best] >= SHARE_INSIDE else None


def _holds(mask: Mask, points_mm: FloatArray) -> npt.NDArray[np.bool_]:
    at = np.rint(mask.grid.to_index(points_mm)).astype(int)
    inside = ((at >= 0) & (at < mask.grid.shape)).all(axis=1)
    result = np.zeros(len(at), np.bool_)
    result[inside] = mask.data[tuple(at[inside].T)]
    return result


def _joined(found: list[Match], whole: int | None, part: str, kind: str) -> list[Match] | None:
    """The matches with one more part in the pair numbered `whole`; None when there is no such pair."""
    if whole is None or found[whole].kind not in ("same", kind):
        return None
    one = found[whole]
    earlier = (*one.earlier, part) if kind == "merged" else one.earlier
    later = (*one.later, part) if kind == "split" else one.later
    words = "lies in the place of" if kind == "split" else "is now part of"
    of = one.earlier[0] if kind == "split" else one.later[0]
    confidence = "moderate" if one.confidence == "high" else "low"
    joined = Match(kind, earlier, later, confidence, one.apart_mm, f"{one.reason}; {part} {words} {of}")
    return [*found[:whole], joined, *found[whole + 1 :]]


def _new(lesion: str, overlay: Overlay) -> Match:
    return Match("new", (), (lesion,), _alone(overlay), None, "no earlier lesion lies in this place")


def _vanished(lesion: str, overlay: Overlay) -> Match:
    return Match("vanished", (lesion,), (), _alone(overlay), None, "no later lesion lies in this place")


def _alone(overlay: Overlay) -> str:
    return "low" if overlay.refused else "moderate" if overlay.doubtful else "high"


def _order(ids: tuple[str, ...]) -> tuple[int, str]:
    digits = "".join(c for c in ids[0] if c.isdigit())
    return (int(digits) if digits else 0, ids[0])
