"""`glisson segment couinaud`: labels 1 to 8 on the mask's own grid, and nothing written when anything is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from glisson.cli.segment import segment
from glisson.errors import FrameMismatch, ImageError, InputError, OutputError
from glisson.geometry import Grid, Mask
from glisson.imaging import read_labels, read_mask, write_mask

app = typer.Typer()
app.add_typer(segment, name="segment")


@pytest.fixture
def files(tmp_path):
    """A liver-sized ball with two tubes, on a grid that runs to R, A and S; a tube on another grid."""
    grid = Grid((60, 52, 50), np.diag([-4.0, -4.0, 4.0, 1.0]))
    x, y, z = np.indices(grid.shape) - np.array([30, 26, 25])[:, None, None, None]
    ball = (x / 26) ** 2 + (y / 20) ** 2 + (z / 18) ** 2 < 1
    masks = {"liver": ball, "portal": ball & (np.hypot(y, z) < 3), "hepatic": ball & (np.hypot(x, z + 4) < 3)}
    masks["vessels"] = masks["portal"] | masks["hepatic"]
    masks["empty"] = np.zeros_like(ball)
    for name, data in masks.items():
        write_mask(tmp_path / f"{name}.nii.gz", Mask(data, grid))
    other = Grid((60, 52, 50), np.diag([-4.1, -4.0, 4.0, 1.0]))
    write_mask(tmp_path / "strange.nii.gz", Mask(masks["portal"], other))
    return tmp_path


def run(files, *more, liver="liver", out="out.nii.gz"):
    words = ["segment", "couinaud", "--liver", files / f"{liver}.nii.gz", "-o", files / out, *more]
    return CliRunner().invoke(app, [str(word) for word in words])


def test_labels_cover_the_liver_on_its_own_grid(files):
    result = run(files, "--json")
    assert result.exit_code == 0, result.output
    given, written = read_mask(files / "liver.nii.gz"), read_labels(files / "out.nii.gz")
    assert written.grid.same_as(given.grid)
    assert np.array_equal(written.data > 0, given.data)
    said = json.loads(result.stdout)
    assert said["reviewed"] is False
    assert said["vessels"] == []
    assert list(said["volumes_ml"]) == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"]
    for value, (name, ml) in enumerate(said["volumes_ml"].items(), start=1):
        assert ml == pytest.approx(np.count_nonzero(written.data == value) * 0.064, abs=1e-3)
        assert 0 <= said["confidence"][name] <= 1


def test_two_systems_are_the_merged_vessels(files):
    apart = run(files, "--portal", files / "portal.nii.gz", "--hepatic", files / "hepatic.nii.gz", out="a.nii.gz")
    merged = run(files, "--vessels", files / "vessels.nii.gz", out="b.nii.gz")
    alone = run(files, out="c.nii.gz")
    assert [r.exit_code for r in (apart, merged, alone)] == [0, 0, 0]
    a, b, c = (read_labels(files / f"{name}.nii.gz").data for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert "liver and vessels" in merged.stdout
    assert "liver alone" in alone.stdout
    assert "Look at the borders before use" in alone.stdout


@pytest.mark.parametrize(
    ("more", "liver", "error"),
    [
        (("--vessels", "vessels", "--portal", "portal"), "liver", InputError),
        (("--vessels", "strange"), "liver", FrameMismatch),
        (("--portal", "nowhere"), "liver", ImageError),
        ((), "empty", InputError),
    ],
)
def test_nothing_is_written_when_anything_is_wrong(files, more, liver, error):
    words = [w if w.startswith("--") else files / f"{w}.nii.gz" for w in more]
    result = run(files, *words, liver=liver)
    assert isinstance(result.exception, error)
    assert not (files / "out.nii.gz").exists()


def test_a_folder_that_cannot_be_written_is_said(files):
    (files / "file").write_text("")
    assert isinstance(run(files, out="file/out.nii.gz").exception, OutputError)
