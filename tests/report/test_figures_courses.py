"""Plots of one patient's lesions: what they show and say of sizes that a hand can compare."""

from __future__ import annotations

import io
from datetime import date
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from glisson.lesions.serial import Serial, Size
from glisson.report.figures.courses import lesion_courses, lesion_waterfall
from glisson.report.figures.palette import rgb
from glisson.report.figures.timeline import RESPONSE_COLOURS

DAYS = (date(2025, 1, 3), date(2025, 3, 4), date(2025, 6, 1))


def serial(**diameters: tuple[float | None, ...]) -> Serial:
    """Balls of these diameters in mm; None where a lesion is not seen."""
    sizes = {
        name: tuple(None if d is None else Size(d, np.pi / 6 * d**3 / 1000, 1) for d in own)
        for name, own in diameters.items()
    }
    one_a_day = tuple((n,) for n in range(len(DAYS)))
    nothing = MappingProxyType({})
    return Serial(DAYS, MappingProxyType(sizes), 0, one_a_day, (), (), nothing, nothing, 30.0)


LESIONS = {"L1": (30.0, 20.0, 24.0), "L2": (20.0, 26.0, 32.0), "L3": (12.0, 6.0, None), "L4": (None, None, 9.0)}


def test_the_waterfall_shows_the_best_change_largest_rise_first():
    picture = lesion_waterfall(serial(**LESIONS), list(LESIONS))
    assert "L2 +30 %; L1 -33 %; L3 not seen any more." in picture.alt
    assert "New: L4" in picture.alt
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    for word in ("PD", "PR", "CR"):
        assert (pixels == rgb(RESPONSE_COLOURS[word])).all(axis=2).sum() > 500


def test_the_courses_are_in_doublings_of_the_volume():
    """30 to 24 mm is a ratio of 0.512 of the volumes, 20 to 32 mm one of 4.096."""
    picture = lesion_courses(serial(**LESIONS), list(LESIONS))
    assert "L1 0.30 times, 0.51 times" in picture.alt
    assert "L2 2.20 times, 4.10 times" in picture.alt
    assert "L3 0.12 times, not seen" in picture.alt
    assert "RECIST" in picture.caption


def test_nothing_to_draw():
    new = serial(L1=(None, None, 9.0))
    assert lesion_waterfall(new, ["L1"]) is None
    assert lesion_courses(new, ["L1"]) is None


@pytest.mark.parametrize("count", [1, 20, 60])
def test_any_number_of_lesions_is_drawn_and_the_same_every_time(count):
    many = serial(**{f"L{n}": (20.0, 20.0 - n / 5, 20.0 + n / 7) for n in range(1, count + 1)})
    first, second = (lesion_waterfall(many, list(many.sizes)) for _ in range(2))
    assert first.png == second.png
    assert first.alt.count("%;") == count - 1


def test_scans_of_one_day_count_once():
    """CT and MR of 3 January: the CT counts, and the MR where the CT does not show the lesion."""
    days = (DAYS[0], DAYS[0], DAYS[1])
    sizes = {"L1": (Size(20, 4, 1), Size(22, 5, 1), Size(10, 0.5, 1)), "L2": (None, Size(8, 0.3, 1), Size(9, 0.4, 1))}
    nothing = MappingProxyType({})
    made = Serial(days, MappingProxyType(sizes), 0, ((0, 1), (2,)), (), (), nothing, nothing, 30.0)
    assert [size.longest_mm for _, size in made.course("L1")] == [20, 10]
    assert [size.longest_mm for _, size in made.course("L2")] == [8, 9]
    assert "L2 +12 %; L1 -50 %" in lesion_waterfall(made, ["L1", "L2"]).alt
