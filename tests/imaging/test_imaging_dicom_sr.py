"""Reports, PDFs, pictures and structure sets out; reports in: points in mm and in pixels, segments, units."""

from __future__ import annotations

import io

import highdicom as hd
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.sr.codedict import codes

from glisson.errors import DicomError, InputError, SceneError
from glisson.geometry import Grid, Mask
from glisson.imaging import read_rtstruct, structure_mask
from glisson.imaging.dicom_capture import write_capture
from glisson.imaging.dicom_pdf import write_encapsulated_pdf
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_seg_read import read_seg
from glisson.imaging.dicom_source import RESEARCH, ResultHeader, Term, read_source
from glisson.imaging.dicom_sr import Measured, ReportedFinding, write_sr
from glisson.imaging.dicom_sr_read import read_report
from glisson.imaging.dicom_structures import write_structures

HEADER = ResultHeader("key", "1.0")
LIVER = Term("10200004", "SCT", "Liver")
ANATOMY = Term("123037004", "SCT", "Anatomical Structure")
METASTASIS = Term("14799000", "SCT", "Neoplasm, Secondary")
VOLUME, LONG, SHORT = (
    Term("118565006", "SCT", "Volume"), Term("103339001", "SCT", "Long axis"), Term("103340004", "SCT", "Short axis"),
)  # fmt: skip
MM, CM3 = Term("mm", "UCUM", "millimeter"), Term("cm3", "UCUM", "cubic centimeter")
SHAPE = (16, 12, 6)


@pytest.fixture(scope="module")
def source(tmp_path_factory, ct_series):
    """A coronal series: columns to the left, rows downwards, slices to the back."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) * [2.0, 3.0, 4.0]
    affine[:3, 3] = [10, -20, 300]
    folder = tmp_path_factory.mktemp("sr") / "ct"
    return read_source(ct_series(folder, np.zeros(SHAPE), Grid(SHAPE, affine)))


def box(source, low=(3, 4, 1), high=(6, 8, 4)) -> Mask:
    data = np.zeros(SHAPE, bool)
    data[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return Mask(data, source.grid)


@pytest.fixture
def report(source, tmp_path):
    """A liver, two lesions with a segment each, one of them with its diameters, written as a report."""
    masks = [box(source), box(source, (10, 2, 2), (12, 3, 3))]
    seg = write_seg(
        tmp_path / "seg.dcm",
        [Segment(f"L{n}", m, ANATOMY, METASTASIS, "m") for n, m in enumerate(masks, 1)],
        source, HEADER, label="A", number=(1, 1),
    )  # fmt: skip
    ends = np.array([[16.0, -16.0, 288.0], [20.0, -16.0, 276.0]])
    findings = [
        ReportedFinding(("Liver", "1.2.10"), LIVER, (), (Measured(VOLUME, 1500.0, CM3),)),
        ReportedFinding(("L1", "1.2.11"), METASTASIS, (LIVER,), (Measured(VOLUME, 0.864, CM3),), (seg, 1)),
        ReportedFinding(("L1", "1.2.11"), METASTASIS, (), (Measured(LONG, 12.65, MM, ends), Measured(SHORT, 6.0, MM))),
        ReportedFinding(("L2", "1.2.12"), METASTASIS, (LIVER,), (), (seg, 2)),
    ]
    path = tmp_path / "sr.dcm"
    write_sr(path, findings, source, HEADER, label="findings", number=(2, 1))
    return path, masks


def test_a_report_is_valid_unverified_and_of_the_study(report, source, complaints):
    path, _ = report
    data = pydicom.dcmread(path)
    assert complaints(path) == []
    assert (data.VerificationFlag, data.PreliminaryFlag, data.CompletionFlag) == (
        "UNVERIFIED",
        "PRELIMINARY",
        "COMPLETE",
    )
    assert (data.StudyInstanceUID, data.PatientID) == (source.study_uid, "P1")
    assert (data.SeriesDescription, data.SoftwareVersions) == (RESEARCH, "1.0")
    evidence = data.CurrentRequestedProcedureEvidenceSequence[0]
    held = {s.SeriesInstanceUID: len(s.ReferencedSOPSequence) for s in evidence.ReferencedSeriesSequence}
    assert held[source.series_uid] == SHAPE[2]
    assert sum(held.values()) == SHAPE[2] + 1


def test_highdicom_reads_the_measurements(report):
    path, _ = report
    read = hd.sr.srread(path)
    groups = read.content.get_volumetric_roi_measurement_groups(tracking_uid="1.2.11")
    assert [g.tracking_identifier for g in groups] == ["L1"]
    (volume,) = groups[0].get_measurements(name=codes.SCT.Volume)
    assert (volume.value, volume.unit) == (0.864, codes.UCUM.CubicCentimeter)
    seg = pydicom.dcmread(path.with_name("seg.dcm"))
    held = [i.ReferencedSOPSequence[0] for i in groups[0][0].ContentSequence if "ReferencedSOPSequence" in i]
    assert [(i.ReferencedSOPInstanceUID, i.ReferencedSegmentNumber) for i in held] == [(seg.SOPInstanceUID, 1)]
    plain = read.content.get_image_measurement_groups(tracking_uid="1.2.11")
    (long,) = plain[0].get_measurements(name=codes.SCT.LongAxis)
    assert long.value == 12.65


def test_our_reader_joins_the_groups_of_a_lesion(report, source):
    path, masks = report
    read = read_report(path, source, [read_seg(path.with_name("seg.dcm"))])
    one, two = read.lesions
    assert (one.name, one.uid, one.finding, one.sites) == ("L1", "1.2.11", "Neoplasm, Secondary", ("Liver",))
    assert (one.volume_ml, one.long_mm, one.short_mm) == (0.864, 12.65, 6.0)
    assert np.allclose(one.centre_mm, masks[0].centroid_mm)
    assert (two.name, two.long_mm) == ("L2", None)
    assert np.allclose(two.centre_mm, masks[1].centroid_mm)
    assert not read.verified
    assert read.notices == ()


def test_without_the_segmentation_the_ends_of_the_diameter_place_a_lesion(report, source):
    path, _ = report
    one, two = read_report(path, source).lesions
    assert np.allclose(one.centre_mm, [18.0, -16.0, 282.0])
    assert two.centre_mm is None
    notices = read_report(path, source).notices
    assert [n.code for n in notices] == ["report-lesion-unplaced"]


def foreign(source, tmp_path, region, *, unit=codes.UCUM.Centimeter, value=1.4, three_d=False):
    """A report of another vendor: one lesion, drawn as a planar region, measured in another unit."""
    context = hd.sr.ObservationContext(
        observer_person_context=hd.sr.ObserverContext(
            codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes(name="Reader^A")
        )
    )
    group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        hd.sr.TrackingIdentifier(uid=hd.UID(), identifier="target 1"),
        referenced_region=region,
        finding_type=codes.SCT.Mass,
        measurements=[hd.sr.Measurement(codes.SCT.LongAxis, value, unit)],
    )
    content = hd.sr.MeasurementReport(context, codes.LN.CTUnspecifiedBodyRegion, imaging_measurements=[group])
    kind = hd.sr.Comprehensive3DSR if three_d else hd.sr.ComprehensiveSR
    made = kind(list(source.headers), content[0], hd.UID(), 1, hd.UID(), 1, "Other", is_verified=False)
    path = tmp_path / "foreign.dcm"
    made.save_as(path)
    return path


@pytest.mark.parametrize("kind", ["POLYLINE", "CIRCLE"])
def test_pixels_of_a_slice_become_millimetres(source, tmp_path, kind):
    """Column 4, row 5 of slice 3 by hand: corner of the first pixel is (0, 0), so its centre is (4.5, 5.5)."""
    around = {
        "POLYLINE": [[3.5, 4.5], [5.5, 4.5], [5.5, 6.5], [3.5, 6.5], [3.5, 4.5]],
        "CIRCLE": [[4.5, 5.5], [6.5, 5.5]],
    }
    region = hd.sr.ImageRegion(
        kind, np.array(around[kind]), hd.sr.SourceImageForRegion.from_source_image(source.headers[3])
    )
    (lesion,) = read_report(foreign(source, tmp_path, region), source).lesions
    assert np.allclose(lesion.centre_mm, source.grid.to_mm([4, 5, 3]), atol=1e-4)
    assert (lesion.name, lesion.finding) == ("target 1", "Mass")
    assert lesion.long_mm == pytest.approx(14.0)


def test_points_in_space_and_in_another_frame(source, tmp_path):
    corners = source.grid.to_mm(np.array([[2, 2, 2], [6, 2, 2], [6, 8, 2], [2, 8, 2], [2, 2, 2]], float))
    for frame, placed in ((source.frame_uid, True), ("9.9.9", False)):
        region = hd.sr.ImageRegion3D("POLYGON", corners, frame)
        read = read_report(foreign(source, tmp_path, region, three_d=True), source)
        (lesion,) = read.lesions
        if placed:
            assert np.allclose(lesion.centre_mm, source.grid.to_mm([4, 5, 2]), atol=1e-3)
        else:
            assert lesion.centre_mm is None
            assert sorted(n.code for n in read.notices) == ["report-lesion-unplaced", "report-unread"]


def test_slices_that_are_not_there_and_units_that_are_not_lengths_are_said(source, tmp_path):
    region = hd.sr.ImageRegion(
        "POINT", np.array([[1.0, 1.0]]), hd.sr.SourceImageForRegion.from_source_image(source.headers[0])
    )
    read = read_report(foreign(source, tmp_path, region, unit=codes.UCUM.HounsfieldUnit), None)
    (lesion,) = read.lesions
    assert lesion.long_mm is None
    assert lesion.centre_mm is None
    assert sum("not among the slices" in n.text or "unit" in n.text for n in read.notices) == 2


def test_other_objects_and_truncated_reports_are_refused(report, tmp_path):
    path, _ = report
    with pytest.raises(DicomError, match="expected SR"):
        read_report(path.with_name("seg.dcm"))
    data = pydicom.dcmread(path)
    data.ContentSequence = []
    data.save_as(tmp_path / "bare.dcm")
    with pytest.raises(DicomError, match="no measurement group"):
        read_report(tmp_path / "bare.dcm")
    whole = path.read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DicomError):
        read_report(tmp_path / "cut.dcm")


def test_what_a_report_cannot_hold_is_refused(source, tmp_path, report):
    with pytest.raises(InputError, match="at least one finding"):
        write_sr(tmp_path / "x.dcm", [], source, HEADER, label="x", number=(1, 1))
    seg = read_seg(tmp_path / "seg.dcm")
    ends = Measured(LONG, 1.0, MM, np.zeros((2, 3)))
    held = write_seg(
        tmp_path / "y.dcm", [Segment("a", seg.segments[0].mask, ANATOMY, LIVER, "m")], source, HEADER, label="A",
        number=(1, 1),
    )  # fmt: skip
    bad = ReportedFinding(("a", "1.2"), LIVER, (), (ends,), (held, 1))
    with pytest.raises(InputError, match="cannot hold the ends"):
        write_sr(tmp_path / "x.dcm", [bad], source, HEADER, label="x", number=(1, 1))
    assert not (tmp_path / "x.dcm").exists()


def test_an_encapsulated_pdf_holds_the_bytes(source, tmp_path, complaints):
    pdf = b"%PDF-1.7 odd"[:11]
    path = tmp_path / "p.dcm"
    write_encapsulated_pdf(path, pdf, source, HEADER, title="Dossier", number=(3, 1))
    data = pydicom.dcmread(path)
    assert data.EncapsulatedDocument[: data.EncapsulatedDocumentLength] == pdf
    assert (data.VerificationFlag, data.MIMETypeOfEncapsulatedDocument) == ("UNVERIFIED", "application/pdf")
    assert complaints(path) == []
    with pytest.raises(InputError, match="expected a PDF"):
        write_encapsulated_pdf(path, b"no", source, HEADER, title="Dossier", number=(3, 1))


def test_a_picture_keeps_its_pixels(source, tmp_path, complaints):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    pixels[0, 0] = [10, 20, 30, 0]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    path = tmp_path / "c.dcm"
    write_capture(path, stream.getvalue(), source, HEADER, title="Axial", number=(4, 1))
    found = pydicom.dcmread(path).pixel_array
    assert (found[0, 0] == 255).all()
    assert (found.reshape(-1, 3)[1:] == pixels.reshape(-1, 4)[1:, :3]).all()
    assert complaints(path) == []
    with pytest.raises(InputError, match="expected a PNG"):
        write_capture(path, b"no", source, HEADER, title="Axial", number=(4, 1))


def test_structures_lie_on_the_slices_of_the_series(source, tmp_path, complaints):
    """A coronal series: contours lie on its own slices, not on axial planes, and each names its slice."""
    mask = box(source)
    path = tmp_path / "s.dcm"
    write_structures(path, {"Liver": mask}, source, HEADER, label="Glisson", number=(5, 1))
    data = pydicom.dcmread(path)
    slices = {h.SOPInstanceUID: h for h in source.headers}
    contours = data.ROIContourSequence[0].ContourSequence
    assert len(contours) == 3
    for contour in contours:
        ct = slices[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        assert {float(v) for v in contour.ContourData[1::3]} == {float(ct.ImagePositionPatient[1])}
    read = read_rtstruct(path)
    assert read.frame_uid == source.frame_uid
    assert (structure_mask(read.named("Liver"), source.grid).on(source.grid) == mask.data).all()
    assert complaints(path) == []
    outside = Mask(np.ones((1, 1, 1), bool), source.grid.crop((slice(-3, -2), slice(0, 1), slice(0, 1))))
    with pytest.raises(SceneError):
        write_structures(path, {"Liver": outside}, source, HEADER, label="x", number=(5, 1))
