"""Virtual patients over time: laws of growth a hand can compute, movements that can be turned round, one truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.simulate import Treated, virtual_series
from glisson.simulate.course import MONTH_DAYS, Course, draw_courses
from glisson.simulate.movement import draw_movement

SMALL = {"shape": (110, 90, 64), "spacing_mm": (3.2, 3.4, 4.0)}


def course(**changes) -> Course:
    month = np.log(2) * MONTH_DAYS / 90.0
    return Course(**{
        "name": "M1", "growth": "exponential", "born_month": 0.0, "born_mm": 10.0, "rate": month, "shrinking": None,
        "treated": None, **changes,
    })  # fmt: skip


def test_after_three_doublings_the_diameter_has_doubled():
    assert course().diameter_mm(270 / MONTH_DAYS) == pytest.approx(20.0)


def test_treatment_halves_and_then_growth_goes_on():
    halved = course(treated=Treated(0.0, 1.0), shrinking=3 * np.log(2.0))
    assert halved.diameter_mm(1.0) == pytest.approx(5.0)
    assert halved.diameter_mm(1.0 + 270 / MONTH_DAYS) == pytest.approx(10.0)
    assert course(treated=Treated(0.0, 1.0)).diameter_mm(1.0) == pytest.approx(course().diameter_mm(1.0))


def test_gompertz_growth_begins_like_exponential_growth_and_slows():
    slow, fast = course(growth="gompertz"), course()
    assert slow.diameter_mm(0.05) == pytest.approx(fast.diameter_mm(0.05), rel=1e-4)
    assert slow.diameter_mm(24.0) < fast.diameter_mm(24.0)
    assert slow.diameter_mm(2400.0) == pytest.approx((6 * 900_000 / np.pi) ** (1 / 3), rel=1e-3)


def test_what_is_not_born_has_no_size():
    assert course(born_month=2.0).diameter_mm(1.9) == 0.0


def test_new_lesions_are_born_between_scans():
    rng = np.random.default_rng(2)
    made = draw_courses([20.0], [0, 3, 6], growth="exponential", treated=None, new=2.0, born_mm=5.5, rng=rng)
    assert made[0].born_month == 0
    assert len(made) > 1
    assert all(0 < c.born_month <= 6 and c.born_mm == 5.5 for c in made[1:])
    with pytest.raises(InputError, match="Growth 'linear' is not known"):
        draw_courses([20.0], [0], growth="linear", treated=None, new=0, born_mm=5, rng=rng)


@given(st.integers(0, 10_000))
def test_a_movement_can_be_turned_round(seed):
    rng = np.random.default_rng(seed)
    movement = draw_movement(np.array([-30.0, 0.0, 0.0]), np.array([100.0, 70.0, 80.0]), rng)
    points = rng.uniform(-120, 120, (50, 3))
    assert movement.to_first(movement.from_first(points)) == pytest.approx(points, abs=0.01)


@pytest.fixture(scope="module")
def series():
    return virtual_series(seed=5, months=(0, 3, 5), lesions=5, treated=Treated(0, 3), new=1.0, mr=(1,), **SMALL)


def test_lesions_lie_where_the_movement_puts_their_tissue(series):
    """Centroids of coarse masks lie within half a voxel's diagonal and the irregularity of the lesion."""
    for visit in series.visits:
        for lesion in visit.scene.lesions:
            apart = np.linalg.norm(lesion.mask.centroid_mm - series.place_mm(visit.names[lesion.id], visit))
            assert apart < 4.0


def test_sizes_follow_the_courses(series):
    for visit in series.visits:
        big = [lesion for lesion in visit.scene.lesions if visit.sizes_mm[visit.names[lesion.id]] > 15]
        for lesion in big:
            diameter = (6000 * lesion.mask.volume_ml / np.pi) ** (1 / 3)
            assert diameter == pytest.approx(visit.sizes_mm[visit.names[lesion.id]], rel=0.12)


def test_each_date_is_a_scan_of_its_own(series):
    first, second, last = (visit.scene for visit in series.visits)
    assert [s.facts.modality for s in (first, second, last)] == ["CT", "MR", "CT"]
    assert first.facts.date < second.facts.date < last.facts.date
    liver = second.image.data[second.liver.on(second.grid)]
    vessel = second.image.data[second.structures["portal"].on(second.grid)]
    assert np.median(liver) > 1.3 * np.median(vessel)
    assert [study.modality for study in series.case.studies] == ["CT", "MR", "CT"]


def test_the_same_seed_gives_the_same_series(series):
    again = virtual_series(seed=5, months=(0, 3, 5), lesions=5, treated=Treated(0, 3), new=1.0, mr=(1,), **SMALL)
    for a, b in zip(series.visits, again.visits, strict=True):
        assert np.array_equal(a.scene.image.data, b.scene.image.data)
        assert a.names == b.names
    assert series.case == again.case


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"months": (1, 2)}, "begin with 0"),
        ({"months": (0, 2, 2)}, "rising"),
        ({"mr": (7,)}, "there are 4"),
        ({"swelling": 3.0}, "swelling is 3.0"),
    ],
)
def test_impossible_requests_are_refused(request_, words):
    with pytest.raises(InputError, match=words):
        virtual_series(**request_)
