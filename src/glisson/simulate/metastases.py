"""Metastases: where blood carries them, how large, and how irregular."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Box, Grid
from glisson.simulate.shapes import Field
from glisson.simulate.trees import Points
from glisson.simulate.vessels import Plumbing

__all__ = ["PORTAL_PRIMARIES", "Seed", "draw_diameters", "drop", "seed_lesions", "seeding_weights"]

PORTAL_PRIMARIES = frozenset(
    {"colorectal", "pancreas", "stomach", "small-bowel", "appendix", "gist", "neuroendocrine", "gallbladder"}
)
"""Primaries whose venous blood reaches the liver first through the portal vein; all others arrive by the hepatic
artery."""
ARTERIAL_SPREAD = 0.35
"""How unevenly the arterial share of flow varies between segments (standard deviation of the logarithm), a modelling
choice:
the arteries run beside the portal branches but arise variably."""
DIAMETER_SPREAD = 0.45
"""Standard deviation of the logarithm of lesion diameters."""
SMALLEST_MM, LARGEST_MM = 6.0, 80.0
"""Limits of drawn diameters."""
GAP_MM = 5.0
"""Least distance between two lesions."""
TRIES = 100
"""Places tried for one lesion before it is made smaller (drawn sizes)."""
BATCHES = 30
"""Times that is done before a lesion is refused."""
TRUNK_SHARE = 0.3
"""Centres stay this share of the diameter off the walls of named portal branches."""
APART_SHARE, TOUCHING_SHARE = 1.25, 0.8
"""Least distance of two centres as a share of the sum of radii: lesions apart, and lesions that may touch."""
SHRINK = 0.88
"""Factor by which a lesion that finds no room is made smaller."""
DEEPEST_CUT = 0.55
"""A centre lies at least this share of the radius under the capsule; nearer lesions lose their cap to the capsule."""
LOBULES = 7
"""Waves that make a lesion irregular."""


@dataclass(frozen=True, eq=False)
class Seed:
    """A lesion as an analytic shape: points p with |stretch (p - centre)| < radius * wave(direction)."""

    centre_mm: Points
    radius_mm: float
    stretch: Points
    waves: Points
    norm: float
    leaf: int
    nature: str
    rim: bool

    @property
    def reach_mm(self) -> float:
        """No point of the lesion is further from its centre."""
        return float(
            self.radius_mm * self.norm * (1 + np.abs(self.waves[:, 4]).sum()) / np.linalg.svd(self.stretch)[1].min()
        )


def _wave(waves: Points, unit: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    phase = np.tensordot(unit, waves[:, :3], axes=(-1, 1)) + waves[:, 3]
    result: npt.NDArray[np.floating] = 1.0 + np.cos(phase) @ waves[:, 4]
    return result


def draw_diameters(count: int, median_mm: float, rng: np.random.Generator) -> Points:
    """Log-normal equivalent diameters in mm, largest first."""
    drawn = np.clip(median_mm * np.exp(rng.normal(0, DIAMETER_SPREAD, count)), SMALLEST_MM, LARGEST_MM)
    return np.sort(drawn)[::-1]


def seeding_weights(plumbing: Plumbing, primary: str, rng: np.random.Generator) -> tuple[str, Points]:
    """The route ("portal" or "arterial") and for each portal node its chance to catch a metastasis (leaves only,
    sum 1)."""
    tree = plumbing.portal
    weight = np.zeros(tree.parent.size)
    leaves = tree.terminals
    weight[leaves] = tree.flow_ml[leaves]
    factor = np.exp(rng.normal(0, ARTERIAL_SPREAD, 9))
    route = "portal" if primary in PORTAL_PRIMARIES else "arterial"
    if route == "arterial":
        weight *= factor[tree.segment]
    return route, weight / weight.sum()


def _shape(centre: Points, diameter: float, leaf: int, nature: str, rng: np.random.Generator) -> Seed:
    bumpy = 0.012 if nature == "cyst" else 0.048
    waves = np.zeros((LOBULES, 5))
    direction = rng.normal(size=(LOBULES, 3))
    waves[:, :3] = direction / np.linalg.norm(direction, axis=1)[:, None] * rng.uniform(2.0, 6.5, (LOBULES, 1))
    waves[:, 3] = rng.uniform(0, 2 * np.pi, LOBULES)
    waves[:, 4] = bumpy * rng.uniform(0.6, 1.5, LOBULES)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    axes = np.exp(rng.normal(0, 0.05 if nature == "cyst" else 0.11, 3))
    stretch = turn @ np.diag(axes / np.cbrt(axes.prod())) @ turn.T
    k = np.arange(2000) + 0.5
    polar, turnaround = np.arccos(1 - 2 * k / 2000), np.pi * (1 + 5**0.5) * k
    unit = np.column_stack([np.cos(turnaround) * np.sin(polar), np.sin(turnaround) * np.sin(polar), np.cos(polar)])
    norm = float(np.mean(_wave(waves, unit) ** 3) ** (-1 / 3))
    rim = nature == "metastasis" and bool(rng.random() < 0.4)
    return Seed(centre, diameter / 2, stretch, waves, norm, leaf, nature, rim)


def drop(seed: Seed, grid: Grid) -> tuple[Box, npt.NDArray[np.float32]]:
    """Box of an axial grid around a lesion, and there the distance from its centre in units of its surface
    (inside: < 1)."""
    half = seed.reach_mm
    spacing = np.asarray(grid.spacing_mm)
    low = np.floor((seed.centre_mm - half - grid.origin_mm) / spacing).astype(int).clip(0)
    high = np.minimum(np.ceil((seed.centre_mm + half - grid.origin_mm) / spacing).astype(int) + 1, grid.shape)
    high = np.maximum(high, low)
    mesh = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    offset = (mesh * spacing + grid.origin_mm - seed.centre_mm) @ seed.stretch.T
    length = np.linalg.norm(offset, axis=-1)
    unit = offset / np.maximum(length, 1e-9)[..., None]
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
    return box, (length / (seed.radius_mm * seed.norm * _wave(seed.waves, unit))).astype(np.float32)


def seed_lesions(
    plumbing: Plumbing,
    liver: Field,
    scale: float,
    weights: Points,
    diameters: Sequence[float],
    natures: Sequence[str],
    *,
    fixed_sizes: bool,
    touching: bool,
    rng: np.random.Generator,
) -> list[Seed]:
    """Place lesions of the given diameters (mm, in this order) where the weights send them.

    Raises InputError when given sizes do not fit into the liver.
    """
    tree = plumbing.portal
    named = [i for i, name in enumerate(tree.names) if name != "branch"]
    trunks, trunk_radius = tree.nodes_mm[named], tree.radius_mm[named]
    depth = -liver.at(plumbing.liver_points / scale) * scale
    order = np.argsort(plumbing.portal_leaf, kind="stable")
    first = np.searchsorted(plumbing.portal_leaf[order], np.arange(tree.parent.size + 1))
    seeds: list[Seed] = []
    for given, nature in zip(diameters, natures, strict=True):
        diameter = float(given)
        for _ in range(BATCHES):
            leaf = rng.choice(weights.size, size=TRIES, p=weights)
            point = order[rng.integers(first[leaf], first[leaf + 1])]
            centre = plumbing.liver_points[point]
            room = depth[point] >= DEEPEST_CUT * diameter / 2 + 1.0
            clear = np.linalg.norm(trunks[None] - centre[:, None], axis=2) - trunk_radius
            room &= clear.min(axis=1) > TRUNK_SHARE * diameter
            for other in seeds:
                least = TOUCHING_SHARE * (diameter / 2 + other.radius_mm)
                if not touching:
                    least = APART_SHARE * (diameter / 2 + other.radius_mm) + GAP_MM
                room &= np.linalg.norm(centre - other.centre_mm, axis=1) > least
            if room.any():
                k = int(np.argmax(room))
                seeds.append(_shape(centre[k], diameter, int(leaf[k]), nature, rng))
                break
            diameter = diameter if fixed_sizes else max(diameter * SHRINK, SMALLEST_MM / 2)
        else:
            raise InputError(
                f"A lesion of {given:.0f} mm finds no room in this liver after {BATCHES * TRIES} tries. "
                "Ask for fewer or smaller lesions, a larger liver_ml, or touching=True."
            )
    return seeds
