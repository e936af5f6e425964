"""Where the trunks of a merged vessel mask are: the portal bifurcation and the confluence of the hepatic veins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glisson.anatomy.vessel_net import VesselNet
from glisson.geometry import FloatArray, Mask

__all__ = ["BIFURCATION", "CONFLUENCE", "SplitRoots", "liver_frame", "split_roots"]

CONFLUENCE = (1.0, 0.15, 1.2)
"""Where the hepatic veins meet at the cava, in standard deviations of the liver's voxels from their mean (L, P, S):
mean over 101 livers outlined by segment, a little above and behind the point where segments I, II, IV, VII and VIII
meet."""

CONFLUENCE_SPREAD = (0.4, 0.35, 0.5)
"""Its standard deviation over these livers, with room for what the outline of the liver leaves out."""

BIFURCATION = (0.7, 0.06, -0.15)
"""Where the portal vein divides, likewise: the point where segments I, III, IV, V, VI and VIII come nearest."""

BIFURCATION_SPREAD = (0.4, 0.35, 0.4)
"""Its standard deviation over these livers, likewise."""

ROOT_RADIUS_MM = 8.0
"""A trunk thicker than this is no likelier than one of this radius."""

CANDIDATES = 12
"""Places considered for each root."""

APART_MM = 8.0
"""Least distance between them."""

LEAST_SCORE = 0.05
"""A place below this share of the best score is not considered."""

JOINED_POWER = 0.5
"""How much it counts against two places that blood could pass straight from one to the other."""

JOINED_SHARE = 0.15
"""Two roots between which this share of a straight pipe's flow could pass are in one system."""

LOOSE_SHARE = 0.05
"""... and from this share on they are said to be doubtful: where systems only touch it is mostly less."""

WEAK_ROOT = 0.015
"""A root whose score is less than this share of the other's is none."""

DOUBTFUL_ROOT = 0.1
"""... and one below this share is said to be doubtful."""

ROOTS_APART_MM = 15.0
"""The two roots are never nearer to each other than this; in 101 livers bifurcation and confluence are 36 mm apart."""

GROUND = 1e-9
"""A leak that keeps the equations solvable."""


@dataclass(frozen=True, eq=False)
class SplitRoots:
    """Points of the net that are held: portal and hepatic, the first of each its root.

    portal_centre_mm, hepatic_centre_mm: (3,) where the vessels of each system run to. one_system: nothing speaks for a
    second system; the other tuple is then empty. notes: in words.
    """

    portal: tuple[int, ...]
    hepatic: tuple[int, ...]
    portal_centre_mm: FloatArray
    hepatic_centre_mm: FloatArray
    one_system: bool
    notes: tuple[str, ...]


def liver_frame(liver: Mask) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (3,) of the liver's voxels along L, P and S, in LPS mm."""
    points = liver.grid.to_mm(np.argwhere(liver.data[::2, ::2, ::2]) * 2)
    if len(points) < 2:
        points = liver.grid.to_mm(np.argwhere(liver.data))
    return points.mean(axis=0), np.maximum(points.std(axis=0), 1.0)


def split_roots(net: VesselNet, liver: Mask, portal: tuple[int, ...], hepatic: tuple[int, ...]) -> SplitRoots:
    """The roots of both systems.

    portal, hepatic: points known by hand; where given nothing is looked for on that side. Evidence: thickness, place in
    the liver, and that blood cannot pass easily from one root to the other.
    """
    mean, spread = liver_frame(liver)
    place = (net.points_mm - mean) / spread
    centres = (mean + np.array(BIFURCATION) * spread, mean + np.array(CONFLUENCE) * spread)
    score = (
        _score(net, place, BIFURCATION, BIFURCATION_SPREAD),
        _score(net, place, CONFLUENCE, CONFLUENCE_SPREAD),
    )
    ports = list(portal[:1]) or _candidates(net, score[0])
    veins = list(hepatic[:1]) or _candidates(net, score[1])
    joined = _joined(net, ports, veins)
    worth = (
        np.log(np.maximum(score[0][ports], 1e-30))[:, None]
        + np.log(np.maximum(score[1][veins], 1e-30))[None, :]
        - JOINED_POWER * np.log(np.maximum(joined, 1e-6))
    )
    row, column = np.unravel_index(int(np.argmax(worth)), worth.shape)
    chosen = (ports[row], veins[column])
    share = float(joined[row, column])
    own = (float(score[0][chosen[0]]), float(score[1][chosen[1]]))
    weak = min(own) < WEAK_ROOT * max(own)
    if not (portal and hepatic) and (weak or share > JOINED_SHARE or chosen[0] == chosen[1]):
        return _single(portal, hepatic, chosen, own, share, centres)
    notes = [
        _found(net, "portal", "given by hand" if portal else "found", chosen[0]),
        _found(net, "hepatic", "given by hand" if hepatic else "found", chosen[1]),
    ]
    for system, hand, score_of, other in (("portal", portal, *own), ("hepatic", hepatic, *own[::-1])):
        if not hand and score_of < DOUBTFUL_ROOT * other:
            notes.append(f"The {system} root is thin or out of place, so the split is doubtful: give a {system} point.")
    if share > LOOSE_SHARE and not (portal and hepatic):
        notes.append(
            f"Blood could pass easily from root to root ({100 * share:.0f} % of a straight pipe), so the split is "
            "doubtful: look at it, or give a point on each system."
        )
    return SplitRoots(portal or chosen[:1], hepatic or chosen[1:], centres[0], centres[1], False, tuple(notes))


def _found(net: VesselNet, system: str, how: str, point: int) -> str:
    x, y, z = net.points_mm[point]
    return f"Root of the {system} system {how} at ({x:.0f}, {y:.0f}, {z:.0f}) mm, radius {net.radius_mm[point]:.1f} mm."


def _single(
    portal: tuple[int, ...], hepatic: tuple[int, ...], chosen: tuple[int, int], own: tuple[float, float], share: float,
    centres: tuple[FloatArray, FloatArray],
) -> SplitRoots:  # fmt: skip
    """All of the mask belongs to one system, as far as can be told."""
    is_portal = bool(portal) or (not hepatic and own[0] >= own[1])
    system, other = ("portal", "hepatic") if is_portal else ("hepatic", "portal")
    why = (
        f"blood could pass from one to the other almost straight ({100 * share:.0f} % of a straight pipe)"
        if share > JOINED_SHARE
        else f"what could be the {other} root is thin or out of place"
    )
    note = (
        f"The mask seems to hold only the {system} system: {why}. Nothing was parted. If it holds both, give a point "
        f"on a {other} vessel."
    )
    held = (chosen[:1], ()) if is_portal else ((), chosen[1:])
    return SplitRoots(held[0], held[1], centres[0], centres[1], True, (note,))


def _score(
    net: VesselNet, place: FloatArray, centre: tuple[float, float, float], spread: tuple[float, float, float]
) -> FloatArray:
    """How much each point looks like the root: its cross-section, falling with the distance from where it should be."""
    away = (((place - np.array(centre)) / np.array(spread)) ** 2).sum(axis=1)
    result: FloatArray = np.minimum(net.radius_mm, ROOT_RADIUS_MM) ** 2 * np.exp(-0.5 * away)
    return result


def _candidates(net: VesselNet, score: FloatArray) -> list[int]:
    """The best points, no two of them near to each other."""
    order = np.argsort(-score, kind="stable")
    chosen: list[int] = []
    for point in order.tolist():
        if len(chosen) == CANDIDATES or score[point] < LEAST_SCORE * score[order[0]]:
            break
        if all(np.linalg.norm(net.points_mm[point] - net.points_mm[other]) > APART_MM for other in chosen):
            chosen.append(point)
    return chosen


def _joined(net: VesselNet, ports: list[int], veins: list[int]) -> FloatArray:
    """(p, v) flow between two points of the net as a share of that through a straight pipe, 0 to 1."""
    from scipy.sparse.linalg import splu

    both = [*ports, *veins]
    solved = splu(net.laplacian(np.full(len(net.points_mm), GROUND)))
    unit = np.zeros((len(net.points_mm), len(both)))
    unit[both, np.arange(len(both))] = 1.0
    response = solved.solve(unit)[both]
    alone = np.diag(response)
    cross = response[: len(ports), len(ports) :]
    resistance = np.maximum(alone[: len(ports), None] + alone[None, len(ports) :] - 2.0 * cross, 1e-12)
    width = np.minimum(net.radius_mm[ports][:, None], net.radius_mm[veins][None, :]).clip(max=ROOT_RADIUS_MM)
    apart = np.linalg.norm(net.points_mm[ports][:, None, :] - net.points_mm[veins][None, :, :], axis=2)
    share = np.where(apart < ROOTS_APART_MM, 1.0, apart / (width**4 * resistance))
    result: FloatArray = np.minimum(share, 1.0)
    return result
