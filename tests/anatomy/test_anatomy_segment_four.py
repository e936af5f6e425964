"""Segment IV in two: a block whose halves a hand can count, with and without a portal vein that shows the level."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from glisson.anatomy import SEGMENT_NAMES, BranchNames, NamedBranch, SegmentMap, parts_of_four, tree_of_points
from glisson.case import Unknown
from glisson.geometry import Grid, Labels


def block(height=20, rest=1):
    """IV fills 4 x 4 columns of `height` voxels of 2 mm from z = 100 up; `rest` is the value beside it."""
    data = np.full((8, 4, height), rest, np.uint8)
    data[:4] = 4
    return SegmentMap(Labels(data, Grid.axial(data.shape, (2.0,) * 3, (0.0, 0.0, 100.0)), dict(SEGMENT_NAMES)), 100.0)


def portal(*named):
    """A portal system whose tree is given as name -> (start, end): one branch each, in a row of their own."""
    points, parents = [], []
    for _, start, end in named:
        parents += [-1, len(points)]
        points += [start, end]
    tree = tree_of_points("portal", points, parents, [3.0] * len(points))
    ends = {tuple(np.round(tree.line_mm(b.id)[-1], 3)): b.id for b in tree.branches}
    names = tuple(NamedBranch(name, (ends[tuple(map(float, end))],), 0.9, 50.0) for name, _, end in named)
    return SimpleNamespace(territories=SimpleNamespace(tree=tree), names=BranchNames(names))


def volumes(parts):
    assert not (parts.upper.data & parts.lower.data).any()
    return parts.upper.volume_ml, parts.lower.volume_ml


def test_halves_by_volume_where_nothing_shows_the_level():
    """16 columns of 20 voxels of 0.008 mL: 2.56 mL, 1.28 each."""
    parts = parts_of_four(block())
    assert volumes(parts) == pytest.approx((1.28, 1.28))
    assert parts.basis == "equal volumes"
    assert "a convention" in parts.note
    assert parts.upper.centroid_mm[2] > parts.lower.centroid_mm[2]


def test_the_umbilical_portion_gives_the_level():
    """Its mean height is 110: voxels at 100, 102, … 108 lie below, five of twenty."""
    system = portal(
        ("left portal vein", (0, 0, 120), (10, 0, 120)),
        ("umbilical portion of the left portal vein", (10, 0, 110), (10, -20, 110)),
    )
    parts = parts_of_four(block(), system)
    assert (parts.basis, parts.level_mm) == ("umbilical portion", pytest.approx(110.0))
    assert volumes(parts) == pytest.approx((15 * 16 * 0.008, 5 * 16 * 0.008))


def test_the_bifurcation_stands_in_and_an_impossible_level_does_not():
    low = ("umbilical portion of the left portal vein", (10, 0, 40), (10, -20, 40))
    fork = ("left portal vein", (0, 0, 120), (10, 0, 130))
    parts = parts_of_four(block(), portal(fork, low))
    assert (parts.basis, parts.level_mm) == ("portal bifurcation", pytest.approx(120.0))
    parts = parts_of_four(block(), portal(low))
    assert parts.basis == "equal volumes"
    assert "the umbilical portion of the left portal vein does not lie" in parts.note


def test_a_low_heavy_segment_still_has_two_parts():
    data = np.zeros((6, 6, 3), np.uint8)
    data[:, :, 0], data[0, 0, 1:] = 4, 4
    four = SegmentMap(Labels(data, Grid.axial(data.shape), dict(SEGMENT_NAMES)), 100.0)
    parts = parts_of_four(four)
    assert (parts.upper.count, parts.lower.count) == (2, 36)


def test_what_cannot_be_parted_is_unknown():
    assert parts_of_four(block(height=1)) == Unknown("segment IV lies in one slice, so it has no upper and lower part")
    without = SegmentMap(Labels(np.full((3, 3, 3), 2, np.uint8), Grid.axial((3, 3, 3)), dict(SEGMENT_NAMES)), 100.0)
    assert parts_of_four(without) == Unknown("the segment map has no segment IV")
