"""A virtual patient before and after a right hepatectomy, whose truth is known: what was removed, what that means."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from glisson.assessment import assess
from glisson.assessment.operated import lost_at_operations, operations, resected_lesions, resections
from glisson.assessment.remnants import remnant_courses
from glisson.assessment.steps import FOLLOW_STEPS, STEPS
from glisson.case import Unknown
from glisson.geometry import Mask
from glisson.planning.operated import PLANNED_REMOVAL
from glisson.report.figures import parts_of
from glisson.report.figures.courses import lesion_courses, lesion_waterfall
from glisson.report.figures.operated import resection_picture
from glisson.report.figures.regrowth import regrowth_picture
from glisson.report.operated import operated_data
from glisson.report.timeline import timeline_tables
from glisson.simulate import Resected, virtual_series
from glisson.simulate.course import Treated
from glisson.simulate.operated import removed_part

RIGHT = (5, 6, 7, 8)


@pytest.fixture(scope="module")
def series():
    return virtual_series(
        seed=5, months=(0, 2), lesions=6, new=0.0, swelling=1.06, resected=Resected(1, RIGHT),
        shape=(96, 80, 60), spacing_mm=(3.6, 3.6, 4.2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def scans(series):
    """With the removal that the simulation carries out as the plan of the first scan."""
    made = [replace(visit.scene, study=f"scan-{n}") for n, visit in enumerate(series.visits, 1)]
    plan = removed_part(made[0], RIGHT)
    return [replace(made[0], structures={**made[0].structures, PLANNED_REMOVAL: plan}), made[1]]


@pytest.fixture(scope="module")
def result(series, scans):
    return assess(series.case, replace(scans[1], earlier=(scans[0],)), steps=FOLLOW_STEPS)


def test_the_resection_lies_between_the_scans(series, scans):
    (one,) = operations(series.case, scans)
    assert (one.before, one.after) == (0, 1)
    assert scans[0].facts.date < str(one.day) < scans[1].facts.date
    assert operations(series.case, scans[1:]) == ()


def test_what_was_removed_and_what_stayed_is_measured(scans, result):
    (found,) = result.resected
    check = found.check
    true_ml = scans[0].structures[PLANNED_REMOVAL].volume_ml
    assert check.resected.low_ml - 10 <= true_ml <= check.resected.high_ml + 10
    assert check.resected.ml == pytest.approx(true_ml, rel=0.04)
    assert check.error_mm < 3.0
    grown = check.growth_percent
    true_grown = 100 * (check.after_ml / (check.before_ml - true_ml) - 1)
    assert true_grown > 5
    assert grown.low_ml - 3 <= true_grown <= grown.high_ml + 3


def test_the_plan_was_carried_out(result):
    """The simulation removes exactly what the plan says: what is left of it is within error, and so what is beyond."""
    check = result.resected[0].check
    assert check.left.ml < 0.05 * check.planned_ml
    assert check.beyond.ml < 0.05 * check.planned_ml
    words = {row[1]: row[2] for table in timeline_tables(result) if table.id == "resected" for row in table.rows}
    assert {"Planned to be removed", "Left of the plan", "Removed beyond the plan", "Overlay"} <= set(words)


def test_lesions_that_were_resected_are_treated_and_not_vanished(series, result):
    """One that went with the removed part is no target of a plan any more; none that stayed is taken for removed."""
    (found,) = result.resected
    stayed = set(series.visits[1].names.values())
    true_of = series.visits[0].names
    assert found.lesions
    assert not {true_of[name] for name in found.lesions} & stayed
    natures = {lesion.id: lesion.nature for lesion in result.case.lesions}
    assert {natures[name] for name in found.lesions} == {"treated"}
    assert not set(found.lesions) & {lesion.id for lesion in result.scene.lesions}


def test_what_was_cut_out_is_no_response(series, scans, result):
    """The lesions that stayed grow, untreated; a sum that falls by the operation would be a response of the knife."""
    lost = lost_at_operations(series.case, scans, result.follow)
    assert set(result.resected[0].lesions) <= set(lost)
    for one in result.serial.responses:
        assert all(row.overall not in ("PR", "CR") for row in one.dates)


def test_the_remnant_stands_on_the_published_curve(result):
    (course,) = remnant_courses(result)
    assert course.sizes[0].ml == pytest.approx(result.resected[0].check.after_ml)
    assert course.curve.source == "hemihepatectomy-growth-2019"
    picture = regrowth_picture(course)
    assert picture.png.startswith(b"\x89PNG")
    assert f"{course.sizes[0].growth_percent:+.0f} %" in picture.alt
    data = operated_data(result)
    assert data["remnants"][0]["sizes"][0]["date"] == str(result.serial.days[1])
    assert data["resected"][0]["lesions"] == list(result.resected[0].lesions)


def test_the_picture_shows_the_plan_on_the_scan_after(scans, result):
    check = result.resected[0].check
    picture = resection_picture(parts_of(scans[1]), check)
    assert "still there" in picture.caption
    assert resection_picture(parts_of(scans[1]), replace(check, planned_here=None, left_here=None, left=None)) is None


def test_a_liver_outlined_in_part_is_no_remnant(series, scans, result):
    """On the later scan a small ball alone is outlined: nothing is compared and no lesion is taken for removed."""
    points = scans[1].grid.to_mm(np.moveaxis(np.indices(scans[1].grid.shape), 0, -1))
    ball = ((points - scans[1].liver.centroid_mm) ** 2).sum(axis=-1) < 12.0**2
    part = replace(scans[1], structures={"liver": Mask(ball, scans[1].grid)}, lesions=())
    (one,), notices = resections(series.case, (scans[0], part), result.follow)
    assert one.check is None
    assert "no remnant" in one.why
    assert one.lesions == ()
    assert [notice.code for notice in notices] == ["resection-not-measured"]


def test_a_lesion_beyond_the_border_of_the_scan_is_not_taken_for_removed(series, scans, result):
    """The later scan ends in the middle of the remnant: what lies right of it may be there."""
    middle = int(scans[1].grid.to_index(scans[1].liver.centroid_mm)[0])
    grid = scans[1].grid.crop((slice(middle, scans[1].grid.shape[0]), slice(0, 80), slice(0, 60)))
    cut = replace(
        scans[1], grid=grid, image=None, segments=None, lesions=(),
        structures={"liver": Mask(scans[1].liver.on(grid), grid).trimmed()},
    )  # fmt: skip
    done = operations(series.case, (scans[0], cut))
    assert result.resected[0].lesions
    assert not resected_lesions(done, (scans[0], cut), result.follow)


def test_the_day_of_the_operation_is_halfway(series):
    (one,) = (t for t in series.case.treatments if t.kind == "hepatectomy")
    assert isinstance(one.start, date)
    assert one.name == "resection of segments V, VI, VII, VIII"


@pytest.fixture(scope="module")
def treated_first():
    """Chemotherapy between the first two scans, a right hepatectomy before the third."""
    return virtual_series(
        seed=5, months=(0, 2, 4), lesions=6, new=0.0, treated=Treated(0, 2), resected=Resected(2, RIGHT),
        shape=(96, 80, 60), spacing_mm=(3.6, 3.6, 4.2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def followed(treated_first):
    made = [replace(visit.scene, study=f"scan-{n}") for n, visit in enumerate(treated_first.visits, 1)]
    return assess(treated_first.case, replace(made[-1], earlier=tuple(made[:-1])), steps=FOLLOW_STEPS)


def test_what_was_resected_still_tells_how_the_chemotherapy_worked(followed):
    """The sum of the second scan is that of lesions which the operation then took; after it there is none."""
    removed = set(followed.resected[0].lesions)
    serial = followed.serial
    (recist,) = (one for one in serial.responses if one.criterion == "recist-1.1")
    assert removed
    assert [row.sum is None for row in recist.dates] == [False, False, True]
    assert recist.dates[2].overall == "NE"
    for name in removed:
        course = serial.course(name)
        assert all(day <= serial.days[1] for day, _ in course)
        assert name not in serial.projections


def test_the_knife_is_no_best_change(followed):
    removed = sorted(followed.resected[0].lesions)
    seen_before = [name for name in removed if followed.serial.sizes[name][1] is not None]
    bars = lesion_waterfall(followed.serial, seen_before)
    assert "not seen" not in bars.alt
    assert "not seen" not in lesion_courses(followed.serial, seen_before).alt
    (table,) = (one for one in timeline_tables(followed) if one.id == "over-time")
    assert {row[3] for row in table.rows if row[0] in removed} == {"resected"}


def test_the_invented_record_knows_of_its_operation_and_its_chemotherapy(treated_first):
    liver = treated_first.case.liver
    assert liver.previous_hepatectomy is True
    assert liver.chemotherapy_months == pytest.approx(6.0, abs=0.1)
    systemic = [one for one in treated_first.case.treatments if one.kind == "systemic"]
    assert liver.last_chemotherapy == systemic[-1].stop


def test_segments_are_not_guessed_after_an_operation_that_only_the_treatments_tell(treated_first):
    """Two of the three places that say so are left out: the listed operation is enough."""
    scene = replace(treated_first.visits[-1].scene, segments=None)
    liver = replace(treated_first.case.liver, previous_hepatectomy=Unknown("not asked"))
    steps = tuple(step for step in STEPS if step.name in ("whole liver", "segments"))
    found = assess(replace(treated_first.case, liver=liver), scene, steps=steps)
    assert found.segments is None
    assert "after an operation none is made" in found.trace[-1].outcome
