"""From hits to a picture: a translucent liver over shaded vessels and lesions, composed from back to front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.report.figures.fields import Field, Float32, Model
from glisson.report.figures.palette import LESION, LIVER, PAPER, SEGMENT_TINTS, VESSELS, Colour, Marks, rgb
from glisson.report.figures.rays import VIEWS, Hits, View, Window, cast

__all__ = ["Geometry", "Paint", "border", "compose", "geometry_of", "segment_paint", "shares_on_surface", "window_for"]

LIGHT = (-0.42, -0.55, -0.72)
"""Towards the lamp, along the picture's right, down and into: above the left shoulder of the eye."""

AMBIENT, DIFFUSE, SPECULAR, SHINE = 0.42, 0.66, 0.26, 28.0
FRONT_OPACITY, EDGE_OPACITY, BACK_OPACITY = 0.27, 0.85, 0.55
BACK_TONE = 0.9
"""The inside of the liver's back wall is this much darker than its front."""

HAZE_MM = 170.0
"""Depth in the liver after which a structure shows through at 1/e of its contrast."""

BARE_MM = 2.5
"""A structure that reaches the surface up to this depth is shown bare."""

SHADE_MM = 9.0
"""A structure this far behind its surroundings is darkened by `SHADE`, which parts crossing vessels."""

SHADE = 0.5
INSIDE_MM = 2.0
"""Segments are looked up this far below the liver's surface."""

LINE_PIXELS = 1.5

SPARSE = 3
"""Segments are looked up at every third pixel across and down."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """What one view of a model hits: the liver's front and back, and everything solid by kind and name.

    The back is only seen through the rest, and has half as many pixels across and down.
    """

    view: View
    window: Window
    front: Hits
    back: Hits
    solids: tuple[tuple[str, str, Hits], ...]


@dataclass(frozen=True, eq=False)
class Paint:
    """Colours of the liver's surface: (N, 3) RGB 0..1 for the hits of the front, how much it hides, (N,) factors,
    and which part it is, (N,) numbers from one.
    """

    colours: Float32
    cover: Float32
    labels: npt.NDArray[np.intp]


def window_for(model: Model, view: str, width: int, scale: float | None = None, margin_mm: float = 8.0) -> Window:
    """The window of a view that holds the liver; `width` pixels wide unless the scale (pixels a mm) is given."""
    basis = VIEWS[view].basis
    lows, highs = [], []
    for made in (model.liver, *model.lesions.values()):
        inside = made.values >= 0.5
        hit = [np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))[[0, -1]] for axis in range(3)]
        corners = np.stack(np.meshgrid(*hit, indexing="ij"), axis=-1).reshape(-1, 3)
        seen = (made.grid.to_mm(corners) @ basis)[:, :2]
        lows.append(seen.min(axis=0))
        highs.append(seen.max(axis=0))
    low, high = np.min(lows, axis=0) - margin_mm, np.max(highs, axis=0) + margin_mm
    found = width / float(high[0] - low[0]) if scale is None else scale
    pixels = np.ceil((high - low) * found - 1e-6).astype(int)
    return Window(float(low[0]), float(low[1]), int(pixels[0]), int(pixels[1]), found)


def geometry_of(model: Model, view: str, window: Window) -> Geometry:
    """Every field of a model cast once; what was cast before is given back."""
    key = (view, window)
    if key not in model.seen:
        eye = VIEWS[view]
        solids = [("vessel", name, cast(made, eye, window)) for name, made in model.vessels.items()]
        solids += [("lesion", name, cast(made, eye, window)) for name, made in model.lesions.items()]
        front, back = cast(model.liver, eye, window), cast(model.liver, eye, _halved(window), backwards=True)
        model.seen[key] = Geometry(eye, window, front, back, tuple(solids))
    found: Geometry = model.seen[key]
    return found


def _halved(window: Window) -> Window:
    """The same window with half as many pixels across and down (rounded up)."""
    size = (-(-window.width // 2), -(-window.height // 2))
    return Window(window.left_mm, window.top_mm, *size, window.scale / 2)


def _shade(hits: Hits, colours: Float32, strength: float = 1.0) -> Float32:
    """(N, 3) colours lit by the lamp (Lambert's law with a Blinn-Phong highlight)."""
    light = np.array(LIGHT, np.float32)
    light /= np.linalg.norm(light)
    half = light + np.array([0, 0, -1], np.float32)
    half /= np.linalg.norm(half)
    diffuse = np.clip(hits.normals @ light, 0, None)[:, None]
    gloss = np.clip(hits.normals @ half, 0, None)[:, None] ** SHINE
    result: Float32 = np.clip(colours * (AMBIENT + DIFFUSE * diffuse) + SPECULAR * strength * gloss, 0, 1)
    return result


def _plain(colour: Colour, count: int) -> Float32:
    return np.tile(np.array(rgb(colour), np.float32) / 255, (count, 1))


def segment_paint(model: Model, geometry: Geometry) -> Paint:
    """Segments tinted and parted by darker lines; one colour without segments."""
    hits = geometry.front
    cover = np.ones(hits.depth.size, np.float32)
    if not model.segments:
        return Paint(_plain(LIVER, hits.depth.size), cover, np.zeros(hits.depth.size, np.intp))
    shares = shares_on_surface(geometry, tuple(model.segments.values()))
    weights = shares**6
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    tints = np.stack([_plain(SEGMENT_TINTS.get(value, LIVER), 1)[0] for value in model.segments])
    order = np.sort(shares, axis=1) if shares.shape[1] > 1 else np.column_stack([np.zeros(len(shares)), shares])
    line = border(geometry, order[:, -1] - order[:, -2])
    colours = (weights @ tints).astype(np.float32) * (1 - 0.45 * line[:, None])
    return Paint(colours, cover + 0.9 * line, np.argmax(shares, axis=1) + 1)


def shares_on_surface(geometry: Geometry, fields: tuple[Field, ...]) -> npt.NDArray[np.float32]:
    """(N, fields) values of coarse fields just below the front's hits, interpolated from every third pixel."""
    from PIL import Image

    hits, window = geometry.front, geometry.window
    some = np.flatnonzero((hits.rows % SPARSE == SPARSE // 2) & (hits.columns % SPARSE == SPARSE // 2))
    few = Hits(hits.rows[some], hits.columns[some], hits.depth[some], hits.normals[some])
    points = few.points_mm(geometry.view, window) - INSIDE_MM * (few.normals @ geometry.view.basis.T)
    size = (-(-window.width // SPARSE), -(-window.height // SPARSE))
    found = np.empty((hits.depth.size, len(fields)), np.float32)
    for column, made in enumerate(fields):
        image = np.zeros((size[1], size[0]), np.float32)
        image[few.rows // SPARSE, few.columns // SPARSE] = made.at(points)
        large = Image.fromarray(image).resize((size[0] * SPARSE, size[1] * SPARSE), Image.Resampling.BILINEAR)
        found[:, column] = np.asarray(large)[hits.rows, hits.columns]
    return np.maximum(found, 1e-6)


def border(geometry: Geometry, gap: npt.NDArray[np.floating]) -> Float32:
    """(N,) opacity of a thin line along the zeros of a field given on the front's hits."""
    image = _on_image(geometry, gap, 1.0)
    away = np.abs(image) / np.maximum(np.hypot(*np.gradient(image)), 1e-3)
    result: Float32 = np.clip(LINE_PIXELS - away, 0, 1)[geometry.front.rows, geometry.front.columns].astype(np.float32)
    return result


def _on_image(geometry: Geometry, values: npt.NDArray[np.floating], empty: float) -> npt.NDArray[np.float64]:
    """(height, width) values of the front's hits, `empty` elsewhere."""
    image = np.full((geometry.window.height, geometry.window.width), empty)
    image[geometry.front.rows, geometry.front.columns] = values
    return image


def compose(geometry: Geometry, paint: Paint, marks: Marks | None = None) -> npt.NDArray[np.uint8]:
    """(height, width, 3) RGB: paper, the liver's back wall, the nearest solid, the liver's front."""
    window = geometry.window
    shape = (window.height, window.width)
    image = np.empty((*shape, 3), np.float32)
    image[:] = np.array(rgb(PAPER), np.float32) / 255
    front = geometry.front
    here = front.rows, front.columns
    near = _depth_image(shape, front, np.inf)
    far, wall = _back_wall(geometry, near)
    depth, solid = _solids(geometry, marks)
    seen = np.isfinite(depth)
    image[here] += BACK_OPACITY * (wall - image[here])
    image[seen] = solid[seen]
    behind = seen & (depth > far) & np.isfinite(far)
    tint = np.array(rgb(LIVER), np.float32) / 255
    image[behind] += BACK_OPACITY * (tint - image[behind])
    lit = _shade(front, paint.colours)
    facing = np.clip(-front.normals[:, 2], 0, 1)
    opacity = FRONT_OPACITY + (EDGE_OPACITY - FRONT_OPACITY) * (1 - facing) ** 2.2
    within = np.clip(np.where(seen, np.minimum(depth, far), far) - near, 0, None)[here]
    opacity = 1 - (1 - np.clip(opacity * paint.cover, 0, 1)) * np.exp(-within / HAZE_MM)
    opacity *= np.clip((depth[here] - near[here]) / BARE_MM, 0, 1)
    opacity = opacity[:, None].astype(np.float32)
    image[here] += opacity * (lit - image[here])
    result: npt.NDArray[np.uint8] = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    return result


def _back_wall(geometry: Geometry, near: Float32) -> tuple[Float32, Float32]:
    """(H, W) depth of the liver's back (-inf outside the liver), and (N, 3) its lit colour behind the front's hits."""
    front, back = geometry.front, geometry.back
    window = _halved(geometry.window)
    depth = _depth_image((window.height, window.width), back, -np.inf)
    wall = np.tile(_plain(LIVER, 1) * BACK_TONE * AMBIENT, (window.height, window.width, 1))
    wall[back.rows, back.columns] = _shade(back, _plain(LIVER, back.depth.size) * BACK_TONE, 0.0)
    far = np.full(near.shape, -np.inf, np.float32)
    here, half = (front.rows, front.columns), (front.rows // 2, front.columns // 2)
    far[here] = np.maximum(depth[half], near[here])
    return far, wall[half]


def _depth_image(shape: tuple[int, int], hits: Hits, empty: float) -> Float32:
    image = np.full(shape, empty, np.float32)
    image[hits.rows, hits.columns] = hits.depth
    return image


def _solids(geometry: Geometry, marks: Marks | None) -> tuple[Float32, Float32]:
    """(H, W) depth of the nearest solid (inf where none is) and (H, W, 3) its lit colour, darkened behind its
    surroundings.
    """
    from scipy.ndimage import gaussian_filter

    shape = (geometry.window.height, geometry.window.width)
    depth = np.full(shape, np.inf, np.float32)
    image = np.zeros((*shape, 3), np.float32)
    for kind, name, hits in geometry.solids:
        nearer = hits.depth < depth[hits.rows, hits.columns]
        here = hits.rows[nearer], hits.columns[nearer]
        depth[here] = hits.depth[nearer]
        colour = VESSELS[name] if kind == "vessel" else (marks or {}).get(name, ("", LESION))[1]
        image[here] = _shade(hits, _plain(colour, hits.depth.size))[nearer]
    seen = np.isfinite(depth)
    if seen.any():
        filled = np.where(seen, depth, depth[seen].max())
        ahead = gaussian_filter(filled, 1.6 * geometry.window.scale) - filled
        shade = 1 - SHADE * np.clip(-ahead / SHADE_MM, 0, 1)
        image *= shade[..., None]
    return depth, image
