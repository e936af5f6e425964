"""The whole way once: a study arrives at the node, is planned by the real planner, and the archive has the results."""

from __future__ import annotations

import time

import pytest
from pydicom import dcmread

from glisson.cli.listen import handle_study
from glisson.cli.virtual import write_virtual_case
from glisson.imaging import read_image, read_mask
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_source import RESEARCH, ResultHeader, Term, read_source
from glisson.imaging.pacs import Listening, listening, node_at, open_archive, store_files
from glisson.imaging.pacs.shelves import state_of
from glisson.simulate import virtual_patient

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

STUDY = "1.2.826.0.1.3680043.10.60"
ANATOMY, LIVER = Term("123037004", "SCT", "Anatomical Structure"), Term("10200004", "SCT", "Liver")
CHANGED = Term("49755003", "SCT", "Morphologically Abnormal Structure")
METASTASIS = Term("14799000", "SCT", "Neoplasm, Secondary")


@pytest.fixture
def sent(tmp_path, ct_series):
    """A virtual patient's scan with a segmentation of liver and lesions by another maker, as files to send."""
    patient = virtual_patient(seed=8, lesions=2, shape=(64, 64, 40), spacing_mm=(6.0, 6.0, 8.0))
    write_virtual_case(patient, tmp_path / "virtual")
    scan, _ = read_image(tmp_path / "virtual" / "ct.nii.gz")
    uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1", "FrameOfReferenceUID": f"{STUDY}.9"}
    folder = ct_series(tmp_path / "sent", scan.data, scan.grid, **uids)
    for path in folder.iterdir():
        data = dcmread(path)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.1.{data.InstanceNumber}"
        data.save_as(path)
    outlines = [
        Segment("Liver", read_mask(tmp_path / "virtual" / "liver.nii.gz"), ANATOMY, LIVER, "m"),
        Segment("met", read_mask(tmp_path / "virtual" / "lesions.nii.gz"), CHANGED, METASTASIS, "m"),
    ]
    header = ResultHeader("whole", "1.0", description="outlines")
    seg = write_seg(tmp_path / "seg.dcm", outlines, read_source(folder), header, label="A", number=(7, 1))
    data = dcmread(seg.path)
    data.Manufacturer = "A workstation"
    data.save_as(seg.path)
    return [*sorted(folder.iterdir()), seg.path]


def test_from_the_scanner_to_the_archive(orthanc, sent, tmp_path, complaints):
    said = []
    archive = node_at(f"dicom://ORTHANC@127.0.0.1:{orthanc.dicom}")
    settings = Listening("PLANNER", 0, tmp_path / "data", quiet_s=0.5)
    with listening(settings, lambda folder: handle_study(folder, archive, 300), said.append) as port:
        store_files(open_archive(node_at(f"dicom://PLANNER@127.0.0.1:{port}")), sent)
        deadline = time.monotonic() + 200
        while not any("is done" in line or "given up" in line for line in said):
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
    case = tmp_path / "data" / "studies" / STUDY
    assert state_of(case)["state"] == "done", said
    made = sorted((case / "out" / "dicom").glob("*.dcm"))
    assert {"report.dcm", "segmentation-anatomy.dcm", "segmentation-plan-1.dcm", "dossier.dcm"} <= {
        p.name for p in made
    }
    assert [str(dcmread(p).SOPInstanceUID) for p in made if dcmread(p).SeriesDescription != RESEARCH] == []
    assert orthanc.instances(STUDY) == sorted(str(dcmread(p).SOPInstanceUID) for p in made)
    assert [complaint for p in made for complaint in complaints(p)] == []
