"""Corrections of lesions in a copy of a case folder: a missed one clicked, a wrong one grown, painted or deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask, box_around, distance_to
from glisson.scene import Scene
from glisson.serve.content.case_edit import CaseEdit, Edited, Names

__all__ = ["Names", "add_lesion", "delete_lesion", "paint", "regrow", "resize", "state_facts"]

FROM_A_CLICK = "outlined from a click; nobody has reviewed the outline"
MOST_MM = 30.0
"""A lesion grows or shrinks by at most so much at once."""
MOST_BALLS, MOST_RADIUS_MM = 2000, 50.0
FACTS_NOT_HERE = ("id", "mask", "known_as")
"""Keys of a lesion that are not changed as facts."""

Point = Sequence[float]


def add_lesion(folder: Path, point_lps: Point, diameter_mm: float | None = None, names: Names | None = None) -> Edited:
    """Outline a missed lesion from a click (with about that diameter, where given) and give it the next free name.

    point_lps: LPS mm. Raises InputError for a point outside the liver or
    inside another lesion, for a scan that is no CT, and where nothing is seen.
    """
    edit = CaseEdit.begin(folder, names or Names())
    point = _point(point_lps)
    edit.refuse_outside(point)
    held = edit.lesion_at(point)
    if held is not None:
        raise InputError(f"The point lies in {held}. Correct that lesion, or click beside it.")
    body = edit.without_others(edit.segmented(point, diameter_mm), "")
    name = edit.free_name()
    edit.facts[name] = {"id": name, "reason": FROM_A_CLICK}
    return edit.finish(name, body)


def regrow(
    folder: Path, lesion: str, point_lps: Point, diameter_mm: float | None = None, names: Names | None = None
) -> Edited:
    """Outline a lesion anew from a click in it. Raises InputError as `add_lesion`, and where the two do not meet."""
    edit = CaseEdit.begin(folder, names or Names())
    name = edit.known(lesion)
    point = _point(point_lps)
    edit.refuse_outside(point)
    held = edit.lesion_at(point)
    if held not in (None, name):
        raise InputError(f"The point lies in {held}, not in {name}.")
    body = edit.without_others(edit.segmented(point, diameter_mm), name)
    if not (body.data & edit.masks[name].on(body.grid)).any():
        raise InputError(f"What was outlined from there does not meet {name}. Add it as a lesion of its own.")
    return edit.finish(name, body)


def resize(folder: Path, lesion: str, by_mm: float, names: Names | None = None) -> Edited:
    """Grow a lesion all round (above 0, inside the liver and not into others), or shrink it (below 0).

    Raises InputError for more than MOST_MM, and where nothing would be left or nothing would change.
    """
    if not 0 < abs(by_mm) <= MOST_MM:
        raise InputError(f"A lesion grows or shrinks by more than 0 and at most {MOST_MM:g} mm; {by_mm:g} were asked.")
    edit = CaseEdit.begin(folder, names or Names())
    name = edit.known(lesion)
    before = edit.masks[name]
    reach = abs(by_mm) + 2 * max(edit.scene.grid.spacing_mm)
    grid = edit.scene.grid.crop(box_around([before], edit.scene.grid, reach))
    inside = before.on(grid)
    if by_mm > 0:
        allowed = edit.liver.on(grid) | inside
        body = Mask((distance_to(inside, grid.spacing_mm) <= by_mm) & allowed, grid)
    else:
        body = Mask(inside & (distance_to(~inside, grid.spacing_mm) > -by_mm), grid)
    body = edit.without_others(body, name)
    if body.is_empty:
        raise InputError(f"Nothing of {name} would be left. Delete it instead, and say why.")
    if body.count == before.count:
        raise InputError(f"{by_mm:+g} mm changes no voxel of {name}: the voxels of this scan are wider. Take more.")
    return edit.finish(name, body)


def paint(
    folder: Path, lesion: str, centres_lps: Sequence[Point], radius_mm: float, *, add: bool, names: Names | None = None
) -> Edited:
    """Add balls to a lesion or erase them from it. Raises InputError for balls outside the scan, for a lesion that
    would be empty or wholly outside the liver, and where nothing changes."""
    if not 1 <= len(centres_lps) <= MOST_BALLS or not 0 < radius_mm <= MOST_RADIUS_MM:
        raise InputError(
            f"A stroke has 1 to {MOST_BALLS} points and a radius of at most {MOST_RADIUS_MM:g} mm; "
            f"{len(centres_lps)} points of {radius_mm:g} mm were given."
        )
    edit = CaseEdit.begin(folder, names or Names())
    name = edit.known(lesion)
    stroke = _balls(edit.scene, [_point(centre) for centre in centres_lps], radius_mm)
    before = edit.masks[name]
    grid = edit.scene.grid.crop(box_around([before, stroke], edit.scene.grid, 0.0))
    held, marked = before.on(grid), stroke.on(grid)
    body = Mask(held | marked, grid) if add else Mask(held & ~marked, grid)
    body = edit.without_others(body, name)
    if body.is_empty:
        raise InputError(f"Nothing of {name} would be left. Delete it instead, and say why.")
    if body.count == before.count:
        raise InputError(f"The stroke changes no voxel of {name}.")
    return edit.finish(name, body)


def state_facts(folder: Path, lesion: str, facts: Mapping[str, Any], names: Names | None = None) -> Edited:
    """Change what the record says of a lesion; None takes a fact out. Raises InputError for keys that are not changed
    here and CaseFileError for values that are not allowed."""
    if strange := [key for key in facts if key in FACTS_NOT_HERE]:
        raise InputError(f"{strange[0]} of a lesion is not changed as a fact.")
    edit = CaseEdit.begin(folder, names or Names())
    name = edit.known(lesion)
    merged = {**edit.facts.get(name, {"id": name}), **facts}
    edit.facts[name] = {key: value for key, value in merged.items() if value is not None}
    return edit.finish(name, None)


def delete_lesion(folder: Path, lesion: str, why: str, names: Names | None = None) -> Edited:
    """Take a lesion out of the case; its name is not given again. Raises InputError without a reason."""
    if not why.strip():
        raise InputError("Say why the lesion is deleted; the reason is kept with the case.")
    edit = CaseEdit.begin(folder, names or Names())
    return edit.remove(edit.known(lesion), why.strip())


def _point(values: Point) -> FloatArray:
    point = np.asarray(values, np.float64)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise InputError("A point needs three finite numbers: LPS millimetres.")
    return point


def _balls(scene: Scene, centres: Sequence[FloatArray], radius_mm: float) -> Mask:
    """Balls as a mask; each has one voxel at least. Raises InputError for a centre outside the scan."""
    spacing = np.array(scene.grid.spacing_mm)
    index = scene.grid.to_index(np.stack(centres))
    if (index < -0.5).any() or (index > np.array(scene.grid.shape) - 0.5).any():
        raise InputError("A stroke leaves the scan. Paint inside it.")
    reach = np.ceil(radius_mm * np.linalg.norm(scene.grid.inverse, axis=1) + 1)
    low = np.clip(np.floor(index.min(axis=0) - reach), 0, None).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + reach) + 1, scene.grid.shape).astype(int)
    if np.prod(high - low) * spacing.prod() > 8e6:
        raise InputError("The stroke spans more than eight litres. Paint in smaller strokes.")
    grid = scene.grid.crop((slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])))
    data = np.zeros(grid.shape, np.bool_)
    for place in index - low:
        a, b = np.maximum(np.floor(place - reach), 0).astype(int), np.ceil(place + reach).astype(int) + 1
        box = tuple(slice(int(i), int(j)) for i, j in zip(a, b, strict=True))
        own = np.stack(np.meshgrid(*(np.arange(s.start, min(s.stop, n)) for s, n in zip(box, grid.shape, strict=True)),
                                   indexing="ij"), axis=-1)  # fmt: skip
        away = np.linalg.norm((own - place) @ grid.affine[:3, :3].T, axis=-1)
        data[box] |= away <= radius_mm
        data[tuple(np.clip(np.floor(place + 0.5).astype(int), 0, np.array(grid.shape) - 1))] = True
    return Mask(data, grid)
