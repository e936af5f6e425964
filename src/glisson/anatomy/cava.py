"""The inferior vena cava: given, or separated from a mask that holds it together with the hepatic veins."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Mask, box_of
from glisson.scene import Scene

__all__ = ["CavaSplit", "split_cava", "split_hepatic"]

SMALLEST_RADIUS_MM = 3.0
"""A slice can hold the cava only where a circle of this radius fits into the mask."""

MEDIAN_RADIUS_MM = 4.5
"""Median over the slices that the trunk must reach to be taken for the cava; hepatic veins stay below it away from
their mouths."""

CAUDAL_SHARE = 0.75
"""The cava does not taper downwards: in its lowest quarter the radius is at least this share of its median; a hepatic
vein's is not."""

HEIGHT_SHARE = 0.85
"""The trunk must run through at least this share of the height of the mask."""

MIN_HEIGHT_MM = 40.0
"""A trunk shorter than this is not told from a thick hepatic vein."""

LARGEST_SLOPE = 1.0
"""Largest sideways step of the trunk's centre per step along the slices (45 degrees) ..."""

SLACK_MM = 3.0
"""... beyond this slack, because the centre of the largest circle jumps a little from slice to slice."""

LARGEST_GAP_MM = 5.0
"""Slices without a trunk that may be bridged."""

CORE_SHARE = 0.65
"""Branches narrower than this share of the trunk (measured across) are cut off at its wall: the opening of each slice
by a circle."""

CRUMB_ML = 0.05
"""What the cut leaves of the trunk's own rim in pieces smaller than this goes back to the trunk."""

INSIDE_SHARE = 0.25
"""A piece of vein is hepatic when at least this share of it lies in the liver; the right renal vein may graze it."""


@dataclass(frozen=True, eq=False)
class CavaSplit:
    """Hepatic veins and cava as two masks; None for one that is not there or could not be told apart.

    other: veins of the merged mask that belong to neither (renal, lumbar and iliac veins), None when there are none.
    method: "given" (the scene has both), "separated" (the trunk was found in the merged mask), "not separated" (a
    hepatic mask in which no cava was found with confidence; `hepatic` is that mask as given), "none" (no hepatic
    veins). notes: why, and how.
    """

    hepatic: Mask | None
    cava: Mask | None
    method: str
    notes: tuple[str, ...] = field(default=())
    other: Mask | None = None


def split_cava(scene: Scene) -> CavaSplit:
    """Hepatic veins and inferior vena cava of a scene; see `split_hepatic` for how a merged mask is separated."""
    hepatic, cava = scene.structures.get("hepatic"), scene.structures.get("cava")
    if cava is not None and not cava.is_empty:
        if hepatic is None:
            return CavaSplit(None, cava, "given")
        shared = hepatic.data & cava.on(hepatic.grid, "the cava")
        if not shared.any():
            return CavaSplit(hepatic, cava, "given")
        shared_ml = float(shared.sum()) * hepatic.grid.voxel_ml
        rest = Mask(hepatic.data & ~shared, hepatic.grid)
        note = f"{shared_ml:.1f} mL lie in both the cava and the hepatic veins and are counted as cava."
        return CavaSplit(None if rest.is_empty else rest.trimmed(), cava, "given", (note,))
    if hepatic is None or hepatic.is_empty:
        return CavaSplit(None, None, "none", ("No mask of the hepatic veins or of the cava was given.",))
    return split_hepatic(hepatic, scene.liver)


def split_hepatic(merged: Mask, liver: Mask | None = None) -> CavaSplit:
    """Separate the cava from a mask that may hold it together with the hepatic veins.

    liver: when given, pieces of vein that lie mostly outside it (renal veins, say) are set apart as `other`.

    Method: in each axial slice the largest circles that fit into the mask; a chain of them through the slices with the
    greatest summed radius (dynamic programming, LARGEST_SLOPE); accepted as cava when long, thick and not tapering (the
    constants above). Its cross-sections are the slices opened by CORE_SHARE of the local radius, so that the veins'
    mouths stay with the veins. The cava is returned only when every condition holds; else `hepatic` is the mask given
    and `cava` is None, with the reason.
    """
    box = box_of(merged.data)
    if box is None:
        return CavaSplit(None, None, "none", ("The mask of the hepatic veins is empty.",))
    grid = merged.grid.crop(box)
    axis = grid.slice_axis
    slices = np.ascontiguousarray(np.moveaxis(merged.data[box], axis, 0))
    spacing = grid.spacing_mm
    in_plane = tuple(spacing[a] for a in range(3) if a != axis)
    depth = _depth(slices, in_plane)
    chain = _trunk(depth, in_plane, spacing[axis])
    cranial_last = bool(grid.directions[2, axis] > 0)
    reason = _doubt(chain, len(slices), spacing[axis], cranial_last)
    if reason:
        return CavaSplit(
            merged, None, "not separated", (f"The cava was not told apart from the hepatic veins: {reason}.",)
        )
    median = float(np.median(chain[:, 3]))
    sections = _cross_sections(slices, depth, _bridged(chain, depth, in_plane), CORE_SHARE * median, in_plane)
    trunk = np.ascontiguousarray(np.moveaxis(sections, 0, axis))
    within = None if liver is None else liver.on(grid, "the liver")
    hepatic, cava, other = (Mask(part, grid) for part in _shared_out(trunk, merged.data[box], within, grid.voxel_ml))
    height_mm = len(slices) * spacing[axis]
    note = (
        f"The cava was separated from the hepatic veins as the thick trunk (median inscribed radius {median:.1f} mm) "
        f"that runs {height_mm:.0f} mm through the mask; the border at the mouths of the veins is drawn by that rule, "
        "not by a reader."
    )
    notes = (
        (note,) if other.is_empty else (note, f"{other.volume_ml:.1f} mL of veins outside the liver were set apart.")
    )
    kept = [None if part.is_empty else part.trimmed() for part in (hepatic, cava, other)]
    return CavaSplit(kept[0], kept[1], "separated", notes, kept[2])


def _depth(slices: BoolArray, in_plane: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Distance in mm of every voxel to the outside of its slice; what touches the box's border counts as ending
    there."""
    import edt

    result = np.zeros(slices.shape, dtype=np.float32)
    for number, section in enumerate(slices):
        if section.any():
            result[number] = edt.edt(np.pad(section, 1), anisotropy=in_plane)[1:-1, 1:-1]
    return result


def _trunk(depth: npt.NDArray[np.float32], in_plane: tuple[float, ...], step_mm: float) -> FloatArray:
    """(n, 4) the chain of circles (slice, row, column, radius in mm) with the greatest summed radius; empty when there
    is none."""
    found = [_circles(section, in_plane) for section in depth]
    scores = [circles[:, 2].copy() for circles in found]
    before: list[list[tuple[int, int]]] = [[(-1, -1)] * len(circles) for circles in found]
    reach = max(1, int(LARGEST_GAP_MM // step_mm) + 1)
    for number, circles in enumerate(found):
        for earlier in range(max(0, number - reach), number):
            if not len(circles) or not len(found[earlier]):
                continue
            allowed = SLACK_MM + LARGEST_SLOPE * step_mm * (number - earlier)
            apart = np.linalg.norm((circles[:, None, :2] - found[earlier][None, :, :2]) * in_plane, axis=2)
            gain = np.where(apart <= allowed, scores[earlier][None, :] - 0.1 * apart, -np.inf)
            best = gain.argmax(axis=1)
            for at, which in enumerate(best):
                total = gain[at, which] + circles[at, 2]
                if total > scores[number][at]:
                    scores[number][at], before[number][at] = total, (earlier, int(which))
    if not any(len(s) for s in scores):
        return np.zeros((0, 4))
    number = int(np.argmax([s.max() if len(s) else -np.inf for s in scores]))
    at = int(scores[number].argmax())
    chain = []
    while number >= 0:
        chain.append((float(number), *found[number][at]))
        number, at = before[number][at]
    return np.array(chain[::-1])


def _circles(section: npt.NDArray[np.float32], in_plane: tuple[float, ...]) -> FloatArray:
    """(n, 3) row, column and radius of the largest circle of each thick part of a slice."""
    from scipy.ndimage import maximum_filter

    size = [max(3, 2 * round(SMALLEST_RADIUS_MM / s) + 1) for s in in_plane]
    peaks = np.argwhere((section >= SMALLEST_RADIUS_MM) & (section == maximum_filter(section, size=size)))
    return np.column_stack([peaks, section[tuple(peaks.T)]]).astype(np.float64)


def _doubt(chain: FloatArray, count: int, step_mm: float, cranial_last: bool) -> str:
    """Why the chain is not surely the cava; empty when it is."""
    if not len(chain):
        return f"no trunk with a radius of {SMALLEST_RADIUS_MM:g} mm"
    height = (chain[-1, 0] - chain[0, 0] + 1) * step_mm
    radius = float(np.median(chain[:, 3]))
    if height < MIN_HEIGHT_MM:
        return f"the thickest trunk is only {height:.0f} mm high"
    if height < HEIGHT_SHARE * count * step_mm:
        return (
            f"the thickest trunk runs through only {100 * height / (count * step_mm):.0f} % of the height of the mask"
        )
    if radius < MEDIAN_RADIUS_MM:
        return f"the thickest trunk has a median radius of only {radius:.1f} mm"
    quarter = max(1, len(chain) // 4)
    caudal = chain[:quarter, 3] if cranial_last else chain[-quarter:, 3]
    if float(np.median(caudal)) < CAUDAL_SHARE * radius:
        return "the thickest trunk tapers downwards, as a hepatic vein does"
    return ""


def _bridged(chain: FloatArray, depth: npt.NDArray[np.float32], in_plane: tuple[float, ...]) -> FloatArray:
    """The chain with the slices it passed over: the largest circle near the straight line between its neighbours, if
    any."""
    rows, columns = np.indices(depth.shape[1:])
    links = [chain[0]]
    for before, after in pairwise(chain):
        for index in range(int(before[0]) + 1, int(after[0])):
            share = (index - before[0]) / (after[0] - before[0])
            row, column = before[1:3] + share * (after[1:3] - before[1:3])
            apart = np.hypot((rows - row) * in_plane[0], (columns - column) * in_plane[1])
            near = np.where(apart <= SLACK_MM + before[3], depth[index], 0.0)
            at = np.unravel_index(int(near.argmax()), near.shape)
            if near[at] > 0:
                links.append(np.array([index, at[0], at[1], near[at]]))
        links.append(after)
    return np.array(links)


def _cross_sections(
    slices: BoolArray, depth: npt.NDArray[np.float32], chain: FloatArray, widest_mm: float, in_plane: tuple[float, ...]
) -> BoolArray:
    """The trunk in each slice: the part of the opened slice around the chain's centre."""
    import cc3d
    import edt

    trunk = np.zeros_like(slices)
    for number, row, column, radius in chain:
        index = int(number)
        width = min(CORE_SHARE * radius, widest_mm)
        core = cc3d.connected_components(depth[index] >= width, connectivity=8)
        own = core == core[int(row), int(column)]
        around = edt.edt(np.pad(~own, 1, constant_values=True), anisotropy=in_plane, black_border=False)[1:-1, 1:-1]
        trunk[index] = slices[index] & (around <= width)
    return trunk


def _shared_out(
    trunk: BoolArray, merged: BoolArray, liver: BoolArray | None, voxel_ml: float
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Hepatic veins, cava, other veins: the pieces left of the mask, by size and share in the liver."""
    import cc3d

    pieces, count = cc3d.connected_components(merged & ~trunk, connectivity=26, return_N=True)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    crumb = sizes * voxel_ml < CRUMB_ML
    hepatic = ~crumb
    if liver is not None:
        hepatic &= np.bincount(pieces[liver], minlength=count + 1) >= INSIDE_SHARE * sizes
    other = ~crumb & ~hepatic
    hepatic[0] = crumb[0] = other[0] = False
    return hepatic[pieces], trunk | crumb[pieces], other[pieces]
