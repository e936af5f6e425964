"""Couinaud's segments from the portal branches that feed them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.anatomy.branches import BranchNames, NamedBranch, name_branches
from glisson.anatomy.couinaud_planes import PLANES, plane_distances_mm, segment_chances
from glisson.anatomy.landmarks import Landmarks, find_landmarks, with_known
from glisson.anatomy.segments import SEGMENT_NAMES, SegmentMap
from glisson.anatomy.territories import Territories
from glisson.anatomy.tree import IntArray
from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Labels, Mask, Volume

__all__ = ["couinaud_from_portal", "landmarks_by_portal"]

SECTIONS = (
    ("right anterior branch", (5, 8)),
    ("right posterior branch", (6, 7)),
    ("right portal vein", (5, 6, 7, 8)),
    ("left portal vein", (1, 2, 3, 4)),
)
"""Segments that a named branch feeds, the smaller section first."""

ANYWHERE = tuple(range(1, 9))
CAUDATE = 0.5
"""Tissue whose chance to be the caudate lobe is greater is I whichever branch is nearest: its own branches are too thin
to be outlined."""


def couinaud_from_portal(
    territories: Territories, names: BranchNames | None = None, landmarks: Landmarks | None = None
) -> SegmentMap:
    """Segments I to VIII from portal territories: each branch's territory goes whole to its likeliest segment.

    territories: of a portal tree over the whole liver. names: as `name_branches` gives them (found when None): a branch
    below a named one can only feed that section's segments. landmarks: LPS mm (found from the liver's shape when None);
    their planes choose among these, and draw the caudate lobe; heights and umbilical portion are taken from the tree
    where it shows them (`landmarks_by_portal`). Around branches below no named one the planes alone decide, voxel by
    voxel. Confidence: that of the name times the chance of the segment over the territory, or that of the planes.
    Raises InputError for a tree that is not portal.
    """
    if territories.tree.kind != "portal":
        raise InputError(f"Segments follow portal branches; these are territories of a {territories.tree.kind} tree.")
    found = names or name_branches(territories)
    labels, grid = territories.labels.data, territories.labels.grid
    inside = labels > 0
    marks = landmarks_by_portal(territories, found, landmarks or find_landmarks(Mask(inside, grid)))
    index = np.argwhere(inside)
    owner = labels[tuple(index.T)].astype(np.int64) - 1
    chances = segment_chances(_distances(marks, _portion(found), grid.to_mm(index)))
    mean = _over_branches(chances, owner, len(territories.tree.branches))
    allowed, sure, unnamed = _sections(territories, found)
    likely = np.where(allowed, mean, 0.0)
    likely /= np.maximum(likely.sum(axis=0), 1e-9)
    choice = likely.argmax(axis=0)
    alone = unnamed[owner] | (chances[0] > CAUDATE)
    best = chances.argmax(axis=0)
    result = np.zeros(labels.shape, dtype=np.uint8)
    result[inside] = np.where(alone, best, choice[owner]) + 1
    confidence = np.zeros(labels.shape, dtype=np.float32)
    confidence[inside] = np.where(
        alone, chances[best, np.arange(len(best))], sure[owner] * likely[choice[owner], owner]
    )
    loose = float(np.count_nonzero(unnamed[owner])) / len(owner)
    return SegmentMap(
        Labels(result, grid, dict(SEGMENT_NAMES)), 0.0, notes=_notes(found, loose),
        confidence=Volume(confidence, grid), method="portal territories",
    )  # fmt: skip


def landmarks_by_portal(territories: Territories, names: BranchNames, landmarks: Landmarks) -> Landmarks:
    """The landmarks with those that named portal branches show: the height at which the right portal vein divides, and
    the umbilical portion of the left one."""
    tree = territories.tree
    known = {}
    if "right portal vein" in names:
        x, y, z = tree.line_mm(names["right portal vein"].branches[-1])[-1]
        known["right_portal"] = (x, y, z)
    portion = _portion(names)
    if portion is not None:
        x, y, z = tree.line_mm(portion.branches[0]).mean(axis=0)
        known["left_portal"] = (x, y, z)
        known["umbilical"] = (x, y, z)
        known["falciform"] = (x + landmarks.falciform[0] - landmarks.umbilical[0], y - 50.0, z)
    return with_known(landmarks, **known)


def _portion(names: BranchNames) -> NamedBranch | None:
    """The umbilical portion of the left portal vein, when it is named."""
    return next((branch for branch in names.named if branch.name.startswith("umbilical portion")), None)


def _distances(landmarks: Landmarks, portion: NamedBranch | None, points_mm: FloatArray) -> npt.NDArray[np.float32]:
    """(7, n) distances to the planes. Where the umbilical portion is known, II lies behind and above it, III in front
    and below."""
    result = plane_distances_mm(landmarks, points_mm)
    if portion is not None:
        _, y, z = landmarks.umbilical
        result[PLANES.index("left level")] = (points_mm[:, 1] - y + points_mm[:, 2] - z) / np.sqrt(2.0)
    return result


def _over_branches(chances: npt.NDArray[np.float32], owner: IntArray, count: int) -> FloatArray:
    """(8, branches) mean chance of each segment over each branch's territory."""
    size = np.maximum(np.bincount(owner, minlength=count), 1)
    return np.stack([np.bincount(owner, row, count) / size for row in chances])


def _sections(territories: Territories, names: BranchNames) -> tuple[BoolArray, FloatArray, BoolArray]:
    """For each branch the segments it may feed (8, n), how sure its section is (n,), and whether none is named (n,)."""
    count = len(territories.tree.branches)
    allowed = np.ones((8, count), dtype=np.bool_)
    sure = np.ones(count)
    unnamed = np.ones(count, dtype=np.bool_)
    for name, segments in SECTIONS:
        if name not in names:
            continue
        stem = names[name]
        for branch in territories.tree.descendants(stem.branches[0]):
            if unnamed[branch]:
                allowed[:, branch] = np.isin(ANYWHERE, segments)
                sure[branch], unnamed[branch] = stem.confidence, False
    return allowed, sure, unnamed


def _notes(names: BranchNames, loose: float) -> tuple[str, ...]:
    used = [name for name, _ in SECTIONS if name in names]
    text = f"Segments follow the territories of portal branches ({', '.join(used) or 'none named'}); "
    notes = [text + "planes through landmarks chose the segment within each. No reader drew them."]
    if loose > 0:
        notes.append(
            f"{100 * loose:.0f} % of the liver is fed by branches without a named section; planes alone chose there."
        )
    return (*notes, *names.variants)
