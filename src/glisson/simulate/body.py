"""The trunk of the virtual patient: liver and neighbours as implicit shapes in one patient frame.

Patient frame: LPS mm before scaling, origin in the midline, z = 0 near the level of the liver's hilum. A patient is
this
frame times one scale, so that a larger liver sits in a larger trunk. Positions are drawn after textbook axial
anatomy; every
patient varies them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glisson.simulate.shapes import Array, Field, Point, Shape, chain, ellipsoid, sample, smax, smin, tube2d

__all__ = ["BODY_MM", "CAGE_MM", "CAGE_POWER", "Build", "cage", "draw_build", "liver_field", "muscle", "organ_fields"]

BODY_MM = (170.0, 120.0)
"""Half width and half depth of the trunk at the skin."""
CAGE_MM = (141.0, 98.0)
"""Half width and half depth inside the ribs and the abdominal wall."""
CAGE_POWER = 2.3
"""How boxy the cross-section of the trunk is (2 is an ellipse)."""
SPINE_MM = (0.0, 55.0)
"""Centre of the vertebral bodies in the axial plane."""

CAVA: tuple[tuple[Point, ...], tuple[float, ...]] = (
    ((-20, 30, -240), (-20, 26, -90), (-24, 20, -20), (-26, 18, 30), (-24, 12, 62), (-14, -6, 84)),
    (10.5, 10.5, 11.0, 11.5, 12.0, 13.0),
)
"""Inferior vena cava from the pelvis to the right atrium: points and radii."""
AORTA: tuple[tuple[Point, ...], tuple[float, ...]] = (
    ((24, 40, 240), (20, 36, 90), (10, 27, 20), (6, 25, -60), (4, 26, -240)),
    (12.5, 12.0, 11.0, 9.5, 8.0),
)
"""Aorta: points and radii."""


@dataclass(frozen=True)
class Build:
    """What differs from patient to patient: factors near 1 and shifts in mm, drawn once."""

    right: Point
    left: Point
    left_reach: float
    dome: float
    tilt: float
    waves: tuple[tuple[float, float, float, float, float], ...]
    fissure_mm: float
    gallbladder: float
    shift: Point


def draw_build(rng: np.random.Generator) -> Build:
    """Draw the individual shape of a patient."""

    def factors() -> Point:
        a, b, c = 1.0 + 0.05 * rng.uniform(-1, 1, 3)
        return (float(a), float(b), float(c))

    waves = []
    for _ in range(7):
        direction = rng.normal(size=3)
        direction *= rng.uniform(0.035, 0.075) / np.linalg.norm(direction)
        phase, size = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.5, 1.2))
        waves.append((float(direction[0]), float(direction[1]), float(direction[2]), phase, size))
    shift = rng.uniform(-3, 3, 3)
    return Build(
        right=factors(),
        left=factors(),
        left_reach=float(rng.uniform(0.88, 1.12)),
        dome=float(rng.uniform(0.94, 1.05)),
        tilt=float(rng.uniform(-0.06, 0.06)),
        waves=tuple(waves),
        fissure_mm=float(rng.uniform(3.0, 5.5)),
        gallbladder=float(rng.uniform(0.85, 1.15)),
        shift=(float(shift[0]), float(shift[1]), float(shift[2])),
    )


def cage(x: Array, y: Array) -> Array:
    """Inside of ribs and abdominal wall."""
    return tube2d(x, y, (0.0, 0.0), CAGE_MM, CAGE_POWER)


def _heart(x: Array, y: Array, z: Array) -> Array:
    return ellipsoid(x, y, z, (22, -34, 102), (52, 44, 46), 2.2)


def _hemidiaphragm(x: Array, y: Array, z: Array, centre: Point, radii: Point) -> Array:
    """A tube with a domed top."""
    return ellipsoid(x, y, np.maximum(z, np.float32(centre[2])), centre, radii, 2.2)


def _abdomen(x: Array, y: Array, z: Array, build: Build) -> Array:
    """The space under the diaphragm, open below."""
    right = _hemidiaphragm(x, y, z, (-64, 2, -2), (73, 92, 92 * build.dome))
    left = _hemidiaphragm(x, y, z, (60, 4, -8), (72, 88, 80 * build.dome))
    return smax(smin(right, left, 24.0), np.float32(3.0) - _heart(x, y, z), 8.0)


def _gallbladder(x: Array, y: Array, z: Array, build: Build) -> Array:
    g = build.gallbladder
    return chain(x, y, z, ((-34, -16, -24), (-44, -36, -44), (-50, -52, -58)), (5.0, 11.0 * g, 14.0 * g))


def _kidney_right(x: Array, y: Array, z: Array) -> Array:
    return _kidney(x, y, z, (-60, 56, -74), 1.0)


def _kidney(x: Array, y: Array, z: Array, centre: Point, lateral: float) -> Array:
    tilted = x + np.float32(0.22 * lateral) * (z - np.float32(centre[2]))
    bean = ellipsoid(tilted, y, z, centre, (27, 25, 54), 2.2)
    sinus = ellipsoid(tilted, y, z, (centre[0] + 24 * lateral, centre[1] - 8, centre[2]), (16, 12, 20))
    return smax(bean, -sinus, 6.0)


def _stomach(x: Array, y: Array, z: Array) -> Array:
    points: tuple[Point, ...] = (
        (70, 14, 40),
        (74, -8, 14),
        (62, -34, -18),
        (34, -54, -50),
        (0, -50, -52),
        (-20, -40, -46),
    )
    return chain(x, y, z, points, (31.0, 33.0, 26.0, 19.0, 15.0, 9.0))


def _right_lobe(x: Array, y: Array, z: Array, build: Build) -> Array:
    a, b, c = build.right
    lobe = ellipsoid(x, y, z, (-68, 2, -6), (72 * a, 90 * b, 92 * c), 2.3)
    visceral = np.float32(0.80) * (x + 36) + np.float32(0.16 + build.tilt) * y - np.float32(0.58) * (z + 6)
    return smax(lobe, visceral, 22.0)


def _left_lobe(x: Array, y: Array, z: Array, build: Build) -> Array:
    a, b, c = build.left
    reach = 96.0 * a * build.left_reach
    taper = np.float32(1.0) - np.float32(0.42) * np.clip((x - 5) / np.float32(reach), -0.6, 1.0)
    q = np.sqrt(
        ((x - 5) / np.float32(reach)) ** 2 + ((y + 40) / (48 * b * taper)) ** 2 + ((z - 16) / (46 * c * taper)) ** 2
    )
    visceral = np.float32(0.80) * (y + 10) - np.float32(0.60) * (z - 8)
    return smax(((q - 1) * np.float32(30)).astype(np.float32), visceral, 14.0)


def liver_field(build: Build) -> Field:
    """The liver: right lobe under the dome, tapering left lobe, caudate lobe, flat visceral surface, fossa,
    hilum, fissures."""

    def shape(x0: Array, y0: Array, z0: Array) -> Array:
        x, y, z = (axis - np.float32(d) for axis, d in zip((x0, y0, z0), build.shift, strict=True))
        f = smin(_right_lobe(x, y, z, build), _left_lobe(x, y, z, build), 20.0)
        f = smin(f, ellipsoid(x, y, z, (-10, 3, 20), (19, 17, 28)), 7.0)
        for kx, ky, kz, phase, size in build.waves:
            f = f + np.float32(size) * np.sin(
                np.float32(kx) * x + np.float32(ky) * y + np.float32(kz) * z + np.float32(phase)
            )
        f = smax(f, cage(x0, y0) + 4, 8.0)
        f = smax(f, _abdomen(x0, y0, z0, build) + 4, 8.0)
        f = smax(f, np.float32(41.0) - np.hypot(x0 - SPINE_MM[0], y0 - SPINE_MM[1]), 8.0)
        f = smax(f, np.float32(0.8) - chain(x0, y0, z0, *CAVA), 3.0)
        f = smax(f, np.float32(0.8) - _gallbladder(x0, y0, z0, build), 4.0)
        f = smax(f, np.float32(3.0) - _kidney_right(x0, y0, z0), 8.0)
        f = smax(f, -ellipsoid(x, y, z, (-26, -6, -20), (22, 10, 18)), 6.0)
        fissure = ellipsoid(x, y, z, (14, -66, -22), (build.fissure_mm, 34, 30))
        return smax(f, -fissure, 5.0)

    return sample(shape, (-150, -105, -125), (125, 105, 105))


def muscle(x: Array, y: Array, z: Array) -> Array:
    """The wall of the trunk between fat and cavity, with back muscles and psoas."""
    outer = tube2d(x, y, (0, 0), (CAGE_MM[0] + 11, CAGE_MM[1] + 8), CAGE_POWER)
    wall = smax(outer, -cage(x, y) - 2, 2.0)
    side = np.abs(x)
    back = tube2d(side, y, (34, 84), (30, 19), 2.4)
    psoas = ellipsoid(side, y, z, (42, 56, -170), (20, 21, 125))
    crus = chain(side, y, z, ((20, 38, -110), (18, 30, 0), (24, 34, 40)), (6.0, 6.0, 5.0))
    return np.minimum(np.minimum(wall, back), np.minimum(psoas, crus))


def _lung(side: int, build: Build) -> Shape:
    def shape(x: Array, y: Array, z: Array) -> Array:
        f = smax(cage(x, y) + 2, -_abdomen(x, y, z, build) + 4, 4.0)
        f = smax(f, np.float32(16.0) - side * x, 8.0)
        f = smax(f, np.float32(34.0) - np.hypot(x, y - np.float32(SPINE_MM[1])), 6.0)
        f = smax(f, np.float32(4.0) - _heart(x, y, z), 6.0)
        return smax(f, np.float32(-12.0) - z, 6.0)

    return shape


def _colon(x: Array, y: Array, z: Array) -> Array:
    points: tuple[Point, ...] = (
        (-104, 22, -240), (-104, 18, -150), (-96, -8, -112), (-60, -60, -118), (0, -74, -120), (60, -66, -98),
        (100, -10, -52), (112, 34, -80), (112, 36, -240),
    )  # fmt: skip
    haustra = 1.8 * np.sin(0.21 * (x + y)) * np.sin(0.19 * (z - y)) + 0.6
    wide = chain(x, y, z, points, (23.0, 22.0, 20.0, 18.0, 17.0, 17.0, 16.0, 14.0, 13.0))
    result: Array = (wide + haustra).astype(np.float32)
    return result


def _bowel(x: Array, y: Array, z: Array) -> Array:
    """Loops of small bowel below the stomach, as the thick zero set of a slowly varying wave."""
    wave = np.sin(x / 9.5 + 1.3 * np.sin(z / 17)) + np.sin(y / 9.0 + 1.1 * np.sin(x / 21)) + np.sin(z / 10.0 + y / 40)
    loops = (np.abs(wave) - 0.75) * 7.0
    space = ellipsoid(x, y, z, (6, -32, -200), (88, 48, 84), 2.6)
    result: Array = np.maximum(loops, space).astype(np.float32)
    return result


def organ_fields(build: Build) -> dict[str, Field]:
    """Every neighbour as a field, by its structure name (glisson.scene.STRUCTURES), without the liver, bones and
    vessels."""

    def spleen(x: Array, y: Array, z: Array) -> Array:
        f = ellipsoid(
            x - np.float32(0.25) * (z - 20), y + np.float32(0.3) * (z - 20), z, (100, 36, 18), (30, 44, 56), 2.2
        )
        f = smax(f, np.float32(2.0) - _stomach(x, y, z), 8.0)
        f = smax(f, cage(x, y) + 4, 6.0)
        return smax(f, _abdomen(x, y, z, build) + 4, 6.0)

    def stomach(x: Array, y: Array, z: Array) -> Array:
        return smax(_stomach(x, y, z), _abdomen(x, y, z, build) + 4, 5.0)

    duodenum = ((-20, -40, -46), (-42, -16, -58), (-46, 4, -84), (-36, 14, -108), (0, 4, -114), (26, -2, -104))
    pancreas = ((-30, 2, -78), (-22, -4, -58), (0, -16, -42), (32, -6, -30), (62, 18, -14), (80, 30, 0))
    return {
        "heart": sample(_heart, (-40, -90, 50), (85, 20, 155)),
        "lung_right": sample(_lung(-1, build), (-150, -105, -20), (-8, 105, 240)),
        "lung_left": sample(_lung(1, build), (8, -105, -20), (150, 105, 240)),
        "stomach": sample(stomach, (-40, -85, -85), (120, 60, 85)),
        "spleen": sample(spleen, (40, -40, -60), (140, 100, 90)),
        "kidney_right": sample(_kidney_right, (-105, 20, -140), (-15, 95, -10)),
        "kidney_left": sample(lambda x, y, z: _kidney(x, y, z, (62, 54, -50), -1.0), (15, 20, -116), (108, 92, 14)),
        "gallbladder": sample(lambda x, y, z: _gallbladder(x, y, z, build), (-75, -75, -85), (-20, 0, -10)),
        "duodenum": sample(lambda x, y, z: chain(x, y, z, duodenum, (9.0, 12.0, 12.5, 12.0, 10.0, 10.0)),
                           (-65, -60, -135), (45, 40, -30)),
        "pancreas": sample(lambda x, y, z: chain(x, y, z, pancreas, (13.0, 13.0, 9.0, 9.5, 9.0, 8.0)),
                           (-55, -40, -105), (100, 50, 20)),
        "colon": sample(_colon, (-140, -105, -240), (140, 75, -20)),
        "small_bowel": sample(_bowel, (-90, -90, -240), (105, 25, -110)),
        "cava": sample(lambda x, y, z: chain(x, y, z, *CAVA), (-50, -30, -240), (15, 60, 100)),
        "aorta": sample(lambda x, y, z: chain(x, y, z, *AORTA), (-15, 5, -240), (50, 60, 240)),
    }  # fmt: skip
