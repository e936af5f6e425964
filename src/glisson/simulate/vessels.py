"""Portal and hepatic veins of the virtual patient: named main branches by construction, the rest grown to fill the
liver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.simulate.shapes import Field
from glisson.simulate.trees import Points, Sapling, VesselTree, curve

__all__ = ["Plumbing", "SEGMENT_SHARES", "grow_vessels", "plan_segments"]

SEGMENT_SHARES = (0.030, 0.069, 0.095, 0.158, 0.130, 0.093, 0.170, 0.255)
"""Shares of the liver that segments I to VIII are planned with: the typical order (VIII largest, I smallest), right
liver
65 %, II with III 16 %."""
SHARE_SPREAD = 0.08
"""Individual variation of those shares (standard deviation of the logarithm)."""
ANCHORS = (
    (-10, 5, 22), (52, -28, 32), (50, -52, 8), (-8, -56, 12), (-60, -44, -34),
    (-88, 28, -48), (-82, 42, 30), (-66, -18, 44),
)  # fmt: skip
"""Where segments I to VIII lie in the patient frame, mm: the starting centres from which their cells are balanced."""
CAUDATE_COMPACTNESS = 3.0
"""Squared distance to the caudate lobe's anchor counts this much more: segment I stays a compact lobe before the
cava."""
PORTAL_RADIUS_MM = 6.5
"""Radius of the main portal vein of a 1500 mL liver."""
HEPATIC_RADIUS_MM = 6.6
"""Radius that one vein draining a whole 1500 mL liver would have; three share it."""
TERMINAL_SPACING_MM = 12.0
"""Least distance between neighbouring branch tips."""
DEPTH_MM = 2.5
"""Branch tips stay this deep under the capsule."""


@dataclass(frozen=True, eq=False)
class Plumbing:
    """Both trees and which portal leaf serves each lattice point of the liver."""

    portal: VesselTree
    hepatic: VesselTree
    liver_points: Points
    portal_leaf: npt.NDArray[np.int64]


def plan_segments(points: Points, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Segment 1..8 for each liver point: a power diagram around the anchors, balanced to the planned shares."""
    shares = np.array(SEGMENT_SHARES) * np.exp(rng.normal(0, SHARE_SPREAD, 8))
    shares /= shares.sum()
    anchors = np.array(ANCHORS, dtype=float) + rng.normal(0, 2.0, (8, 3))
    distance = ((points[:, None, :] - anchors[None]) ** 2).sum(axis=2)
    distance[:, 0] *= CAUDATE_COMPACTNESS
    weight = np.zeros(8)
    step = 4000.0
    for _ in range(160):
        label = np.argmin(distance - weight, axis=1)
        miss = shares - np.bincount(label, minlength=8) / len(points)
        weight += step * miss
        step *= 0.985
    return (np.argmin(distance - weight, axis=1) + 1).astype(np.uint8)


def _heart_of(points: Points, depth: npt.NDArray[np.float32], where: npt.NDArray[np.bool_]) -> Points:
    """A point well inside the part of the liver where `where` is True, as near its centroid as depth allows."""
    own = points[where]
    cost = np.linalg.norm(own - own.mean(axis=0), axis=1) + 1.5 * np.maximum(8.0 + depth[where], 0)
    result: Points = own[int(np.argmin(cost))]
    return result


def _tips(
    points: Points, depth: npt.NDArray[np.float32], taken: Points, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Indices of liver points for branch tips: random, none closer than the spacing to another or to `taken`."""
    from scipy.spatial import cKDTree

    order = rng.permutation(np.flatnonzero(depth < -DEPTH_MM))
    tree = cKDTree(points)
    free = np.ones(len(points), dtype=bool)
    for near in tree.query_ball_point(taken, TERMINAL_SPACING_MM):
        free[near] = False
    chosen: list[int] = []
    for index in order:
        if free[index]:
            chosen.append(int(index))
            free[tree.query_ball_point(points[index], TERMINAL_SPACING_MM)] = False
    return np.array(chosen, dtype=np.int64)


def _portal(
    inside: Field,
    points: Points,
    depth: npt.NDArray[np.float32],
    label: npt.NDArray[np.uint8],
    rng: np.random.Generator,
) -> Sapling:
    heart = {s: _heart_of(points, depth, label == s) for s in range(1, 9)}
    tree = Sapling(inside, rng)
    trunk = curve([(4, -6, -112), (2, -10, -78), (-2, -12, -52), (-16, -10, -28), (-28, -8, -10)])
    hilum = tree.add(trunk, -1, "main portal vein")
    at = trunk[-1]
    right_end = np.array([-46.0, -4.0, 0.0])
    right = tree.add(curve([at, right_end])[1:], hilum, "right portal vein")
    for name, pair in (("right anterior", (5, 8)), ("right posterior", (6, 7))):
        middle = 0.45 * right_end + 0.55 * (heart[pair[0]] + heart[pair[1]]) / 2
        sector = tree.add(curve([right_end, middle])[1:], right, f"{name} branch")
        for s in pair:
            tree.add(curve([middle, 0.5 * (middle + heart[s]), heart[s]])[1:], sector, f"segment {s} branch", s)
    transverse_end = np.array([2.0, -20.0, 4.0])
    transverse = curve([at, (-14, -14, 0), transverse_end])
    first = tree.add(transverse[1:3], hilum, "left portal vein, transverse part")
    tree.add(curve([transverse[2], heart[1]])[1:], first, "segment 1 branch", 1)
    left = tree.add(transverse[3:], first, "left portal vein, transverse part")
    to_two = tree.add(curve([transverse_end, (10, -30, 10)])[1:], left, "left portal vein, umbilical part")
    tree.add(
        curve([(10, -30, 10), 0.5 * (np.array([10, -30, 14]) + heart[2]), heart[2]])[1:], to_two, "segment 2 branch", 2
    )
    end = tree.add(curve([(10, -30, 10), (14, -42, 10)])[1:], to_two, "left portal vein, umbilical part")
    for s in (3, 4):
        tree.add(curve([(14, -42, 10), heart[s]])[1:], end, f"segment {s} branch", s)
    return tree


def _between(points: Points, label: npt.NDArray[np.uint8], one: tuple[int, ...], other: tuple[int, ...]) -> Points:
    """Liver points of `one` that lie within two lattice steps of `other`: the plane a hepatic vein runs in."""
    from scipy.spatial import cKDTree

    a, b = points[np.isin(label, one)], points[np.isin(label, other)]
    gap, _ = cKDTree(b).query(a, distance_upper_bound=6.0)
    near: Points = a[np.isfinite(gap)]
    return near


def _hepatic(
    inside: Field,
    points: Points,
    depth: npt.NDArray[np.float32],
    label: npt.NDArray[np.uint8],
    rng: np.random.Generator,
) -> Sapling:
    tree = Sapling(inside, rng)

    def snapped(guides: list[tuple[float, float, float]], plane: Points) -> list[Points]:
        result = []
        for guide in guides:
            nearest = np.argsort(((plane - np.array(guide)) ** 2).sum(axis=1), kind="stable")[:25]
            result.append(plane[nearest].mean(axis=0))
        return result

    right = snapped([(-62, 16, 44), (-84, 16, 8), (-98, 6, -36)], _between(points, label, (5, 8), (6, 7)))
    tree.add(curve([(-26, 10, 58), (-38, 11, 56), *right]), -1, "right hepatic vein")
    common = np.array([(-20.0, 4.0, 62.0), (-16.0, -6.0, 58.0), (-12.0, -14.0, 54.0)])
    fork = tree.add(common, -1, "common trunk of middle and left hepatic veins")
    middle = snapped([(-22, -36, 36), (-28, -48, 12), (-34, -60, -14)], _between(points, label, (4,), (5, 8)))
    tree.add(curve([common[-1], *middle])[1:], fork, "middle hepatic vein")
    left = snapped([(14, -28, 42), (34, -40, 26), (58, -44, 20)], _between(points, label, (2,), (3,)))
    tree.add(curve([common[-1], *left])[1:], fork, "left hepatic vein")
    tree.add(curve([(-25, 19, 22), _heart_of(points, depth, label == 1)]), -1, "caudate vein")
    return tree


def grow_vessels(liver: Field, liver_ml: float, scale: float, rng: np.random.Generator) -> Plumbing:
    """Both trees of a liver given as a field (negative inside), in world mm."""
    where = liver.values < 0
    points = liver.points_mm(where)
    depth = liver.values[where]
    label = plan_segments(points, rng)
    size = np.cbrt(liver_ml / 1500.0)
    portal = _portal(liver, points, depth, label, rng)
    tips = _tips(points, depth, portal.points(), rng)
    portal.grow(points[tips], label[tips], "branch")
    done, leaf = portal.finish(points, label, liver_ml, PORTAL_RADIUS_MM * size, scale)
    hepatic = _hepatic(liver, points, depth, label, rng)
    tips = _tips(points, depth, hepatic.points(), rng)
    hepatic.grow(points[tips], None, "branch")
    drained, _ = hepatic.finish(points, None, liver_ml, HEPATIC_RADIUS_MM * size, scale)
    return Plumbing(done, _named(drained), points * scale, leaf)


def _named(tree: VesselTree) -> VesselTree:
    """Branches of the hepatic veins take the name of the vein they join."""
    names = list(tree.names)
    for i, name in enumerate(names):
        if name == "branch":
            names[i] = f"{names[tree.parent[i]].removesuffix(' tributary')} tributary"
    return VesselTree(tree.nodes_mm, tree.parent, tree.radius_mm, tree.flow_ml, tree.segment, tuple(names))
