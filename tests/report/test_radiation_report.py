"""The section on radiation, from a case folder to tables, numbers and pictures."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from glisson.anatomy import SegmentMap, whole_liver
from glisson.case import load_case
from glisson.errors import CaseError, DicomError
from glisson.geometry import Grid, Labels, Mask, Volume
from glisson.imaging import RtHeader, check_case, read_case, write_mask, write_rtdose, write_rtstruct, write_volume
from glisson.planning.radiation import RadiationFinding, radiation_finding
from glisson.report.figures import parts_of
from glisson.report.radiation import radiation_data, radiation_steps, radiation_tables

GRID = Grid.axial((48, 48, 40), (4.0, 4.0, 4.0))
CASE = """\
id: irradiated
studies: [{id: ct-1, date: 2024-05-01, modality: CT, image: ct.nii.gz,
  masks: {liver: liver.nii.gz, lesions: lesions.nii.gz, artery: artery.nii.gz}}]
radiation:
  - {id: sbrt, kind: external, dose: dose.dcm, structures: struct.dcm, organs: {stomach: Magen}, fractions: 6}
  - id: y90
    kind: radioembolisation
    activity: spect.nii.gz
    activity_unit: GBq
    hours_after: 0
    product: glass
    setting: lobectomy
    target_gy: 200
    tnr: 2
    lung_shunt_percent: 5
    lung_kg: 1
    perfused: {right: right.nii.gz}
"""


def box(i, j, k) -> Mask:
    data = np.zeros(GRID.shape, bool)
    data[slice(*i), slice(*j), slice(*k)] = True
    return Mask(data, GRID)


LIVER, LESION, RIGHT = box((6, 42), (6, 42), (6, 34)), box((10, 15), (10, 15), (12, 17)), box((6, 26), (6, 42), (6, 34))


@pytest.fixture
def folder(tmp_path):
    """A liver of 144x144x112 mm with one lesion; 20 Gy everywhere; 3 GBq in the right part."""
    write_volume(tmp_path / "ct.nii.gz", Volume(np.where(LIVER.data, 100, 0).astype(np.int16), GRID))
    write_mask(tmp_path / "liver.nii.gz", LIVER)
    write_mask(tmp_path / "lesions.nii.gz", LESION)
    write_mask(tmp_path / "right.nii.gz", RIGHT)
    artery = np.zeros(GRID.shape, bool)
    artery[24, 2:20, 20] = artery[10:38, 20, 20] = True
    write_mask(tmp_path / "artery.nii.gz", Mask(artery, GRID))
    write_rtdose(tmp_path / "dose.dcm", Volume(np.full(GRID.shape, 20.0), GRID), RtHeader(frame_uid="1.2.3"))
    organs = {"Magen": box((43, 47), (10, 20), (10, 20))}
    write_rtstruct(tmp_path / "struct.dcm", organs, RtHeader(frame_uid="1.2.3"))
    write_volume(tmp_path / "spect.nii.gz", Volume((RIGHT.data * 3.0 / RIGHT.count).astype(np.float32), GRID))
    (tmp_path / "case.yaml").write_text(CASE)
    return tmp_path


def found_in(folder) -> tuple[RadiationFinding, object]:
    case, scene = read_case(folder)
    liver = whole_liver(scene)
    labels = np.where(liver.data, 3, 0).astype(np.uint8)
    cut = 26 - liver.grid.offset_in(scene.grid)[0]
    labels[:cut][liver.data[:cut]] = 6
    segments = SegmentMap(Labels(labels, liver.grid), 100.0)
    lesions = [SimpleNamespace(id=item.id, nature="confirmed", longest_axial_mm=28.0) for item in scene.lesions]
    return radiation_finding(case, scene, liver, segments, lesions), parts_of(scene, liver)


def test_tables_numbers_and_pictures_of_a_case(folder):
    found, parts = found_in(folder)
    tables = {table.id: table for table in radiation_tables(found)}
    assert list(tables) == [
        "dose-sbrt", "dose-limits-sbrt", "dose-y90", "dose-limits-y90", "dose-positions-y90", "dose-ways-y90", "beams",
        "spheres", "arteries", "artery-schedules",
    ]  # fmt: skip
    for table in tables.values():
        assert all(len(row) == len(table.columns) == len(table.numeric) for row in table.rows)
    doses = {row[0]: row for row in tables["dose-sbrt"].rows}
    assert doses["tumour"][2] == "20.0\u00a0Gy"
    assert doses["liver without tumour"][6] == "100\u00a0%"
    limits = [row for row in tables["dose-limits-sbrt"].rows if row[0] == "stomach"]
    assert limits[0][4] == "met"
    assert "no such structure was given" in tables["dose-limits-sbrt"].note
    assert "the limit holds for 3 fractions" in tables["dose-limits-sbrt"].note
    assert tables["beams"].rows[0][1].startswith("75\u00a0Gy in 3")
    assert tables["spheres"].rows[0][0] == "segment VI"
    assert "L1" in tables["spheres"].rows[-1][1]
    schedules = {(row[1], row[2]) for row in tables["artery-schedules"].rows}
    assert {("dose", "100\u00a0mg"), ("interval", "3\u00a0weeks"), ("first cycle", "4 to 12\u00a0weeks")} <= schedules
    data = radiation_data(found)
    json.dumps(data, allow_nan=False)
    course = data["courses"][1]
    assert course["structures"][0]["name"] == "tumour"
    assert course["positions"][0]["tumour_ml"] == pytest.approx(LESION.volume_ml, abs=1e-3)
    assert course["comparison"]["tnr"] == pytest.approx((36 * 36 * 28 - 125) / (20 * 36 * 28 - 125), rel=1e-3)
    assert data["arteries"][0]["share_percent"] == pytest.approx(100.0)
    pictures = {key: make() for key, _, make in radiation_steps(found, parts)}
    assert list(pictures) == ["dvh-sbrt", "isodose-sbrt", "dvh-y90", "isodose-y90"]
    assert all(Image.open(io.BytesIO(made[0].png)).size[0] >= 800 for made in pictures.values())
    assert "tumour" in pictures["dvh-y90"][0].alt


def test_an_artery_of_its_own_is_flagged_with_what_is_known_of_variants(folder):
    artery = np.zeros(GRID.shape, bool)
    artery[24, 2:20, 20] = artery[10:38, 20, 20] = True
    artery[8:34, 34, 10] = True
    write_mask(folder / "artery.nii.gz", Mask(artery, GRID))
    found, _ = found_in(folder)
    assert [item.aberrant for item in found.arteries] == [False, True]
    table = next(table for table in radiation_tables(found) if table.id == "arteries")
    assert "not reached from the first artery" in table.rows[1][3]
    assert "37\u00a0% of 265 patients" in table.note


def test_nothing_to_say_makes_no_section():
    assert radiation_tables(None) == radiation_tables(RadiationFinding()) == ()
    assert radiation_data(RadiationFinding()) is None


def test_files_become_part_of_the_record(folder):
    _, scene = read_case(folder)
    roles = {source.role for source in scene.sources}
    assert {"dose", "structures", "activity", "perfused"} <= roles
    assert [item.id for item in scene.radiation] == ["sbrt", "y90"]


def test_a_course_that_makes_no_sense_is_told(folder):
    text = (folder / "case.yaml").read_text()
    for old, new, error, words in (
        ("dose: dose.dcm, ", "", CaseError, "without dose"),
        ("organs: {stomach: Magen}, ", "", CaseError, "without organs"),
        ("dose: dose.dcm", "dose: gone.dcm", Exception, "gone.dcm"),
        ("stomach: Magen", "stomach: Milz", Exception, "There are: Magen"),
    ):
        (folder / "case.yaml").write_text(text.replace(old, new))
        with pytest.raises(error, match=words):
            read_case(folder)
        assert any(words in notice.text for notice in check_case(folder) if notice.level == "error")


def test_a_dose_in_another_frame_than_the_scan_is_refused(folder):
    from dataclasses import replace

    from glisson.imaging.radiation_files import with_radiation

    case, scene = read_case(folder)
    other = replace(scene, facts=replace(scene.facts, frame_uid="9.9"), radiation=())
    with pytest.raises(DicomError, match=r"frame of reference 1\.2\.3"):
        with_radiation(folder, case, other)


def test_the_case_file_refuses_what_is_not_allowed(tmp_path):
    for line, words in (
        ("{id: a, kind: x-rays}", "radioembolisation"),
        ("{id: a, kind: external, lung_shunt_percent: 100}", "99.9"),
        ("{id: a, kind: external, lung_kg: 0}", "lung_kg"),
        ("{id: a, kind: external}, {id: a, kind: external}", "already"),
    ):
        (tmp_path / "case.yaml").write_text(f"id: a\nradiation: [{line}]\n")
        with pytest.raises(CaseError, match=words):
            load_case(tmp_path / "case.yaml")


def test_isodose_lines_end_where_the_dose_is_not_known():
    """A flat dose of 20 Gy on a grid that ends inside the liver: no level is passed, so no line may show."""
    from glisson.report.figures.dose import ISODOSE_COLOURS, isodose_picture
    from glisson.report.figures.palette import rgb
    from glisson.scene import Scene

    scene = Scene(GRID, {"liver": LIVER.trimmed()})
    small = Grid.axial((20, 20, 20), (4.0, 4.0, 4.0), (60.0, 60.0, 40.0))
    picture = isodose_picture(parts_of(scene, scene.liver), Volume(np.full(small.shape, 20.0), small), [10.0])
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)
    line = np.abs(pixels - np.array(rgb(ISODOSE_COLOURS[-1]))).sum(axis=2) < 30
    assert line[:100, :160].any()  # the legend
    assert not line[100:].any()
    assert not line[:, 160:].any()
    assert "Lines end" in picture.caption
