"""Bodies of known shape, drawn on grids of any kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glisson.geometry import Grid, Mask

Draw = Callable[..., Mask]


def turned(degrees: float, axis: tuple[float, float, float]) -> np.ndarray:
    """A rotation matrix (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


DIRECTIONS = {
    "straight": np.eye(3),
    "flipped": np.diag([-1.0, 1.0, -1.0]),
    "mirrored": np.diag([-1.0, 1.0, 1.0]),
    "oblique": turned(25, (1, 2, 0.5)),
    "swapped": np.eye(3)[:, [2, 0, 1]],
    "sheared": np.array([[1, 0, 0], [0, 1, 0.2], [0, 0, 1.0]]),
}


@pytest.fixture
def directions() -> dict[str, np.ndarray]:
    return DIRECTIONS


@pytest.fixture
def grid_around() -> Callable[..., Grid]:
    def make(reach_mm: float, spacing=(1.0, 1.0, 1.0), how: str = "straight") -> Grid:
        """A grid that holds the ball of that radius around the origin, with a margin."""
        columns = DIRECTIONS[how] * np.array(spacing)
        shape = tuple(int(2 * np.ceil(reach_mm * 1.3 / s)) + 7 for s in spacing)
        affine = np.eye(4)
        affine[:3, :3] = columns
        affine[:3, 3] = -columns @ ((np.array(shape) - 1) / 2)
        return Grid(shape, affine)

    return make


@pytest.fixture
def ellipsoid() -> Draw:
    def draw(grid: Grid, centre_mm, semi_axes_mm, rotation=None) -> Mask:
        points = grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0)) - np.array(centre_mm)
        if rotation is not None:
            points = points @ rotation
        return Mask((points**2 / np.array(semi_axes_mm) ** 2).sum(axis=-1) <= 1.0, grid)

    return draw
