"""Ablations offered to a plan: one zone, or the fewest that cover a lesion with its margin, each with its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask, Surface
from glisson.planning.ablation_margin import AblativeMargin, HeatSink, ablative_margin, heat_sinks, smooth_outline
from glisson.planning.clearance import Candidate
from glisson.planning.cover import Cover, covered, fewest, lattice
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.needle import NeedlePath, NeedleSearch, parallel_path
from glisson.planning.needle_fan import directions, open_from
from glisson.planning.needle_map import NeedleMap
from glisson.planning.wedge_core import core_of
from glisson.planning.zones import DeviceZone, Zone, outer_surface, zones_mask

__all__ = ["Ablation", "HeatRules", "ablation_candidates", "as_candidate"]

CENTRES_MM = 5.0
"""Distance between the places at which several zones may be centred."""

FIRST_ROWS, MORE_ROWS = 150, 60
"""Points with which the search for several zones begins, and about how many it takes in each round of those missed."""

MOST_CENTRES = 120
"""Places tried for several zones at most; the lattice is widened until they are no more."""

PATHS_TRIED = 4
"""So many paths of a search are tried as the direction of one zone, ..."""

PATHS_FOR_SEVERAL = 2
"""... and so many as the direction of several."""

BALL_ROUNDS = 200
"""Steps of the smallest enclosing ball; its radius is then right within 0.5 %."""

WIDTHS = 24
"""Directions in which the targets are first compared with the zone's width."""


@dataclass(frozen=True)
class HeatRules:
    """Which vessels carry heat away: at least calibre_mm wide and within reach_mm of the lesion. sources: field -> id
    of the rule or source.
    """

    calibre_mm: float
    reach_mm: float
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Ablation:
    """One lesion destroyed by one or several zones of one setting.

    wanted_mm: the margin it was made for; margin: what it reaches. zones: in order of their needles; paths: one for
    each zone, () where no map of needles was given. mask: voxels of the liver that are destroyed. functional_ml: of it
    without tumour. heat_sinks: see there; None where vessels were not assessed. near_mm: organ -> distance of the zones
    to it, of those checked for needles that come closer than `NeedleRules.enough_clearance_mm`. gap: share by which the
    number of zones might still be smaller among the places tried, 0 when proven.
    """

    lesion: str
    setting: DeviceZone
    wanted_mm: float
    zones: tuple[Zone, ...]
    paths: tuple[NeedlePath, ...]
    margin: AblativeMargin
    mask: Mask
    destroyed_ml: float
    functional_ml: float
    heat_sinks: tuple[HeatSink, ...] | None
    near_mm: Mapping[str, float]
    gap: float
    notes: tuple[str, ...] = ()


def ablation_candidates(
    liver: Mask,
    lesion_id: str,
    lesion: Mask,
    settings: Sequence[DeviceZone],
    margins_mm: Sequence[float],
    *,
    most_zones: int,
    tumour: Mask | None = None,
    needles: tuple[NeedleMap, NeedleSearch] | None = None,
    vessels: Mapping[str, Mask] | None = None,
    heat: HeatRules | None = None,
) -> tuple[Ablation, ...]:
    """For each margin the ablation with the fewest zones, of those the smallest setting; none where nothing covers.

    liver: the whole liver. settings: from the device table. margins_mm: usually the least and the one aimed at.
    most_zones: more are not offered. tumour: every lesion (no working liver; None: this one). needles: the map and the
    search for this lesion; every zone then has an open path along its axis, all of them parallel, and without such a
    path there is no candidate. A cover that misses the margin below voxel size is made once more with half a voxel
    added. Without needles zones lie along the lesion's longest axis and paths are not assessed.
    vessels, heat: for heat sinks; both or none. Margins are demanded inside the liver only.
    """
    if not settings or most_zones < 1:
        raise InputError("An ablation needs at least one device setting and room for one zone.")
    outline = smooth_outline(lesion)
    sinks = None
    if vessels is not None and heat is not None:
        sinks = heat_sinks(outline, vessels, calibre_mm=heat.calibre_mm, reach_mm=heat.reach_mm)
    found = []
    for wanted in margins_mm:
        for more in (0.0, sum(liver.grid.spacing_mm) / 6.0):
            plan = _planned(liver, lesion, settings, wanted + more, most_zones, needles)
            if plan is None:
                break
            made = _measured(plan, liver, lesion_id, outline, wanted, tumour or lesion, needles, sinks)
            if more or made.margin.in_liver_mm is None or made.margin.in_liver_mm >= wanted:
                found.append(made)
                break
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Plan:
    setting: DeviceZone
    zones: tuple[Zone, ...]
    paths: tuple[NeedlePath, ...]
    gap: float


def _planned(
    liver: Mask,
    lesion: Mask,
    settings: Sequence[DeviceZone],
    wanted: float,
    most_zones: int,
    needles: tuple[NeedleMap, NeedleSearch] | None,
) -> _Plan | None:
    targets = _targets(liver, lesion, wanted)
    corners = targets[_extreme(targets)]
    axes = [_longest(lesion)] if needles is None else [p.direction for p in needles[1].paths[:PATHS_TRIED]]
    at = None if needles is None else needles[0]
    for axis in axes:
        for setting in sorted(settings, key=lambda one: (one.volume_ml, one.label)):
            plan = _single(setting, axis, corners, lesion, at)
            if plan is not None:
                return plan
    largest = max(settings, key=lambda one: (one.volume_ml, one.label))
    if most_zones < 2 or len(targets) * liver.grid.voxel_ml > most_zones * largest.volume_ml:
        return None
    several = (_several(largest, axis, targets, lesion, at, most_zones) for axis in axes[:PATHS_FOR_SEVERAL])
    return next((plan for plan in several if plan is not None), None)


def _targets(liver: Mask, lesion: Mask, wanted: float) -> FloatArray:
    """(n, 3) centres of all voxels of the liver that zones must hold: the lesion with its margin."""
    core, start = core_of(liver, [lesion], wanted)
    where = np.argwhere(core) + start
    if not len(where):
        raise InputError("The lesion has no voxel in the liver; ablation is planned inside the liver.")
    return np.asarray(liver.grid.to_mm(where))


def _longest(lesion: Mask) -> FloatArray:
    points = lesion.grid.to_mm(np.argwhere(lesion.data))
    spread = np.cov(points.T) if len(points) > 1 else np.eye(3)
    axis = np.linalg.eigh(spread)[1][:, -1]
    return np.asarray(axis * np.sign(axis[int(np.argmax(np.abs(axis)))]))


def _single(
    setting: DeviceZone, axis: FloatArray, corners: FloatArray, lesion: Mask, at: NeedleMap | None
) -> _Plan | None:
    """One zone around all corners of the targets' hull, centred where it reaches farthest beyond them; None where it is
    too small.
    """
    squeeze = setting.transverse_mm / setting.length_mm - 1.0
    squeezed = corners + squeeze * np.outer(corners @ axis, axis)
    if np.ptp(squeezed @ directions(WIDTHS).T, axis=0).max() > setting.transverse_mm:
        return None
    centre, radius = _enclosing(squeezed)
    if radius > setting.transverse_mm / 2.0:
        return None
    middle = centre - squeeze / (1.0 + squeeze) * (centre @ axis) * axis
    return _with_paths(setting, [middle], axis, lesion, at, 0.0)


def _enclosing(points: FloatArray) -> tuple[FloatArray, float]:
    """Nearly the smallest ball around points: centre and radius (Badoiu and Clarkson 2003, their simple iteration)."""
    centre = points.mean(axis=0)
    for step in range(1, BALL_ROUNDS + 1):
        away = points - centre
        centre = centre + away[int(np.argmax(np.einsum("ij,ij->i", away, away)))] / (step + 1)
    return centre, float(np.linalg.norm(points - centre, axis=1).max())


def _extreme(points: FloatArray) -> npt.NDArray[np.intp]:
    """Places of the points on the convex hull; all of them where they span no volume."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return np.asarray(ConvexHull(points).vertices, np.intp)
    except QhullError:
        return np.arange(len(points))


def _several(
    setting: DeviceZone,
    axis: FloatArray,
    targets: FloatArray,
    lesion: Mask,
    at: NeedleMap | None,
    most_zones: int,
) -> _Plan | None:
    """The fewest zones with parallel needles that hold all targets, of those whose path is open."""
    low, high = targets.min(axis=0), targets.max(axis=0)
    middle = (low + high) / 2.0
    step = CENTRES_MM
    centres = lattice(step, low, high, middle)
    while len(centres) > MOST_CENTRES:
        step *= 1.1
        centres = lattice(step, low, high, middle)
    if at is not None:
        centres = centres[open_from(at, lesion, centres, -axis)]
    if not len(centres):
        return None
    zones = [Zone(centre, axis, setting.transverse_mm, setting.length_mm) for centre in centres]
    away = np.linalg.norm(centres - middle, axis=1)
    best = _covering(targets, zones, away / max(float(away.max()), 1e-9), most_zones)
    if not best.chosen:
        return None
    return _with_paths(setting, [centres[n] for n in best.chosen], axis, lesion, at, best.gap)


def _covering(targets: FloatArray, zones: Sequence[Zone], weights: FloatArray, most_zones: int) -> Cover:
    """The fewest zones that hold every target: solved for some, to which those it missed are added until none is.

    What covers some targets needs no more zones than what covers all, so the last answer is exact.
    """
    rows = np.arange(0, len(targets), max(len(targets) // FIRST_ROWS, 1))
    table = covered(targets[rows], zones)
    while True:
        best = fewest(table, weights=weights, most=most_zones)
        if not best.chosen:
            return best
        missed = np.flatnonzero(~covered(targets, [zones[n] for n in best.chosen]).any(axis=1))
        if not missed.size:
            return best
        rows = missed[:: max(missed.size // MORE_ROWS, 1)]
        table = np.concatenate([table, covered(targets[rows], zones)])


def _with_paths(
    setting: DeviceZone, centres: list[FloatArray], axis: FloatArray, lesion: Mask, at: NeedleMap | None, gap: float
) -> _Plan | None:
    zones = tuple(Zone(centre, axis, setting.transverse_mm, setting.length_mm) for centre in centres)
    if at is None:
        return _Plan(setting, zones, (), gap)
    paths = [parallel_path(at, lesion, centre, axis) for centre in centres]
    open_paths = tuple(path for path in paths if path is not None)
    return _Plan(setting, zones, open_paths, gap) if len(open_paths) == len(paths) else None


def _measured(
    plan: _Plan,
    liver: Mask,
    lesion_id: str,
    outline: Surface,
    wanted: float,
    tumour: Mask,
    needles: tuple[NeedleMap, NeedleSearch] | None,
    sinks: tuple[HeatSink, ...] | None,
) -> Ablation:
    mask = zones_mask(plan.zones, liver)
    margin = ablative_margin(outline, plan.zones, liver)
    near = {} if needles is None else _near(needles[0], plan.zones)
    notes = [f"{name} lies {mm:.0f} mm from the zone." for name, mm in near.items()]
    if needles is None:
        notes.append("The needle path was not assessed.")
    elif needles[0].not_checked:
        notes.append(f"Not checked, because there is no outline of them: {', '.join(needles[0].not_checked)}.")
    notes += [
        f"{sink.share_percent:.0f} % of the lesion's outline lies beside {sink.vessel} ({sink.distance_mm:.0f} mm): "
        "blood may carry heat away."
        for sink in sinks or ()
    ]
    if margin.in_liver_mm is not None and margin.in_liver_mm < wanted:
        notes.append(f"The margin is {margin.in_liver_mm:.1f} mm, not {wanted:g} mm, where the zone ends in liver.")
    if plan.gap:
        notes.append(f"Fewer zones may do; the number could be smaller by {100 * plan.gap:.0f} %.")
    return Ablation(
        lesion=lesion_id,
        setting=plan.setting,
        wanted_mm=wanted,
        zones=plan.zones,
        paths=plan.paths,
        margin=margin,
        mask=mask,
        destroyed_ml=mask.volume_ml,
        functional_ml=float(np.count_nonzero(mask.data & ~tumour.on(mask.grid, "the tumour"))) * mask.grid.voxel_ml,
        heat_sinks=sinks,
        near_mm=MappingProxyType(near),
        gap=plan.gap,
        notes=tuple(notes),
    )


def _near(at: NeedleMap, zones: Sequence[Zone]) -> dict[str, float]:
    """Checked organs that come close to the zones, from the blocks of the map: a lower bound."""
    outside = outer_surface(zones)
    half = sum(at.blocks.grid.spacing_mm) / 6.0
    reach = at.rules.enough_clearance_mm + half
    low, high = outside.vertices_mm.min(axis=0) - reach, outside.vertices_mm.max(axis=0) + reach
    found = {}
    for name, one in at.forbidden.items():
        points = one.cells_mm
        points = points[((points >= low) & (points <= high)).all(axis=1)]
        if not len(points):
            continue
        held = np.min([zone.level(points) for zone in zones], axis=0) <= 1.0
        mm = 0.0 if held.any() else max(float(outside.tree.query(points)[0].min()) - half, 0.0)
        if mm < at.rules.enough_clearance_mm:
            found[name] = mm
    return found


def as_candidate(
    found: Ablation,
    voxels: LiverVoxels,
    *,
    label: str = "microwave ablation",
    segments: tuple[str, ...] = (),
    burden: float = 1.0,
) -> Candidate:
    """An ablation as the search for a plan takes it; its margin is the one inside the liver.

    voxels: the numbering of the liver.
    """
    zone = found.setting
    words = f"{zone.label}: {zone.transverse_mm:g} x {zone.length_mm:g} mm"
    limiting = {found.lesion: found.heat_sinks[0].vessel} if found.heat_sinks else {}
    return Candidate(
        id=f"ablation-{found.lesion}-{found.wanted_mm:g}",
        kind="ablation",
        label=label,
        lesions={found.lesion: found.margin.in_liver_mm},
        costs={"destroyed": voxels.of(found.mask)},
        segments=segments,
        zones=(words,) * len(found.zones),
        burden=burden,
        limiting=limiting,
        notes=found.notes,
    )
