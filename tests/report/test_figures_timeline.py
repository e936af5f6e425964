"""Pictures of response over time: what they show and say, and the same bytes every time."""

from __future__ import annotations

import io
from datetime import date, timedelta

import numpy as np
import pytest
from PIL import Image

from glisson.errors import InputError
from glisson.lesions.response import Reading, Response, respond, timelines
from glisson.report.figures.palette import rgb
from glisson.report.figures.timeline import RESPONSE_COLOURS, spider, sum_over_time, waterfall

START = date(2026, 1, 5)


def course(patient: str, *sizes: float | None, new_at: int | None = None, criterion: str = "recist-1.1") -> Response:
    rows = []
    for number, size in enumerate(sizes):
        day = START + timedelta(56 * number)
        state = "not evaluable" if size is None else "measured" if size else "absent"
        rows.append(Reading(2, patient, None, day, "T1", "liver", "target", False, state, diameter_mm=size))
        if new_at == number:
            rows.append(Reading(2, patient, None, day, "X", "liver", "new", False, "measured", diameter_mm=12.0))
    return respond(timelines(rows)[0], criterion)


def pixels(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def shows(picture, word: str) -> bool:
    return bool((pixels(picture) == rgb(RESPONSE_COLOURS[word])).all(axis=2).sum() > 50)


def test_sums_show_each_response_in_its_colour_and_words() -> None:
    picture = sum_over_time(course("P1", 100, 60, None, 72))
    assert picture is not None
    assert shows(picture, "PR")
    assert shows(picture, "PD")
    assert not shows(picture, "SD")
    for words in ("2026-01-05 100 mm baseline", "60 mm PR", "not measured NE", "72 mm PD"):
        assert words in picture.alt
    assert "best PR, confirmed SD" in picture.caption
    assert pixels(picture).shape == (picture.height, picture.width, 3)


def test_a_new_lesion_is_named() -> None:
    picture = sum_over_time(course("P1", 50, 50, new_at=1))
    assert picture is not None
    assert "with a new lesion" in picture.alt


def test_nothing_to_draw() -> None:
    assert sum_over_time(course("P1", None, None)) is None
    assert spider([course("P1", None, 50)]) is None
    assert spider([]) is None
    assert waterfall([course("P1", None, 50)]) is None


def test_spider_names_every_change() -> None:
    picture = spider([course("P1", 100, 60, 50), course("P2", 40, 60)])
    assert picture is not None
    assert "P1 -40 % at week 8 (PR), -50 % at week 16 (PR)" in picture.alt
    assert "P2 +50 % at week 8 (PD)" in picture.alt


def test_waterfall_takes_the_deepest_fall_before_progression_largest_rise_first() -> None:
    """100, 60, 80, 20: 80 is progression, so the 20 after it does not count."""
    picture = waterfall([course("P1", 100, 60, 80, 20), course("P2", 40, 60), course("P3", 50, None)])
    assert picture is not None
    assert "patient P2 +50 %, PD; patient P1 -40 %, SD" in picture.alt
    assert "No change known: patient P3" in picture.alt
    assert shows(picture, "PD")
    assert shows(picture, "SD")


def test_one_criterion_a_plot_and_not_too_many_bars() -> None:
    mixed = [course("P1", 50, 40), course("P1", 50, 40, criterion="irecist")]
    for draw in (spider, waterfall):
        with pytest.raises(InputError, match="one criterion"):
            draw(mixed)
    with pytest.raises(InputError, match="at most 40"):
        waterfall([course(f"P{n}", 50, 40) for n in range(41)])


@pytest.mark.parametrize("sizes", [(1.0, 1.0), (1000.0, 1.0), (10.0, 9000.0), (50.0, 0.0)])
def test_extreme_sums_are_drawn(sizes: tuple[float, ...]) -> None:
    one = course("P1", *sizes)
    assert sum_over_time(one) is not None
    assert spider([one]) is not None
    assert waterfall([one]) is not None


def test_the_same_bytes_every_time() -> None:
    responses = [course("P1", 100, 60, 72), course("P2", 40, 30)]
    for draw in (lambda: sum_over_time(responses[0]), lambda: spider(responses), lambda: waterfall(responses)):
        first, second = draw(), draw()
        assert first is not None
        assert second is not None
        assert first.png == second.png
