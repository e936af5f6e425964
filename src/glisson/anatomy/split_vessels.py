"""A merged vessel mask parted into the portal and the hepatic system, as two currents would part it.

The portal trunk is held at 1 and the confluence of the hepatic veins at 0; every vessel point takes the value at which
flow through the net of vessels settles (`vessel_net`). Where the two systems touch, the passage is narrow or bent, so
the value falls there from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glisson.anatomy.split_roots import SplitRoots, split_roots
from glisson.anatomy.vessel_net import VesselNet, vessel_net
from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Mask, Volume, place

__all__ = ["VesselSplit", "split_vessels"]

ALIGNED_LOGIT = 4.0
"""Veins run towards the confluence, portal branches away from the bifurcation: the weight of the difference of the
squared cosines of a vessel's direction with both."""

LEAK = 5e-5
"""How strongly a vessel's own direction counts beside its connections, per mm of length. Between what was best on
virtual patients (1e-4) and on the one real case with two masks (3e-5)."""

LEAK_RADIUS_MM = 3.0
"""Thicker vessels count as if they had this radius: they are told by what they join, not by their direction."""

HELD = 1e6
"""Conductance that holds a root or a point given at its value."""

FLOOR = 1e-12
"""Leak to both sides that keeps the equations solvable where nothing else is known."""

POINT_REACH_MM = 10.0
"""A point given by hand must lie this near to the vessel mask."""

CONTRAST_RADIUS_MM = 2.0
"""Blood is measured where the vessel is at least this thick."""

CONTRAST_SURE = 0.8
"""... and where the side is this sure without it."""

CONTRAST_POINTS = 20
"""Centre points of each system that must be measured."""

CONTRAST_SPREADS = 1.0
"""Blood of the two systems is told apart when its medians differ by this many robust standard deviations."""

CONTRAST_CAP = 3.0
"""The brightness of a place counts at most this much (log odds)."""

PIECE_CONFIDENCE = 0.05
"""A piece of the mask that nothing joins to a root is left unassigned below this mean confidence. Chosen with a view to
the one real case with two masks; virtual patients have few such pieces."""


_Lumen: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""(v, 3) indices of the mask's voxels, and (v,) the point of the net each belongs to."""


@dataclass(frozen=True)
class VesselPiece:
    """A connected piece of the merged mask, or one side of one that was cut.

    system: "portal", "hepatic" or "unassigned". volume_ml. confidence: mean over its voxels, 0 to 1. cut: the piece
    hung together with the other system in the mask.
    """

    system: str
    volume_ml: float
    confidence: float
    cut: bool


@dataclass(frozen=True, eq=False)
class VesselSplit:
    """The two systems of a merged vessel mask. `portal`, `hepatic` and `unassigned` partition it.

    Masks and `confidence` lie on the trimmed box of the vessel mask. confidence: float32, 0 (could be either) to 1, and
    0 outside the mask: how far a place is from half way between the two roots. It orders places by doubt; it is no
    probability. method: "separated", or "one system" when nothing speaks for a second one (all voxels are then in one
    mask, with confidence 0). portal_root_mm, hepatic_root_mm: (3,) LPS mm, where each trunk was taken to be; None when
    there is none. pieces: largest first. notes: in words, for a reader.
    """

    portal: Mask
    hepatic: Mask
    unassigned: Mask
    confidence: Volume
    method: str
    portal_root_mm: FloatArray | None
    hepatic_root_mm: FloatArray | None
    pieces: tuple[VesselPiece, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def mean_confidence(self) -> float:
        """Mean of the confidence over all voxels of the vessels."""
        whole = sum(piece.volume_ml for piece in self.pieces)
        return sum(piece.confidence * piece.volume_ml for piece in self.pieces) / whole


def split_vessels(
    vessels: Mask,
    liver: Mask,
    *,
    image: Volume | None = None,
    portal_points_mm: Sequence[npt.ArrayLike] = (),
    hepatic_points_mm: Sequence[npt.ArrayLike] = (),
) -> VesselSplit:
    """Part a mask that holds portal vein and hepatic veins (with the cava or without) into the two systems.

    vessels, liver: on one lattice; the liver's shape says where bifurcation and confluence are to be looked for, so the
    scan's directions must be right. image: a contrast-enhanced CT on the lattice; used only where the blood of the
    systems differs clearly. portal_points_mm, hepatic_points_mm: (x, y, z) LPS mm on vessels known to be portal or
    hepatic: they are held at that, and replace the root that would have been looked for. Where a cava is in the mask it
    is with the hepatic veins (`split_cava` parts them).

    Raises InputError for an empty mask and for points away from the vessels, FrameMismatch off the lattice.
    """
    if vessels.is_empty:
        raise InputError(
            "The vessel mask is empty: there is nothing to split. Give a mask whose voxels are not all zero."
        )
    vessels.grid.offset_in(liver.grid, "the vessel mask", "the liver")
    small = vessels.trimmed()
    net = vessel_net(small)
    lumen = _voxels(small, net)
    portal = _nearest(lumen, small, portal_points_mm, "portal")
    hepatic = _nearest(lumen, small, hepatic_points_mm, "hepatic")
    roots = split_roots(net, liver, portal, hepatic)
    if roots.one_system:
        return _one_system(small, net, roots)
    towards_portal, towards_hepatic = _leaks(net, roots)
    for points, leak in ((roots.portal, towards_portal), (roots.hepatic, towards_hepatic)):
        leak[list(points)] = HELD
    value = _settled(net, towards_portal, towards_hepatic)
    notes = list(roots.notes)
    if image is not None:
        odds, note = _contrast(net, value, image, small, liver)
        notes.append(note)
        if odds is not None:
            more_portal, more_hepatic = _by_odds(net, odds)
            value = _settled(net, towards_portal + more_portal, towards_hepatic + more_hepatic)
    return _shared_out(small, net, lumen, value, roots, notes)


def _nearest(lumen: _Lumen, mask: Mask, points_mm: Sequence[npt.ArrayLike], system: str) -> tuple[int, ...]:
    """The net's points in whose vessel those given by hand lie."""
    found = []
    for given in points_mm:
        point = np.asarray(given, dtype=np.float64)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise InputError(f"A {system} point is three numbers x, y, z in LPS mm, got {given!r}.")
        apart = np.linalg.norm(mask.grid.to_mm(lumen[0]) - point, axis=1)
        if apart.min() > POINT_REACH_MM:
            raise InputError(
                f"The {system} point ({', '.join(f'{c:.1f}' for c in point)}) mm lies {apart.min():.0f} mm from the "
                "vessel mask. Points are x, y, z in LPS mm (x grows to the patient's left, y to the back), on a vessel."
            )
        found.append(int(lumen[1][np.argmin(apart)]))
    return tuple(found)


def _leaks(net: VesselNet, roots: SplitRoots) -> tuple[FloatArray, FloatArray]:
    """What a vessel's own direction says: leaks to the portal and to the hepatic side."""
    cosines = []
    for centre in (roots.portal_centre_mm, roots.hepatic_centre_mm):
        way = net.points_mm - centre
        cosines.append((net.tangent * way).sum(axis=1) / np.maximum(np.linalg.norm(way, axis=1), 5.0))
    return _by_odds(net, ALIGNED_LOGIT * (cosines[0] ** 2 - cosines[1] ** 2))


def _by_odds(net: VesselNet, odds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leaks to both sides from log odds for portal, for each point."""
    share = 1.0 / (1.0 + np.exp(-odds))
    weight = LEAK * np.minimum(net.radius_mm, LEAK_RADIUS_MM) ** 4 * net.length_mm
    return weight * share + FLOOR, weight * (1.0 - share) + FLOOR


def _settled(net: VesselNet, towards_portal: FloatArray, towards_hepatic: FloatArray) -> FloatArray:
    """(n,) value of each point, 1 portal to 0 hepatic: the flows through all pipes and leaks add up to zero."""
    from scipy.sparse.linalg import spsolve

    result: FloatArray = spsolve(net.laplacian(towards_portal + towards_hepatic), towards_portal)
    return np.clip(result, 0.0, 1.0)


def _contrast(
    net: VesselNet, value: FloatArray, image: Volume, vessels: Mask, liver: Mask
) -> tuple[FloatArray | None, str]:
    """Log odds for portal from the brightness of the blood inside the liver, or None, and what was found.

    Outside the liver the cava carries renal and the portal trunk splenic blood, so nothing is measured there.
    """
    blood, within = _blood(net, image, vessels, liver)
    thick = within & (net.radius_mm >= CONTRAST_RADIUS_MM)
    groups = [blood[thick & (value >= CONTRAST_SURE)], blood[thick & (value <= 1.0 - CONTRAST_SURE)]]
    if min(len(group) for group in groups) < CONTRAST_POINTS:
        return None, "The scan was not used: too few thick vessels in the liver are surely of one system or the other."
    middle = [float(np.median(group)) for group in groups]
    spread = 1.4826 * float(np.median(np.concatenate([abs(g - m) for g, m in zip(groups, middle, strict=True)])))
    apart = middle[0] - middle[1]
    words = f"In the liver blood measures {middle[0]:.0f} HU in portal and {middle[1]:.0f} HU in hepatic vessels"
    if abs(apart) < CONTRAST_SPREADS * max(spread, 1.0):
        return None, f"{words}: too alike (spread {spread:.0f} HU), so the scan was not used."
    odds = np.clip((blood - sum(middle) / 2.0) * apart / max(spread, 1.0) ** 2, -CONTRAST_CAP, CONTRAST_CAP)
    return np.where(thick, odds, 0.0), f"{words}; the difference was used where vessels are thick enough to measure."


def _blood(net: VesselNet, image: Volume, vessels: Mask, liver: Mask) -> tuple[FloatArray, BoolArray]:
    """(n,) mean of the scan over the 27 voxels around each point that are vessel, and whether the point is in the
    liver."""
    from scipy.ndimage import uniform_filter

    grid = vessels.grid
    hu = place(image.data, image.grid.offset_in(grid, "the scan", "the vessels"), grid.shape).astype(np.float32)
    share = np.maximum(uniform_filter(vessels.data.astype(np.float32), 3, mode="constant"), 1e-3)
    mean = uniform_filter(np.where(vessels.data, hu, 0.0), 3, mode="constant") / share
    index = tuple(np.rint(grid.to_index(net.points_mm)).astype(np.int64).T)
    return mean[index].astype(np.float64), liver.on(grid, "the liver")[index]


def _voxels(mask: Mask, net: VesselNet) -> _Lumen:
    """(v, 3) indices of the mask's voxels and for each the point of its piece in whose vessel it lies deepest.

    Deepest: smallest squared distance less squared radius, found as a nearest neighbour with the radius as a fourth
    dimension, and the piece, stretched far, as a fifth.
    """
    import cc3d
    from scipy.spatial import cKDTree

    index = np.argwhere(mask.data)
    where = mask.grid.to_mm(index)
    far = 10.0 * float(np.ptp(where, axis=0).max() + net.radius_mm.max())
    piece = np.asarray(cc3d.connected_components(np.array(mask.data, order="C"), connectivity=26))[mask.data] - 1.0
    lift = np.sqrt(np.maximum(net.radius_mm.max() ** 2 - net.radius_mm**2, 0.0))
    tree = cKDTree(np.column_stack([net.points_mm, lift, far * net.piece]))
    return index, tree.query(np.column_stack([where, np.zeros(len(where)), far * piece]), workers=2)[1]


def _shared_out(
    mask: Mask, net: VesselNet, lumen: _Lumen, value: FloatArray, roots: SplitRoots, notes: list[str]
) -> VesselSplit:
    """Masks, confidence and pieces from the value of each point."""
    index, point = lumen
    sure = np.abs(2.0 * value - 1.0)
    rooted = np.isin(net.piece, net.piece[[*roots.portal, *roots.hepatic]])
    voxels = np.bincount(net.piece[point], minlength=net.piece.max() + 1)
    mean = np.bincount(net.piece[point], sure[point], minlength=len(voxels)) / np.maximum(voxels, 1)
    doubtful = (mean[net.piece] < PIECE_CONFIDENCE) & ~rooted
    side = np.where(doubtful, 3, np.where(value > 0.5, 1, 2))
    labels = np.zeros(mask.grid.shape, dtype=np.uint8)
    labels[tuple(index.T)] = side[point]
    confidence = np.zeros(mask.grid.shape, dtype=np.float32)
    confidence[tuple(index.T)] = sure[point]
    pieces = _pieces(net.piece[point], side[point], sure[point], mask.grid.voxel_ml)
    cut = sum(piece.volume_ml for piece in pieces if piece.cut)
    if cut:
        notes.append(f"{cut:.1f} mL hung together in one piece and were parted where the passage is narrow or bent.")
    unassigned = labels == 3
    if unassigned.any():
        notes.append(
            f"{float(unassigned.sum()) * mask.grid.voxel_ml:.1f} mL in pieces that nothing joins to either system were "
            "left unassigned."
        )
    return VesselSplit(
        Mask(labels == 1, mask.grid), Mask(labels == 2, mask.grid), Mask(unassigned, mask.grid),
        Volume(confidence, mask.grid), "separated", net.points_mm[roots.portal[0]], net.points_mm[roots.hepatic[0]],
        pieces, tuple(notes),
    )  # fmt: skip


def _pieces(
    piece: npt.NDArray[np.int64], side: npt.NDArray[np.int64], sure: FloatArray, voxel_ml: float
) -> tuple[VesselPiece, ...]:
    """Each connected piece of the mask, or each side of it, largest first."""
    key = piece * 4 + side
    found, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    mean = np.bincount(inverse, sure) / count
    sides = np.bincount(found // 4)
    names = {1: "portal", 2: "hepatic", 3: "unassigned"}
    return tuple(
        VesselPiece(
            names[int(found[n] % 4)], float(count[n]) * voxel_ml, float(mean[n]), bool(sides[found[n] // 4] > 1)
        )
        for n in np.lexsort((found, -count))
    )


def _one_system(mask: Mask, net: VesselNet, roots: SplitRoots) -> VesselSplit:
    """All of the mask in the only system that something speaks for."""
    none: BoolArray = np.zeros(mask.grid.shape, dtype=np.bool_)
    empty = Mask(none, mask.grid)
    system = "portal" if roots.portal else "hepatic"
    masks = (mask, empty) if system == "portal" else (empty, mask)
    root = net.points_mm[(roots.portal or roots.hepatic)[0]]
    return VesselSplit(
        *masks, empty, Volume(none.astype(np.float32), mask.grid), "one system",
        root if system == "portal" else None, root if system == "hepatic" else None,
        (VesselPiece(system, mask.volume_ml, 0.0, False),), roots.notes,
    )  # fmt: skip
