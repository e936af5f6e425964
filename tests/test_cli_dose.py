"""`glisson dose …` as scripts call it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from glisson.cli.dose import dose
from glisson.errors import InputError
from glisson.geometry import Grid, Mask, Volume
from glisson.imaging import RtHeader, read_image, read_rtdose, write_mask, write_rtdose, write_rtstruct, write_volume
from glisson.planning.dose import dvh
from glisson.report.figures import parts_of
from glisson.report.figures.dose import CURVE_COLOURS, ISODOSE_COLOURS, dvh_picture, isodose_picture
from glisson.report.figures.palette import rgb
from glisson.scene import Scene


def run(*arguments: object):
    return CliRunner().invoke(dose, [str(a) for a in arguments])


def answer(*arguments: object):
    done = run(*arguments, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.output)


Y90 = ("--tumour-ml", 200, "--normal-ml", 800, "--tnr", 3, "--lung-shunt", 0.1, "--residual", 0.1, "--lung-kg", 1)


def test_y90_by_partition():
    found = answer("y90", "--model", "partition", "--target-gy", 300, *Y90, "--constant", 49.67)
    keys = ("injected_gbq", "vial_gbq", "lung_gy", "tumour_gy", "normal_gy")
    assert [found[key] for key in keys] == pytest.approx([3.225734, 3.584149, 16.0222, 300, 100], rel=1e-5)
    assert found["constant"].startswith("49.67 J/GBq")
    assert found["assumed"] == []


def test_y90_by_the_other_models():
    """Uniform: vector UR. bsa: 170 cm and 70 kg give 1.8097 GBq, less 20 % for a shunt of 12 %."""
    uniform = answer("y90", "--model", "uniform", "--target-gy", 100, "--normal-ml", 1000, "--lung-shunt", 0.1)
    assert uniform["injected_gbq"] == pytest.approx(2.304096, abs=1e-6)
    assert uniform["assumed"] == ["tnr 1", "residual 0", "lung_kg 1"]
    surface = ("--height-cm", 170, "--weight-kg", 70, "--tumour-ml", 300, "--normal-ml", 1200)
    assert answer("y90", "--model", "bsa", *surface, "--lung-shunt", 0.12)["injected_gbq"] == pytest.approx(
        1.4477, abs=1e-4
    )
    glass = answer("y90", "--model", "glass", "--target-gy", 100, "--normal-ml", 1000, "--density", 1)
    assert glass["injected_gbq"] == pytest.approx(2.0)
    later = answer("y90", "--model", "glass", "--target-gy", 100, "--normal-ml", 1000, "--density", 1, "--hours", 64.1)
    assert later["vial_at_calibration_gbq"] == pytest.approx(4.0)


def test_y90_within_limits_names_the_one_that_binds():
    found = answer(
        "y90",
        "--model",
        "partition",
        "--target-gy",
        300,
        *Y90,
        "--limits",
        "--product",
        "glass",
        "--setting",
        "lobectomy",
    )
    assert found["binding"]["quantity"] == "normal_gy"
    assert found["normal_gy"] == pytest.approx(75)
    assert found["tumour_gy"] == pytest.approx(225)
    assert len(found["limits"]) == 4


def test_bed():
    found = answer("bed", "--dose-gy", 60, "--fractions", 3, "--alpha-beta", 10)
    assert (found["bed_gy"], found["eqd2_gy"]) == pytest.approx((180, 150))
    two = answer("bed", "--dose-gy", 60, "--fractions", 3, "--alpha-beta", 10, "--alpha-beta", 3)
    assert [row["bed_gy"] for row in two["compared"]] == pytest.approx([180, 460])
    decaying = answer("bed", "--dose-gy", 100, "--alpha-beta", 10, "--repair-hours", 1.5)
    assert decaying["bed_gy"] == pytest.approx(122.866, abs=0.001)


@pytest.fixture
def files(tmp_path):
    """1 GBq/kg in a cube of 60 mm inside empty tissue, 1.04 g/mL; its mask; a liver and a lesion."""
    grid = Grid.axial((26, 26, 26), (4.0,) * 3, (-50.0, 20.0, 300.0))
    inside = np.zeros(grid.shape, bool)
    inside[5:20, 5:20, 5:20] = True
    lesion = np.zeros(grid.shape, bool)
    lesion[11:14, 11:14, 11:14] = True
    write_volume(tmp_path / "a.nii.gz", Volume((inside * 1.04e6).astype(np.float32), grid))
    write_mask(tmp_path / "m.nii.gz", Mask(inside, grid))
    write_mask(tmp_path / "lesion.nii.gz", Mask(lesion, grid))
    write_mask(tmp_path / "rest.nii.gz", Mask(inside & ~lesion, grid))
    return tmp_path


def test_dose_maps(files):
    """Local deposition gives 49.67 Gy inside and nothing outside; both methods hold the same energy."""
    for method in ("vsv", "local"):
        found = answer("map", "--activity", files / "a.nii.gz", "--method", method, "-o", files / f"{method}.nii.gz")
        assert found["assumed"] == ["unit Bq/mL", "the image shows the activity when the spheres were given"]
        assert found["activity_gbq"] == pytest.approx(1.04e-3 * 216)
    kernel, local = (read_image(files / f"{method}.nii.gz")[0].data for method in ("vsv", "local"))
    assert local[12, 12, 12] == pytest.approx(49.67, rel=1e-5)
    assert kernel.sum() == pytest.approx(local.sum(), rel=1e-4)
    assert 0 < kernel[4, 12, 12] < 25 < kernel[5, 12, 12] < 49
    answer("map", "--activity", files / "a.nii.gz", "--method", "local", "-o", files / "d.dcm")
    assert read_rtdose(files / "d.dcm").dose.data.max() == pytest.approx(49.67, rel=1e-5)


def test_histograms_of_masks_and_structure_sets(files):
    answer("map", "--activity", files / "a.nii.gz", "--method", "local", "-o", files / "d.nii.gz")
    found = answer(
        "dvh", "--dose", files / "d.nii.gz", "--mask", files / "lesion.nii.gz", "--at-gy", 40, "--at-percent", 95
    )
    assert found["mean_gy"] == pytest.approx(49.67, rel=1e-5)
    assert (found["volume_ml"], found["v_percent"]["V40"]) == pytest.approx((1.728, 100), rel=1e-3)
    assert found["d_gy"]["D95"] == pytest.approx(49.67, rel=1e-5)
    assert found["curve"]["volume_percent"][0] == 100
    image, _ = read_image(files / "d.nii.gz")
    write_rtdose(files / "d.dcm", image, RtHeader(frame_uid="1.2.3"))
    inside = np.asarray(image.data) > 1
    write_rtstruct(files / "s.dcm", {"box": Mask(inside, image.grid)}, RtHeader(frame_uid="1.2.3"))
    picture = files / "dvh.png"
    by_contour = answer(
        "dvh", "--dose", files / "d.dcm", "--structures", files / "s.dcm", "--structure", "box", "--figure", picture
    )
    assert by_contour["volume_ml"] == pytest.approx(216, rel=0.01)
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_gamma_of_two_doses(files):
    grid = Grid.axial((10, 10, 10), (2.0,) * 3)
    write_volume(files / "r.nii.gz", Volume(np.full(grid.shape, 50.0), grid))
    write_volume(files / "e.nii.gz", Volume(np.full(grid.shape, 50.75), grid))
    criteria = ("--dose-percent", 3, "--distance-mm", 3)
    found = answer("gamma", "--reference", files / "r.nii.gz", "--evaluated", files / "e.nii.gz", *criteria)
    assert (found["pass_percent"], found["mean"]) == pytest.approx((100, 0.5))
    done = run("gamma", "--reference", files / "r.nii.gz", "--evaluated", files / "e.nii.gz", "-o", files / "g.nii.gz")
    assert "pass_percent" in done.output
    assert read_image(files / "g.nii.gz")[0].data.max() == pytest.approx(0.5)


def test_spared_checks_and_comparison(files):
    spared = answer(
        "spared", "--liver", files / "m.nii.gz", "--lesion", files / "lesion.nii.gz", "--margin-mm", 5, "--dose-gy", 50,
        "--below-gy", 15,
    )  # fmt: skip
    assert spared["low_ml"] <= spared["estimate_ml"] <= spared["high_ml"]
    answer("map", "--activity", files / "a.nii.gz", "--method", "local", "-o", files / "d.nii.gz")
    done = run(
        "check",
        "--dose",
        files / "d.nii.gz",
        "--fractions",
        6,
        "--organ",
        f"stomach={files / 'lesion.nii.gz'}",
        "--json",
    )
    verdicts = {row["structure"]: row["verdict"] for row in json.loads(done.output)["checks"]}
    assert (done.exit_code, verdicts["stomach"], verdicts["heart"]) == (1, "fail", "not checkable")
    masks = ("--tumour", files / "lesion.nii.gz", "--normal", files / "rest.nii.gz")
    beside = answer("compare", "--activity", files / "a.nii.gz", *masks)
    assert beside["tnr"] == pytest.approx(1.0, rel=1e-5)


def pixels_of(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)


def near(pixels: np.ndarray, colour: str) -> np.ndarray:
    """Rows and columns, (n, 2), of the pixels that look like a colour."""
    return np.argwhere(np.abs(pixels - np.array(rgb(colour))).max(axis=2) < 40)


def test_isodose_line_is_where_the_dose_is():
    """A dose that falls 1 Gy/mm from 100 Gy: the 80 Gy line is a circle of 40 mm across, twice the 90 Gy one."""
    grid = Grid.axial((80, 80, 20), (2.0, 2.0, 3.0), (-79.0, -79.0, 0.0))
    places = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) - (0, 0, 30)
    away = np.linalg.norm(places, axis=-1)
    scene = Scene(grid, {"liver": Mask(away <= 50, grid)})
    volume = Volume(np.maximum(100 - away, 0), grid)
    picture = isodose_picture(parts_of(scene), volume, [80, 90])
    assert picture.png == isodose_picture(parts_of(scene), volume, [80, 90]).png
    assert "80, 90 Gy" in picture.caption
    pixels = pixels_of(picture)[120:]
    widths = [np.ptp(near(pixels, colour)[:, 1]) for colour in ISODOSE_COLOURS[-2:]]
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.1)
    for levels in ([], [90, 80], [0, 1], [1, 2, 3, 4, 5, 6]):
        with pytest.raises(InputError):
            isodose_picture(parts_of(scene), volume, levels)
    far = Volume(volume.data, Grid.axial(grid.shape, (2.0, 2.0, 3.0), (900.0, 0.0, 0.0)))
    with pytest.raises(InputError, match="does not reach"):
        isodose_picture(parts_of(scene), far, [80])


def test_histogram_picture_shows_each_curve_and_says_its_numbers():
    grid = Grid.axial((10, 10, 10), (2.0,) * 3)
    inside = np.zeros(grid.shape, bool)
    inside[2:8, 2:8, 2:8] = True
    curves = {f"s{n}": dvh(Volume(np.full(grid.shape, 10.0 * n), grid), Mask(inside, grid)) for n in (1, 2)}
    picture = dvh_picture(curves)
    assert "s1: mean 10 Gy" in picture.alt
    assert all(len(near(pixels_of(picture), colour)) > 200 for colour in CURVE_COLOURS[:2])
    with pytest.raises(InputError):
        dvh_picture({})
    with pytest.raises(InputError):
        dvh_picture({str(n): curves["s1"] for n in range(7)})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("y90", "--model", "uniform", "--target-gy", 100, "--normal-ml", 1000, "--lung-shunt", 1), "everything"),
        (("y90", "--model", "uniform", "--target-gy", 100, "--normal-ml", 1000, "--lung-kg", 0), "lung mass"),
        (("y90", "--model", "magic", "--target-gy", 100, "--normal-ml", 1000), "not known"),
        (("y90", "--model", "uniform", "--normal-ml", 1000), "--target-gy"),
        (("y90", "--model", "bsa", "--normal-ml", 1000), "--height-cm"),
        (("y90", "--model", "uniform", "--target-gy", 1, "--normal-ml", 9, "--limits"), "partition"),
        (("bed", "--dose-gy", 60, "--fractions", 3), "--alpha-beta"),
        (("bed", "--dose-gy", 60, "--fractions", 0, "--alpha-beta", 10), "fractions"),
    ],
)
def test_refusals_say_what_to_do(arguments, words):
    done = run(*arguments)
    assert isinstance(done.exception, InputError)
    assert words in str(done.exception)


def test_images_that_cannot_be_meant_are_refused(files):
    grid = Grid.axial((4, 4, 4), (4.0,) * 3)
    write_volume(files / "tiny.nii.gz", Volume(np.ones(grid.shape), grid))
    write_volume(files / "negative.nii.gz", Volume(-np.ones(grid.shape), grid))
    out = ("-o", files / "x.nii.gz")
    for arguments, words in (
        (("map", "--activity", files / "tiny.nii.gz", *out), "no unit"),
        (("map", "--activity", files / "negative.nii.gz", "--unit", "Bq/mL", *out), "negative"),
        (("map", "--activity", files / "a.nii.gz", "--unit", "counts", *out), "--total-gbq"),
        (("map", "--activity", files / "a.nii.gz", "--nuclide", "I-131", *out), "I-131"),
        (("dvh", "--dose", files / "tiny.nii.gz", "--mask", files / "m.nii.gz"), "outside the dose grid"),
        (("dvh", "--dose", files / "tiny.nii.gz"), "--mask"),
    ):
        assert words in str(run(*arguments).exception)
    assert not (files / "x.nii.gz").exists()
