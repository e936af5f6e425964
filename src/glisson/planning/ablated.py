"""After an ablation: does the zone of today hold the lesion of then, with the margin it should have?

The lesion is carried into the frame of the later scan. What the two scans' overlay may be off is carried along: the
margin has an interval, from shifts of the lesion by the overlay's expected error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from glisson.anatomy.overlay import Overlay
from glisson.errors import InputError
from glisson.geometry import FloatArray, Grid, Mask, Surface, distance_to, place
from glisson.knowledge import knowledge_base
from glisson.lesions.kinetics import Z95, volume_error
from glisson.planning.ablation_margin import AblativeMargin, smooth_outline, zone_margin
from glisson.scene import Scene

__all__ = ["ZONE_PREFIX", "AblationCheck", "ZoneCourse", "check_ablation", "zone_course", "zones_of"]

ZONE_PREFIX = "ablation_zone_"
"""A structure with this before a lesion's name in lower case is the zone of its ablation."""

DRAWS = 512
"""Shifts of the lesion by which the interval is found."""
SHARE = 0.95
"""Share of the shifts that the interval holds."""
AROUND_MM = 25.0
"""Distances are known up to this far around the zone."""


@dataclass(frozen=True, eq=False)
class AblationCheck:
    """One ablation zone against the lesion it was meant for.

    lesion, carried: its outline in the frame of the later scan, and the same as voxels there. margin: best
    estimate. interval_mm: of the margin where the zone ends in liver (everywhere, where it ends nowhere in the
    liver); it holds the truth for at least SHARE of the overlay's errors. covered_chance: share of them in which
    the zone holds the whole lesion; wanted_chance: with at least the margin wanted. wanted_mm. short: part of the
    later scan's liver within wanted_mm of the lesion that the zone does not hold (empty when none), of which the
    part inside the lesion itself is `uncovered`. subcapsular: the zone reaches the liver's surface, where no margin
    is asked for. error_mm: of the overlay along each axis.
    """

    lesion: Surface
    carried: Mask
    margin: AblativeMargin
    interval_mm: tuple[float, float]
    covered_chance: float
    wanted_chance: float
    wanted_mm: float
    short: Mask
    uncovered: Mask
    subcapsular: bool
    error_mm: float


def check_ablation(lesion: Mask, zone: Mask, liver: Mask, overlay: Overlay, *, wanted_mm: float) -> AblationCheck:
    """Compare a lesion of an earlier scan with the ablation zone of a later one.

    lesion: on the earlier scan. zone, liver: on one lattice of the later scan. overlay: the later scan is its fixed
    one, the earlier its moving one. wanted_mm: margin that should have been reached. Raises InputError for an empty
    mask or an overlay that is refused.
    """
    for name, mask in (("lesion", lesion), ("ablation zone", zone)):
        if mask.is_empty:
            raise InputError(f"The {name} is an empty mask; there is no margin to measure. Outline it first.")
    if overlay.refused:
        raise InputError(
            f"The scans lie over each other to {overlay.error_mm:.1f} mm only; no margin can be measured by that. "
            "Give vessel masks of both scans, or better outlines of the liver."
        )
    outline = smooth_outline(lesion)
    body = Surface(overlay.alignment.to_fixed(outline.vertices_mm), outline.faces)
    margin = zone_margin(body, zone, liver)
    best = margin.everywhere_mm if margin.in_liver_mm is None else margin.in_liver_mm
    signed = _signed_distance(zone, liver, margin.in_liver_mm is not None)
    moved = _Moved(signed, body, best)
    shifts = overlay.shifts(DRAWS)
    drawn = moved.margins(shifts)
    low, high = float(np.quantile(drawn, (1 - SHARE) / 2)), _highest(moved, shifts, drawn, overlay.error_mm)
    carried = _carried(lesion, overlay, liver.grid, body)
    short, uncovered = _short(carried, zone, liver, wanted_mm)
    return AblationCheck(
        body, carried, margin, (low, high), float((drawn >= 0).mean()), float((drawn >= wanted_mm).mean()), wanted_mm,
        short, uncovered, margin.in_liver_mm is None or _reaches_capsule(zone, liver), overlay.error_mm,
    )  # fmt: skip


def zones_of(scene: Scene, names: Iterable[str]) -> Mapping[str, Mask]:
    """Lesion name -> the zone of its ablation on a scan, for the lesions whose zone is outlined."""
    found = {}
    for name in names:
        zone = scene.structures.get(ZONE_PREFIX + name.lower().replace("-", "_"))
        if zone is not None and not zone.is_empty:
            found[name] = zone
    return found


@dataclass(frozen=True)
class ZoneCourse:
    """One ablation zone over the scans on which it is outlined.

    volumes: day and volume in mL, earliest first. expected: volume in mL that the published mean fall from the first
    one gives for each of these days (table `zone-shrinkage`), None where the day of the ablation is not known or the
    table does not reach. grown: the last volume is above the smallest before it by more than two outlines of one thing
    differ (True), is not (False), or there is one volume only (None).
    """

    volumes: tuple[tuple[date, float], ...]
    expected: tuple[float | None, ...]
    grown: bool | None


def zone_course(volumes: Sequence[tuple[date, float]], ablated: date | None) -> ZoneCourse:
    """The course of one zone. volumes: day and volume in mL of each scan, all above 0; ablated: day of the ablation.

    Raises InputError for no volume or one that is not above 0.
    """
    known = tuple(sorted(volumes))
    if not known or any(not ml > 0 for _, ml in known):
        raise InputError(f"The course of an ablation zone needs volumes above 0 mL; given {[ml for _, ml in known]}.")
    grown = None
    if len(known) > 1:
        least = min(ml for _, ml in known[:-1])
        grown = math.log(known[-1][1] / least) > Z95 * math.sqrt(2) * volume_error()
    return ZoneCourse(known, tuple(_expected_ml(known[0], day, ablated) for day, _ in known), grown)


MONTH_DAYS = 365.25 / 12


def _expected_ml(first: tuple[date, float], day: date, ablated: date | None) -> float | None:
    """Volume expected on a day from that on the first one, by the share of the volume at ablation that both have."""
    if ablated is None or day == first[0]:
        return first[1] if ablated is not None else None
    shares = [_share_left((one - ablated).days / MONTH_DAYS) for one in (first[0], day)]
    begin, now = shares
    return None if begin is None or now is None else first[1] * now / begin


def _share_left(months: float) -> float | None:
    """Share of the zone's first volume some months after the ablation, between the rows of the table; None beyond."""
    rows = knowledge_base().table("zone-shrinkage").rows
    at = [0.0, *(row.needed("months") for row in rows)]
    left = [1.0, *(1.0 - row.needed("fall") / 100.0 for row in rows)]
    return float(np.interp(months, at, left)) if 0 <= months <= at[-1] else None


def _carried(lesion: Mask, overlay: Overlay, grid: Grid, body: Surface) -> Mask:
    """The lesion on the later scan's lattice, on a box around it with room for the widest margin."""
    at = grid.to_index(body.vertices_mm)
    pad = np.ceil(AROUND_MM / np.array(grid.spacing_mm))
    low = np.clip(np.floor(at.min(axis=0) - pad), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(at.max(axis=0) + pad) + 1, low + 1, grid.shape).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return overlay.alignment.pull_mask(lesion, grid.crop((i, j, k)))


@dataclass(frozen=True, eq=False)
class _Signed:
    """Distance to where the zone ends, positive inside it; on a box around the zone."""

    values: npt.NDArray[np.float32]
    grid: Grid


def _signed_distance(zone: Mask, liver: Mask, in_liver: bool) -> _Signed:
    """Inside the zone the distance to liver that it leaves (to anything that it leaves, with in_liver False)."""
    pad = np.ceil(AROUND_MM / np.array(zone.grid.spacing_mm)).astype(int)
    tight = zone.trimmed()
    first = -pad
    shape = tuple(int(n + 2 * p) for n, p in zip(tight.grid.shape, pad, strict=True))
    affine = tight.grid.affine.copy()
    affine[:3, 3] = tight.grid.to_mm(first.astype(float))
    grid = Grid((shape[0], shape[1], shape[2]), affine)
    held = place(tight.data, (int(pad[0]), int(pad[1]), int(pad[2])), grid.shape)
    left = ~held & liver.on(grid, "the liver") if in_liver else ~held
    half = float(np.mean(grid.spacing_mm)) / 2
    inner = distance_to(left, grid.spacing_mm) - half
    outer = distance_to(held, grid.spacing_mm) - half
    return _Signed(np.where(held, np.minimum(inner, AROUND_MM), -outer).astype(np.float32), grid)


@dataclass(frozen=True, eq=False)
class _Moved:
    """The margin of a lesion that lies elsewhere. best: its margin where it is thought to lie."""

    signed: _Signed
    body: Surface
    best: float

    def margins(self, shifts: FloatArray) -> FloatArray:
        """(n,) margins for (n, 3) shifts in mm."""
        from scipy.ndimage import map_coordinates

        grid = self.signed.grid
        at = grid.to_index(self.body.vertices_mm)
        steps = np.vstack([np.zeros(3), shifts]) @ np.linalg.inv(grid.affine[:3, :3]).T
        least = [map_coordinates(self.signed.values, (at + step).T, order=1, mode="nearest").min() for step in steps]
        result: FloatArray = self.best + np.asarray(least[1:], dtype=np.float64) - float(least[0])
        return result


def _highest(moved: _Moved, shifts: FloatArray, drawn: FloatArray, error_mm: float) -> float:
    """The largest margin among the shifts that are likely together.

    A lesion that truly lies in the middle of its zone is only ever seen away from it: a quantile would lie below the
    truth.
    """
    from scipy.optimize import minimize
    from scipy.stats import chi2

    reach = error_mm * float(np.sqrt(chi2.ppf(SHARE, 3)))
    likely = np.flatnonzero(np.linalg.norm(shifts, axis=1) <= reach)
    start = shifts[likely[np.argmax(drawn[likely])]]

    def within(shift: FloatArray) -> FloatArray:
        return shift * min(1.0, reach / max(float(np.linalg.norm(shift)), 1e-9))

    found = minimize(
        lambda shift: -moved.margins(within(shift)[None])[0], start, method="Nelder-Mead", options={"maxfev": 80}
    )
    return float(max(-found.fun, drawn[likely].max()))


def _short(lesion: Mask, zone: Mask, liver: Mask, wanted_mm: float) -> tuple[Mask, Mask]:
    """Liver within wanted_mm of the lesion that the zone does not hold, and the lesion that it does not hold."""
    grid = lesion.grid
    held, inside = zone.on(grid, "the zone"), liver.on(grid, "the liver")
    near = distance_to(lesion.data, grid.spacing_mm) <= wanted_mm
    return Mask(near & inside & ~held, grid).trimmed(), Mask(lesion.data & ~held, grid).trimmed()


def _reaches_capsule(zone: Mask, liver: Mask) -> bool:
    from scipy.ndimage import binary_dilation

    around = zone.trimmed(pad=1)
    grown = binary_dilation(around.data)
    return bool((grown & ~liver.on(around.grid, "the liver")).any())
