"""Ribs, spine and breastbone of the virtual patient, in the patient frame."""

from __future__ import annotations

import numpy as np

from glisson.simulate.body import CAGE_MM, CAGE_POWER, SPINE_MM
from glisson.simulate.shapes import Array, ellipsoid, smax, tube2d
from glisson.simulate.trees import Points

__all__ = ["RIB_MM", "ribs", "spine", "sternum"]

RIB_MM = 5.2
"""Half thickness of a rib."""
VERTEBRA_MM = 34.0
"""Height of a vertebral body with its disc."""
RIB_ANGLES = {12: 1.05, 11: 1.45, 10: 2.05, 9: 2.25, 8: 2.4}
"""How far round the trunk (radians from the spine) the short ribs reach; the others reach 2.5."""
RIB_DROP_MM = 62.0
"""How much lower a rib is in front than at the spine."""


def ribs() -> list[Points]:
    """Ribs 1 to 12 of both sides as lines of points, patient frame mm."""
    lines = []
    for number in range(1, 13):
        top = -22.0 + (12 - number) * 27.0
        end = RIB_ANGLES.get(number, 2.5)
        angle = np.linspace(0.22, end, 36)
        a, b = CAGE_MM[0] + 5.5, CAGE_MM[1] + 4.0
        reach = ((np.abs(np.sin(angle)) / a) ** CAGE_POWER + (np.abs(np.cos(angle)) / b) ** CAGE_POWER) ** (
            -1 / CAGE_POWER
        )
        x, y = reach * np.sin(angle), reach * np.cos(angle)
        x[:3] *= np.array([0.95, 0.98, 1.0])
        z = top - RIB_DROP_MM * np.sin(np.minimum(angle, 2.2) / 2.2 * np.pi / 2) ** 1.5
        for side in (-1.0, 1.0):
            lines.append(np.column_stack([side * x, y, z]))
    return lines


def spine(x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Vertebral bodies with arch, discs, and the canal, as three shapes."""
    body = tube2d(x, y, SPINE_MM, (22.0, 17.0), 2.3)
    phase = np.abs(((z + 4.0 * VERTEBRA_MM) % VERTEBRA_MM) - VERTEBRA_MM / 2)
    disc = np.maximum(body, phase - 4.0)
    canal = tube2d(x, y, (SPINE_MM[0], SPINE_MM[1] + 24.0), (11.0, 8.5))
    arch = smax(tube2d(x, y, (SPINE_MM[0], SPINE_MM[1] + 24.0), (16.0, 13.0)), -canal, 1.0)
    process = np.maximum(tube2d(x, y, (SPINE_MM[0], SPINE_MM[1] + 42.0), (3.5, 13.0)), 10.5 - phase)
    wings = np.maximum(tube2d(np.abs(x), y, (24.0, SPINE_MM[1] + 21.0), (16.0, 4.0)), 11.5 - phase)
    bone = np.minimum(
        np.minimum(np.maximum(body, 4.0 - phase), np.maximum(arch, 4.0 - phase)), np.minimum(process, wings)
    )
    shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
    return (
        np.broadcast_to(bone, shape).astype(np.float32),
        np.broadcast_to(disc, shape).astype(np.float32),
        np.broadcast_to(canal, shape).astype(np.float32),
    )


def sternum(x: Array, y: Array, z: Array) -> Array:
    """The breastbone."""
    return ellipsoid(x, y, z, (0.0, -CAGE_MM[1] - 4.0, 165.0), (17.0, 6.0, 95.0), 2.6)
