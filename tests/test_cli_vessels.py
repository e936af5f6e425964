"""`glisson vessels split`: files on the input grid, points by hand, and nothing written when anything is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from glisson.cli.vessels import FILES, vessels
from glisson.errors import FrameMismatch, InputError, OutputError
from glisson.geometry import Grid, Mask
from glisson.imaging import read_image, read_mask, write_mask

app = typer.Typer()
app.add_typer(vessels, name="vessels")


@pytest.fixture
def files(tmp_path):
    """A block of liver with a thick vessel low and another high, joined by a thread of one voxel."""
    grid = Grid.axial((60, 50, 50), (2.5, 2.5, 2.5))
    liver, tubes = (np.zeros(grid.shape, bool) for _ in range(2))
    liver[5:55, 5:45, 5:45] = True
    tubes[18:42, 23:28, 20:25] = True
    tubes[18:42, 23:28, 39:44] = True
    tubes[20, 25, 25:39] = True
    for name, data in (("liver", liver), ("merged", tubes)):
        write_mask(tmp_path / f"{name}.nii.gz", Mask(data, grid))
    return tmp_path


def run(files, *more, out="out"):
    words = [
        "vessels",
        "split",
        "--vessels",
        files / "merged.nii.gz",
        "--liver",
        files / "liver.nii.gz",
        "-o",
        files / out,
    ]
    return CliRunner().invoke(app, [str(word) for word in (*words, *more)])


LOW, HIGH = "100,63,55", "100,63,103"


def test_files_partition_the_input(files):
    result = run(files, "--portal-point", LOW, "--hepatic-point", HIGH)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (files / "out").iterdir()) == sorted(FILES)
    merged = read_mask(files / "merged.nii.gz")
    parts = [read_mask(files / "out" / f"{name}.nii.gz") for name in ("portal", "hepatic", "unassigned")]
    assert all(part.grid.same_as(merged.grid) for part in parts)
    assert (sum(part.data.astype(int) for part in parts) == merged.data).all()
    assert parts[0].data[30, 25, 22]
    assert parts[1].data[30, 25, 41]
    sure = read_image(files / "out" / "confidence.nii.gz")[0].data
    assert sure[~merged.data].max() == 0
    assert 0.9 < sure.max() <= 1
    assert "unreviewed" in result.output


def test_json_is_what_is_written(files):
    result = run(files, "--portal-point", LOW, "--hepatic-point", HIGH, "--json")
    said = json.loads(result.output)
    assert said == json.loads((files / "out" / "split.json").read_text())
    assert said["method"] == "separated"
    assert said["reviewed"] is False
    whole = read_mask(files / "merged.nii.gz").volume_ml
    assert sum(said["volume_ml"].values()) == pytest.approx(whole, abs=0.01)


def test_same_input_same_bytes(files):
    for out in ("one", "two"):
        assert run(files, "--portal-point", LOW, "--hepatic-point", HIGH, out=out).exit_code == 0
    for name in FILES:
        assert (files / "one" / name).read_bytes() == (files / "two" / name).read_bytes()


def test_earlier_result_is_replaced_and_nothing_else(files):
    assert run(files, "--portal-point", LOW, "--hepatic-point", HIGH).exit_code == 0
    assert run(files, "--portal-point", HIGH, "--hepatic-point", LOW).exit_code == 0
    assert read_mask(files / "out" / "portal.nii.gz").data[30, 25, 41]
    (files / "out" / "letter.txt").write_text("mine")
    result = run(files)
    assert isinstance(result.exception, OutputError)
    assert "letter.txt" in str(result.exception)
    assert (files / "out" / "letter.txt").read_text() == "mine"
    assert sorted(p.name for p in files.iterdir()) == ["liver.nii.gz", "merged.nii.gz", "out"]


def test_liver_saved_with_other_axes_is_turned(files):
    liver = read_mask(files / "liver.nii.gz")
    affine = np.diag([-2.5, 2.5, 2.5, 1.0])
    affine[0, 3] = 2.5 * 59
    write_mask(files / "liver.nii.gz", Mask(liver.data[::-1].copy(), Grid(liver.grid.shape, affine)))
    assert run(files, "--portal-point", LOW, "--hepatic-point", HIGH).exit_code == 0


@pytest.mark.parametrize(
    ("more", "error"),
    [(("--portal-point", "1,2"), InputError), (("--portal-point", "0,0,0"), InputError)],
)
def test_wrong_points_write_nothing(files, more, error):
    result = run(files, *more)
    assert isinstance(result.exception, error)
    assert not (files / "out").exists()


def test_liver_of_another_scan_writes_nothing(files):
    write_mask(files / "liver.nii.gz", Mask(np.ones((20, 20, 20), bool), Grid.axial((20, 20, 20), (3.0, 3.0, 3.0))))
    result = run(files)
    assert isinstance(result.exception, FrameMismatch)
    assert sorted(p.name for p in files.iterdir()) == ["liver.nii.gz", "merged.nii.gz"]
