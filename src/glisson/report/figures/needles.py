"""Needles in pictures: the scan cut along the first one, and the skin unrolled into ways that are open or barred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Grid, Mask
from glisson.planning.needle import NeedlePath, NeedleSearch
from glisson.planning.needle_fan import BLOCKED, LEAVES_SCAN, OPEN, TOO_LONG, directions
from glisson.planning.zones import Zone
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.palette import (
    CAPSULE,
    INK,
    LESION,
    NEEDLE,
    ORGANS,
    PAPER,
    RULE,
    SOFT,
    VESSELS,
    ZONE,
    ZONE_RIM,
    Colour,
    ink_on,
    rgb,
)  # fmt: skip
from glisson.report.figures.scan import Parts, paint_scale

__all__ = ["Surroundings", "needle_picture"]

PANEL, TEXT, GAP = 620, 24, 12
"""Pixels across each half and its text size."""

CUT_ROOM_MM, LEAST_CUT_MM = 25.0, 150.0
"""Room around the first needle on its cut, and the least width of the cut."""

MAP_HEIGHT = 330
"""Pixels of the unrolled skin, from the feet to the head."""

COARSE_MM = 4.0
"""What bars a way is looked up on voxels of about this size."""

NO_SCAN = 0.25
TINT = 0.30
"""Opacity of what must not be touched, over the scan."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "bone": ("bone",),
    "lung": ("lung_left", "lung_right"),
    "bowel, stomach": ("colon", "small_bowel", "duodenum", "stomach"),
    "heart, great vessels": ("heart", "aorta", "cava"),
    "vessels outside liver": ("portal", "hepatic", "artery", "bile_ducts"),
    "other organs": ("gallbladder", "kidney_left", "kidney_right", "spleen", "pancreas"),
}
"""What must not be touched, in the groups that share a colour."""

OPEN_COLOUR: Colour = "#2f9e6e"
FAR_COLOUR: Colour = "#c3cace"
EDGE_COLOUR: Colour = "#5a6570"


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a needle must not touch: name -> mask on the scan's lattice, of vessels only what lies outside the liver."""

    grid: Grid
    masks: Mapping[str, Mask]

    def groups(self) -> dict[str, list[Mask]]:
        """Those of GROUPS that have an outline, with their masks; names in no group count as other organs."""
        found: dict[str, list[Mask]] = {}
        known = {name: group for group, names in GROUPS.items() for name in names}
        for name, mask in self.masks.items():
            found.setdefault(known.get(name, "other organs"), []).append(mask)
        return {group: found[group] for group in GROUPS if group in found}

    @cached_property
    def _nearest(self) -> tuple[npt.NDArray[np.uint8], tuple[int, ...]]:
        """(X, Y, Z) number of the nearest group (its place in `groups()`, from one), every few voxels of the scan."""
        from scipy.ndimage import distance_transform_edt

        strides = tuple(max(int(COARSE_MM / pitch), 1) for pitch in self.grid.spacing_mm)
        shape = tuple(-(-n // s) for n, s in zip(self.grid.shape, strides, strict=True))
        held = np.zeros(shape, np.uint8)
        for number, masks in enumerate(self.groups().values(), 1):
            for mask in masks:
                index = np.argwhere(mask.data[::2, ::2, ::2]) * 2 + mask.grid.offset_in(self.grid)
                index //= strides
                held[tuple(np.clip(index, 0, np.array(shape) - 1).T)] = number
        if not held.any():
            return held, strides
        pitch = [s * p for s, p in zip(strides, self.grid.spacing_mm, strict=True)]
        place = distance_transform_edt(held == 0, sampling=pitch, return_distances=False, return_indices=True)
        return held[tuple(place)], strides

    def nearest(self, points_mm: FloatArray) -> npt.NDArray[np.uint8]:
        """(n,) place in `groups()`, from one, of what lies nearest to each of (n, 3) points."""
        held, strides = self._nearest
        index = np.rint(self.grid.to_index(points_mm)).astype(np.int64) // strides
        result: npt.NDArray[np.uint8] = held[tuple(np.clip(index, 0, np.array(held.shape) - 1).T)]
        return result


def needle_picture(
    parts: Parts,
    search: NeedleSearch,
    around: Surroundings,
    *,
    zones: Sequence[Zone] = (),
    zone_paths: Sequence[NeedlePath] = (),
    further: int = 5,
) -> Picture | None:
    """The way to one lesion: left the scan cut along the first needle, right every way unrolled; None without a path.

    The cut lies as near to axial as the needle allows. The map on the right shows every straight way tried from the
    target, front in the middle and head up, areas as they are on a ball: open, or what bars it. zones, zone_paths: of
    the ablation that is planned; the cut then follows the first of these paths. further: so many of the paths found are
    numbered on the map.
    """
    paths = list(zone_paths) or list(search.paths[:1])
    if not paths:
        return None
    canvas = Canvas(2 * PANEL + GAP, PANEL)
    lesion = next((item.mask for item in parts.lesions if item.id == search.lesion), None)
    _along(canvas.part(0, 0, PANEL, PANEL), parts, paths, around, lesion, zones)
    right = canvas.part(PANEL + GAP, 0, PANEL, PANEL)
    shares = _unrolled(right, search, paths, around, planned=bool(zone_paths), further=further)
    return canvas.picture(*_words(search, paths, shares, planned=bool(zone_paths)))


def _along(
    panel: Canvas, parts: Parts, paths: Sequence[NeedlePath], around: Surroundings, lesion: Mask | None,
    zones: Sequence[Zone],
) -> None:  # fmt: skip
    """The plane through the first needle that is nearest to axial, seen from the feet like an axial slice."""
    points, scale, right, down = _plane(paths[0])
    middle = (paths[0].entry_mm + paths[0].tip_mm) / 2.0
    panel.pixels[:] = _grey(parts, points)[..., None]
    index = np.rint(parts.grid.to_index(points)).astype(np.int32)
    for group, masks in around.groups().items():
        for mask in masks:
            inside = _sampled(mask, parts.grid, index)
            if not inside.any():
                continue
            panel.blend(inside * np.float32(TINT), ORGANS[group])
            panel.blend(_edge(inside) * np.float32(0.9), ORGANS[group])
    for mask, colour in ((parts.liver, CAPSULE), *((mask, VESSELS[name]) for name, mask in parts.vessels.items())):
        panel.blend(_edge(_sampled(mask, parts.grid, index)) * np.float32(0.9), colour)
    if lesion is not None:
        panel.blend(_edge(_sampled(lesion, parts.grid, index), 2).astype(np.float32), LESION)
    for zone in zones:
        inside = zone.level(points) <= 1.0
        panel.blend(inside * np.float32(0.12), ZONE)
        panel.blend(_edge(inside, 2) * np.float32(0.8), ZONE_RIM)
        panel.blend(_edge(inside).astype(np.float32), ZONE)

    def at(point: FloatArray) -> tuple[float, float]:
        gap = point - middle
        return (PANEL / 2 + float(gap @ right) * scale, PANEL / 2 + float(gap @ down) * scale)

    for path in reversed(paths):
        panel.line(at(path.entry_mm), at(path.tip_mm), 6.0, INK, 0.7)
        panel.line(at(path.entry_mm), at(path.tip_mm), 3.0, PAPER)
        x, y = at(path.entry_mm)
        panel.box(x - 7, y - 7, 14, 14, INK, 7)
        panel.box(x - 5, y - 5, 10, 10, NEEDLE, 5)
    tilt = paths[0].tilt_degrees
    words = "axial, along the needle" if tilt < 1 else f"along the needle, {tilt:.0f}° out of axial"
    panel.text((10, 10), words, TEXT - 4, PAPER, anchor="lt", halo=INK)
    for letter, place, anchor in _letters(right, down):
        panel.text(place, letter, TEXT, PAPER, anchor=anchor, bold=True, halo=INK)
    paint_scale(panel, scale, TEXT - 4)


def _unrolled(
    panel: Canvas,
    search: NeedleSearch,
    paths: Sequence[NeedlePath],
    around: Surroundings,
    *,
    planned: bool,
    further: int,
) -> dict[str, float]:
    """The map of every way tried, its legend, and the share of each kind in percent."""
    left, top = 34, 44
    wide, high = panel.width - left - 8, MAP_HEIGHT
    panel.text((left, 6), "every straight way from the lesion to the skin", TEXT - 4, SOFT, anchor="lt")
    kinds = {"open": OPEN_COLOUR, "needle too short": FAR_COLOUR, "leaves the scan": EDGE_COLOUR}
    kinds |= {group: ORGANS[group] for group in around.groups()}
    names = list(kinds)
    ways = directions(search.tried)
    what = np.zeros(search.tried, np.uint8)
    for fate, name in ((OPEN, "open"), (TOO_LONG, "needle too short"), (LEAVES_SCAN, "leaves the scan")):
        what[search.fate == fate] = names.index(name)
    barred = np.flatnonzero(search.fate == BLOCKED)
    ends = search.target_mm + ways[barred] * search.reach_mm[barred, None]
    what[barred] = 2 + np.maximum(around.nearest(ends), 1)
    colours = np.array([rgb(colour) for colour in kinds.values()], np.uint8)
    panel.pixels[top : top + high, left : left + wide] = colours[what[_pixel_ways(wide, high, search.tried)]]
    for angle, letter in ((-180, "P"), (-90, "R"), (0, "A"), (90, "L"), (180, "P")):
        x = left + (angle + 180) / 360 * (wide - 1)
        panel.line((x, top), (x, top + high), 1, PAPER, 0.7)
        panel.text((min(max(x, left + 8), left + wide - 8), top + high + 8), letter, TEXT, INK, anchor="mt", bold=True)
    panel.line((left, top + high / 2), (left + wide, top + high / 2), 1, PAPER, 0.7)
    for letter, y in (("S", top + 10), ("I", top + high - 12)):
        panel.text((8, y), letter, TEXT, INK, anchor="lm", bold=True)
    others = list(search.paths[:further]) if planned else list(search.paths[1:further])
    _entries(panel.part(left, top, wide, high), paths, others, planned=planned)
    share = np.bincount(what, minlength=len(names)) * 100.0 / search.tried
    shares = {name: float(value) for name, value in zip(names, share, strict=True) if value > 0}
    _legend(panel.part(0, top + high + 40, panel.width, panel.height - top - high - 40), shares, kinds)
    return shares


@lru_cache(maxsize=4)
def _pixel_ways(wide: int, high: int, count: int) -> npt.NDArray[np.intp]:
    """(high, wide) which of `directions(count)` lies nearest to each pixel of the unrolled ball (equal areas)."""
    from scipy.spatial import cKDTree

    angle = ((np.arange(wide) + 0.5) / wide * 2 - 1) * np.pi
    height = 1 - (np.arange(high) + 0.5) / high * 2
    flat = np.sqrt(1 - height**2)[:, None]
    points = np.stack([np.sin(angle) * flat, -np.cos(angle) * flat, np.repeat(height[:, None], wide, axis=1)], axis=-1)
    _, nearest = cKDTree(directions(count)).query(points.reshape(-1, 3))
    result: npt.NDArray[np.intp] = nearest.reshape(high, wide)
    return result


def _entries(panel: Canvas, paths: Sequence[NeedlePath], others: Sequence[NeedlePath], *, planned: bool) -> None:
    """Numbered discs where needles enter: the planned way P, or 1; the further ones small."""

    def at(path: NeedlePath) -> tuple[float, float]:
        way = -path.direction
        return (
            float((np.arctan2(way[0], -way[1]) / np.pi + 1) / 2 * panel.width),
            float((1 - way[2]) / 2 * panel.height),
        )

    for number, path in reversed(list(enumerate(others, 1 if planned else 2))):
        x, y = at(path)
        panel.box(x - 12, y - 12, 24, 24, INK, 12)
        panel.box(x - 10, y - 10, 20, 20, PAPER, 10)
        panel.text((x, y), str(number), TEXT - 8, INK, anchor="mm", bold=True)
    x, y = at(paths[0])
    x, y = min(max(x, 18), panel.width - 18), min(max(y, 18), panel.height - 18)
    panel.box(x - 18, y - 18, 36, 36, INK, 18)
    panel.box(x - 15, y - 15, 30, 30, NEEDLE, 15)
    panel.text((x, y), "P" if planned else "1", TEXT - 2, ink_on(NEEDLE), anchor="mm", bold=True)


def _legend(panel: Canvas, shares: Mapping[str, float], kinds: Mapping[str, Colour]) -> None:
    """What the colours mean, each with its share of the ways; two columns."""
    size = TEXT - 5
    order = sorted(shares, key=lambda name: (name != "open", -shares[name]))
    for place, name in enumerate(order):
        x, y = 6 + place % 2 * (panel.width / 2), 10 + place // 2 * size * 1.7
        panel.box(x, y, size, size, RULE, 3)
        panel.box(x + 1, y + 1, size - 2, size - 2, kinds[name], 3)
        words = f"{name} {shares[name]:.0f} %" if shares[name] >= 0.5 else f"{name} < 1 %"
        while text_size(words, size)[0] > panel.width / 2 - 2 * size:
            words = f"{words.rsplit(' ', 3)[0]} …"
        panel.text((x + size * 1.5, y + size / 2), words, size, INK, anchor="lm")


def _plane(path: NeedlePath) -> tuple[FloatArray, float, FloatArray, FloatArray]:
    """(PANEL, PANEL, 3) points of the cut, pixels a mm, and its directions to the right and down."""
    way = path.direction
    across = np.cross(way, [0.0, 0.0, 1.0])
    if np.linalg.norm(across) < 0.05:
        across = np.cross(way, [0.0, 1.0, 0.0])
    normal = np.cross(across, way)
    normal /= np.linalg.norm(normal)
    if normal[2] < 0:
        normal = -normal
    right = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    if np.linalg.norm(right) < 0.05:
        right = np.array([0.0, 1.0, 0.0]) - normal[1] * normal
    right /= np.linalg.norm(right)
    down = np.cross(normal, right)
    scale = PANEL / max(path.length_mm + 2 * CUT_ROOM_MM, LEAST_CUT_MM)
    steps = (np.arange(PANEL) + 0.5 - PANEL / 2) / scale
    middle = (path.entry_mm + path.tip_mm) / 2.0
    return middle + steps[None, :, None] * right + steps[:, None, None] * down, scale, right, down


def _grey(parts: Parts, points: FloatArray) -> npt.NDArray[np.uint8]:
    from scipy.ndimage import map_coordinates

    if parts.image is None or parts.tones is None:
        return np.full(points.shape[:2], round(255 * NO_SCAN), np.uint8)
    index = np.moveaxis(parts.grid.to_index(points), -1, 0)
    low = np.clip(np.floor(index.reshape(3, -1).min(axis=1)) - 1, 0, np.array(parts.grid.shape) - 2).astype(int)
    high = np.clip(np.ceil(index.reshape(3, -1).max(axis=1)) + 2, low + 2, parts.grid.shape).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    flat = map_coordinates(
        parts.image.data[box].astype(np.float32), index - low[:, None, None], order=1, cval=parts.tones.low
    )
    grey = np.clip((flat - parts.tones.low) / (parts.tones.high - parts.tones.low), 0, 1)
    return np.asarray(grey * 255 + 0.5, np.uint8)


def _sampled(mask: Mask, grid: Grid, index: npt.NDArray[np.int32]) -> BoolArray:
    """Which of (..., 3) indices of a lattice lie in a mask on it."""
    own = index - np.array(mask.grid.offset_in(grid), np.int32)
    held = ((own >= 0) & (own < mask.grid.shape)).all(axis=-1)
    result = np.zeros(index.shape[:-1], np.bool_)
    result[held] = mask.data[tuple(own[held].T)]
    return result


def _edge(inside: BoolArray, wide: int = 1) -> BoolArray:
    """Twice `wide` pixels along the outline of a region."""
    from scipy.ndimage import binary_dilation, binary_erosion

    if not inside.any():
        return inside
    return np.asarray(binary_dilation(inside, iterations=wide) & ~binary_erosion(inside, iterations=wide))


def _letters(right: FloatArray, down: FloatArray) -> list[tuple[str, tuple[float, float], str]]:
    """What lies at the four edges of the cut: the anatomical direction nearest to each."""

    def letter(way: FloatArray) -> str:
        axis = int(np.argmax(np.abs(way)))
        return ("RL", "AP", "IS")[axis][int(way[axis] > 0)]

    half, near = PANEL / 2, 10.0
    return [
        (letter(-right), (near, half), "lm"), (letter(right), (PANEL - near, half), "rm"),
        (letter(-down), (half, near + TEXT), "mt"), (letter(down), (half, PANEL - near), "ms"),
    ]  # fmt: skip


def _words(
    search: NeedleSearch, paths: Sequence[NeedlePath], shares: Mapping[str, float], *, planned: bool
) -> tuple[str, str]:
    first = paths[0]
    room: Mapping[str, float] = first.clearance_mm
    limit = f", nearest {first.limiting.replace('_', ' ')} at {room[first.limiting]:.0f} mm" if first.limiting else ""
    each = ", ".join(f"{name} {value:.0f} %" for name, value in shares.items())
    alt = (
        f"Needle to lesion {search.lesion}: the scan along {'the planned needle' if planned else 'needle 1'}, which "
        f"enters at the {first.side}, {first.length_mm:.0f} mm long with {first.tract_mm:.0f} mm of liver before the "
        f"lesion{limit}; and a map of every straight way tried, front in the middle: {each}."
    )
    caption = "Straight lines on the outlines given; breathing and position are not considered."
    if search.not_checked:
        caption += f" Not checked: {', '.join(name.replace('_', ' ') for name in search.not_checked)}."
    return alt, caption
