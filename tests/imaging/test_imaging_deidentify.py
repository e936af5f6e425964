"""De-identification: names are looked for in the bytes of the files, not through the code under test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, SegmentationStorage
from typer.testing import CliRunner

from glisson.cli.app import app
from glisson.errors import InputError
from glisson.imaging.deidentify import Key, Options, deidentify_folder, read_key

KEY = Key(bytes(range(32)))
SECRETS = ("Mustermann", "Erika", "MRN-4711", "ACC-0815", "Charite", "Dr^Who", "19610203", "Hauptstrasse", "KIN-5")


def a_slice(
    *, patient: str = "MRN-4711", day: str = "20240315", study: str = "1.2.3", series: str = "1.2.3.4", number: int = 1
) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"{series}.{number}"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.SourceApplicationEntityTitle = "CHARITE_CT"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, f"{study}.9"
    data.Modality, data.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PatientName, data.PatientID, data.PatientBirthDate = "Mustermann^Erika", patient, "19610203"
    data.PatientSex, data.PatientAge, data.PatientAddress = "F", "093Y", "Hauptstrasse 1"
    data.StudyDate = data.SeriesDate = data.ContentDate = day
    data.StudyTime, data.AcquisitionDateTime = "101500", f"{day}101512.25"
    data.AccessionNumber, data.InstitutionName, data.ReferringPhysicianName = "ACC-0815", "Charite", "Dr^Who"
    data.SeriesDescription, data.StudyDescription = "Leber Mustermann portal venous 1.5 mm", "CT abdomen for Dr Who"
    data.ImageComments, data.ContrastBolusVolume = "call KIN-5", "90"
    data.SmallestImagePixelValue = 0
    data.ConvolutionKernel = "B30 Mustermann"
    data.PersonName = "Dr^Who"
    request = Dataset()
    request.RequestedProcedureDescription, request.AccessionNumber = "for Erika", "ACC-0815"
    data.RequestAttributesSequence = [request]
    tracer = Dataset()
    tracer.RadiopharmaceuticalStartDateTime, tracer.Radiopharmaceutical = f"{day}093000", "FDG of Erika"
    data.RadiopharmaceuticalInformationSequence = [tracer]
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CTImageStorage, f"{series}.1"
    data.ReferencedImageSequence = [reference]
    block = data.private_block(0x0029, "KLINIK", create=True)
    block.add_new(0x10, "LO", "Erika Mustermann")
    safe = data.private_block(0x7053, "Philips PET Private Group", create=True)
    safe.add_new(0x00, "DS", "1.25")
    safe.add_new(0x01, "LO", "Erika")
    data.Rows = data.Columns = 4
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelSpacing, data.ImagePositionPatient = [1, 1], [0, 0, number]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.PixelData = (np.arange(16, dtype=np.uint16) + number).tobytes()
    return data


def write(folder: Path, *datasets: Dataset) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(datasets):
        data.save_as(folder / f"IM{number}", enforce_file_format=True)
    return folder


def read(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


def everything(folder: Path) -> bytes:
    return b"\n".join(str(p).encode() + p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def test_nothing_of_the_person_is_left_in_the_bytes(tmp_path: Path) -> None:
    source = write(tmp_path / "in", *(a_slice(number=n) for n in (1, 2, 3)))
    found = deidentify_folder(source, tmp_path / "out", KEY)
    left = everything(tmp_path / "out").lower()
    for secret in SECRETS:
        assert secret.lower().encode() not in left, secret
    assert found.files == 3
    assert found.people == 1
    for data in read(tmp_path / "out"):
        assert data.PatientIdentityRemoved == "YES"
        assert data.PatientName == data.PatientID
        assert [code.CodeValue for code in data.DeidentificationMethodCodeSequence] == [
            "113100", "113107", "113108", "113105",
        ]  # fmt: skip
        assert not [element for element in data if element.tag.is_private]
        assert data.SeriesDescription == "portal venous 1.5 mm"
        assert data.PatientAge == "090Y"
        assert data.PatientSex == "F"
        assert data.PatientBirthDate == ""


def test_pixels_and_geometry_stay(tmp_path: Path) -> None:
    before = a_slice()
    deidentify_folder(write(tmp_path / "in", before), tmp_path / "out", KEY)
    (after,) = read(tmp_path / "out")
    assert after.PixelData == before.PixelData
    assert after.ImagePositionPatient == before.ImagePositionPatient
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in after.file_meta


def test_days_between_scans_stay_and_the_days_themselves_do_not(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a_slice(day="20240228"), a_slice(day="20240301", study="1.5", series="1.5.1"))
    deidentify_folder(source, tmp_path / "out", KEY)
    days = sorted(
        np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (data.StudyDate for data in read(tmp_path / "out"))
    )
    assert days[1] - days[0] == np.timedelta64(2, "D")  # 2024 is a leap year
    assert days[1] < np.datetime64("2024-02-28")
    for data in read(tmp_path / "out"):
        assert data.AcquisitionDateTime == f"{data.StudyDate}101512.25"
        assert data.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime[:8] == data.StudyDate


def test_without_dates_none_is_left(tmp_path: Path) -> None:
    deidentify_folder(write(tmp_path / "in", a_slice()), tmp_path / "out", KEY, options=Options(dates=False))
    (data,) = read(tmp_path / "out")
    assert b"202403" not in everything(tmp_path / "out")
    assert data.LongitudinalTemporalInformationModified == "REMOVED"


def test_references_still_lead_to_their_objects(tmp_path: Path) -> None:
    mask = a_slice(series="1.2.3.5")
    mask.SOPClassUID = mask.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    mask.Modality = "SEG"
    mask.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.4.1"
    source = write(tmp_path / "in", a_slice(), mask)
    deidentify_folder(source, tmp_path / "out", KEY)
    ct, seg = sorted(read(tmp_path / "out"), key=lambda data: data.Modality)
    assert seg.ReferencedImageSequence[0].ReferencedSOPInstanceUID == ct.SOPInstanceUID
    assert seg.ReferencedImageSequence[0].ReferencedSOPClassUID == CTImageStorage
    assert seg.StudyInstanceUID == ct.StudyInstanceUID != "1.2.3"
    assert seg.FrameOfReferenceUID == ct.FrameOfReferenceUID


def test_the_same_key_gives_the_same_bytes_and_another_key_other_names(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a_slice())
    for name, key in (("a", KEY), ("b", KEY), ("c", Key(bytes(32)))):
        deidentify_folder(source, tmp_path / name, key)
    files = [sorted((tmp_path / name).rglob("*.dcm"))[0] for name in "abc"]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].relative_to(tmp_path / "a") == files[1].relative_to(tmp_path / "b")
    assert read(tmp_path / "c")[0].PatientID != read(tmp_path / "a")[0].PatientID


def test_two_people_stay_two(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a_slice(), a_slice(patient="MRN-4712", study="1.7", series="1.7.1"))
    found = deidentify_folder(source, tmp_path / "out", KEY)
    assert found.people == 2
    assert len({data.StudyDate for data in read(tmp_path / "out")}) == 2


def test_safe_private_numbers_stay_when_asked(tmp_path: Path) -> None:
    deidentify_folder(write(tmp_path / "in", a_slice()), tmp_path / "out", KEY, options=Options(private=True))
    (data,) = read(tmp_path / "out")
    private = {element.tag: element.value for element in data if element.tag.is_private}
    assert set(private) == {0x70530010, 0x70531000}
    assert b"erika" not in everything(tmp_path / "out").lower()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned into"),
        ({"Modality": "US"}, "burned in"),
        ({"Modality": "SR"}, "cannot be cleaned"),
        ({"Modality": "SC"}, "cannot be cleaned"),
    ],
)
def test_what_cannot_be_cleaned_is_left_out_and_said(tmp_path: Path, change: dict[str, str], why: str) -> None:
    bad = a_slice(number=2)
    for name, value in change.items():
        setattr(bad, name, value)
    found = deidentify_folder(write(tmp_path / "in", a_slice(), bad), tmp_path / "out", KEY)
    assert found.files == 1
    ((_, said),) = found.left_out
    assert why in said
    with pytest.raises(InputError, match=why):
        deidentify_folder(write(tmp_path / "alone", bad), tmp_path / "none", KEY)
    assert not (tmp_path / "none").exists()


def test_the_report_names_attributes_and_no_values(tmp_path: Path) -> None:
    deidentify_folder(write(tmp_path / "in", a_slice()), tmp_path / "out", KEY)
    report = json.loads((tmp_path / "out" / "deidentification.json").read_text(encoding="utf-8"))
    done = {(row["attribute"], row["done"]) for row in report["attributes"]}
    assert ("PatientAddress", "removed") in done
    assert ("SOPInstanceUID", "identifier replaced") in done
    assert ("ConvolutionKernel", "emptied: it held a name or number of the patient") in done
    assert not any(secret in json.dumps(report) for secret in SECRETS)


def test_a_surname_that_is_an_organ_does_not_slip_through(tmp_path: Path) -> None:
    data = a_slice()
    data.PatientName, data.SeriesDescription = "Colon^Maria", "Colon portal"
    deidentify_folder(write(tmp_path / "in", data), tmp_path / "out", KEY)
    assert b"colon" not in everything(tmp_path / "out").lower()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=12),
    number=st.text("0123456789", min_size=7, max_size=12),
)
def test_no_name_or_number_is_left_wherever_it_stands(tmp_path_factory: pytest.TempPathFactory, name, number) -> None:
    tmp = tmp_path_factory.mktemp("names")
    data = a_slice(patient=number, series="1.2.3.6")
    data.PatientName = f"{name}^X"
    for keyword in ("SeriesDescription", "ImageComments", "ConvolutionKernel", "FilterType", "StationName"):
        setattr(data, keyword, f"{name} {number}"[:16])
    data.ProtocolName = data.TextValue = f"see {number}, {name.lower()}!"
    deidentify_folder(write(tmp / "in", data), tmp / "out", KEY)
    (after,) = read(tmp / "out")
    text = str(after).upper()
    assert f"{name}^" not in text
    assert not re.search(rf"\b({name}|{number})\b", text)


def test_the_command_makes_a_key_and_refuses_one_inside_the_copy(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a_slice())
    run = CliRunner().invoke
    done = run(app, ["deidentify", str(source), "-o", str(tmp_path / "out"), "--key", str(tmp_path / "key")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "key") == read_key(tmp_path / "key")
    inside = run(app, ["deidentify", str(source), "-o", str(tmp_path / "o"), "--key", str(tmp_path / "o" / "key")])
    assert isinstance(inside.exception, InputError)
    wrong = run(
        app, ["deidentify", str(source), "-o", str(tmp_path / "o"), "--key", str(tmp_path / "k"), "--keep", "all"]
    )
    assert "--keep knows" in str(wrong.exception)
    (tmp_path / "bad").write_text("hello")
    with pytest.raises(InputError, match="holds no key"):
        read_key(tmp_path / "bad")


@pytest.mark.real
def test_a_real_scan_and_its_segmentation_still_fit(dcmqi: Path, tmp_path: Path) -> None:
    found = deidentify_folder(dcmqi, tmp_path / "out", KEY)
    assert found.files == 4
    data = read(tmp_path / "out")
    slices = {d.SOPInstanceUID for d in data if d.Modality == "CT"}
    (mask,) = [d for d in data if d.Modality == "SEG"]
    named = {r.ReferencedSOPInstanceUID for s in mask.ReferencedSeriesSequence for r in s.ReferencedInstanceSequence}
    assert named == slices


def test_words_that_the_table_does_not_list_are_cleaned_too(tmp_path: Path) -> None:
    data = a_slice()
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "Lesion L2, Zimmermann 15.03.2024"
    segment.SegmentDescription, segment.TrackingID = "seen by Zimmermann", "Zimmermann"
    data.SegmentSequence = [segment]
    data.AcquisitionProtocolName, data.DoseComment = "Zimmermann liver 030 450 551", "room of Zimmermann"
    data.PatientBirthDateInAlternativeCalendar = "61 02 03"
    data.RetrieveURI = "https://zimmermann.example/4711"
    data.ManufacturerModelName = "Revolution CT"
    for number, keep in enumerate((Options(), Options(descriptions=False))):
        out = tmp_path / f"out{number}"
        deidentify_folder(write(tmp_path / "in", data), out, KEY, options=keep)
        (done,) = read(out)
        raw = next(out.rglob("*.dcm")).read_bytes()
        assert not [word for word in (b"immermann", b"15.03", b"030", b"450", b"61 02") if word in raw]
        cleaned = done.SegmentSequence[0]
        assert cleaned.SegmentLabel == ("Lesion L2" if keep.descriptions else "REMOVED")
        assert cleaned.TrackingID == ("UNNAMED" if keep.descriptions else "REMOVED")
        assert done.ManufacturerModelName == "Revolution CT"


def test_overlays_unknown_attributes_and_addresses_in_the_header_go(tmp_path: Path) -> None:
    data = a_slice()
    data.file_meta.SourcePresentationAddress = "ct.zimmermann.example"
    data.add_new(0x60000010, "US", 4)
    data.add_new(0x60000022, "LO", "drawn by Zimmermann")
    data.add_new(0x60003000, "OW", b"\xff" * 2)
    data.add_new(0x5000200C, "US", 1)
    data.add_new(0x00181FFE, "UN", b"Zimmermann")
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID = "KIN-77", "Zimmermann"
    data.OtherPatientIDsSequence = [other]
    data.ConvolutionKernel = "B30 KIN-77"
    deidentify_folder(write(tmp_path / "in", data), tmp_path / "out", KEY)
    raw = next((tmp_path / "out").rglob("*.dcm")).read_bytes()
    assert b"immermann" not in raw
    assert b"KIN-77" not in raw
    (done,) = read(tmp_path / "out")
    assert not [element.tag for element in done if element.tag.group in (0x6000, 0x5000)]


def test_pictures_of_screens_are_known_by_their_class_and_uids_name_no_folder_elsewhere(tmp_path: Path) -> None:
    fine, dose_sheet, screen, planes, stray = (a_slice(number=n) for n in range(1, 6))
    dose_sheet.SOPClassUID = dose_sheet.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    screen.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    planes.add_new(0x60000010, "US", 4)
    planes.add_new(0x60000102, "US", 12)
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        stray.add_new(0x0020000D, "UI", "../../../elsewhere")
    source = write(tmp_path / "in", fine, dose_sheet, screen, planes, stray)
    removal = deidentify_folder(source, tmp_path / "out" / "copy", KEY, options=Options(uids=True))
    assert removal.files == 1
    assert [file for file, _ in removal.left_out] == ["file 2", "file 3", "file 4", "file 5"]
    assert not (tmp_path / "elsewhere").exists()
    assert "spare bits" in removal.left_out[2][1]
