"""Whole pictures of made livers: what they show, where, with which words, and the same bytes every time."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glisson.anatomy import segment_map
from glisson.errors import InputError
from glisson.geometry import Grid, Labels, Mask, Volume
from glisson.report.figures import (
    Parts,
    Picture,
    coverage_montage,
    key_axial,
    lesion_card,
    model_of,
    overview_3d,
    parts_of,
    remnant_bars,
    resection_strip,
)
from glisson.report.figures.labels import lesion_numbers, place_boxes
from glisson.report.figures.palette import (
    ACTION_COLOURS,
    INK,
    KEPT,
    LESION,
    PAPER,
    SEGMENT_TINTS,
    SOFT,
    VESSELS,
    contrast,
    ink_on,
    rgb,
)
from glisson.report.figures.rays import VIEWS, Window, cast
from glisson.report.figures.render import window_for
from glisson.scene import ImageFacts, LesionMask, Scene

LIVER_MM = (70.0, 55.0, 50.0)
"""Half axes of the made liver along L, P and S; its middle is the origin."""

LESIONS = {"L1": ((-45.0, 5.0, 5.0), 12.0), "L2": ((40.0, -10.0, -8.0), 8.0)}
"""L1 in the patient's right half, L2 in the left half and further to the front."""


def a_body(
    codes: str = "LPS",
    spacing: tuple[float, float, float] = (2.0, 2.0, 3.0),
    *,
    image: bool = True,
    segments: bool = True,
    vessels: bool = True,
    modality: str | None = "CT",
    lesions: dict[str, Any] | None = None,
) -> tuple[Scene, Grid]:
    """An ellipsoid of a liver with ball lesions and a bar as portal vein, on a grid with the given axis codes."""
    affine = np.eye(4)
    shape = []
    half = (90.0, 75.0, 65.0)
    for axis, letter in enumerate(codes):
        world = next(w for w, pair in enumerate(("RL", "AP", "IS")) if letter in pair)
        sign = 1.0 if letter in "LPS" else -1.0
        count = round(2 * half[world] / spacing[axis])
        affine[:3, axis] = 0
        affine[world, axis] = sign * spacing[axis]
        affine[world, 3] = -sign * spacing[axis] * (count - 1) / 2
        shape.append(count)
    grid = Grid((shape[0], shape[1], shape[2]), affine)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    points = grid.to_mm(index)
    liver = ((points / LIVER_MM) ** 2).sum(axis=-1) <= 1
    balls = LESIONS if lesions is None else lesions
    masks = {name: np.linalg.norm(points - at, axis=-1) <= radius for name, (at, radius) in balls.items()}
    structures = {"liver": Mask(liver, grid).trimmed()}
    if vessels:
        bar = (np.abs(points[..., 1]) < 5) & (np.abs(points[..., 2]) < 5) & (np.abs(points[..., 0]) < 60)
        structures["portal"] = Mask(bar, grid).trimmed()
    hu = np.where(liver, 110, -20).astype(np.int16)
    for mask in masks.values():
        hu[mask] = 50
    halves = np.where(liver, np.where(points[..., 0] < 0, 6, 3), 0).astype(np.uint8)
    scene = Scene(
        grid=grid,
        structures=structures,
        image=Volume(hu, grid) if image else None,
        lesions=tuple(LesionMask(name, Mask(mask, grid).trimmed()) for name, mask in masks.items()),
        segments=Labels(halves, grid) if segments else None,
        facts=ImageFacts(modality=modality),
    )
    return scene, grid


def the_parts(*args: Any, **options: Any) -> Parts:
    scene, _ = a_body(*args, **options)
    return parts_of(scene, scene.liver, segment_map(scene, scene.liver))


def a_finding(parts: Parts, name: str = "L1", at: Any = None, radius: float | None = None) -> SimpleNamespace:
    middle, size = LESIONS[name] if at is None else (at, radius)
    middle = np.array(middle)
    index = parts.grid.to_index(middle)
    return SimpleNamespace(
        id=name,
        longest_axial_mm=2.0 * size,
        longest_axial_ends_mm=middle + np.array([[-size, 0, 0], [size, 0, 0]]),
        perpendicular_mm=2.0 * size - 1,
        perpendicular_ends_mm=middle + np.array([[0, -size, 0], [0, size, 0]]),
        axial_slice=round(float(index[parts.grid.slice_axis])),
    )


def a_resection(parts: Parts, **changes: Any) -> SimpleNamespace:
    right = parts.segments.data == 6 if parts.segments is not None else None
    values = {
        "name": "Right hepatectomy",
        "removed": None if right is None else Mask(right, parts.segments.grid),
        "remnant_percent_nontumour": 48.0,
        "remnant_percent_standardised": 44.0,
        "verdict": "enough",
        "clears": ("L1",),
        "leaves": ("L2",),
    }
    return SimpleNamespace(**{**values, **changes})


def pixels(picture: Picture) -> np.ndarray:
    image = Image.open(io.BytesIO(picture.png))
    assert image.size == (picture.width, picture.height)
    return np.asarray(image.convert("RGB")).astype(int)


def near_colour(image: np.ndarray, colour: str, slack: int = 40) -> np.ndarray:
    return (np.abs(image - rgb(colour)).max(axis=-1)) <= slack


def middle_of(hit: np.ndarray) -> tuple[float, float]:
    """x and y of the middle of the pixels hit, as shares of the picture."""
    assert hit.any()
    rows, columns = np.nonzero(hit)
    return columns.mean() / hit.shape[1], rows.mean() / hit.shape[0]


RED, BLUE = "#ff2020", "#2040ff"
MARKS = {"L1": ("R", RED), "L2": ("L", BLUE)}
CODES = ["LPS", "RAS", "LAI", "PSR", "SLA"]


@pytest.mark.parametrize("codes", CODES)
def test_the_right_lesion_is_on_the_left_of_the_key_slice_on_every_grid(codes: str) -> None:
    lesions = {"L1": ((-40.0, 20.0, 0.0), 10.0), "L2": ((40.0, -20.0, 0.0), 8.0)}
    picture = key_axial(the_parts(codes, lesions=lesions), MARKS)
    image = pixels(picture)
    right, left = middle_of(near_colour(image, RED)), middle_of(near_colour(image, BLUE))
    assert right[0] < 0.5 < left[0]
    assert left[1] < right[1]  # L2 lies further to the front, which is up
    assert "L1, L2 outlined and numbered" in picture.alt
    assert "right is on the left" in picture.alt
    assert "L1 R, L2 L" in picture.alt
    assert picture.caption.startswith("CT, window W 320 L 60 HU")


def test_the_same_patient_gives_the_same_key_slice_whichever_way_the_grid_runs() -> None:
    first, second = (pixels(key_axial(the_parts(codes, (2.0, 2.0, 2.0)), MARKS)) for codes in ("LPS", "RAI"))
    assert first.shape == second.shape
    assert np.abs(first - second).max() <= 2


@pytest.mark.parametrize("codes", CODES[::2])
def test_lesions_lie_right_in_the_drawing_on_every_grid(codes: str) -> None:
    lesions = {"L1": ((-45.0, 5.0, 25.0), 10.0), "L2": ((40.0, -10.0, -20.0), 8.0)}
    picture = overview_3d(model_of(the_parts(codes, lesions=lesions, vessels=False)), MARKS, ("anterior",))
    image = pixels(picture)[: picture.height * 85 // 100]
    reds = (image[..., 0] > 150) & (image[..., 1] < 90) & (image[..., 2] < 90)
    blues = (image[..., 2] > 150) & (image[..., 0] < 120) & (image[..., 1] < 120)
    right, left = middle_of(reds), middle_of(blues)
    assert right[0] < 0.5 < left[0]
    assert right[1] < left[1]  # L1 lies higher, and up is up


@pytest.mark.parametrize("view", list(VIEWS))
def test_rays_meet_a_ball_where_it_is(view: str) -> None:
    at, radius = np.array([7.0, -4.0, 11.0]), 15.0
    eye = VIEWS[view]
    np.testing.assert_allclose(np.cross(eye.right, eye.down), eye.into)  # a picture that is no mirror image
    scene, _ = a_body("PSR", (1.0, 1.5, 1.0), lesions={"L1": (at, radius)}, image=False, segments=False)
    field = model_of(parts_of(scene)).lesions["L1"]
    u, v, w = at @ eye.basis
    window = Window(u - 25, v - 25, 200, 200, 4.0)
    front, back = cast(field, eye, window), cast(field, eye, window, backwards=True)
    np.testing.assert_allclose(front.points_mm(eye, window).mean(axis=0) @ eye.basis[:, :2], (u, v), atol=0.3)
    inner = np.hypot(front.columns - 99.5, front.rows - 99.5) < 0.8 * radius * 4
    away = np.linalg.norm(front.points_mm(eye, window) - at, axis=1)
    np.testing.assert_allclose(away[inner], radius, atol=0.6)
    outward = (front.points_mm(eye, window) - at) / away[:, None]
    assert ((front.normals @ eye.basis.T) * outward).sum(axis=1)[inner].min() > 0.95
    assert abs(front.depth.min() - (w - radius)) < 0.6
    assert abs(back.depth.max() - (w + radius)) < 0.6
    assert abs(np.sqrt(front.depth.size / np.pi) / 4 - radius) < 0.4


def test_a_card_has_the_patients_right_on_the_left_and_says_so() -> None:
    parts = the_parts("RAS")
    picture = lesion_card(parts, a_finding(parts), MARKS)
    assert (picture.width, picture.height) == (995, 660)
    assert "longest diameter 24.0 mm, perpendicular 23.0 mm" in picture.alt
    assert "head up" in picture.alt
    # the capsule of the right-sided lesion is nearer on the left of the axial cut: the liver ends there first
    grey = pixels(picture)[300:360, :660].mean(axis=(0, 2))
    assert grey[:60].mean() < grey[600:].mean()


def test_the_lesion_is_as_large_in_the_card_as_the_scale_says() -> None:
    parts = the_parts("LPS", (1.0, 1.0, 4.0), vessels=False)
    image = pixels(lesion_card(parts, a_finding(parts), {"L1": ("", RED)}))
    field_mm = 90.0
    for left, top, side in ((0, 0, 660), (670, 0, 325), (670, 335, 325)):
        hit = near_colour(image[top : top + side, left : left + side], RED, 60)
        rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
        scale = side / field_mm
        assert abs(np.ptp(columns) / scale - 24) < 4.5
        assert abs(np.ptp(rows) / scale - 24) < 6.5
        assert abs(columns.mean() - side / 2) < 4 * scale


def test_cards_without_scan_segments_vessels_and_at_the_border() -> None:
    bare = the_parts(image=False, segments=False, vessels=False)
    assert "no scan was given" in lesion_card(bare, a_finding(bare)).caption
    edge = {"L1": ((-60.0, 0.0, -62.0), 10.0)}
    cut = the_parts(lesions=edge)
    assert lesion_card(cut, a_finding(cut, "L1", *edge["L1"])).png.startswith(b"\x89PNG")
    assert key_axial(bare).caption.startswith("No scan was given")
    assert "no vessels" in overview_3d(model_of(bare), views=["anterior"]).alt
    none = the_parts(lesions={})
    assert "no lesion on this slice" in key_axial(none).alt
    assert "0 lesions" in overview_3d(model_of(none), views=["inferior"]).alt
    assert "No lesion is outlined" in coverage_montage(none)[0].alt


def test_a_card_of_a_lesion_without_outline_says_what_is_missing() -> None:
    parts = the_parts()
    finding = a_finding(parts)
    finding.id = "L9"
    with pytest.raises(InputError, match=r"No outline of lesion L9.*L1, L2"):
        lesion_card(parts, finding)


def test_mr_is_shown_between_percentiles_and_flat_scans_do_not_fail() -> None:
    assert key_axial(the_parts(modality="MR")).caption.startswith("MR, grey from")
    scene, grid = a_body(modality="MR")
    flat = Scene(grid=grid, structures=scene.structures, image=Volume(np.zeros(grid.shape), grid), facts=scene.facts)
    assert key_axial(parts_of(flat)).png.startswith(b"\x89PNG")


def test_a_tilted_scan_says_that_the_cuts_are_tilted() -> None:
    scene, grid = a_body()
    angle = np.radians(12)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]

    def tilted(old: Grid) -> Grid:
        return Grid(old.shape, turn @ old.affine)

    moved = Scene(
        grid=tilted(grid),
        structures={name: Mask(mask.data, tilted(mask.grid)) for name, mask in scene.structures.items()},
        image=Volume(scene.image.data, tilted(grid)),
        facts=scene.facts,
    )
    assert "tilted by up to 12°" in key_axial(parts_of(moved)).caption
    assert "tilted" not in key_axial(parts_of(scene)).caption


def test_every_lesion_is_on_the_montage_even_between_its_slices() -> None:
    tiny = {f"L{n}": ((-40.0 + 8 * n, 0.0, -38.0 + 7.3 * n), 1.6) for n in range(1, 11)}
    parts = the_parts("LPS", (2.0, 2.0, 1.0), lesions=tiny)
    pictures = coverage_montage(parts)
    words = " ".join(picture.alt for picture in pictures)
    assert all(f"{name}," in words or f"{name}." in words for name in tiny)
    assert len(pictures) == 2
    assert "part 1 of 2" in pictures[0].alt


def test_the_montage_runs_from_the_top_down_on_every_grid() -> None:
    lesions = {"L1": ((-20.0, 0.0, 35.0), 8.0), "L2": ((20.0, 0.0, -35.0), 8.0)}
    for codes in CODES[::2]:
        image = pixels(coverage_montage(the_parts(codes, lesions=lesions), MARKS)[0])
        assert middle_of(near_colour(image, RED))[1] < 0.5 < middle_of(near_colour(image, BLUE))[1]


def test_the_strip_shows_what_is_removed_on_its_side() -> None:
    parts = the_parts(vessels=False)
    model = model_of(parts)
    picture = resection_strip(model, [a_resection(parts)])
    assert picture is not None
    image = pixels(picture)[: picture.width * 7 // 10]
    green = (image[..., 1] > image[..., 0] + 40) & (image[..., 2] > image[..., 0] + 25)
    assert middle_of(green)[0] > 0.6  # the left half of the liver is kept
    assert "remnant 48 % of non-tumour liver, 44 % standardised" in picture.alt
    assert "lesions removed L1, left L2" in picture.alt
    assert resection_strip(model, [a_resection(parts, removed=None)]) is None
    assert resection_strip(model, []) is None


def test_bars_are_as_long_as_their_percent_and_lines_stand_at_their_threshold() -> None:
    parts = the_parts()
    picture = remnant_bars([a_resection(parts, remnant_percent_standardised=None)], [("limit", 30.0)])
    image = pixels(picture)
    left, right = round(1400 * 0.34), 1400 - 110
    hit = near_colour(image, KEPT, 6)
    row = int(np.argmax(hit.sum(axis=1)))
    length = hit[row].sum() + 3  # the dashed line covers some of it
    assert abs(length / (right - left) * 100 - 48) < 0.6
    dark = near_colour(image, INK, 60)[: row + 40, left + 20 : right]
    column = left + 20 + int(np.argmax(dark.sum(axis=0)))
    assert abs((column - left) / (right - left) * 100 - 30) < 0.6
    assert "Right hepatectomy 48 % and not known" in picture.alt
    assert "limit 30 %" in picture.alt
    assert remnant_bars([]).alt.endswith("no resection.")


def test_the_same_input_gives_the_same_bytes_and_no_stamp() -> None:
    def all_pictures() -> list[bytes]:
        parts = the_parts()
        model = model_of(parts)
        strip = resection_strip(model, [a_resection(parts)])
        assert strip is not None
        made = [key_axial(parts, MARKS), lesion_card(parts, a_finding(parts), MARKS), *coverage_montage(parts, MARKS)]
        made += [overview_3d(model, MARKS, ["anterior"]), strip, remnant_bars([a_resection(parts)], [("limit", 30.0)])]
        assert all(picture.alt.endswith(".") and picture.caption.endswith(".") for picture in made)
        return [picture.png for picture in made]

    first, second = all_pictures(), all_pictures()
    assert first == second
    for png in first:
        assert not any(mark in png for mark in (b"tIME", b"tEXt", b"iTXt"))


def test_small_lesions_are_drawn_large_enough_to_see_and_named() -> None:
    parts = the_parts(lesions={"L1": ((-30.0, 0.0, 0.0), 1.2)})
    model = model_of(parts)
    assert model.small == ("L1",)
    assert "5 mm across, to be seen: L1" in overview_3d(model, views=["anterior"]).caption
    window = window_for(model, "anterior", 300)
    hits = cast(model.lesions["L1"], VIEWS["anterior"], window)
    assert abs(2 * np.sqrt(hits.depth.size / np.pi) / window.scale - 5) < 0.6


def test_numbers_neither_overlap_nor_leave_the_picture() -> None:
    rng = np.random.default_rng(5)
    anchors = rng.uniform((40, 40), (560, 360), (30, 2))
    sizes = np.tile([50.0, 26.0], (30, 1))
    places = place_boxes(anchors, rng.uniform(2, 30, 30), sizes, (600, 400))
    for a in range(30):
        assert (places[a] >= sizes[a] / 2).all()
        assert (places[a] <= np.array([600, 400]) - sizes[a] / 2).all()
        for b in range(a):
            assert (np.abs(places[a] - places[b]) >= sizes[a] - 1e-9).any(), (a, b)


def test_lesions_are_called_as_the_record_calls_them() -> None:
    assert lesion_numbers(["L1", "L12"]) == {"L1": "1", "L12": "12"}
    assert lesion_numbers(["A", "B2"]) == {"A": "A", "B2": "B2"}
    assert lesion_numbers(["large one", "L2"]) == {"large one": "1", "L2": "2"}


def test_contrast_is_that_of_the_standard_and_texts_reach_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # a published pair
    assert contrast(SOFT, PAPER) >= 4.5
    for colour in (LESION, *ACTION_COLOURS.values()):
        assert contrast(ink_on(colour), colour) >= 4.5
        assert contrast(colour, "#000000") >= 3  # outlines on scans
    for tint in SEGMENT_TINTS.values():
        assert contrast(INK, tint) >= 4.5
    for colour in (KEPT, *VESSELS.values()):
        assert contrast(colour, PAPER) >= 2.5
