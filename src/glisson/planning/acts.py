"""Every act that the search may choose on one liver: resections, wedges and ablations as candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from glisson.anatomy import SEGMENT_NAMES, CavaSplit, SegmentMap, VesselAnatomy
from glisson.geometry import Mask, Surface
from glisson.knowledge import knowledge_base
from glisson.planning.ablation import Ablation, ablation_candidates
from glisson.planning.ablation import as_candidate as ablation_as_candidate
from glisson.planning.ablation_margin import wide_part
from glisson.planning.act_rules import act_burden, heat_rules, needle_rules
from glisson.planning.cava_margin import beside_cava
from glisson.planning.clearance import Candidate
from glisson.planning.liver_voxels import LiverVoxels, segment_numbers
from glisson.planning.needle import NeedleSearch, needle_paths
from glisson.planning.needle_map import NeedleMap, needle_map
from glisson.planning.resecting import resection_candidates
from glisson.planning.resection import Resection
from glisson.planning.settings import PlanSettings
from glisson.planning.supply import Supply
from glisson.planning.wedge import Wedge
from glisson.planning.wedge_candidates import as_candidate as wedge_as_candidate
from glisson.planning.wedge_candidates import wedge_candidates
from glisson.planning.zones import device_zones
from glisson.scene import Scene

__all__ = ["Acts", "Shared", "acts_on", "shared_of"]

MOST_ZONES = 4
"""An ablation of more zones is not offered."""

KEPT_CALIBRE_MM = 5.0
"""Portal and hepatic veins at least this wide are not cut by a wedge; its cut runs along them."""

VESSEL_WORDS = {"portal": "a portal branch", "hepatic": "a hepatic vein"}


@dataclass(frozen=True, eq=False)
class Acts:
    """The candidates, and what stands behind the wedges and ablations among them."""

    candidates: tuple[Candidate, ...]
    wedges: tuple[Wedge, ...]
    ablations: tuple[Ablation, ...]
    needles: Mapping[str, NeedleSearch]


@dataclass(frozen=True, eq=False)
class Shared:
    """What all candidates share."""

    scene: Scene
    liver: Mask
    voxels: LiverVoxels
    segments: SegmentMap | None
    labels: np.ndarray | None
    supplies: Mapping[str, Supply]
    masks: Mapping[str, Mask]
    cava: Mask | None
    surfaces: Mapping[str, Surface]
    settings: PlanSettings
    rules: Mapping[str, tuple[tuple[str, str], ...]]

    def segments_of(self, mask: Mask) -> tuple[str, ...]:
        """Segments that hold at least a tenth of a region, in Couinaud's order."""
        if self.labels is None:
            return ()
        held = np.bincount(self.labels[self.voxels.of(mask)], minlength=max(SEGMENT_NAMES) + 1)
        return tuple(name for value, name in SEGMENT_NAMES.items() if 10 * held[value] >= held.sum() > 0)


def acts_on(shared: Shared, resections: Sequence[Resection], targets: Sequence[str]) -> Acts:
    """Every act that treats one of the targets, with its costs and rules."""
    ablations, needles = _ablations(shared, targets)
    wedges = _wedges(shared, targets)
    candidates = (
        *_resection_candidates(shared, resections, targets),
        *(_wedge_candidate(shared, one) for one in wedges),
        *(_ablation_candidate(shared, one) for one in ablations),
    )
    known = {name: shared.masks[name] for name in targets}
    accepted = shared.settings.accept_margin_mm
    candidates = beside_cava(candidates, known, shared.cava, shared.scene.grid, accepted, shared.surfaces)
    return Acts(candidates, wedges, ablations, needles)


def shared_of(
    scene: Scene,
    liver: Mask,
    segments: SegmentMap | None,
    vessels: VesselAnatomy | None,
    cava: CavaSplit | None,
    surfaces: Mapping[str, Surface],
    how: PlanSettings,
    rules: Mapping[str, tuple[tuple[str, str], ...]],
) -> Shared:
    """What all candidates share, from the pieces that anatomy and record give."""
    tumour = np.zeros(liver.count, np.bool_)
    voxels = LiverVoxels(liver, tumour)
    for lesion in scene.lesions:
        tumour[voxels.of(lesion.mask)] = True
    systems = {} if vessels is None else vessels.systems
    return Shared(
        scene=scene,
        liver=liver,
        voxels=voxels,
        segments=segments,
        labels=None if segments is None else segment_numbers(voxels, segments),
        supplies={kind: Supply(system.territories, voxels, segments) for kind, system in systems.items()},
        masks={lesion.id: lesion.mask for lesion in scene.lesions},
        cava=None if cava is None else cava.cava,
        surfaces=surfaces,
        settings=how,
        rules=rules,
    )


def _resection_candidates(
    shared: Shared, resections: Sequence[Resection], targets: Sequence[str]
) -> tuple[Candidate, ...]:
    if "resection" not in shared.settings.allow or shared.segments is None or shared.labels is None:
        return ()
    numbers = {name: np.flatnonzero(shared.labels == value).astype(np.int32) for value, name in SEGMENT_NAMES.items()}
    useful = [item for item in resections if set(item.margins_mm) & set(targets)]
    return resection_candidates(useful, numbers, shared.supplies, shared.rules.get("resection", ()))


def _wedges(shared: Shared, targets: Sequence[str]) -> tuple[Wedge, ...]:
    if "wedge" not in shared.settings.allow:
        return ()
    return wedge_candidates(
        shared.liver,
        {name: shared.masks[name] for name in targets},
        shared.settings.resection_margin_mm,
        keep=_kept_vessels(shared),
        surfaces=shared.surfaces,
    )


def _kept_vessels(shared: Shared) -> Mask | None:
    """Portal and hepatic veins that a wedge does not cut."""
    grid = shared.liver.grid
    held = np.zeros(grid.shape, np.bool_)
    for name in ("portal", "hepatic"):
        given = shared.scene.structures.get(name)
        wide = None if given is None else wide_part(Mask(given.on(grid, name), grid), KEPT_CALIBRE_MM)
        if wide is not None:
            held |= wide.data
    if shared.cava is not None:
        held |= shared.cava.on(grid, "the cava")
    return Mask(held, grid) if held.any() else None


def _wedge_candidate(shared: Shared, one: Wedge) -> Candidate:
    plain = wedge_as_candidate(
        one,
        shared.voxels,
        accept_mm=shared.settings.accept_margin_mm,
        segments=shared.segments_of(one.mask),
        burden=act_burden("wedge"),
    )
    causes = {"devascularised": "portal", "congested": "hepatic"}
    removed = plain.costs["removed"]
    lost = {
        cause: shared.supplies[kind].lost_without(one.mask, removed)
        for cause, kind in causes.items()
        if kind in shared.supplies
    }
    return replace(plain, costs={**plain.costs, **lost}, rules=shared.rules.get("wedge", ()))


def _ablations(shared: Shared, targets: Sequence[str]) -> tuple[tuple[Ablation, ...], Mapping[str, NeedleSearch]]:
    if "ablation" not in shared.settings.allow:
        return (), {}
    at = needle_map(shared.scene, shared.liver, needle_rules(), cava=shared.cava)
    tumour = np.zeros(shared.liver.data.shape, np.bool_)
    tumour.ravel()[shared.voxels.flat[shared.voxels.tumour]] = True
    vessels = {name: shared.scene.structures[name] for name in ("portal", "hepatic") if name in shared.scene.structures}
    found: list[Ablation] = []
    needles: dict[str, NeedleSearch] = {}
    for name in targets:
        if at is not None:
            needles[name] = needle_paths(at, name, shared.masks[name])
        found += ablation_candidates(
            shared.liver,
            name,
            shared.masks[name],
            device_zones(knowledge_base()),
            (shared.settings.ablation_margin_mm,),
            most_zones=MOST_ZONES,
            tumour=Mask(tumour, shared.liver.grid),
            needles=_both(at, needles.get(name)),
            vessels=vessels or None,
            heat=heat_rules() if vessels else None,
        )
    return tuple(found), MappingProxyType(needles)


def _both(at: NeedleMap | None, paths: NeedleSearch | None) -> tuple[NeedleMap, NeedleSearch] | None:
    return None if at is None or paths is None else (at, paths)


def _ablation_candidate(shared: Shared, one: Ablation) -> Candidate:
    further = len(one.zones) - 1
    plain = ablation_as_candidate(
        one,
        shared.voxels,
        segments=shared.segments_of(shared.masks[one.lesion]),
        burden=act_burden("ablation") + further * act_burden("further zone"),
    )
    rules = (*shared.rules.get("ablation", ()), *shared.rules.get(f"ablation {one.lesion}", ()))
    limiting = {name: VESSEL_WORDS.get(what, what) for name, what in plain.limiting.items()}
    return replace(plain, rules=rules, limiting=limiting)
