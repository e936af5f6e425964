"""Several scans from a case folder to the dossier: names, vanished sites as targets, response, an ablation checked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from glisson.assessment import assess
from glisson.assessment.following import carried, lost_at_ablations, near_zones, zone_courses
from glisson.assessment.steps import FOLLOW_STEPS
from glisson.case import KnownAs, LesionFacts, Treatment
from glisson.cli.virtual import write_virtual_case
from glisson.errors import InputError
from glisson.geometry import Mask
from glisson.imaging import read_case
from glisson.lesions.serial import serial_findings
from glisson.report.figures.strips import lesion_strips, places_of
from glisson.report.pictures import draw
from glisson.report.timeline import course_words, followed_names, timeline_data, timeline_tables
from glisson.simulate import Treated, virtual_series

SHAPE = {"shape": (120, 100, 72), "spacing_mm": (3.0, 3.0, 3.6)}


@pytest.fixture(scope="module")
def series():
    """Nine lesions under treatment; two are seen no more on the last scan, one is new there."""
    return virtual_series(
        seed=7, months=(0, 3, 8), lesions=9, treated=Treated(0, 5), new=1.0, mr=(1,), median_diameter_mm=11.0, **SHAPE
    )


@pytest.fixture(scope="module")
def read(series, tmp_path_factory):
    """Written as a case folder and read again."""
    folder = tmp_path_factory.mktemp("series") / "case"
    write_virtual_case(series, folder)
    return read_case(folder)


@pytest.fixture(scope="module")
def result(read):
    return assess(*read, steps=FOLLOW_STEPS)


def test_a_folder_with_three_dates_is_read_whole(series, read):
    case, scene = read
    assert [one.study for one in (*scene.earlier, scene)] == ["scan-1", "scan-2", "scan-3"]
    assert [one.facts.modality for one in (*scene.earlier, scene)] == ["CT", "MR", "CT"]
    assert np.array_equal(scene.image.data, series.visits[-1].scene.image.data)
    assert case.lesions == series.case.lesions


def test_the_record_and_the_scan_know_every_lesion_by_its_name(series, result):
    """The record of the virtual patient gives names by the truth; following them must give the same names."""
    known = {lesion.id for lesion in series.case.lesions}
    visible = {lesion.id for lesion in result.scene.lesions} - {site.name for site in result.follow.vanished}
    assert visible == known


def test_a_vanished_lesion_is_a_target_of_the_plan(result):
    (first, *_) = result.follow.vanished
    fact = next(lesion for lesion in result.case.lesions if lesion.id == first.name)
    assert fact.nature == "vanished"
    assert "may hold tumour" in fact.reason
    assert first.name in {lesion.id for lesion in result.scene.lesions}


def test_response_and_growth_are_told_with_their_limits(result):
    serial = result.serial
    assert serial.baseline == 0
    assert [one.criterion for one in serial.responses] == ["recist-1.1", "volumetric"]
    assert serial.responses[0].dates[-1].new
    assert serial.responses[0].dates[-1].overall == "PD"
    tables = {table.id: table for table in timeline_tables(result)}
    assert set(tables) == {"over-time", "response", "events"}
    words = " ".join(" ".join(row) for row in tables["over-time"].rows)
    assert "not seen since" in words
    assert "new" in words
    assert "volume halves in" in words


def test_the_data_are_plain(result):
    data = json.loads(json.dumps(timeline_data(result)))
    assert [study["study"] for study in data["studies"]] == ["scan-1", "scan-2", "scan-3"]
    assert {lesion["name"] for lesion in data["lesions"]} == {track.name for track in result.follow.tracks}
    assert data["response"][0]["criterion"] == "recist-1.1"


def test_strips_show_what_changed_first_and_where_it_was(result):
    names = followed_names(result)
    gone = {site.name for site in result.follow.vanished}
    assert gone <= set(names[: len(gone) + 1])
    track = next(t for t in result.follow.tracks if t.name in gone)
    places = places_of(track, result.follow, result.scans)
    assert set(places) == {0, 1, 2}
    picture = lesion_strips(result.follow, result.scans, names)
    assert picture.png.startswith(b"\x89PNG")
    assert "not seen" in picture.alt
    assert {"strips", "courses", "waterfall", "response"} <= set(draw(result, lambda words, share: None).figures)


def test_one_scan_has_no_such_pages(series):
    alone = assess(series.case, series.visits[0].scene, steps=FOLLOW_STEPS)
    assert timeline_tables(alone) == ()
    assert timeline_data(alone) is None
    assert followed_names(alone) == ()


def test_an_ablation_zone_is_checked_against_its_lesion(read):
    """A ball around the place of L1 of 12 mm more than its radius, and one beside it."""
    case, scene = read
    scene = replace(scene, earlier=scene.earlier[:1])
    followed = assess(case, scene, steps=FOLLOW_STEPS[:1])
    site = next(lesion for lesion in followed.scene.lesions if lesion.id == "L1").mask
    points = scene.grid.to_mm(np.moveaxis(np.indices(scene.grid.shape), 0, -1))
    radius = (6000 * site.volume_ml / np.pi) ** (1 / 3) / 2
    chances = {}
    for shift in (0.0, 14.0):
        ball = ((points - site.centroid_mm - (shift, 0, 0)) ** 2).sum(axis=-1) <= (radius + 14.0) ** 2
        zone = Mask(ball & scene.liver.on(scene.grid), scene.grid)
        with_zone = replace(scene, structures={**scene.structures, "ablation_zone_l1": zone})
        found = assess(case, with_zone, steps=FOLLOW_STEPS)
        assert "ablations" in {table.id for table in timeline_tables(found)}
        assert "ablated-L1" in draw(found, lambda words, share: None).figures
        assert found.zones["L1"].volumes[0][1] == pytest.approx(zone.volume_ml)
        assert "zones" in {table.id for table in timeline_tables(found)}
        chances[shift] = found.ablated["L1"].wanted_chance
    assert chances[0.0] > chances[14.0]


def test_a_new_lesion_at_the_rim_of_a_zone_is_said_to_be_there(read, result):
    """A zone that ends 4 mm beside the new lesion, and one far away."""
    _case, scene = read
    new = next(t for t in result.follow.tracks if t.first == 2)
    (mask,) = (one.mask for one in scene.lesions if one.id in new.seen[2])
    points = scene.grid.to_mm(np.moveaxis(np.indices(scene.grid.shape), 0, -1))
    radius = (6000 * mask.volume_ml / np.pi) ** (1 / 3) / 2
    said = {}
    for shift in (radius + 4.0 + 9.0, radius + 30.0 + 9.0):
        ball = ((points - mask.centroid_mm - (shift, 0, 0)) ** 2).sum(axis=-1) <= 9.0**2
        zoned = replace(scene, structures={**scene.structures, "ablation_zone_l1": Mask(ball, scene.grid)})
        scans = (*result.scans[:2], zoned)
        said[shift] = near_zones(scans, result.follow)[new.name]
    (near, far) = said.values()
    assert near == ("L1", pytest.approx(4.0, abs=2.0))
    assert far == ("L1", pytest.approx(30.0, abs=2.5))
    assert "from the ablation zone of L1" in course_words(result.serial, new, near)


def test_a_name_given_in_the_record_is_kept(series, read):
    case, scene = read
    said = LesionFacts("L1", "confirmed", "biopsy", known_as=(KnownAs("scan-3", scene.lesions[-1].id),))
    stated = replace(case, lesions=(said,))
    found = assess(stated, scene, steps=FOLLOW_STEPS[:1])
    track = next(t for t in found.follow.tracks if t.name == "L1")
    assert track.seen[2] == (scene.lesions[-1].id,)
    assert track.confidence[2] == "stated"


def test_ct_and_mr_of_one_day_are_one_assessment(read, result):
    """The MR scan on the day of the first CT: sizes do not add up, nothing is taken for new, and the CT counts."""
    case, scene = read
    first, second = scene.earlier
    fused = replace(second, facts=replace(second.facts, date=first.facts.date))
    found = serial_findings(case, (first, fused, scene), result.follow, project_to_mm=30.0)
    assert found.same_day == ((0, 1), (2,))
    recist = found.responses[0]
    assert [str(row.date) for row in recist.dates] == [first.facts.date, scene.facts.date]
    assert recist.dates[0].sum == result.serial.responses[0].dates[0].sum
    assert {len(found.course(track.name)) for track in result.follow.tracks} == {2}


def test_a_zone_that_grew_is_said_to_have(read, result):
    """The zone of L1 on the second scan, and one of a larger or smaller radius on the third."""
    case, scene = read
    said = []
    for radius in (16.0, 9.0):
        scans = [scene.earlier[0]]
        for one, own in ((scene.earlier[1], 12.0), (scene, radius)):
            points = one.grid.to_mm(np.moveaxis(np.indices(one.grid.shape), 0, -1))
            ball = ((points - one.liver.centroid_mm) ** 2).sum(axis=-1) <= own**2
            scans.append(replace(one, structures={**one.structures, "ablation_zone_l1": Mask(ball, one.grid)}))
        courses, notices = zone_courses(case, scans, result.follow)
        assert len(courses["L1"].volumes) == 2
        said.append([notice.code for notice in notices])
    assert said == [["zone-grown"], []]


def test_a_study_without_a_liver_is_left_out_with_words(series, tmp_path):
    write_virtual_case(series, tmp_path / "case")
    path = tmp_path / "case" / "case.yaml"
    text = re.sub(r"\n +liver: scan-2/liver.nii.gz", "", path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    _, scene = read_case(tmp_path / "case")
    assert [one.study for one in scene.earlier] == ["scan-1"]
    assert "study-not-compared" in {notice.code for notice in scene.notices}


def test_following_needs_two_scans(tmp_path):
    from glisson.cli.follow import read_series

    one = virtual_series(seed=3, months=(0,), lesions=1, **SHAPE)
    write_virtual_case(one, tmp_path / "case")
    with pytest.raises(InputError, match="one scan"):
        read_series(tmp_path / "case")


def test_a_lesion_that_lies_whole_in_its_ablation_zone_is_treated_and_no_response(read, result):
    """Seen on the scan before, then a zone in its place: one that holds its outline, and one that leaves a part."""
    case, scene = read
    site = next(one for one in result.follow.vanished if not one.refused)
    low = np.argwhere(site.mask.data)[:, 0].min()
    part = site.mask.data.copy()
    part[low] = False
    natures = []
    for data in (site.mask.data, part):
        zone = {f"ablation_zone_{site.name.lower()}": Mask(data, site.mask.grid)}
        zoned = replace(scene, structures={**scene.structures, **zone})
        now, _, _ = carried(case, zoned, result.follow)
        natures.append(next(one.nature for one in now.lesions if one.id == site.name))
        lost = lost_at_ablations((*scene.earlier, zoned), result.follow)
        assert lost == {site.name: 2}
    assert natures == ["treated", "vanished"]
    serial = serial_findings(case, (*scene.earlier, zoned), result.follow, project_to_mm=30.0, lost=lost)
    row = serial.responses[0].dates[-1]
    assert "NE" in (row.target, row.non_target)
    assert max(day for day, _ in serial.course(site.name)) < serial.days[2]


def test_growth_of_a_zone_is_told_as_far_as_it_says_something(read, result):
    """Two scans told nothing in the series; a later growth did; an ablation between may explain it."""
    case, scene = read
    days = [one.facts.date for one in result.scans]
    ablation = Treatment("ablation", start=date.fromisoformat(days[1]) + timedelta(days=1))
    at = np.moveaxis(np.indices(scene.grid.shape), 0, -1)
    far = ((at - np.array(scene.grid.shape) / 2) ** 2).sum(-1)
    scans = [
        replace(one, structures={**one.structures, "ablation_zone_l1": Mask(far < radius**2, one.grid)})
        for one, radius in zip(result.scans, (8, 6, 10), strict=True)
    ]
    said = []
    later = [result.scans[0], *scans[1:]]
    for shown, record in ((scans, case), (later, case), (scans, replace(case, treatments=(ablation,)))):
        _, (notice,) = zone_courses(record, shown, result.follow)
        said.append(notice.text)
    assert "local progression until shown otherwise" in said[0]
    assert "told nothing" in said[1]
    assert "lies between" in said[2]
