"""DICOM over HTTP: a zip of a series and its segmentation is planned; the results are DICOM of the same study."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from glisson.case import Unknown, load_case
from glisson.exchange.dicom_terms import ANATOMY, CHANGED, LIVER, METASTASIS
from glisson.geometry import Mask
from glisson.imaging import read_case
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_seg_read import read_seg
from glisson.imaging.dicom_source import ResultHeader, read_source
from glisson.scene import Scene

from .conftest import Running, import_zip, place_case, unprepared, wait


@pytest.fixture(scope="module")
def scene(small_case: Path) -> Scene:
    _, scene = read_case(small_case)
    assert scene.image is not None
    return scene


@pytest.fixture(scope="module")
def dicom_zip(scene: Scene, ct_series: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The virtual patient as CT slices and one segmentation of liver and lesions, packed together."""
    home = tmp_path_factory.mktemp("dicom")
    folder = ct_series(home / "study" / "ct", scene.image.data, scene.image.grid)
    source = read_source(folder)
    placed: Callable[[Mask], Mask] = lambda mask: Mask(mask.on(scene.grid), source.grid)  # noqa: E731
    outlined = [Segment("Liver", placed(scene.liver), ANATOMY, LIVER, "by hand")]
    outlined += [
        Segment(lesion.id, placed(lesion.mask), CHANGED, METASTASIS, "by hand", region=LIVER,
                tracking=(lesion.id, f"1.2.9.{n}"))
        for n, lesion in enumerate(scene.lesions, 1)
    ]  # fmt: skip
    seg = home / "study" / "seg" / "outlines.dcm"
    seg.parent.mkdir()
    write_seg(seg, outlined, source, ResultHeader("key", "1.0"), label="OUTLINES", number=(9, 1))
    path = home / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((home / "study").rglob("*.dcm")):
            archive.write(file, file.relative_to(home))
    return path


@pytest.fixture(scope="module")
def planned(sqlite_served: Running, dicom_zip: Path) -> str:
    client = sqlite_served.client("ed")
    case_id = import_zip(client, dicom_zip, "From the PACS")
    client.post(f"/api/cases/{case_id}/plan", json={}).raise_for_status()
    jobs = wait(client, case_id, kinds=("plan",))
    unprepared(client, case_id)
    assert [(job["state"], job["error"]) for job in jobs if job["kind"] == "plan"] == [("done", None)]
    return case_id


def test_what_a_segmentation_outlines_is_taken_and_nothing_outlined_instead(
    sqlite_served: Running, planned: str, scene: Scene
):
    folder = sqlite_served.core.store.case_folder(planned, 1)
    (study,) = load_case(folder / "case.yaml").studies
    assert study.image == "dicom"
    assert study.masks.liver is not None
    assert study.masks.liver.file.startswith("dicom/")
    assert not (folder / "liver.nii.gz").exists()
    assert not isinstance(study.masks.complete, Unknown) or "No lesion" not in study.masks.complete.reason
    _, read = read_case(folder)
    assert (read.liver.count, len(read.lesions)) == (scene.liver.count, len(scene.lesions))


def test_the_results_are_listed_and_come_back_as_dicom_of_the_study(
    sqlite_served: Running, planned: str, scene: Scene, dicom_zip: Path, tmp_path: Path
):
    client = sqlite_served.client("vi")
    listed = {one["path"]: one["bytes"] for one in client.get(f"/api/cases/{planned}/results/1").json()}
    dicom = sorted(path for path in listed if path.startswith("dicom/"))
    assert {"dicom/report.dcm", "dicom/segmentation-anatomy.dcm", "dicom/structures.dcm"} <= set(dicom)
    assert {"dossier.html", "dossier.pdf", "findings.json", "plans.json"} <= set(listed)
    for path in dicom:
        answer = client.get(f"/api/cases/{planned}/results/1/{path}")
        assert answer.headers["content-type"] == "application/dicom"
        assert len(answer.content) == listed[path]
        data = pydicom.dcmread(io.BytesIO(answer.content))
        assert (data.StudyInstanceUID, data.PatientID) == ("1.2.3.4", "P1")
    with zipfile.ZipFile(dicom_zip) as archive:
        archive.extractall(tmp_path)
    grid = read_source(tmp_path / "study" / "ct").grid
    file = tmp_path / "anatomy.dcm"
    file.write_bytes(client.get(f"/api/cases/{planned}/results/1/dicom/segmentation-anatomy.dcm").content)
    liver = next(segment.mask for segment in read_seg(file, grid).segments if segment.label == "Liver")
    assert np.array_equal(liver.on(grid), scene.liver.on(scene.grid))


def test_results_of_a_version_that_was_not_planned_are_not_listed(sqlite_served: Running, small_case: Path):
    client = sqlite_served.client("vi")
    case_id = place_case(sqlite_served, small_case)
    for version in (1, 2):
        assert client.get(f"/api/cases/{case_id}/results/{version}").status_code == 404
