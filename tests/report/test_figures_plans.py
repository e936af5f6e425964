"""Pictures of plans: zones and hatches where geometry says, discs in the chart, the map of ways, slices of acts."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from glisson.geometry import Grid, Mask, Volume
from glisson.planning.needle import NeedlePath, NeedleSearch
from glisson.planning.needle_fan import BLOCKED, OPEN, directions
from glisson.planning.zones import Zone
from glisson.report.figures import Act, Parts, PlanDrawing, PlanPoint, pareto_chart, plan_3d
from glisson.report.figures import model_of as modelled
from glisson.report.figures.canvas import Canvas
from glisson.report.figures.needles import GAP, MAP_HEIGHT, PANEL, Surroundings, needle_picture
from glisson.report.figures.palette import ACTION_COLOURS, NEEDLE, ORGANS, ZONE, rgb
from glisson.report.figures.pareto import _apart, _radius, _scale
from glisson.report.figures.plan_sheets import ACROSS, MOST_ACTS, acts_sheet, plan_sheet
from glisson.report.figures.plan_slices import zone_outline
from glisson.report.figures.plan_view import _with_zones, hatch
from glisson.report.figures.planes import Cut, Frame
from glisson.report.figures.rays import VIEWS, Window
from glisson.report.figures.scan import Panel, Tones
from glisson.scene import LesionMask

GRID = Grid.axial((70, 60, 50), (2.0, 2.0, 2.0), (-69.0, -59.0, -49.0))
"""Voxel centres from -69 to 69 mm, -59 to 59 mm and -49 to 49 mm."""

POINTS = GRID.to_mm(np.indices(GRID.shape).transpose(1, 2, 3, 0))


def ball(middle: tuple[float, float, float], radius: float) -> Mask:
    return Mask(((POINTS - np.array(middle)) ** 2).sum(axis=-1) <= radius**2, GRID).trimmed()


LIVER = Mask((np.abs(POINTS) <= (60, 50, 40)).all(axis=-1), GRID)
MIDDLES = {"L1": (-40.0, 0.0, 0.0), "L2": (40.0, -30.0, 10.0)}


def the_parts() -> Parts:
    image = Volume(np.full(GRID.shape, 60, np.int16), GRID)
    lesions = tuple(LesionMask(name, ball(at, 8.0), "made") for name, at in MIDDLES.items())
    return Parts(GRID, image, Tones(-100.0, 220.0, True, "CT"), LIVER, None, {}, lesions)


def a_plan(count: int = 1) -> PlanDrawing:
    """A wedge of the patient's right half around L1, and ablations of L2."""
    wedge = Mask(LIVER.data & (POINTS[..., 0] < -25), GRID).trimmed()
    acts = [Act("w", "wedge", "wedge VI", "L1, margin 5.0 mm", ("L1",), wedge, wanted_mm=5.0)]
    zone = Zone(np.array(MIDDLES["L2"]), np.array([0.0, 0.0, 1.0]), 30.0, 40.0)
    for number in range(count):
        region = ball(MIDDLES["L2"], 15.0)
        acts.append(
            Act(f"a{number}", "ablation", "microwave ablation of L2", "1 zone", ("L2",), region, (zone,), wanted_mm=5.0)
        )
    marks = {"L1": ("X", ACTION_COLOURS["X"]), "L2": ("A", ACTION_COLOURS["A"])}
    return PlanDrawing("Wedge VI + microwave ablation of L2", tuple(acts), None, marks)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def near(image: np.ndarray, colour: str, tolerance: int = 12) -> np.ndarray:
    return (np.abs(image - np.array(rgb(colour))) <= tolerance).all(axis=-1)


@pytest.mark.parametrize(("view", "high_mm"), [("anterior", 40.0), ("inferior", 20.0), ("right", 40.0)])
def test_a_zone_is_seen_as_the_ellipse_of_its_shadow(view: str, high_mm: float) -> None:
    """A spheroid 20 mm across, 40 mm along S: an ellipse from the front and the side, a circle from below."""
    window = Window(-50.0, -50.0, 400, 400, 4.0)
    blank = np.full((400, 400, 3), 255, np.uint8)
    geometry = SimpleNamespace(window=window, view=VIEWS[view])
    zone = Zone(np.zeros(3), np.array([0.0, 0.0, 1.0]), 20.0, 40.0)
    drawn = (_with_zones(blank, geometry, [zone]) != 255).any(axis=-1)
    rows, columns = np.nonzero(drawn)
    assert (np.ptp(columns) + 1) / 4.0 == pytest.approx(20.0, abs=1.0)
    assert (np.ptp(rows) + 1) / 4.0 == pytest.approx(high_mm, abs=1.0)
    assert drawn.sum() / 16.0 == pytest.approx(np.pi / 4 * 20.0 * high_mm, rel=0.12)


def test_a_slanted_zone_throws_the_shadow_of_its_points() -> None:
    """The outline holds the projected points of the spheroid's own mesh, and no more than a rim beyond them."""
    window = Window(-40.0, -40.0, 320, 320, 4.0)
    zone = Zone(np.array([3.0, -2.0, 5.0]), np.array([1.0, 2.0, 2.0]), 18.0, 36.0)
    blank = np.full((320, 320, 3), 255, np.uint8)
    drawn = (_with_zones(blank, SimpleNamespace(window=window, view=VIEWS["anterior"]), [zone]) != 255).any(axis=-1)
    at = window.to_pixels(VIEWS["anterior"], zone.surface().vertices_mm)
    rows, columns = np.nonzero(drawn)
    for axis, found in ((0, columns), (1, rows)):
        assert found.min() == pytest.approx(at[:, axis].min(), abs=3)
        assert found.max() == pytest.approx(at[:, axis].max(), abs=3)


def test_a_hatch_repeats_at_its_distance_and_leans_as_its_sign() -> None:
    rows, columns = np.mgrid[0:60, 0:60]
    for sign, step in (("/", (-7, 7)), ("\\", (7, 7))):
        made = hatch(rows, columns, sign, 10.0)
        along = made[20 + step[0], 20 + step[1]]
        assert made[20, 20] == pytest.approx(along, abs=1e-6)
        assert np.allclose(made[:, :-10], made[:, 10:], atol=1e-6)
        assert 0.2 < made.mean() < 0.5


def test_the_section_of_a_zone_is_a_circle_of_its_radius() -> None:
    parts = the_parts()
    cut = Cut.through(GRID, "axial", GRID.to_index([0.0, 0.0, 0.0]))
    frame = Frame.around(cut.place([0.0, 0.0, 0.0])[0], 80.0, 320, 320)
    canvas = Canvas(320, 320, "#000000")
    zone_outline(Panel(canvas, parts, cut, frame), Zone(np.array([0.0, 0.0, cut.height_mm]), np.eye(3)[2], 30.0, 50.0))
    rows, columns = np.nonzero(near(canvas.pixels.astype(int), ZONE, 4))
    radii = np.hypot(rows + 0.5 - 160, columns + 0.5 - 160) / 4.0
    assert radii.size > 200
    assert radii.min() > 14.0
    assert radii.max() < 16.0


def test_the_wedge_lies_right_and_the_same_plan_gives_the_same_bytes() -> None:
    """The patient's right is on the left: the wedge's yellow is on the left half of the front view."""
    model = modelled(the_parts())
    made, again = (plan_3d(model, a_plan(), ("anterior",)) for _ in range(2))
    assert made.png == again.png
    image = pixels(made.png)
    yellow = (image[..., 0] > 150) & (image[..., 1] > 120) & (image[..., 2] < 90)
    body = yellow[: image.shape[0] // 2]
    assert body[:, : image.shape[1] // 2].sum() > 20 * max(body[:, image.shape[1] // 2 :].sum(), 1)
    assert "L1 X, L2 A" in made.alt
    assert "R on the left" in made.alt


def test_sheets_fill_a_page_and_say_what_they_leave_out() -> None:
    parts, plan = the_parts(), a_plan(MOST_ACTS + 2)
    sheet = acts_sheet(parts, plan, plan.acts)
    assert sheet is not None
    assert sheet.width == ACROSS
    assert "3 further acts" in sheet.caption
    assert "wedge VI, L1, margin 5.0 mm" in sheet.alt
    assert acts_sheet(parts, plan, ()) is None
    small = plan_sheet(parts, modelled(parts), a_plan(), ())
    assert small.width == ACROSS
    assert "wedge VI" in small.alt


def test_scales_hold_every_value_and_discs_do_not_meet() -> None:
    for values in ([196.0, 193.0, 190.0], [5.0], [0.0, 0.0], [12.0, 4000.0]):
        low, high, step = _scale(values)
        assert low <= min(values) <= max(values) <= high
        assert low >= 0.0
        assert (high - low) / step <= 8
    at = np.array([[100.0, 100.0], [101.0, 101.0], [400.0, 300.0]])
    radii = np.array([20.0, 30.0, 17.0])
    places = _apart(at, radii, (50, 50, 600, 500))
    for a in range(3):
        for b in range(a):
            assert np.hypot(*(places[a] - places[b])) >= radii[a] + radii[b]
    assert places[2].tolist() == at[2].tolist()
    assert _radius(0.0) < _radius(2.0) < _radius(None)


def test_the_chart_names_every_plan_with_its_numbers() -> None:
    points = [PlanPoint(str(n), f"Plan of kind {n}", 150.0 + 30 * n, 12.0, 2.0 + n, 0.5 * n) for n in range(1, 11)]
    made = pareto_chart(points, "wedge equivalents")
    assert all(f"{n}: Plan of kind {n}, {150 + 30 * n} mL lost" in made.alt for n in range(1, 11))
    assert made.png == pareto_chart(points, "wedge equivalents").png
    assert pareto_chart([PlanPoint("1", "Only one", 0.0, 0.0, 0.0, None)], "units").height >= 600


def a_search(target: tuple[float, float, float]) -> NeedleSearch:
    """Every way with a component to the front is barred 40 mm away; the others are open."""
    ways = directions(2000)
    fate = np.where(ways[:, 1] < 0, BLOCKED, OPEN).astype(np.int8)
    return NeedleSearch(
        "L2", (), 2000, {}, ("bone",), ("colon",), (), np.array(target), fate, np.full(2000, 40.0, np.float32)
    )


def a_path(target: tuple[float, float, float], way: tuple[float, float, float]) -> NeedlePath:
    out = np.array(way) / np.linalg.norm(way)
    at = np.array(target)
    return NeedlePath(
        entry_mm=at + 60 * out, target_mm=at, tip_mm=at, length_mm=60.0, in_lesion_mm=8.0, tract_mm=20.0,
        capsule_degrees=10.0, tilt_degrees=0.0, clearance_mm={"bone": 12.0}, limiting="bone", vessel_mm=None,
        lung_mm=None, side="left",
    )  # fmt: skip


def test_the_map_of_ways_has_the_front_in_the_middle_and_the_right_on_the_left() -> None:
    bone = Mask(POINTS[..., 1] < -50, GRID).trimmed()
    target = (0.0, 0.0, 0.0)
    made = needle_picture(
        the_parts(), a_search(target), Surroundings(GRID, {"bone": bone}), zone_paths=(a_path(target, (1.0, 0.0, 0.0)),)
    )
    assert made is not None
    image = pixels(made.png)
    left, wide, middle = PANEL + GAP + 34, PANEL - 42, 44 + MAP_HEIGHT // 2 + 20
    quarter = {name: left + round(share * wide) for name, share in (("R", 0.27), ("A", 0.55), ("P", 0.04))}
    assert near(image, ORGANS["bone"], 20)[middle, quarter["A"]]
    assert not near(image, ORGANS["bone"], 20)[middle, quarter["P"]]
    disc = np.nonzero(near(image, NEEDLE, 20)[:, left:])[1]
    assert np.median(disc) == pytest.approx(0.75 * wide, abs=20)
    assert "Not checked: colon" in made.caption
    assert needle_picture(the_parts(), a_search(target), Surroundings(GRID, {})) is None


def test_the_nearest_group_is_the_one_beside_a_point() -> None:
    bone, lung = Mask(POINTS[..., 1] < -50, GRID).trimmed(), Mask(POINTS[..., 0] > 60, GRID).trimmed()
    around = Surroundings(GRID, {"lung_left": lung, "bone": bone, "ball": ball((0, 40, 0), 6)})
    names = list(around.groups())
    assert names == ["bone", "lung", "other organs"]
    found = around.nearest(np.array([[0.0, -45.0, 0.0], [55.0, 10.0, 0.0], [0.0, 30.0, 0.0]]))
    assert [names[number - 1] for number in found] == names
