"""The vessel part of an anatomy in one call: trees, territories, names, relations, and what clearing lesions cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from glisson.anatomy.branches import name_branches
from glisson.anatomy.cava import CavaSplit
from glisson.anatomy.relations import BranchesToCut, Relations, VesselSystem, branches_to_cut, relations
from glisson.anatomy.territories import territories
from glisson.anatomy.trace import vessel_tree
from glisson.errors import SceneError
from glisson.geometry import Mask
from glisson.scene import Notice, Scene

__all__ = ["VesselAnatomy", "vessel_anatomy"]

AROUND_MM = 30.0
"""Vessels are looked at up to this far around the box of the liver: far enough for the trunks."""


@dataclass(frozen=True, eq=False)
class VesselAnatomy:
    """What the vessel masks say.

    systems: "portal" and "hepatic", as far as there are masks. relations: one for each lesion, in the scene's order.
    cuts: lesion id -> what clearing it with margin_mm cuts of each system, in the order of the systems. notices: how it
    was done, variants, and what could not be.
    """

    systems: Mapping[str, VesselSystem]
    relations: tuple[Relations, ...]
    cuts: Mapping[str, tuple[BranchesToCut, ...]]
    margin_mm: float
    notices: tuple[Notice, ...] = field(default=())


def vessel_anatomy(
    scene: Scene, liver: Mask, split: CavaSplit, *, margin_mm: float, central_within_mm: float
) -> VesselAnatomy:
    """Trees, territories, names and relations of portal and hepatic veins of a scene; LPS mm.

    liver: the whole liver (`whole_liver`). split: hepatic veins and cava (`split_cava`). margin_mm: around lesions, for
    the branches that clearing them cuts. central_within_mm: see `relations`. A mask that is missing, empty or away from
    the liver leaves its system out, with a notice of level "error"; nothing is guessed in its place.
    """
    notices: list[Notice] = []
    systems = {}
    for kind, mask in (("portal", scene.structures.get("portal")), ("hepatic", split.hepatic)):
        system = _system(kind, mask, liver, split, notices)
        if system is not None:
            systems[kind] = system
    near = {"cava": split.cava, "gallbladder": scene.structures.get("gallbladder")}
    others = {name: _cropped(mask, liver) for name, mask in near.items() if mask is not None}
    found = relations(scene.lesions, systems, others, central_within_mm=central_within_mm)
    cuts = {
        lesion.id: tuple(branches_to_cut(lesion.mask, system, margin_mm) for system in systems.values())
        for lesion in scene.lesions
    }
    return VesselAnatomy(MappingProxyType(systems), found, MappingProxyType(cuts), margin_mm, tuple(notices))


def _system(kind: str, mask: Mask | None, liver: Mask, split: CavaSplit, notices: list[Notice]) -> VesselSystem | None:
    cropped = None if mask is None else _cropped(mask, liver)
    if cropped is None or cropped.is_empty:
        text = (
            f"Territories and branches of the {kind} system are not assessed: no mask of it near the liver was given."
        )
        notices.append(Notice("error", f"{kind}-not-assessed", text, kind))
        return None
    try:
        tree = vessel_tree(cropped, liver=liver, kind=kind, cava=split.cava if kind == "hepatic" else None)
    except SceneError as error:
        notices.append(Notice("error", f"{kind}-not-assessed", str(error), kind))
        return None
    parts = territories(tree, liver)
    names = name_branches(parts)
    notices += [Notice("info", f"{kind}-tree", note, kind) for note in (*tree.notes, *parts.notes)]
    notices += [Notice("info", f"{kind}-variant", f"Variant: {words}.", kind) for words in names.variants]
    notices += [Notice("info", f"{kind}-names", note, kind) for note in names.notes]
    return VesselSystem(cropped, parts, names)


def _cropped(mask: Mask, liver: Mask) -> Mask:
    """The part of a mask within AROUND_MM of the liver's box."""
    pad = np.ceil(AROUND_MM / np.array(liver.grid.spacing_mm)).astype(int)
    low = np.array(mask.grid.offset_in(liver.grid))
    start = np.maximum(-low - pad, 0)
    stop = np.minimum(np.array(liver.grid.shape) + pad - low, mask.grid.shape)
    if (stop <= start).any():
        return Mask(np.zeros((1, 1, 1), dtype=np.bool_), mask.grid.crop((slice(0, 1), slice(0, 1), slice(0, 1))))
    i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return Mask(mask.data[i, j, k], mask.grid.crop((i, j, k))).trimmed()
