"""A measurement report of somebody else into a case: by place, whole or not at all, and of this patient alone."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import typer
from pydicom.sr.codedict import codes
from typer.testing import CliRunner

from glisson.case import load_case
from glisson.cli.exchange import export, import_
from glisson.errors import InputError
from glisson.exchange.dicom_report_import import import_report
from glisson.geometry import Grid, Mask
from glisson.imaging import init_case, write_mask
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_source import ResultHeader, Term, read_source

GRID = Grid.axial((20, 18, 10), (4.0, 4.0, 5.0), (0.0, 0.0, 0.0))
MASS = Term("14799000", "SCT", "Neoplasm, Secondary")
CHANGED = Term("49755003", "SCT", "Morphologically Abnormal Structure")

app = typer.Typer()
app.command("import")(import_)
app.command("export")(export)


def box(low, high) -> Mask:
    data = np.zeros(GRID.shape, bool)
    data[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return Mask(data, GRID)


LESIONS = (box((4, 4, 3), (7, 7, 5)), box((11, 11, 6), (13, 13, 8)))


@pytest.fixture
def case(tmp_path, ct_series) -> Path:
    """A case of a DICOM scan with a liver and two lesions."""
    folder = tmp_path / "case"
    ct_series(folder / "ct", np.zeros(GRID.shape), GRID)
    write_mask(folder / "liver.nii.gz", box((2, 2, 1), (16, 16, 9)))
    for number, lesion in enumerate(LESIONS, 1):
        write_mask(folder / f"m{number}.nii.gz", lesion)
    init_case(
        folder,
        ct=folder / "ct",
        liver=folder / "liver.nii.gz",
        lesions=[folder / "m1.nii.gz", folder / "m2.nii.gz"],
    )
    return folder


def group(name, value, middle=None, segment=None):
    """One measured lesion: a line of 8 mm through its middle, or a segment."""
    line = None
    if middle is not None:
        ends = np.array([[-4.0, 0, 0], [4.0, 0, 0]]) + middle
        line = [hd.sr.CoordinatesForMeasurement3D("POLYLINE", ends, frame_of_reference_uid="1.2.3.6")]
    about = {
        "tracking_identifier": hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=name),
        "finding_type": codes.SCT.Mass,
        "measurements": [
            hd.sr.Measurement(codes.SCT.LongAxis, value, codes.UCUM.Centimeter, referenced_coordinates=line)
        ],
    }
    if segment is None:
        return hd.sr.MeasurementsAndQualitativeEvaluations(**about)
    held = hd.sr.ReferencedSegment(
        segment.sop_class, segment.sop_uid, 1,
        source_series=hd.sr.SourceSeriesForSegmentation(referenced_series_instance_uid="1.2.3.5"),
    )  # fmt: skip
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=held, **about)


def written(case, path, *groups, **changes) -> Path:
    """The groups as a report of another maker, by highdicom."""
    person = hd.sr.ObserverContext(
        codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes(name="Reader^A")
    )  # fmt: skip
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_person_context=person),
        procedure_reported=hd.sr.CodedConcept("77477000", "SCT", "Computerized axial tomography"),
        imaging_measurements=list(groups),
        title=codes.DCM.ImagingMeasurementReport,
    )
    evidence = [pydicom.dcmread(file) for file in (*sorted((case / "ct").iterdir()), *path.parent.glob("seg.dcm"))]
    report = hd.sr.Comprehensive3DSR(
        evidence, content[0], "1.2.3.8", 1, "1.2.3.8.1", 1, manufacturer="A workstation", is_complete=True
    )
    for name, value in changes.items():
        setattr(report, name, value)
    report.save_as(path, enforce_file_format=True)
    return path


def sizes(case):
    return {lesion.id: lesion.size_mm for lesion in load_case(case / "case.yaml").lesions}


def middle(mask):
    return np.asarray(mask.centroid_mm)


def test_lesions_are_matched_by_place_and_the_rest_of_the_file_stays(case, tmp_path):
    before = (case / "case.yaml").read_text(encoding="utf-8")
    report = written(
        case, tmp_path / "sr.dcm", group("b", 0.9, middle(LESIONS[1])), group("a", 1.3, middle(LESIONS[0]))
    )
    done = CliRunner().invoke(app, ["import", str(report), str(case)], catch_exceptions=False)
    assert "2 lesions in the report" in done.output
    assert "nobody has verified the report" in done.output
    assert sizes(case) == {"L1": 13.0, "L2": 9.0}
    assert load_case(case / "case.yaml").lesions[0].nature == "indeterminate"
    after = (case / "case.yaml").read_text(encoding="utf-8")
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    told = json.loads((case / "import-report-dicom.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in told["lesions"]] == ["L2", "L1"]
    again = json.loads(CliRunner().invoke(app, ["import", str(report), str(case), "--json"]).output)
    assert again["changed"] == []


def test_a_segment_beside_the_report_places_its_lesion_and_a_lesion_elsewhere_keeps_its_name(case, tmp_path):
    segment = Segment("x", LESIONS[1], CHANGED, MASS, "m")
    held = write_seg(
        tmp_path / "seg.dcm", [segment], read_source(case / "ct"), ResultHeader("k", "1"), label="A", number=(1, 1)
    )
    report = written(case, tmp_path / "sr.dcm", group("t 1", 1.1, segment=held), group("t 2", 2.0, [60.0, 10.0, 40.0]))
    (tmp_path / "unrelated.dcm").write_bytes(b"no DICOM at all")
    found = import_report(report, case)
    assert sizes(case) == {"L2": 11.0, "t-2": 20.0}
    assert any("stands in the case as t-2" in notice.text for notice in found.notices)


def test_a_size_that_differs_is_refused_until_somebody_decides(case, tmp_path):
    import_report(written(case, tmp_path / "one.dcm", group("a", 1.3, middle(LESIONS[0]))), case)
    before = (case / "case.yaml").read_bytes()
    other = written(case, tmp_path / "two.dcm", group("a", 1.5, middle(LESIONS[0])))
    with pytest.raises(InputError, match=r"lesions.L1.size_mm: the case says 13.0, the report 15.0"):
        import_report(other, case)
    assert (case / "case.yaml").read_bytes() == before
    import_report(other, case, prefer="case")
    assert sizes(case) == {"L1": 13.0}
    import_report(other, case, prefer="bundle")
    assert sizes(case) == {"L1": 15.0}


@pytest.mark.parametrize(
    ("changes", "words"), [({"PatientID": "P2"}, "another patient"), ({"Manufacturer": "Glisson"}, "of Glisson itself")]
)
def test_reports_of_others_patients_and_our_own_are_refused(case, tmp_path, changes, words):
    before = (case / "case.yaml").read_bytes()
    report = written(case, tmp_path / "sr.dcm", group("a", 1.3, middle(LESIONS[0])), **changes)
    with pytest.raises(InputError, match=words):
        import_report(report, case)
    assert (case / "case.yaml").read_bytes() == before


def test_a_case_without_a_dicom_scan_has_no_places(case, tmp_path):
    report = written(case, tmp_path / "sr.dcm", group("a", 1.3, middle(LESIONS[0])))
    with pytest.raises(InputError, match="begin the case with its scan"):
        import_report(report, tmp_path / "new")
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "case.yaml").write_text("id: facts\n", encoding="utf-8")
    with pytest.raises(InputError, match="no scan or outline"):
        import_report(report, tmp_path / "facts")
