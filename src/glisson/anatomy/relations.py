"""What a lesion lies against: named branches, landmarks, and the branches that clearing it would cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from glisson.anatomy.branches import BranchNames
from glisson.anatomy.contact import contact_of
from glisson.anatomy.territories import Loss, Territories, lost_when_cut, nearest_branch
from glisson.errors import SceneError
from glisson.geometry import Box, FloatArray, Mask, Surface, surface, surface_distance_mm, touching
from glisson.scene import LesionMask

__all__ = ["BranchesToCut", "Relation", "Relations", "VesselSystem", "branches_to_cut", "relations"]

NEAR_MM = 3.0
"""Contact is looked for on centre lines whose vessel comes this near to the lesion."""

CENTRAL = ("main portal vein", "right portal vein", "left portal vein")
"""Branches from which the central zone is measured: the portal vein to the first forks of its right and left branch."""


@dataclass(frozen=True, eq=False)
class VesselSystem:
    """One vessel system as the steps of anatomy leave it: its mask, territories (with the tree) and names."""

    mask: Mask
    territories: Territories
    names: BranchNames


@dataclass(frozen=True)
class Relation:
    """A lesion and one structure: distance between outlines in mm (0: they touch), degrees of contact for a vessel.

    contact_degrees: of the circumference at the worst cross-section, 0 to 360; None for what is no named branch.
    contact_at_mm: where, LPS mm.
    """

    structure: str
    distance_mm: float
    touches: bool
    contact_degrees: float | None = None
    contact_at_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Relations:
    """Everything that a lesion lies against, nearest first. central: None when no portal branch was named.

    central_mm: distance to the portal vein up to the first forks of its right and left branch.
    """

    lesion: str
    structures: tuple[Relation, ...]
    central_mm: float | None
    central: bool | None
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, structure: str) -> Relation:
        """The relation to a structure by its name. Raises KeyError for one that was not measured."""
        for relation in self.structures:
            if relation.structure == structure:
                return relation
        raise KeyError(structure)


@dataclass(frozen=True)
class BranchesToCut:
    """Branches whose wall comes nearer to a lesion than the margin, the most upstream of each, and what goes with them.

    named: names in words, for each of `branches`. loss: territory lost behind all of them; None when none is cut.
    """

    kind: str
    branches: tuple[int, ...]
    named: tuple[str, ...]
    loss: Loss | None


def branches_to_cut(lesion: Mask, system: VesselSystem, margin_mm: float) -> BranchesToCut:
    """The branches that run through a lesion or nearer to it than margin_mm, so that clearing it cuts them.

    Distance is from the lesion's surface to the centre line less the branch's radius there. Of a branch and its
    descendants only the first is listed; the loss is everything behind it (`lost_when_cut`), the most that can be lost:
    a cut further out on the branch spares what leaves it before. Raises SceneError for an empty lesion.
    """
    if lesion.is_empty:
        raise SceneError("A lesion without a voxel cuts nothing. Take it out or outline it.")
    tree = system.territories.tree
    away = _to_lesion(lesion, tree.nodes_mm) - tree.radius_mm
    hit = np.unique(tree.branch[away < margin_mm]).tolist()
    first = tuple(b for b in hit if not set(tree.ancestors(b)[:-1]) & set(hit))
    named = tuple(system.names.of(system.territories, b) for b in first)
    return BranchesToCut(tree.kind, first, named, lost_when_cut(system.territories, *first) if first else None)


def relations(
    lesions: Sequence[LesionMask], systems: Mapping[str, VesselSystem], others: Mapping[str, Mask], *,
    central_within_mm: float,
) -> tuple[Relations, ...]:  # fmt: skip
    """Distance and contact of each lesion to every named branch, landmark and other structure; LPS mm.

    systems: "portal", "hepatic", as far as there are any. others: further structures (cava, gallbladder) by name.
    Landmarks, points: the portal bifurcation (the end of the main portal vein) and the confluence of the hepatic veins
    (the mean of where the named veins start). Distances are between smooth outlines (`geometry.surface`), of a branch
    the part of the vessel's outline nearest to its centre line.
    central_within_mm: a lesion nearer than this to the portal vein, up to the first forks of its right and left
    branch, is central; 15 mm is the central hepatobiliary tract of Osmundson et al. 2015 (doi
    10.1016/j.ijrobp.2014.11.028), who take the portal vein from the splenic confluence on. Raises SceneError for an
    empty lesion.
    """
    parts = [part for kind in sorted(systems) for part in _parts(systems[kind])]
    solids = {name: surface(mask) for name, mask in sorted(others.items()) if not mask.is_empty}
    points = _landmarks(systems)
    return tuple(_of_lesion(lesion, systems, parts, others, solids, points, central_within_mm) for lesion in lesions)


@dataclass(frozen=True, eq=False)
class _Part:
    """A named branch as a surface (open where others leave it) and its points."""

    kind: str
    name: str
    outline: Surface
    nodes: FloatArray
    along: FloatArray
    radius: FloatArray


def _parts(system: VesselSystem) -> list[_Part]:
    """The named branches of a system with their parts of the vessel's outline."""
    tree = system.territories.tree
    whole = surface(system.mask)
    owner = nearest_branch(tree, whole.vertices_mm, all_branches=True)
    up = np.maximum(tree.parent, 0)
    step = tree.nodes_mm - tree.nodes_mm[up]
    long = np.linalg.norm(step, axis=1)
    parts = []
    for named in system.names.named:
        mine = np.isin(owner, named.branches)
        faces = np.asarray(mine[whole.faces].any(axis=1))
        nodes = np.flatnonzero(np.isin(tree.branch, named.branches) & (long > 0))
        if faces.any() and len(nodes):
            along = step[nodes] / long[nodes, None]
            part = (tree.nodes_mm[nodes], along, tree.radius_mm[nodes])
            parts.append(_Part(tree.kind, named.name, whole.without(~faces), *part))
    return parts


def _landmarks(systems: Mapping[str, VesselSystem]) -> dict[str, FloatArray]:
    found = {}
    portal, hepatic = systems.get("portal"), systems.get("hepatic")
    if portal is not None and "main portal vein" in portal.names:
        found["portal bifurcation"] = portal.territories.tree.line_mm(portal.names["main portal vein"].branches[-1])[-1]
    if hepatic is not None:
        tree = hepatic.territories.tree
        starts = {tree.ancestors(n.branches[0])[0] for n in hepatic.names.named if "inferior" not in n.name}
        if starts:
            found["hepatic vein confluence"] = np.mean([tree.line_mm(b)[0] for b in sorted(starts)], axis=0)
    return found


def _of_lesion(
    lesion: LesionMask, systems: Mapping[str, VesselSystem], parts: Sequence[_Part], others: Mapping[str, Mask],
    solids: Mapping[str, Surface], points: Mapping[str, FloatArray], central_within_mm: float,
) -> Relations:  # fmt: skip
    if lesion.mask.is_empty:
        raise SceneError(f"Lesion {lesion.id} has no voxels. Take it out or outline it.")
    outline = surface(lesion.mask)
    nodes = [part.nodes for part in parts] + [point[None] for point in points.values()]
    away = _to_lesion(lesion.mask, np.concatenate(nodes)) if nodes else np.zeros(0)
    of_each = np.split(away, np.cumsum([len(some) for some in nodes])[:-1]) if nodes else []
    found = [
        _to_part(lesion.mask, outline, part, systems[part.kind].mask, gap)
        for part, gap in zip(parts, of_each, strict=False)
    ]
    for name, solid in solids.items():
        touch = touching(lesion.mask, others[name])
        found.append(Relation(name, 0.0 if touch else surface_distance_mm(outline, solid), touch))
    for name, gap in zip(points, of_each[len(parts) :], strict=True):
        found.append(Relation(name, max(float(gap[0]), 0.0), bool(gap[0] <= 0.0)))
    near = [relation.distance_mm for relation in found if relation.structure in CENTRAL]
    central_mm = min(near) if near else None
    notes = () if near else ("Central or peripheral is not said: no portal branch was named.",)
    found.sort(key=lambda relation: (relation.distance_mm, relation.structure))
    central = None if central_mm is None else central_mm <= central_within_mm
    return Relations(lesion.id, tuple(found), central_mm, central, notes)


def _to_part(lesion: Mask, outline: Surface, part: _Part, vessel: Mask, away: FloatArray) -> Relation:
    """Distance to a named branch and, where they are near, the contact around it. away: of its points, mm."""
    near = away - part.radius <= NEAR_MM + max(lesion.grid.spacing_mm)
    contact = None
    if near.any():
        grid = lesion.grid.crop(_around(lesion, float(part.radius.max()) * 3.0 + 2.0 * NEAR_MM))
        contact = contact_of(
            part.nodes[near], part.along[near], part.radius[near], vessel.on(grid), lesion.on(grid), grid
        )
    degrees = 0.0 if contact is None else contact.degrees
    distance = 0.0 if degrees else surface_distance_mm(outline, part.outline)
    return Relation(part.name, distance, distance == 0.0, degrees, contact.at_mm if contact else None)


def _around(mask: Mask, pad_mm: float) -> Box:
    pad = np.ceil(pad_mm / np.array(mask.grid.spacing_mm)).astype(int)
    i, j, k = (slice(-int(p), n + int(p)) for p, n in zip(pad, mask.grid.shape, strict=True))
    return (i, j, k)


def _to_lesion(lesion: Mask, points_mm: FloatArray) -> FloatArray:
    """(n,) distance of points to the lesion's outline, half a voxel outside its voxel centres; below 0 inside."""
    from scipy.spatial import cKDTree

    half = float(np.cbrt(lesion.grid.voxel_ml * 1000.0)) / 2.0
    small = lesion.trimmed()
    tree = cKDTree(small.grid.to_mm(np.argwhere(small.data)), balanced_tree=False)
    result: FloatArray = tree.query(points_mm, workers=2)[0] - half
    return result
