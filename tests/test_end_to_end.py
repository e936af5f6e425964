"""From files to findings: the real patient by both ways in, the main job on invented patients, and bad luck."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

import glisson as g
from glisson.cli.app import app
from glisson.geometry import Grid, Mask, Volume
from glisson.report import findings_schema
from glisson.scene import Scene

README_VOLUMES_ML = [84.4, 7.5, 3.7, 2.5, 10.1, 0.4, 2.7]
"""Lesion volumes as the data set's own page states them, in file order."""


def init_real(folder: Path, data: Path, scan: Path) -> Path:
    tumours = sorted(data.glob("tumor*.nii.gz"))
    g.init_case(
        folder, ct=scan, liver=data / "liver.nii.gz", lesions=tumours, segments=data / "couinaud.nii.gz",
        portal=data / "portalvein.nii.gz", hepatic=data / "hepaticveins_ivc.nii.gz",
        organs={"spleen": data / "spleen.nii.gz"},
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def real(ircadb, tmp_path_factory):
    """The assessment of the real patient from NIfTI files."""
    folder = init_real(tmp_path_factory.mktemp("real") / "case", ircadb, ircadb / "ct.nii.gz")
    return g.assess(*g.read_case(folder))


@pytest.mark.real
def test_real_patient_has_the_volumes_of_its_data_page(real, ircadb):
    found = g.findings(real)
    assert found["liver"]["volume_ml"] == pytest.approx(1489, rel=0.005)
    assert len(found["lesions"]) == 7
    for lesion, stated, path in zip(
        found["lesions"], README_VOLUMES_ML, sorted(ircadb.glob("tumor*.nii.gz")), strict=True
    ):
        image = nibabel.load(path)
        counted = np.count_nonzero(np.asanyarray(image.dataobj)) * abs(np.linalg.det(image.affine[:3, :3])) / 1000
        assert lesion["volume_ml"] == pytest.approx(counted, rel=0.005)
        assert lesion["volume_ml"] == pytest.approx(stated, abs=0.05)


@pytest.mark.real
def test_real_patient_segment_shares_agree_with_direct_counts(real, ircadb):
    couinaud = np.asanyarray(nibabel.load(ircadb / "couinaud.nii.gz").dataobj)
    for lesion, path in zip(g.findings(real)["lesions"], sorted(ircadb.glob("tumor*.nii.gz")), strict=True):
        inside = couinaud[np.asanyarray(nibabel.load(path).dataobj) > 0]
        unlabelled = 100 * np.count_nonzero(inside == 0) / inside.size
        for number, name in enumerate(("I", "II", "III", "IV", "V", "VI", "VII", "VIII"), start=1):
            direct = 100 * np.count_nonzero(inside == number) / inside.size
            assert lesion["segments"].get(name, 0.0) == pytest.approx(direct, abs=unlabelled + 0.01)


@pytest.mark.real
def test_real_patient_gives_the_same_numbers_from_its_dicom_slices(real, ircadb, ircadb_dicom, tmp_path):
    case, scene = g.read_case(init_real(tmp_path / "case", ircadb, ircadb_dicom))
    assert np.array_equal(scene.image.data, real.scene.image.data)
    from_dicom = g.findings(g.assess(case, scene))
    from_nifti = g.findings(real)
    for key in ("liver", "lesions", "burden", "resections"):
        assert from_dicom[key] == from_nifti[key]


@pytest.mark.real
def test_real_patient_resections_add_up_to_the_liver_and_agree_with_a_direct_count(real, ircadb):
    labels = np.asanyarray(nibabel.load(ircadb / "couinaud.nii.gz").dataobj)
    image = nibabel.load(ircadb / "liver.nii.gz")
    liver = np.asanyarray(image.dataobj) > 0
    voxel_ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
    unlabelled_ml = np.count_nonzero(liver & (labels == 0)) * voxel_ml
    right = next(r for r in g.findings(real)["resections"] if r["name"] == "Right hepatectomy")
    assert right["removed_ml"] + right["remnant_ml"] == pytest.approx(1489.41, abs=0.01)
    counted = np.count_nonzero(liver & np.isin(labels, (5, 6, 7, 8))) * voxel_ml
    assert counted <= right["removed_ml"] <= counted + unlabelled_ml


@pytest.fixture(scope="module")
def patient():
    """A small virtual patient."""
    return g.virtual_patient(seed=3, shape=(128, 128, 80), spacing_mm=(3.0, 3.0, 4.0), lesions=3)


def test_demo_writes_a_whole_dossier_that_follows_its_schema(tmp_path):
    import jsonschema

    out = tmp_path / "out"
    done = CliRunner().invoke(
        app, ["demo", "-o", str(out), "--shape", "128,128,80", "--spacing", "3,3,4", "--lesions", "3"]
    )
    assert done.exit_code == 0, done.output
    assert {p.name for p in out.iterdir()} >= {"dossier.html", "dossier.pdf", "findings.json", "figures", "masks"}
    found = json.loads((out / "findings.json").read_text())
    jsonschema.validate(found, findings_schema())
    assert len(found["lesions"]) == 3
    assert len(found["resections"]) >= 20


def test_virtual_case_folder_gives_the_same_findings_as_the_patient_in_memory(patient, tmp_path):
    from glisson.cli.virtual import write_virtual_case

    write_virtual_case(patient, tmp_path / "case")
    from_files = g.findings(g.assess(*g.read_case(tmp_path / "case")))
    in_memory = g.findings(g.assess(patient.case, patient.scene))
    for key in ("liver", "lesions", "burden", "resections"):
        assert from_files[key] == in_memory[key]


def test_same_input_same_bytes(patient, tmp_path):
    for name in ("a", "b"):
        g.write_dossier(g.assess(patient.case, patient.scene), tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) > 8
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def mirrored(scene: Scene) -> Scene:
    """The same voxels under an affine whose left-right direction is wrong, as some converters write it."""

    def flip(grid: Grid) -> Grid:
        affine = grid.affine.copy()
        affine[0] *= -1
        return Grid(grid.shape, affine)

    return replace(
        scene,
        grid=flip(scene.grid),
        image=Volume(scene.image.data, flip(scene.image.grid)),
        structures={n: Mask(m.data, flip(m.grid)) for n, m in scene.structures.items()},
        lesions=tuple(replace(x, mask=Mask(x.mask.data, flip(x.mask.grid))) for x in scene.lesions),
        segments=replace(scene.segments, grid=flip(scene.segments.grid)),
    )


def test_a_mirrored_scan_is_warned_of(patient):
    assert "mirrored" not in {n.code for n in g.assess(patient.case, patient.scene).notices}
    warned = [n for n in g.assess(patient.case, mirrored(patient.scene)).notices if n.code == "mirrored"]
    assert [n.level for n in warned] == ["warning"]


def test_a_scan_that_stops_in_the_liver_marks_volumes_as_lower_bounds(patient):
    scene = patient.scene
    box = scene.liver_box(0.0)
    middle = (box[2].start + box[2].stop) // 2
    cut = (slice(0, scene.grid.shape[0]), slice(0, scene.grid.shape[1]), slice(0, middle))
    grid = scene.grid.crop(cut)
    kept = {name: mask.moved_to(grid).trimmed() for name, mask in scene.structures.items()}
    lesions = tuple(replace(x, mask=x.mask.moved_to(grid).trimmed()) for x in scene.lesions)
    cut_scene = replace(
        scene,
        grid=grid,
        image=scene.image.crop(cut),
        structures={name: mask for name, mask in kept.items() if not mask.is_empty},
        lesions=tuple(x for x in lesions if not x.mask.is_empty),
        segments=replace(scene.segments, data=scene.segments.on(grid), grid=grid),
    )
    result = g.assess(patient.case, cut_scene)
    assert result.liver.touches_border
    assert "lower bound" in g.findings(result)["liver"]["notes"]["volume_ml"]
    assert any(n.code == "liver-cut" and n.level == "warning" for n in result.notices)


def test_lesions_cut_out_of_the_liver_mask_change_nothing(patient):
    scene = patient.scene
    whole = scene.liver
    holes = whole.data.copy()
    for lesion in scene.lesions:
        holes &= ~lesion.mask.on(whole.grid)
    with_holes = replace(scene, structures={**scene.structures, "liver": Mask(holes, whole.grid)})
    intact = g.findings(g.assess(patient.case, scene))
    cut_out = g.findings(g.assess(patient.case, with_holes))
    assert cut_out["liver"]["volume_ml"] == intact["liver"]["volume_ml"]
    assert cut_out["resections"] == intact["resections"]
    assert any(n["code"] == "liver-completed" for n in cut_out["notices"])


def test_no_lesions_and_no_images_still_make_an_honest_dossier(patient, tmp_path):
    for name, scene in (("none", replace(patient.scene, lesions=())), ("no-scan", None)):
        g.write_dossier(g.assess(patient.case, scene), tmp_path / name)
        assert "Not assessed because" in (tmp_path / name / "dossier.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan", "{missing}", "-o", "{out}"], "case.yaml"),
        (["init", "{out}", "--liver", "{missing}"], "does not exist"),
        (["demo", "-o", "{out}", "--primary", "moon"], "moon"),
        (["demo", "-o", "{out}", "--shape", "12"], "three numbers"),
        (["init", "{out}", "--liver", "x.nii.gz", "--organ", "spleen"], "NAME=FILE"),
    ],
)
def test_refusals_name_what_is_wrong_and_leave_nothing(arguments, says, tmp_path):
    given = [a.format(missing=tmp_path / "missing", out=tmp_path / "out") for a in arguments]
    done = CliRunner().invoke(app, given)
    assert done.exit_code != 0
    assert isinstance(done.exception, g.GlissonError)
    assert says in str(done.exception)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_full_disk_leaves_the_old_dossier_whole(patient, tmp_path, monkeypatch):
    result = g.assess(patient.case, patient.scene)
    g.write_dossier(result, tmp_path / "out")
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glisson.imaging.write.os.fdopen", full)
    with pytest.raises(g.GlissonError, match="full"):
        g.write_dossier(result, tmp_path / "out")
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_out_may_not_be_a_folder_with_other_files(patient, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("keep me")
    with pytest.raises(g.GlissonError, match="letters"):
        g.write_dossier(g.assess(patient.case, patient.scene), tmp_path / "letters")
    assert (tmp_path / "letters" / "dear.txt").read_text() == "keep me"
    shutil.rmtree(tmp_path / "letters")
