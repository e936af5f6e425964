"""A plan from a DICOM case writes its results into the scan's study: read back, the same voxels and numbers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from glisson.assessment import assess
from glisson.case import Unknown, load_case
from glisson.errors import DicomError, GlissonError, InputError, OutputError, SceneError
from glisson.exchange.dicom_findings import lesion_uid
from glisson.exchange.dicom_reports import facts_of_report
from glisson.exchange.dicom_results import COLOURS, dicom_folder, write_dicom_results
from glisson.exchange.dicom_terms import PARTS
from glisson.geometry import Grid
from glisson.imaging import check_case, init_case, read_case, read_image, read_mask, write_mask
from glisson.imaging.dicom_seg_read import read_seg
from glisson.imaging.dicom_source import RESEARCH, read_source
from glisson.imaging.dicom_sr_read import read_report
from glisson.planning.clearance import CAUSES
from glisson.report import write_dossier
from glisson.simulate import virtual_patient

STAMP = datetime(2026, 3, 1, 12)
"""Time of making in the files."""


@pytest.fixture(scope="module")
def home(tmp_path_factory, ct_series) -> Path:
    """A virtual patient's case folder whose scan is a DICOM series; masks are NIfTI."""
    from glisson.cli.virtual import write_virtual_case

    folder = tmp_path_factory.mktemp("exchange") / "case"
    write_virtual_case(virtual_patient(seed=8, lesions=2, shape=(64, 64, 40), spacing_mm=(6.0, 6.0, 8.0)), folder)
    volume, _ = read_image(folder / "ct.nii.gz")
    ct_series(folder / "ct", volume.data, volume.grid)
    text = (folder / "case.yaml").read_text(encoding="utf-8")
    (folder / "case.yaml").write_text(text.replace("ct.nii.gz", "ct"), encoding="utf-8")
    (folder / "ct.nii.gz").unlink()
    return folder


@pytest.fixture(scope="module")
def result(home):
    return assess(*read_case(home))


@pytest.fixture(scope="module")
def source(home):
    return read_source(home / "ct")


@pytest.fixture(scope="module")
def written(result, source, tmp_path_factory):
    """The folder of the results without a dossier."""
    out = tmp_path_factory.mktemp("out") / "dicom"
    write_dicom_results(result, source, out, stamped=STAMP)
    return out


def test_every_file_is_valid_and_of_the_study(written, source, complaints):
    names = sorted(p.name for p in written.iterdir())
    assert {"report.dcm", "segmentation-anatomy.dcm", "segmentation-plan-1.dcm", "structures.dcm"} <= set(names)
    uids = set()
    for path in sorted(written.iterdir()):
        data = pydicom.dcmread(path)
        assert complaints(path) == [], path.name
        assert (data.StudyInstanceUID, data.PatientID, data.PatientName) == ("1.2.3.4", "P1", "Doe^Jane")
        assert data.SeriesDescription == RESEARCH
        assert data.get("FrameOfReferenceUID", source.frame_uid) == source.frame_uid
        uids.add(data.SOPInstanceUID)
    assert len(uids) == len(names)
    series = {pydicom.dcmread(p).Modality: pydicom.dcmread(p).SeriesInstanceUID for p in written.iterdir()}
    assert len(set(series.values()) | {source.series_uid}) == len(series) + 1


def test_the_anatomy_is_that_of_the_assessment(written, result, source):
    read = {s.label: s for s in read_seg(written / "segmentation-anatomy.dcm", source.grid).segments}
    grid = source.grid
    assert (read["Liver"].mask.on(grid) == result.whole_liver.on(grid)).all()
    for lesion in result.scene.lesions:
        held = read[lesion.id]
        assert (held.mask.on(grid) == lesion.mask.on(grid)).all()
        assert held.tracking == (lesion.id, lesion_uid(result.case.id, "P1", lesion.id))
    assert read["Segment IV"].mask.count == result.segments.counts["IV"]
    assert read["Inferior vena cava"].role == "cava"
    described = {s.SegmentLabel: s for s in pydicom.dcmread(written / "segmentation-anatomy.dcm").SegmentSequence}
    for label, name in (("Portal vein", "portal"), ("Hepatic vein", "hepatic"), ("Inferior vena cava", "cava")):
        untouched = read[label].mask.count == result.scene.structures[name].count
        assert (described[label].SegmentAlgorithmName == "outline as given") == untouched
        assert (described[label].SegmentAlgorithmType == "AUTOMATIC") != untouched


def test_the_parts_of_a_plan_make_the_whole_liver(written, result, source):
    """What stays and each loss, every voxel once; counted by the plan itself, apart from the masks."""
    for number, plan in enumerate(result.clearing.found.plans, 1):
        read = read_seg(written / f"segmentation-plan-{number}.dcm", source.grid)
        parts = {s.label.lower(): s.mask for s in read.segments}
        for part in ("remnant", *CAUSES):
            count = plan.voxels[part]
            if not isinstance(count, Unknown):
                assert (parts[part].count if part in parts else 0) == count
        total = sum(mask.on(source.grid).astype(int) for mask in parts.values())
        assert (total == result.whole_liver.on(source.grid)).all()
        assert pydicom.dcmread(written / f"segmentation-plan-{number}.dcm").ContentDescription == plan.name[:64]


def test_the_report_holds_the_measurements_and_comes_back_as_lesions(written, result, source):
    report = read_report(written / "report.dcm", source, [read_seg(written / "segmentation-anatomy.dcm")])
    found = {lesion.name: lesion for lesion in report.lesions}
    assert set(found) == {lesion.id for lesion in result.lesions}
    for lesion in result.lesions:
        held = found[lesion.id]
        assert held.volume_ml == pytest.approx(lesion.volume_ml)
        assert held.long_mm == pytest.approx(lesion.longest_axial_mm)
        assert held.short_mm == pytest.approx(lesion.perpendicular_mm)
        assert held.uid == lesion_uid(result.case.id, "P1", lesion.id)
        assert held.sites[0] == "Liver"
    facts, notices = facts_of_report(report, result.scene)
    assert {f.id: f.size_mm for f in facts} == {n: pytest.approx(held.long_mm) for n, held in found.items()}
    assert {f.nature for f in facts} == {"indeterminate"}
    assert notices == ()


def test_scans_that_name_no_patient_share_no_tracking(ct_series, tmp_path):
    """Anonymised scans of two people, planned under the same case name."""
    volume = np.zeros((4, 4, 3))
    uids = set()
    for number, study in enumerate(("1.2.3.41", "1.2.3.42", "1.2.3.42")):
        folder = ct_series(tmp_path / f"ct{number}", volume, Grid.axial(volume.shape, (1, 1, 1), (0, 0, 0)),
                           PatientID="", StudyInstanceUID=study)  # fmt: skip
        uids.add(lesion_uid("case", read_source(folder).person, "L1"))
    assert len(uids) == 2


def test_a_reported_lesion_elsewhere_gets_its_own_name(written, result, source):
    report = read_report(written / "report.dcm", source)
    away = replace(report.lesions[0], name="t 1", centre_mm=np.array([900.0, 0.0, 0.0]))
    facts, notices = facts_of_report(replace(report, lesions=(away, report.lesions[1])), result.scene)
    assert [f.id for f in facts] == ["t-1", report.lesions[1].name]
    assert [n.code for n in notices] == ["report-lesion-unmatched"]


def test_the_same_input_gives_the_same_bytes(written, result, source, tmp_path):
    write_dicom_results(result, source, tmp_path / "again", stamped=STAMP)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    other = replace(result, version="another")
    write_dicom_results(other, source, tmp_path / "other", stamped=STAMP)
    for path in written.iterdir():
        ours, theirs = (pydicom.dcmread(p).SOPInstanceUID for p in (path, tmp_path / "other" / path.name))
        assert ours != theirs


def test_the_dossier_appears_with_its_dicom_folder(home, result, tmp_path, complaints):
    write = dicom_folder(home, result, stamped=STAMP)
    assert not isinstance(write, Unknown)
    out = write_dossier(result, tmp_path / "OUT", stamped=STAMP, extra=write)
    pdf = pydicom.dcmread(out / "dicom" / "dossier.dcm")
    assert pdf.EncapsulatedDocument[: pdf.EncapsulatedDocumentLength] == (out / "dossier.pdf").read_bytes()
    assert pdf.VerificationFlag == "UNVERIFIED"
    assert (out / "dicom" / "picture-axial.dcm").exists()
    for path in (out / "dicom").glob("[dp]*.dcm"):
        assert complaints(path) == []


def test_without_the_dicom_folder_there_is_no_dossier(result, tmp_path):
    record = assess(result.case, None)

    def refuse(folder: Path) -> None:
        raise OutputError("the disk is full")

    with pytest.raises(OutputError):
        write_dossier(record, tmp_path / "OUT", extra=refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_scan_that_is_no_dicom_series_has_no_results(home, result, tmp_path):
    scene = replace(result.scene, facts=replace(result.scene.facts, series_uid=None))
    answer = dicom_folder(home, replace(result, scene=scene))
    assert isinstance(answer, Unknown)
    assert "no DICOM series" in answer.reason
    assert isinstance(dicom_folder(home, replace(result, scene=None)), Unknown)


def test_slices_without_instance_uids_have_no_results(home, result, source, tmp_path):
    folder = tmp_path / "case"
    shutil.copytree(home / "ct", folder / "ct")
    for path in (folder / "ct").iterdir():
        data = pydicom.dcmread(path)
        del data.SOPInstanceUID
        data.save_as(path)
    answer = dicom_folder(folder, result)
    assert isinstance(answer, Unknown)
    assert "lack SOPInstanceUID" in answer.reason
    with pytest.raises(DicomError, match="lack SOPInstanceUID"):
        read_source(folder / "ct")


def test_every_way_of_losing_liver_has_a_term_and_a_colour():
    assert {"remnant", *CAUSES} <= set(PARTS)
    assert {"remnant", *CAUSES} <= set(COLOURS)


def test_a_series_that_is_gone_or_another_is_refused(home, result, source, tmp_path):
    gone = tmp_path / "gone"
    (gone / "ct").mkdir(parents=True)
    with pytest.raises(DicomError):
        dicom_folder(gone, result)
    with pytest.raises(InputError, match="no outline of a liver"):
        write_dicom_results(replace(result, scene=None), source, tmp_path / "x")
    low = replace(source, grid=source.grid.crop((slice(0, 64), slice(0, 64), slice(0, 8))), headers=source.headers[:8])
    with pytest.raises(SceneError, match="outside the DICOM series"):
        write_dicom_results(result, low, tmp_path / "y")


def test_a_case_is_planned_from_its_own_segmentation(home, written, result, tmp_path):
    """Results of one run are the outlines of the next: from one file, by names, and found among the slices."""
    folder = tmp_path / "next"
    shutil.copytree(home / "ct", folder / "ct")
    shutil.copy(written / "segmentation-anatomy.dcm", folder / "anatomy.dcm")
    text = """
id: next
studies:
- id: ct-1
  image: ct
  masks:
    multilabel: {file: anatomy.dcm, names: from-file}
"""
    (folder / "case.yaml").write_text(text, encoding="utf-8")
    _, scene = read_case(folder)
    grid = scene.grid
    assert (scene.liver.on(grid) == result.whole_liver.on(grid)).all()
    assert len(scene.lesions) == len(result.scene.lesions)
    assert set(scene.structures) >= {"liver", "portal", "hepatic", "cava"}
    assert (scene.segments.on(grid) == result.segments.labels.on(grid)).all()

    by_name = text.replace(
        "multilabel: {file: anatomy.dcm, names: from-file}", "liver: {file: anatomy.dcm, segment: liver}"
    )
    (folder / "case.yaml").write_text(by_name, encoding="utf-8")
    assert (read_case(folder)[1].liver.on(grid) == result.whole_liver.on(grid)).all()
    (folder / "case.yaml").write_text(by_name.replace("segment: liver", "segment: Lever"), encoding="utf-8")
    with pytest.raises(SceneError, match="no segment is named 'Lever'"):
        read_case(folder)
    assert any("Lever" in n.text for n in check_case(folder) if n.level == "error")

    shutil.move(folder / "anatomy.dcm", folder / "ct" / "anatomy.dcm")
    shutil.copy(written / "report.dcm", folder / "ct" / "report.dcm")
    (folder / "case.yaml").unlink()
    init_case(folder, ct=folder / "ct")
    masks = load_case(folder / "case.yaml").studies[0].masks
    assert {masks.liver.file, masks.portal.file, masks.segments.file, masks.lesions[0].file} == {"ct/anatomy.dcm"}
    scene = read_case(folder)[1]
    assert (scene.liver.on(grid) == result.whole_liver.on(grid)).all()
    assert (scene.segments.on(grid) == result.segments.labels.on(grid)).all()
    assert [lesion.mask.count for lesion in scene.lesions] == [x.mask.count for x in result.scene.lesions]


def test_structure_sets_are_outlines_too(home, written, result, tmp_path):
    folder = tmp_path / "rt"
    shutil.copytree(home / "ct", folder / "ct")
    shutil.copy(written / "structures.dcm", folder / "rs.dcm")
    (folder / "case.yaml").write_text(
        "id: rt\nstudies:\n- id: ct-1\n  image: ct\n  masks: {liver: rs.dcm, lesions: {file: rs.dcm, segment: L1}}\n",
        encoding="utf-8",
    )
    scene = read_case(folder)[1]
    assert (scene.liver.on(scene.grid) == result.whole_liver.on(scene.grid)).all()
    assert [m.mask.count for m in scene.lesions] == [result.scene.lesions[0].mask.count]


def test_outlines_of_another_frame_of_reference_are_refused(home, written, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(home / "ct", folder / "ct")
    data = pydicom.dcmread(written / "segmentation-anatomy.dcm")
    data.FrameOfReferenceUID = "9.9.9"
    data.save_as(folder / "anatomy.dcm")
    text = "id: x\nstudies:\n- id: ct-1\n  image: ct\n  masks: {liver: anatomy.dcm}\n"
    (folder / "case.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DicomError, match=r"frame of reference 9\.9\.9"):
        read_case(folder)


def test_two_segmentations_of_the_liver_are_not_guessed_between(home, written, tmp_path):
    folder = tmp_path / "two"
    shutil.copytree(home / "ct", folder / "ct")
    for name in ("a.dcm", "b.dcm"):
        shutil.copy(written / "segmentation-anatomy.dcm", folder / "ct" / name)
    with pytest.raises(InputError, match=r"2 files: a\.dcm, b\.dcm"):
        init_case(folder, ct=folder / "ct")


def test_a_segmentation_converts_to_nifti_and_back(written, source, tmp_path):
    """The same voxels through nibabel's file format."""
    with pytest.raises(GlissonError):
        read_mask(tmp_path / "none.dcm")
    mask = read_mask(written / "segmentation-anatomy.dcm", 1)
    write_mask(tmp_path / "liver.nii.gz", mask, source.grid)
    assert (read_mask(tmp_path / "liver.nii.gz").data == mask.on(source.grid)).all()


@pytest.mark.real
def test_a_segmentation_by_dcmqi_makes_a_case(dcmqi, tmp_path):
    """Three slices with the liver of another program; its NRRD copy is the oracle."""
    init_case(tmp_path / "case", ct=dcmqi / "ct-3slice", liver=dcmqi / "liver.dcm")
    _, scene = read_case(tmp_path / "case")
    assert scene.liver.count == 107098
    assert (scene.liver.on(scene.grid) == read_mask(dcmqi / "liver_seg.nrrd").on(scene.grid)).all()
    assert scene.facts.frame_uid == read_source(dcmqi / "ct-3slice").frame_uid
