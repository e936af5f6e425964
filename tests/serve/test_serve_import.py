"""What can be imported: DICOM slices, scans and masks by name and by role, facts, FHIR, and what is made of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from glisson.case import load_case
from glisson.errors import InputError
from glisson.imaging import check_case
from glisson.serve.importing import FILES, MANIFEST, assemble
from glisson.serve.settings import Limits

BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-01-01"}},
    ],
}


def imported(tmp_path: Path, files: dict[str, Path | bytes], roles: dict[str, str] | None = None) -> Path:
    """The case folder that an upload of these files (name in the form -> file or content) makes."""
    upload, staging = tmp_path / "upload", tmp_path / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(upload, ignore_errors=True)
    staging.mkdir()
    manifest = []
    for name, source in files.items():
        place = upload / FILES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            shutil.copyfile(source, place)
        else:
            place.write_bytes(source)
        manifest.append({"path": name, "name": name, "role": (roles or {}).get(name, "")})
    (upload / MANIFEST).write_text(json.dumps(manifest))
    assemble(upload, staging, "12345678-aaaa", vars(Limits()), lambda _words, _share: None)
    return staging / "case"


def test_files_are_told_apart_by_their_names(tmp_path: Path, small_case: Path):
    names = ("ct.nii.gz", "liver.nii.gz", "lesions.nii.gz", "portal.nii.gz", "hepatic.nii.gz", "segments.nii.gz")
    case = imported(tmp_path, {name: small_case / name for name in names})
    read = load_case(case)
    (study,) = read.studies
    assert read.id == "case-12345678"
    assert study.image == "scan.nii.gz"
    assert study.masks.liver is not None
    assert study.masks.portal is not None
    assert study.masks.segments is not None
    assert len(study.masks.lesions) == 1
    assert not [notice for notice in check_case(case) if notice.level == "error"]


def test_roles_say_what_names_do_not(tmp_path: Path, small_case: Path):
    files = {
        "a.nii.gz": small_case / "ct.nii.gz",
        "b.nii.gz": small_case / "liver.nii.gz",
        "c.nii.gz": small_case / "spleen.nii.gz",
    }
    if not files["c.nii.gz"].exists():
        files["c.nii.gz"] = small_case / "portal.nii.gz"
    with pytest.raises(InputError, match="not clear what these files are"):
        imported(tmp_path, files)
    case = imported(tmp_path, files, {"a.nii.gz": "ct", "b.nii.gz": "liver", "c.nii.gz": "organ:spleen"})
    (study,) = load_case(case).studies
    assert list(study.masks.organs) == ["spleen"]
    assert sorted(path.name for path in case.iterdir()) == [
        "case.yaml", "liver.nii.gz", "organ-1.nii.gz", "scan.nii.gz",
    ]  # fmt: skip
    with pytest.raises(InputError, match="role 'wizard'"):
        imported(tmp_path, files, {"a.nii.gz": "wizard"})


def test_facts_come_with_the_scan_or_alone(tmp_path: Path, small_case: Path):
    facts = b"id: theirs\nprimary: {site: colorectal}\n"
    if "colorectal" not in (small_case / "case.yaml").read_text():
        facts = b"id: theirs\n"
    with_scan = imported(tmp_path, {"liver.nii.gz": small_case / "liver.nii.gz", "facts.yaml": facts})
    read = load_case(with_scan)
    assert (read.id, len(read.studies)) == ("theirs", 1)
    alone = imported(tmp_path, {"facts.yaml": facts})
    assert load_case(alone).studies == ()
    with pytest.raises(InputError, match="scans of their own"):
        imported(
            tmp_path,
            {
                "liver.nii.gz": small_case / "liver.nii.gz",
                "facts.yaml": b"id: a\nstudies: [{id: s, masks: {liver: liver.nii.gz}}]",
            },
        )
    with pytest.raises(InputError, match="one file of facts"):
        imported(tmp_path, {"a.yaml": facts, "b.yml": facts})


def test_a_fhir_bundle_becomes_facts(tmp_path: Path):
    case = imported(tmp_path, {"bundle.json": json.dumps(BUNDLE).encode()})
    assert str(load_case(case).patient.sex) == "female"
    assert (case / "import-report.json").is_file()


def test_dicom_slices_are_one_scan_and_a_scan_alone_is_a_case(tmp_path: Path):
    """No liver can be outlined on noise: the scan is there, and what is missing is said."""
    slices = {f"series/IM{n:04d}": dicom_slice(tmp_path, n) for n in range(12)}
    case = imported(tmp_path, {**slices, "series/DICOMDIR": b"x"})
    (study,) = load_case(case).studies
    assert study.image == "dicom"
    assert len(list((case / "dicom").iterdir())) == 12
    assert study.masks.liver is None
    assert any("outlines" in notice.text for notice in check_case(case))


def dicom_slice(folder: Path, number: int, patient: str = "1") -> Path:
    """One slice of a CT of air, written by pydicom alone."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    uid = f"1.2.826.0.1.3680043.10.{number + 1}"
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uid
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.Modality, data.PatientID, data.PatientName, data.StudyDate = "CT", patient, "Secret^Name", "20240101"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.826.0.1.3680043.8", "1.2.826.0.1.3680043.9"
    data.FrameOfReferenceUID = "1.2.826.0.1.3680043.7"
    data.Rows = data.Columns = 32
    data.PixelSpacing, data.SliceThickness = [8.0, 8.0], 10.0
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 10.0 * number]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.RescaleSlope, data.RescaleIntercept, data.InstanceNumber = 1, 0, number + 1
    data.PixelData = np.full((32, 32), -1000, np.int16).tobytes()
    path = folder / f"slice-{number}-{patient}"
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("name", ["README.txt", "notes.pdf", "lesions.nii.gz"])
def test_files_that_make_no_case_are_refused(name: str, tmp_path: Path):
    with pytest.raises(InputError):
        imported(tmp_path, {name: b"hello"})


def test_of_two_scans_none_is_taken(tmp_path: Path, small_case: Path):
    ct = small_case / "ct.nii.gz"
    slices = {f"series/IM{n:04d}": dicom_slice(tmp_path, n) for n in range(2)}
    together: list[tuple[dict[str, Path | bytes], dict[str, str], str]] = [
        ({"a/ct.nii.gz": ct, "b/ct.nii.gz": ct}, {}, "2 scans: ct.nii.gz, ct.nii.gz"),
        ({"ct.nii.gz": ct, "ct.nrrd": ct}, {"ct.nrrd": "auto"}, "2 scans: ct.nii.gz, ct.nrrd"),
        ({"early.nii.gz": ct, "late.nii.gz": ct}, {"early.nii.gz": "ct", "late.nii.gz": "auto"}, "2 scans"),
        ({"ct.nii.gz": ct, **slices}, {}, "ct.nii.gz as the scan and 2 DICOM files"),
    ]
    for files, roles, why in together:
        with pytest.raises(InputError, match=why) as refusal:
            imported(tmp_path, files, roles)
        assert "leave the others out" in str(refusal.value)


@pytest.mark.parametrize("role", ["", "ct", "auto"])
def test_an_outline_is_not_taken_as_the_scan(role: str, tmp_path: Path, small_case: Path):
    files: dict[str, Path | bytes] = {"kidney_cyst_left.nii.gz": small_case / "lesions.nii.gz"}
    with pytest.raises(InputError, match=r"kidney_cyst_left\.nii\.gz looks like an outline, not a scan.*0 to"):
        imported(tmp_path, files, {"kidney_cyst_left.nii.gz": role})


def test_two_outlines_of_one_structure_are_refused(tmp_path: Path, small_case: Path):
    liver = small_case / "liver.nii.gz"
    for first, second, roles in (
        ("a/liver.nii.gz", "b/liver.nii.gz", {}),
        ("liver.nii.gz", "other.nii.gz", {"other.nii.gz": "liver"}),
        ("spleen.nii.gz", "other.nii.gz", {"other.nii.gz": "organ:spleen"}),
    ):
        with pytest.raises(InputError, match="two outlines of one structure"):
            imported(tmp_path, {first: liver, second: liver}, roles)


def test_slices_of_two_patients_are_no_case(tmp_path: Path):
    files: dict[str, Path | bytes] = {
        f"{patient}/IM{n}": dicom_slice(tmp_path, n, patient) for patient in ("1", "2") for n in range(2)
    }
    with pytest.raises(InputError, match="of 2 patients") as refusal:
        imported(tmp_path, files)
    assert "Secret" not in str(refusal.value)
