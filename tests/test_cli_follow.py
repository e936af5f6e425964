"""`glisson register` and `follow` as typed: CT and MR-like scans of a virtual liver, and a resection with its plan."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from glisson.cli.follow import follow, register
from glisson.cli.virtual import simulated, write_virtual_case
from glisson.errors import InputError
from glisson.geometry import Mask
from glisson.geometry.itk import itk
from glisson.imaging import read_case, write_mask
from glisson.simulate import Resected, virtual_series

SIZE = {"shape": (96, 80, 60), "spacing_mm": (3.6, 3.6, 4.2)}

app = typer.Typer()
app.command()(register)
app.command()(follow)


def run(*arguments: str | Path):
    return CliRunner().invoke(app, [str(word) for word in arguments])


@pytest.fixture(scope="module")
def pair():
    """A CT and, after one breath and a few days, an MR-like scan of the same virtual patient."""
    return virtual_series(seed=9, months=(0, 0.2), lesions=5, mr=(1,), new=0.0, **SIZE)


@pytest.fixture(scope="module")
def folder(pair, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("pair") / "case"
    write_virtual_case(pair, place)
    return place


def scans_of(folder: Path) -> list[Path]:
    return [folder / "scan-1" / "ct.nii.gz", folder / "scan-2" / "mr.nii.gz"]


def both(folder: Path, name: str) -> list[Path]:
    return [folder / f"scan-{n}" / f"{name}.nii.gz" for n in (1, 2)]


def true_errors(pair, transform: Path) -> np.ndarray:
    """Distance in mm of where the written map puts tissue of the CT on the MR scan from where it truly lies, for places
    all over the liver. The map is read by SimpleITK, not by the code that wrote it."""
    sitk = itk()
    found = sitk.ReadTransform(str(transform))
    liver = pair.visits[0].scene.liver
    places = liver.grid.to_mm(np.argwhere(liver.data))[::211]
    there = np.array([found.TransformPoint(tuple(place)) for place in places])
    return np.linalg.norm(there - pair.visits[1].movement.from_first(places), axis=1)


@pytest.fixture(scope="module")
def with_veins(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("veins") / "out"
    made = run(
        "register", *scans_of(folder), "--masks", *both(folder, "liver"), "--hide", *both(folder, "lesions"),
        "--portal", *both(folder, "portal"), "--hepatic", *both(folder, "hepatic"), "-o", out, "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.exception
    return out


def test_ct_and_mr_are_laid_over_each_other(pair, with_veins):
    """At most 3 mm in the median, 6 mm for 95 of 100."""
    errors = true_errors(pair, with_veins / "fixed_to_moving.h5")
    assert np.median(errors) < 3.0
    assert np.percentile(errors, 95) < 6.0
    names = {path.name for path in with_veins.iterdir()}
    assert {"moving_on_fixed.nii.gz", "overlay.png", "registration.json", "moving_liver_on_fixed.nii.gz"} <= names


def test_the_error_that_is_said_holds(pair, with_veins):
    """Said is a deviation along each axis, so 95 of 100 places lie within 2.8 of them; found on the veins' forks."""
    said = json.loads((with_veins / "registration.json").read_text())
    assert said["measured_on"] == "vessel forks"
    assert said["forks"] >= 6
    assert not said["doubtful"]
    errors = true_errors(pair, with_veins / "fixed_to_moving.h5")
    assert np.mean(errors <= 2.8 * said["error_mm"]) >= 0.9
    assert any("vessel forks" in text for text in said["notices"])


def test_without_vessels_the_outline_tells_the_error(folder, tmp_path):
    out = tmp_path / "out"
    made = run("register", *scans_of(folder), "--masks", *both(folder, "liver"), "-o", out, "--json", "--rigid")
    said = json.loads(made.stdout)
    assert said["measured_on"] == "outline"
    assert not said["bent"]


def test_beyond_the_stated_error_the_overlay_is_refused_in_words(folder, tmp_path):
    """Laid over the CT by an outline of half the liver: the outlines do not fit, and that is said."""
    _case, scene = read_case(folder)
    ct = scene.earlier[0]
    middle = ct.liver.centroid_mm[0]
    half = ct.liver.data & (ct.liver.grid.to_mm(np.moveaxis(np.indices(ct.liver.grid.shape), 0, -1))[..., 0] < middle)
    write_mask(tmp_path / "half.nii.gz", Mask(half, ct.liver.grid), ct.grid)
    made = run(
        "register", *scans_of(folder), "--masks", tmp_path / "half.nii.gz", both(folder, "liver")[1], "--rigid",
        "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    said = json.loads(made.stdout)
    assert said["refused"]
    assert any("too uncertain" in text for text in said["notices"])


@pytest.fixture(scope="module")
def operated(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("operated") / "case"
    made = virtual_series(seed=5, months=(0, 2), lesions=3, new=0.0, resected=Resected(1, (5, 6, 7, 8)), **SIZE)
    write_virtual_case(made, place)
    labels = made.visits[0].scene.segments
    removed = Mask(np.isin(labels.data, (5, 6, 7, 8)), labels.grid).trimmed()
    write_mask(place.parent / "plan.nii.gz", removed, made.visits[0].scene.grid)
    return place


def test_a_resection_is_compared_with_its_plan_and_seeding_is_written_aside(operated, tmp_path):
    table = tmp_path / "seeding.csv"
    made = run("follow", operated, "--plan", operated.parent / "plan.nii.gz", "--research", table, "--json")
    assert made.exit_code == 0, made.exception
    data = json.loads(made.stdout)
    (one,) = data["resected"]
    assert one["planned_ml"] > 500
    assert one["left_of_plan_ml"]["value"] < 0.06 * one["planned_ml"]
    assert one["left_of_plan_ml"]["low"] <= one["left_of_plan_ml"]["value"] <= one["left_of_plan_ml"]["high"]
    assert "seed" not in made.stdout
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["model"] for row in rows} == {"exponential", "gompertz"}
    assert all(row["seeded_expected"] or row["why_not"] for row in rows)
    assert all("measuring error alone" in row["interval"] for row in rows)


def test_a_plan_that_does_not_fit_is_refused(folder, operated, tmp_path):
    def refusal(*arguments) -> str:
        made = run("follow", *arguments)
        assert isinstance(made.exception, InputError)
        return str(made.exception)

    assert "no resection of the record" in refusal(folder, "--plan", operated.parent / "plan.nii.gz")
    assert "holds no map of plan 1" in refusal(operated, "--plan", tmp_path)
    grid = read_case(folder)[1].grid.crop((slice(0, 90), slice(0, 80), slice(0, 60)))
    write_mask(tmp_path / "other.nii.gz", Mask(np.ones(grid.shape, bool), grid), grid)
    assert "another lattice than scan-1" in refusal(operated, "--plan", tmp_path / "other.nii.gz")


def test_a_resection_is_simulated_by_the_names_of_its_segments():
    made = simulated(
        months=2, every=2, treated=None, mr=[], shape="64,56,44", spacing="5.4,5.2,5.8", resected="2:VI,VII", seed=1,
        lesions=0, primary="colorectal", growth="exponential", new=0.0, swelling=1.0,
    )  # fmt: skip
    before, after = (visit.scene.segments.values for visit in made.visits)
    assert {6, 7} <= set(before)
    assert not {6, 7} & set(after)
    with pytest.raises(InputError, match="2:V,VI,VII,VIII"):
        simulated(months=2, every=2, treated=None, mr=[], shape="64,56,44", spacing="5,5,6", resected="right")
