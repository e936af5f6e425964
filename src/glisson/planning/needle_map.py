"""Where a needle may run: one map of clearance to everything that it must not touch, and what it meets on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Grid, Mask, box_around, box_of, distance_to
from glisson.scene import Scene

__all__ = [
    "AIR",
    "EDGE",
    "LUNGS",
    "QUARTER_MM",
    "SOLID",
    "VESSELS",
    "NeedleMap",
    "NeedleRules",
    "Outlined",
    "needle_map",
]

Float32 = npt.NDArray[np.float32]

STEP_MM = 1.75
"""The map has voxels no larger than this where the scan's are smaller; a structure fills each voxel that it enters."""

AIR, EDGE, SOLID = 1.0e6, 2.0e6, -1.0e3
"""Values of the map outside the skin, beyond the scan, and in a forbidden structure."""

LUNGS = ("lung_left", "lung_right")
VESSELS = ("portal", "hepatic", "artery", "bile_ducts")
"""Trees that run inside and outside the liver: forbidden is what lies outside, inside they are kept away from."""

CAPSULE_SIGMA_MM = 3.0
"""The liver is smoothed by this before its capsule's direction is taken."""

QUARTER_MM = 0.25
"""Distances to vessels and lungs are kept in steps of this, ..."""

MOST_QUARTERS = 127
"""... up to so many."""

LESION_BIT = np.uint16(1 << 15)
"""Marks the lesion aimed at in `soft`."""


BUNDLE_MM = 20.0
"""Blocks of an outline are bundled in cubes of about this side: far bundles are passed over whole."""


@dataclass(frozen=True)
class NeedleRules:
    """What a needle must keep and what is wished for; every number here can be disputed, so none has a default.

    forbidden: structure -> clearance in mm that its outline must keep from the needle's axis (of VESSELS the part
    outside the liver). device_length_mm: from skin to tip at most. least_tract_mm: liver that must be crossed before
    the lesion, else the path is kept and marked. The others say from where on better is no longer better:
    enough_tract_mm, enough_clearance_mm (beyond the demanded one), enough_vessel_mm, enough_lung_mm,
    easy_capsule_degrees (between needle and the capsule's normal) and easy_tilt_degrees (out of the axial plane).
    sources: name of a field -> id of the rule or source it comes from.
    """

    forbidden: Mapping[str, float]
    device_length_mm: float
    least_tract_mm: float
    enough_tract_mm: float
    enough_clearance_mm: float
    enough_vessel_mm: float
    enough_lung_mm: float
    easy_capsule_degrees: float
    easy_tilt_degrees: float
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int | float)}
        numbers |= {f"forbidden[{name}]": value for name, value in self.forbidden.items()}
        for name, value in numbers.items():
            if not np.isfinite(value) or value < 0:
                raise InputError(f"NeedleRules: {name} is {value}; expected a finite number of at least 0.")
        if not self.device_length_mm:
            raise InputError("NeedleRules: device_length_mm is 0; expected the needle's usable length in mm.")
        for name in ("forbidden", "sources"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


@dataclass(frozen=True, eq=False)
class Outlined:
    """A structure as it was outlined, and the blocks of the map that its outline passes, in bundles of near ones.

    cells: (N, 3) index of those blocks; cells_mm: (N, 3) their middles. offset: of the mask's first voxel on the scan.
    start: (B + 1,) bundle n is cells[start[n]:start[n + 1]]; middles_mm (B, 3), radii_mm (B,): balls that hold the
    middles of its blocks.
    """

    mask: Mask
    offset: tuple[int, int, int]
    cells: npt.NDArray[np.int64]
    cells_mm: FloatArray
    start: npt.NDArray[np.intp]
    middles_mm: FloatArray
    radii_mm: FloatArray

    @classmethod
    def of(cls, mask: Mask, entered: BoolArray, blocks: Blocks) -> Outlined:
        """A structure and the blocks with at least one of its voxels."""
        cells = _outline(entered)
        across = np.array([max(int(BUNDLE_MM / pitch), 1) for pitch in blocks.grid.spacing_mm])
        bundle = np.ravel_multi_index(tuple((cells // across).T), entered.shape)
        order = np.argsort(bundle, kind="stable")
        cells, points = cells[order], blocks.grid.to_mm(cells[order])
        start = np.flatnonzero(np.diff(bundle[order], prepend=-1))
        counts = np.diff(start, append=len(cells))
        middles = np.add.reduceat(points, start) / counts[:, None] if len(cells) else points
        away = np.linalg.norm(points - np.repeat(middles, counts, axis=0), axis=1)
        radii = np.maximum.reduceat(away, start) if len(cells) else away
        return cls(mask, mask.grid.offset_in(blocks.scan), cells, points, np.append(start, len(cells)), middles, radii)


@dataclass(frozen=True, eq=False)
class NeedleMap:
    """The way of needles through one scene, on a grid of its own with one voxel of border beyond the scan.

    room: (X, Y, Z, 2) float32: clearance in mm beyond the demanded one (below 0 forbidden, AIR, EDGE), and how far a
    needle can go from there without coming closer than `rules.enough_clearance_mm` or leaving the body. soft: uint16,
    bit 0 liver, bits 1-7 distance to vessels, bits 8-14 to the lungs, in steps of QUARTER_MM. liver: smoothed, 0 to 1.
    forbidden: structures that were given; not_checked: those that were not. vessels, lungs: the same for VESSELS
    (inside the liver too) and LUNGS.
    """

    grid: Grid
    rules: NeedleRules
    room: Float32
    soft: npt.NDArray[np.uint16]
    liver: Float32
    skin: Mask
    whole_liver: Mask
    forbidden: Mapping[str, Outlined]
    not_checked: tuple[str, ...]
    vessels: Mapping[str, Outlined]
    lungs: Mapping[str, Outlined]
    blocks: Blocks = field(repr=False)
    _marked: list[tuple[Mask, Float32, npt.NDArray[np.uint16]]] = field(default_factory=list, repr=False)

    def marked(self, lesion: Mask) -> tuple[Float32, npt.NDArray[np.uint16]]:
        """room and soft in which a lesion is marked (LESION_BIT) and may be passed up to what is forbidden.

        The last one is kept: every search to one lesion asks for it several times.
        """
        if self._marked and self._marked[0][0] is lesion:
            return self._marked[0][1:]
        self._marked.clear()
        inside = np.pad(self.blocks.share(lesion) > 0, 1)
        field, soft = self.room.copy(), self.soft.copy()
        value = field[inside, 0]
        field[inside, 0] = np.where(value > SOLID, np.maximum(value, 0), value)
        soft[inside] |= LESION_BIT | np.uint16(1)
        self._marked.append((lesion, field, soft))
        return field, soft

    @property
    def checked(self) -> tuple[str, ...]:
        """Forbidden structures that were in the scene."""
        return tuple(self.forbidden)


def needle_map(scene: Scene, liver: Mask, rules: NeedleRules, *, cava: Mask | None = None) -> NeedleMap | None:
    """The map of clearance for every needle to this liver; None where the scene has no skin.

    liver: the whole liver (`whole_liver`). cava: where the scene has it in one mask with the hepatic veins
    (`split_cava`). Cost: an exact distance map for each different clearance, once; all lesions share it. Distances run
    between voxel centres of the map less half a voxel: a first sieve; paths that are given out are measured again.
    Raises FrameMismatch off the lattice.
    """
    skin = scene.structures.get("skin")
    if skin is None or skin.is_empty:
        return None
    blocks = Blocks.over(scene.grid, liver, skin, rules.device_length_mm)
    grid = blocks.grid
    masks, missing = _forbidden(scene, liver, rules, cava)
    entered = {name: blocks.entered(mask) for name, mask in masks.items()}
    body = _filled(blocks.share(skin) >= np.float32(0.5), grid.slice_axis)
    value = np.pad(_clearance(entered, rules, grid), 1, constant_values=EDGE)
    depth = distance_to(~np.pad(body, 1), grid.spacing_mm)
    value[np.pad(~body, 1) & (value >= 0)] = AIR
    reach = np.minimum(value - np.float32(rules.enough_clearance_mm), depth)
    share = blocks.share(liver)
    vessels, vessels_mm = _trees(blocks, scene, VESSELS)
    lungs, lungs_mm = _trees(blocks, scene, LUNGS)
    soft = (share >= np.float32(0.5)) | (vessels_mm << np.uint16(1)) | (lungs_mm << np.uint16(8))
    return NeedleMap(
        grid=grid.crop((slice(-1, body.shape[0] + 1), slice(-1, body.shape[1] + 1), slice(-1, body.shape[2] + 1))),
        rules=rules,
        room=np.stack([value, reach], axis=-1),
        soft=np.pad(soft, 1),
        liver=np.pad(_smoothed(share, grid), 1),
        skin=skin,
        whole_liver=liver,
        forbidden=MappingProxyType({name: Outlined.of(mask, entered[name], blocks) for name, mask in masks.items()}),
        not_checked=missing,
        vessels=vessels,
        lungs=lungs,
        blocks=blocks,
    )


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of `stride` voxels of the scan from voxel `start` on, and the grid that they make."""

    scan: Grid
    start: tuple[int, ...]
    stride: tuple[int, ...]
    grid: Grid

    @cached_property
    def inner(self) -> npt.NDArray[np.int64]:
        """(n, 3) index of each voxel of a block within it."""
        return np.argwhere(np.ones(self.stride, np.bool_))

    @classmethod
    def over(cls, scan: Grid, liver: Mask, skin: Mask, reach_mm: float) -> Blocks:
        """Over what a needle can pass: the body within reach of the liver."""
        near, body = box_around([liver], scan, reach_mm), box_around([skin], scan, 2 * STEP_MM)
        low = np.array([max(a.start, b.start) for a, b in zip(near, body, strict=True)])
        high = np.array([min(a.stop, b.stop) for a, b in zip(near, body, strict=True)])
        stride = np.array([max(int(STEP_MM / pitch), 1) for pitch in scan.spacing_mm])
        shape = np.maximum((high - low) // stride, 1)
        affine = scan.affine.copy()
        affine[:3, :3] *= stride
        affine[:3, 3] = scan.to_mm(low + (stride - 1) / 2)
        grid = Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)
        return cls(scan, tuple(low.tolist()), tuple(stride.tolist()), grid)

    def _gathered(self, mask: Mask, join: np.ufunc, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """The voxels of each block joined by a ufunc; zero where the mask has none."""
        stride = np.array(self.stride)
        offset = np.array(mask.grid.offset_in(self.scan)) - self.start
        low = np.clip(offset // stride, 0, self.grid.shape)
        high = np.clip(-(-(offset + mask.data.shape) // stride), low, self.grid.shape)
        result = np.zeros(self.grid.shape, dtype)
        if (high <= low).any():
            return result
        a, b, c = (
            slice(int(p * n + s), int(q * n + s)) for p, q, n, s in zip(low, high, stride, self.start, strict=True)
        )
        data: npt.NDArray[Any] = mask.on(self.scan.crop((a, b, c))).astype(dtype)
        for axis, n in enumerate(self.stride):
            parts = [data[(slice(None),) * axis + (slice(k, None, n),)] for k in range(n)]
            data = parts[0] if n == 1 else join(parts[0], parts[1])
            for part in parts[2:]:
                join(data, part, out=data)
        result[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = data
        return result

    def entered(self, mask: Mask) -> BoolArray:
        """Blocks with at least one voxel of the mask."""
        return self._gathered(mask, np.logical_or, np.bool_)

    def share(self, mask: Mask) -> Float32:
        """Share of each block that the mask fills."""
        counts = self._gathered(mask, np.add, np.uint16)
        return (counts / np.float32(np.prod(self.stride))).astype(np.float32)


def _forbidden(
    scene: Scene, liver: Mask, rules: NeedleRules, cava: Mask | None
) -> tuple[dict[str, Mask], tuple[str, ...]]:
    """Structures that a needle must not touch, as outlined; and the names of those that were not given."""
    found: dict[str, Mask] = {}
    missing = []
    for name in rules.forbidden:
        mask = cava if name == "cava" and cava is not None else scene.structures.get(name)
        if mask is None or mask.is_empty:
            missing.append(name)
        else:
            outside = mask.data & ~liver.on(mask.grid, "the liver") if name in VESSELS else mask.data
            found[name] = Mask(outside, mask.grid)
    return found, tuple(missing)


def _clearance(entered: Mapping[str, BoolArray], rules: NeedleRules, grid: Grid) -> Float32:
    """Distance to the nearest forbidden structure beyond the demanded one, less half a voxel; SOLID within it."""
    result = np.full(grid.shape, np.float32(rules.device_length_mm), np.float32)
    half = sum(grid.spacing_mm) / 6.0
    for demanded in sorted({rules.forbidden[name] for name in entered}):
        together = np.zeros(grid.shape, np.bool_)
        for name, at in entered.items():
            if rules.forbidden[name] == demanded:
                together |= at
        if together.any():
            away = distance_to(together, grid.spacing_mm)
            np.minimum(result, np.where(together, np.float32(SOLID), away - np.float32(half + demanded)), out=result)
    return result


def _filled(body: BoolArray, slice_axis: int) -> BoolArray:
    """The body with what it encloses in a slice (lungs and gas that an outline of the skin may leave out)."""
    from scipy.ndimage import binary_fill_holes

    turned = np.moveaxis(body, slice_axis, 0)
    return np.moveaxis(np.stack([binary_fill_holes(flat) for flat in turned]), 0, slice_axis)


def _trees(
    blocks: Blocks, scene: Scene, names: tuple[str, ...]
) -> tuple[Mapping[str, Outlined], npt.NDArray[np.uint16]]:
    """Those of some structures that the scene has, and the distance to the nearest in steps of QUARTER_MM."""
    found = {}
    together = np.zeros(blocks.grid.shape, np.bool_)
    for name in names:
        mask = scene.structures.get(name)
        if mask is not None and not mask.is_empty:
            at = blocks.entered(mask)
            found[name] = Outlined.of(mask, at, blocks)
            together |= at
    quarters = np.full(together.shape, MOST_QUARTERS, np.uint16)
    near = box_of(together, pad=int(np.ceil(MOST_QUARTERS * QUARTER_MM / min(blocks.grid.spacing_mm))))
    if near is not None:
        away = distance_to(together[near], blocks.grid.spacing_mm)
        quarters[near] = np.minimum(away / QUARTER_MM, MOST_QUARTERS).astype(np.uint16)
    return MappingProxyType(found), quarters


def _smoothed(share: Float32, grid: Grid) -> Float32:
    from scipy.ndimage import gaussian_filter

    result: Float32 = gaussian_filter(share, CAPSULE_SIGMA_MM / np.array(grid.spacing_mm), mode="constant")
    return result


def _outline(at: BoolArray) -> npt.NDArray[np.int64]:
    """(N, 3) index of the blocks that have a neighbour outside."""
    from scipy.ndimage import binary_erosion

    box = box_of(at, pad=1)
    if box is None:
        return np.zeros((0, 3), np.int64)
    part = at[box]
    return np.argwhere(part & ~binary_erosion(part)) + [s.start for s in box]
