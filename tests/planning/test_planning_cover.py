"""Set covers with known answers: published counts, brute force on small tables, and what can never be covered."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glisson.errors import InputError
from glisson.planning.cover import covered, fewest, lattice
from glisson.planning.zones import Zone

AXIS = np.array([0.0, 0.0, 1.0])


def ball_table(radius, transverse, length):
    """Targets of a ball on a 2 mm lattice, zones on a 5 mm lattice within 0.8 of the radius."""
    targets = lattice(2.0, [-radius] * 3, [radius] * 3)
    targets = targets[np.linalg.norm(targets, axis=1) <= radius + 1e-9]
    centres = lattice(5.0, [-radius] * 3, [radius] * 3)
    centres = centres[np.linalg.norm(centres, axis=1) <= 0.8 * radius + 1e-9]
    return covered(targets, [Zone(centre, AXIS, transverse, length) for centre in centres])


@pytest.mark.parametrize(("radius", "zone", "count"), [(15, (36, 42), 1), (20, (36, 42), 4)])
def test_balls_need_so_many_zones(radius, zone, count):
    """Counts found by an independent integer program on the same lattices."""
    found = fewest(ball_table(radius, *zone))
    assert len(found.chosen) == count
    assert found.proven
    assert found.gap == 0


@pytest.mark.slow
def test_ball_of_20_needs_five_balls_of_18():
    found = fewest(ball_table(20, 36, 36))
    assert (len(found.chosen), found.proven) == (5, True)


def test_six_balls_cover_a_larger_ball_of_root_one_and_a_half():
    """Six equal balls on the axes cover at best a ball sqrt(1.5) times as large (centres at 0.7071 of their radius)."""
    large, small = 15.0 * np.sqrt(1.5), 15.0
    centres = small / np.sqrt(2.0) * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    ways = np.random.default_rng(1).normal(size=(4000, 3))
    rim = large * ways / np.linalg.norm(ways, axis=1, keepdims=True)
    corners = large * np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) / np.sqrt(3.0)
    points = np.concatenate([rim, corners])

    def held(scale):
        table = covered(points * scale, [Zone(centre, AXIS, 2 * small, 2 * small) for centre in centres])
        return bool(table.any(axis=1).all())

    assert held(0.999)
    assert not held(1.001)
    table = covered(points * 0.999, [Zone(centre, AXIS, 2 * small, 2 * small) for centre in centres])
    assert len(fewest(table).chosen) == 6


@settings(max_examples=60)
@given(arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_never_more_than_brute_force(table):
    found = fewest(table)
    columns = range(table.shape[1])
    best = next(
        (n for n in range(1, table.shape[1] + 1) for c in combinations(columns, n) if table[:, c].any(axis=1).all()),
        None,
    )
    if best is None:
        assert found.chosen == ()
        assert found.uncoverable == int((~table.any(axis=1)).sum())
    else:
        assert len(found.chosen) == best
        assert table[:, found.chosen].any(axis=1).all()


def test_equal_covers_are_settled_by_weight():
    table = np.array([[True, True, True]])
    assert fewest(table, weights=np.array([0.5, 0.1, 0.9])).chosen == (1,)


def test_more_than_allowed_is_no_cover():
    table = np.eye(4, dtype=bool)
    assert fewest(table, most=3).chosen == ()
    assert fewest(table, most=4).chosen == (0, 1, 2, 3)


def test_bad_input():
    with pytest.raises(InputError, match="table"):
        fewest(np.zeros(3, bool))
    with pytest.raises(InputError, match="step"):
        lattice(0.0, [0, 0, 0], [1, 1, 1])
