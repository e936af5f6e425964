"""`glisson segment …` as a person types it: files in, files out, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from glisson.cli.segment import segment
from glisson.errors import ImageError, InputError, MissingExtra
from glisson.geometry import Mask
from glisson.imaging import read_mask, write_mask, write_volume
from glisson.simulate import virtual_patient


def run(*arguments: object):
    """The sub-app on its own, as `glisson segment`."""
    app = typer.Typer()
    app.add_typer(segment, name="segment")
    result = CliRunner().invoke(app, ["segment", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> tuple[Path, object]:
    """A virtual patient's scan and liver as files, and the scene."""
    folder = tmp_path_factory.mktemp("segment")
    scene = virtual_patient(
        seed=4, shape=(128, 128, 107), spacing_mm=(3.0, 3.0, 3.0), lesions=2, diameters_mm=[36, 24], noise_hu=10
    ).scene
    write_volume(folder / "ct.nii.gz", scene.image)
    write_mask(folder / "liver.nii.gz", scene.liver, scene.grid)
    return folder, scene


def index_of(scene, lesion) -> str:
    return ",".join(f"{round(i)}" for i in scene.grid.to_index(lesion.mask.centroid_mm))


def test_liver_writes_a_mask_on_the_scans_grid(patient, tmp_path):
    folder, scene = patient
    out = tmp_path / "liver.nii.gz"
    said = json.loads(run("liver", "--ct", folder / "ct.nii.gz", "-o", out, "--json").stdout)
    found = read_mask(out)
    assert found.grid == scene.grid
    assert said["volume_ml"] == pytest.approx(found.volume_ml, abs=0.1)
    truth = scene.liver.on(scene.grid)
    assert 2 * (found.data & truth).sum() / (found.data.sum() + truth.sum()) > 0.93
    assert said["reviewed"] is False
    assert said["notices"][0]["code"] == "liver-automatic"


def test_lesion_from_a_point_a_line_and_with_a_stroke(patient, tmp_path):
    folder, scene = patient
    lesion = scene.lesions[0]
    truth = lesion.mask.on(scene.grid)
    common = ("lesion", "--ct", folder / "ct.nii.gz", "--liver", folder / "liver.nii.gz")
    run(*common, "--point", index_of(scene, lesion), "-o", tmp_path / "point.nii.gz")
    from glisson.lesions import axial_diameters

    ends = scene.grid.to_index(axial_diameters(lesion.mask, 2).longest.ends_mm)
    line = ":".join(",".join(f"{i:.2f}" for i in end) for end in ends)
    shown = run(*common, "--line", line, "-o", tmp_path / "line.nii.gz")
    assert "nobody has reviewed it" in shown.stdout
    for name in ("point", "line"):
        found = read_mask(tmp_path / f"{name}.nii.gz").data
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.75
    stroke = np.zeros(scene.grid.shape, np.bool_)
    stroke[tuple(np.argwhere(truth)[0])] = True
    write_mask(tmp_path / "out.nii.gz", Mask(stroke, scene.grid))
    run(
        *common, "--mask", tmp_path / "point.nii.gz", "--scribble-out", tmp_path / "out.nii.gz",
        "-o", tmp_path / "mended.nii.gz",
    )  # fmt: skip
    assert not (read_mask(tmp_path / "mended.nii.gz").data & stroke).any()


def test_what_does_not_fit_is_refused(patient, tmp_path):
    folder, scene = patient
    common = ("lesion", "--ct", folder / "ct.nii.gz", "--liver", folder / "liver.nii.gz", "-o", tmp_path / "l.nii.gz")
    for extra, words in (
        ((), "Give one of --point"),
        (("--point", "1,2,3", "--line", "1,2,3:4,5,6"), "Give one of --point"),
        (("--point", "500,2,3"), "outside the scan, which has 128x128x107"),
        (("--point", "a,b"), "three numbers"),
        (("--line", "1,2,3"), "two points with a colon"),
        (("--mask", folder / "liver.nii.gz"), "--mask needs strokes"),
    ):
        with pytest.raises(InputError, match=words):
            run(*common, *extra)
    assert not (tmp_path / "l.nii.gz").exists()
    flat = tmp_path / "flat.nii.gz"
    write_mask(flat, Mask(np.ones((20, 20, 20), np.bool_), scene.grid.crop((slice(0, 20),) * 3)))
    with pytest.raises(ImageError, match="No liver was found"):
        run("liver", "--ct", flat, "-o", tmp_path / "l.nii.gz")


def test_auto_without_totalsegmentator_gives_the_install_line(patient, tmp_path, monkeypatch):
    from importlib.util import find_spec

    if find_spec("totalsegmentator") is not None:
        pytest.skip("TotalSegmentator is installed here")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match="pip install"):
        run("auto", "--ct", patient[0] / "ct.nii.gz", "-o", tmp_path / "case")
    assert not (tmp_path / "case").exists()
    with pytest.raises(InputError, match="There is no task 'nose'"):
        run("auto", "--ct", patient[0] / "ct.nii.gz", "-o", tmp_path / "case", "--task", "nose")


def test_auto_writes_a_case_that_reads_back(patient, tmp_path, monkeypatch):
    """The runs are replaced by label maps of the virtual patient's own masks."""
    from glisson.geometry import Labels
    from glisson.imaging import read_case
    from glisson.imaging.totalsegmentator import TASKS, TaskResult
    from glisson.scene import SourceFile

    folder, scene = patient

    def answer(ct, name, **settings):
        data = np.zeros(scene.grid.shape, np.uint8)
        if name == "total":
            data[scene.liver.on(scene.grid)] = 5
        for lesion in scene.lesions if name == "liver_lesions" else ():
            data[lesion.mask.on(scene.grid)] = 1
        return TaskResult(
            name, Labels(data, scene.grid, dict(TASKS[name].classes)), SourceFile("masks", name, "0" * 64)
        )

    monkeypatch.setattr("glisson.imaging.totalsegmentator.run_task", answer)
    shown = run("auto", "--ct", folder / "ct.nii.gz", "-o", tmp_path / "case").stdout
    assert "never presumed complete" in shown
    case, again = read_case(tmp_path / "case")
    assert again is not None
    assert len(again.lesions) == 2
    assert again.liver.count == scene.liver.count
    assert "nobody has reviewed" in case.studies[0].masks.reviewed_by.reason
    with pytest.raises(InputError, match="exists already"):
        run("auto", "--ct", folder / "ct.nii.gz", "-o", tmp_path / "case")
