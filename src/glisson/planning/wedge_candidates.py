"""Wedges offered to a plan: one for each lesion, and one for lesions that are close together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glisson.geometry import Mask, Surface, surface
from glisson.planning.clearance import Candidate
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.wedge import Wedge, wedge
from glisson.planning.wedge_light import Ground

__all__ = ["as_candidate", "clusters", "wedge_candidates"]

BRIDGE_MM = 10.0
"""Lesions whose margins leave less than this between them may go in one wedge."""

MOST_TOGETHER = 4
"""Larger groups are offered as pairs only."""


def wedge_candidates(
    liver: Mask,
    lesions: Mapping[str, Mask],
    margin_mm: float,
    *,
    keep: Mask | None = None,
    surfaces: Mapping[str, Surface] | None = None,
) -> tuple[Wedge, ...]:
    """A wedge for each lesion, then one for each cluster that costs less working liver than its lesions apart.

    liver: the whole liver. lesions: id -> mask of every lesion that may be removed; all are taken for tumour.
    margin_mm, keep: see `wedge`. surfaces: outlines already meshed. Lesions without a voxel in the liver are left out.
    """
    inside = {name: mask for name, mask in lesions.items() if (mask.data & liver.on(mask.grid, "the liver")).any()}
    meshes = {name: (surfaces or {}).get(name) or surface(mask) for name, mask in inside.items()}
    ground = Ground.of(liver, lesions.values(), keep)

    def cut(names: Sequence[str]) -> Wedge:
        chosen = {name: inside[name] for name in names}
        return wedge(liver, chosen, margin_mm, surfaces=meshes, ground=ground)

    single = {name: cut([name]) for name in inside}
    found = list(single.values())
    for group in clusters(meshes, 2.0 * margin_mm + BRIDGE_MM):
        joint = cut(group)
        if joint.functional_ml < sum(single[name].functional_ml for name in group):
            found.append(joint)
    return tuple(found)


def clusters(meshes: Mapping[str, Surface], gap_mm: float) -> tuple[tuple[str, ...], ...]:
    """Pairs of lesions whose outlines come within a gap, and groups of up to MOST_TOGETHER linked by such pairs."""
    names = list(meshes)
    pairs = []
    for place, a in enumerate(names):
        low, high = meshes[a].vertices_mm.min(axis=0) - gap_mm, meshes[a].vertices_mm.max(axis=0) + gap_mm
        for b in names[place + 1 :]:
            points = meshes[b].vertices_mm
            near = points[((points >= low) & (points <= high)).all(axis=1)]
            if len(near) and float(meshes[a].tree.query(near)[0].min()) <= gap_mm:
                pairs.append((a, b))
    groups: dict[str, set[str]] = {name: {name} for name in names}
    for a, b in pairs:
        joined = groups[a] | groups[b]
        for name in joined:
            groups[name] = joined
    larger = {tuple(name for name in names if name in group) for group in groups.values()}
    return (*pairs, *sorted(group for group in larger if 2 < len(group) <= MOST_TOGETHER))


def as_candidate(
    found: Wedge,
    voxels: LiverVoxels,
    *,
    accept_mm: float,
    segments: tuple[str, ...] = (),
    burden: float = 1.0,
) -> Candidate:
    """A wedge as the search for a plan takes it.

    voxels: the numbering of the liver. accept_mm: where the margin falls below this only because the cut runs along a
    vessel that stays, the wedge is offered under the relaxation "vessel-detachment" with the margin beside the vessel.
    """
    short = any(mm is not None and mm < accept_mm for mm in found.margins_mm.values())
    detached = short and found.detached
    return Candidate(
        id="wedge-" + "-".join(found.lesions),
        kind="wedge",
        label=" ".join(["wedge" if found.is_wedge else "deep non-anatomical resection", *segments]),
        lesions=found.margins_beside_mm if detached else found.margins_mm,
        costs={"removed": voxels.of(found.mask)},
        segments=segments,
        burden=burden,
        needs="vessel-detachment" if detached else "",
        limiting=dict.fromkeys(found.lesions, "a vessel that stays") if found.detached else {},
        notes=found.notes,
    )
