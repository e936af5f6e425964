"""Results that a named person releases: verified, under new UIDs, consistent among themselves, valid, recorded."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from glisson.errors import InputError, OutputError
from glisson.exchange.release import RELEASED, release_results
from glisson.geometry import Grid, Mask
from glisson.imaging.dicom_capture import write_capture
from glisson.imaging.dicom_pdf import write_encapsulated_pdf
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_seg_read import read_seg
from glisson.imaging.dicom_source import RESEARCH, ResultHeader, Term, read_source
from glisson.imaging.dicom_sr import Measured, ReportedFinding, write_sr
from glisson.imaging.dicom_sr_read import read_report
from glisson.imaging.dicom_structures import write_structures

HEADER = ResultHeader("key", "1.0")
GRID = Grid.axial((10, 9, 5), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0))
LIVER = Term("10200004", "SCT", "Liver")
ANATOMY = Term("123037004", "SCT", "Anatomical Structure")
METASTASIS = Term("14799000", "SCT", "Neoplasm, Secondary")
VOLUME, CM3 = Term("118565006", "SCT", "Volume"), Term("cm3", "UCUM", "cubic centimeter")
AT = datetime(2026, 3, 2, 14, 30, 5, tzinfo=UTC)


@pytest.fixture
def out(tmp_path, ct_series):
    """A plan's folder with one result of each kind, of a series at CT/."""
    source = read_source(ct_series(tmp_path / "CT", np.zeros(GRID.shape), GRID))
    data = np.zeros(GRID.shape, bool)
    data[2:6, 3:7, 1:4] = True
    liver = Mask(data, GRID)
    home = tmp_path / "out" / "dicom"
    home.mkdir(parents=True)
    seg = write_seg(
        home / "seg.dcm", [Segment("liver", liver, ANATOMY, LIVER, "m")], source, HEADER, label="A", number=(1, 1)
    )
    finding = ReportedFinding(("L1", "1.2.10"), METASTASIS, (LIVER,), (Measured(VOLUME, 0.768, CM3),), (seg, 1))
    write_sr(home / "report.dcm", [finding], source, HEADER, label="findings", number=(2, 1))
    write_structures(home / "structures.dcm", {"liver": liver}, source, HEADER, label="L", number=(3, 1))
    write_encapsulated_pdf(home / "dossier.dcm", b"%PDF-1.7\n%%EOF\n", source, HEADER, title="Dossier", number=(4, 1))
    picture = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(picture, "PNG")
    write_capture(home / "axial.dcm", picture.getvalue(), source, HEADER, title="axial", number=(5, 1))
    (home.parent / "findings.json").write_text("{}")
    return home.parent


def objects(out):
    return {path.stem: dcmread(path) for path in sorted((out / "dicom").glob("*.dcm"))}


def test_released_results_are_valid_verified_and_name_the_person(out, complaints):
    before = objects(out)
    release_results(out, "Ada  Müller", organization="St Example", at=AT)
    after = objects(out)
    assert set(after) == set(before)
    for name, data in after.items():
        assert complaints(out / "dicom" / f"{name}.dcm") == []
        assert data.SeriesDescription == f"{RELEASED} Ada Müller"
        assert data.SOPInstanceUID == data.file_meta.MediaStorageSOPInstanceUID
        assert data.StudyInstanceUID == "1.2.3.4"
        assert data.PatientID == "P1"
    report, pdf, drawn = after["report"], after["dossier"], after["structures"]
    assert (report.VerificationFlag, report.CompletionFlag, report.PreliminaryFlag) == ("VERIFIED", "COMPLETE", "FINAL")
    (observer,) = report.VerifyingObserverSequence
    assert (observer.VerifyingObserverName, observer.VerifyingOrganization) == ("Ada Müller", "St Example")
    assert observer.VerificationDateTime == "20260302143005.000000+0000"
    assert pdf.VerificationFlag == "VERIFIED"
    assert (drawn.ApprovalStatus, drawn.ReviewerName, drawn.ReviewDate) == ("APPROVED", "Ada Müller", "20260302")


def test_every_object_is_a_new_one_and_they_point_to_each_other(out):
    before = objects(out)
    release_results(out, "Ada Müller", at=AT)
    after = objects(out)
    old = {str(uid) for data in before.values() for uid in (data.SOPInstanceUID, data.SeriesInstanceUID)}
    new = {str(uid) for data in after.values() for uid in (data.SOPInstanceUID, data.SeriesInstanceUID)}
    assert not old & new
    assert len(new) == len(old)
    report = after["report"]
    replaced = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert replaced.SeriesInstanceUID == before["report"].SeriesInstanceUID
    assert replaced.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == before["report"].SOPInstanceUID
    del report.PredecessorDocumentsSequence
    text = report.to_json()
    assert str(after["seg"].SOPInstanceUID) in text
    assert not any(f'"{uid}"' in text for uid in old)
    source = after["seg"].ReferencedSeriesSequence[0].SeriesInstanceUID
    assert source == "1.2.3.5", "the scan is what it was"


def test_voxels_and_measurements_are_what_they_were(out):
    def contents():
        seg, report = read_seg(out / "dicom" / "seg.dcm"), read_report(out / "dicom" / "report.dcm")
        lesions = [(lesion.name, lesion.uid, lesion.volume_ml) for lesion in report.lesions]
        return [(s.label, s.mask.count) for s in seg.segments], lesions, report.verified

    before, pdf = contents(), objects(out)["dossier"].EncapsulatedDocument
    release_results(out, "Ada Müller", at=AT)
    assert before == ([("liver", 48)], [("L1", "1.2.10", 0.768)], False)
    assert contents() == (*before[:2], True)
    assert objects(out)["dossier"].EncapsulatedDocument == pdf


def test_the_record_says_who_when_and_what_became_of_what(out):
    before = objects(out)
    said = release_results(out, "Ada Müller", at=AT)
    record = json.loads((out / "dicom" / "release.json").read_text(encoding="utf-8"))
    assert record == said
    assert (record["by"], record["organization"], record["at"]) == (
        "Ada Müller",
        "not stated",
        "2026-03-02T14:30:05+00:00",
    )
    after = objects(out)
    assert {row["file"]: (row["was"], row["is"]) for row in record["objects"]} == {
        f"{name}.dcm": (str(before[name].SOPInstanceUID), str(after[name].SOPInstanceUID)) for name in before
    }


def test_the_same_release_gives_the_same_bytes(out, tmp_path):
    import shutil

    shutil.copytree(out, tmp_path / "twin")
    for folder in (out, tmp_path / "twin"):
        release_results(folder, "Ada Müller", at=AT)
    for path in (out / "dicom").iterdir():
        assert path.read_bytes() == (tmp_path / "twin" / "dicom" / path.name).read_bytes()


def test_what_is_released_is_not_released_again(out):
    release_results(out, "Ada Müller", at=AT)
    before = {path.name: path.read_bytes() for path in (out / "dicom").iterdir()}
    with pytest.raises(InputError, match="released by Ada Müller"):
        release_results(out, "Bob", at=AT)
    assert before == {path.name: path.read_bytes() for path in (out / "dicom").iterdir()}


@pytest.mark.parametrize("name", ["", "   ", "a\\b", "a=b", "x" * 65, "a\x07b"])
def test_a_name_that_is_none_is_refused(out, name):
    with pytest.raises(InputError, match="--by"):
        release_results(out, name, at=AT)


def test_what_is_no_result_is_refused(out):
    stranger = dcmread(out / "dicom" / "axial.dcm")
    stranger.SeriesDescription = "portal venous"
    stranger.save_as(out / "dicom" / "axial.dcm")
    with pytest.raises(InputError, match=f"not '{RESEARCH}'"):
        release_results(out, "Ada Müller", at=AT)
    with pytest.raises(InputError, match="holds no results"):
        release_results(out.parent / "CT", "Ada Müller", at=AT)
    with pytest.raises(InputError, match="time zone"):
        release_results(out, "Ada Müller", at=AT.replace(tzinfo=None))


def test_a_full_disk_releases_nothing(out, monkeypatch):
    import errno

    before = {path.name: path.read_bytes() for path in (out / "dicom").iterdir()}
    saved = []

    def full(self, target, **options):
        saved.append(target)
        if len(saved) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr("pydicom.dataset.Dataset.save_as", full)
    monkeypatch.setattr("glisson.exchange.release.sha256_of", lambda path: "")
    with pytest.raises(OutputError, match="full"):
        release_results(out, "Ada Müller", at=AT)
    assert before == {path.name: path.read_bytes() for path in (out / "dicom").iterdir()}
