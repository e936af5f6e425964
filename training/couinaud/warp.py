"""Warped copies of the packed livers: a new liver, its segments and its vessels, at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from glisson.anatomy.couinaud_frame import CELLS, MARGIN_SHARE, TAIL_SHARE
from glisson.anatomy.couinaud_net import COARSE, Level, features, levels_of

Array = npt.NDArray[Any]

TURN_DEGREES = 8.0
STRETCH = 0.06
SHEAR = 0.06
"""Standard deviations of the rotation about each axis, of the logarithm of the scale and of the shear."""

WAVES = ((4, 0.035), (7, 0.014))
"""Control points along each axis and standard deviation of their displacement, in shares of the box."""


def _grid(cells: tuple[int, ...]) -> Array:
    axes = [(np.arange(n, dtype=np.float32) + 0.5) / n - 0.5 for n in cells]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _tents(cells: int, points: int) -> Array:
    """(cells, points) linear interpolation of control points that span the cells."""
    at = np.linspace(0, points - 1, cells)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(points)), 0).astype(np.float32)


class _Lattice:
    """Places of the cells, and how control points are spread over them."""

    def __init__(self, cells: tuple[int, int, int]) -> None:
        self.places = _grid(cells)
        self.tents = {points: [_tents(n, points) for n in cells] for points, _ in WAVES}

    def waves(self, waves: list[Array]) -> Array:
        total = np.zeros_like(self.places)
        for wave in waves:
            x, y, z = self.tents[wave.shape[1]]
            spread = np.tensordot(wave, z, axes=(3, 1))
            spread = np.tensordot(spread, y, axes=(2, 1))
            total += np.tensordot(spread, x, axes=(1, 1)).transpose(0, 3, 2, 1)
        return total


FINE, ROUGH = _Lattice(CELLS), _Lattice(COARSE)


def _matrix(rng: np.random.Generator) -> Array:
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(rng.normal(0, TURN_DEGREES, 3))):
        a, b = (i for i in range(3) if i != axis)
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    shear = np.eye(3) + rng.normal(0, SHEAR, (3, 3)) * (1 - np.eye(3))
    result: Array = (matrix @ shear @ np.diag(np.exp(rng.normal(0, STRETCH, 3)))).astype(np.float32)
    return result


def lookup(source: Array, place: Array) -> Array:
    """The nearest cell of `source` at places (3, ...) in shares of the box from its centre; 0 outside."""
    flat = np.zeros(place.shape[1:], np.int32)
    inside = np.ones(place.shape[1:], bool)
    for p, n in zip(place, source.shape, strict=True):
        index = np.floor((p + 0.5) * n).astype(np.int32)
        inside &= (index >= 0) & (index < n)
        flat = flat * n + index.clip(0, n - 1)
    found: Array = source.ravel()[flat]
    found[~inside] = 0
    return found


def _box(mask: Array) -> tuple[Array, Array]:
    """Ends of the liver along each axis, TAIL_SHARE beyond each, in shares of the array from its centre."""
    low, high = [], []
    for axis in range(3):
        count = mask.sum(axis=tuple(a for a in range(3) if a != axis))
        reached = np.concatenate([[0.0], np.cumsum(count) / count.sum()]) + np.linspace(0, 1e-9, len(count) + 1)
        ends = np.interp([TAIL_SHARE, 1 - TAIL_SHARE], reached, np.linspace(-0.5, 0.5, len(reached)))
        low.append(ends[0])
        high.append(ends[1])
    return np.array(low), np.array(high)


def warped(labels: Array, vessels: Array | None, rng: np.random.Generator) -> tuple[Array, Array | None]:
    """A warped copy at (64, 56, 48), put back into the frame of its own box (with a little error on purpose).

    The waves stay where they were drawn when the box is fitted again, so the second pass stretches them with it; what
    is left of the misfit is within the error that is added.
    """
    matrix = _matrix(rng) * np.float32(1.15)
    strength = rng.uniform(0.3, 1.3)
    waves = [rng.normal(0, size * strength, (3, points, points, points)).astype(np.float32) for points, size in WAVES]
    low, high = np.full(3, -0.5), np.full(3, 0.5)
    for _ in range(2):
        rough = _placed(ROUGH, matrix, waves, low, high)
        inner_low, inner_high = _box(lookup(labels, rough) > 0)
        half = (inner_high - inner_low) / (1 - 2 * MARGIN_SHARE) / 2
        middle, size = (inner_low + inner_high) / 2, high - low
        low, high = (
            (low + high) / 2 + (middle - half) * size,
            (low + high) / 2 + (middle + half) * size,
        )
    low, high = low + rng.normal(0, 0.008, 3), high + rng.normal(0, 0.008, 3)
    where = _placed(FINE, matrix, waves, low, high)
    return lookup(labels, where), None if vessels is None else lookup(vessels, where)


def _placed(lattice: _Lattice, matrix: Array, waves: list[Array], low: Array, high: Array) -> Array:
    middle = ((low + high) / 2).astype(np.float32)[:, None, None, None]
    size = (high - low).astype(np.float32)[:, None, None, None]
    return np.tensordot(matrix, middle + lattice.places * size, 1) + lattice.waves(waves)


def _nibbled(mask: Array, rng: np.random.Generator) -> Array:
    """The outline moved a little in and out, sometimes with a hole where a lesion was left out."""
    noise = np.repeat(np.repeat(np.repeat(rng.normal(size=[n // 4 for n in CELLS]), 4, 0), 4, 1), 4, 2)
    soft = gaussian_filter(mask.astype(np.float32), 0.9, truncate=2.5) + noise.astype(np.float32) * rng.uniform(0, 0.15)
    result = (soft > 0.5) & (mask | (soft > 0.3))
    if rng.random() < 0.15:
        cells = np.argwhere(mask)
        centre = cells[rng.integers(len(cells))]
        far = sum((axis - c) ** 2 for axis, c in zip(np.ogrid[: CELLS[0], : CELLS[1], : CELLS[2]], centre, strict=True))
        result &= far > rng.uniform(2, 7) ** 2
    return result


def _pruned(vessels: Array, rng: np.random.Generator) -> Array:
    """Vessels with thin branches or a region lost, thinner or thicker."""
    share = vessels.astype(np.float32) / 255
    if rng.random() < 0.3:
        share = share * (gaussian_filter(share, 1.5, truncate=2) > rng.uniform(0.02, 0.12))
    if rng.random() < 0.3:
        normal = rng.normal(size=3)
        side = np.tensordot(normal / np.linalg.norm(normal), FINE.places, 1)
        share = share * (side > rng.uniform(-0.45, 0.0))
    return (share * rng.uniform(0.6, 1.3)).clip(0, 1)


def sample(liver: dict[str, Array], vessels: str | None, rng: np.random.Generator) -> tuple[list[Level], Array, Array]:
    """One training example: levels, (n, 27) features and (n, 8) shares of the segments.

    vessels: key of the vessels in `liver`, None to be trained without.
    """
    labels, tree = warped(liver["labels"], liver[vessels] if vessels else None, rng)
    mask = labels > 0
    seen = (_nibbled(mask, rng) if rng.random() < 0.6 else mask).astype(np.float32)
    return example(labels, seen, None if tree is None else _pruned(tree, rng) * seen)


def example(labels: Array, seen: Array, tree: Array | None) -> tuple[list[Level], Array, Array]:
    """Levels, features and shares of segments from (64, 56, 48) labels, share of liver and share of vessels."""
    a, b, c = COARSE
    levels = levels_of(seen.reshape(a, 2, b, 2, c, 2).any(axis=(1, 3, 5)))
    blocks = labels.reshape(a, 2, b, 2, c, 2).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 8)[levels[0].index]
    share = np.stack([(blocks == value).mean(axis=1, dtype=np.float32) for value in range(1, 9)], axis=1)
    return levels, features(seen, tree, levels[0]), share


def plain(liver: dict[str, Array], vessels: str | None) -> tuple[list[Level], Array, Array, Array]:
    """The liver as it is: levels, features, shares, and its (64, 56, 48) labels."""
    labels = lookup(liver["labels"], FINE.places)
    tree = None
    if vessels:
        tree = lookup(liver[vessels], FINE.places).astype(np.float32) / 255
    return *example(labels, (labels > 0).astype(np.float32), tree), labels
