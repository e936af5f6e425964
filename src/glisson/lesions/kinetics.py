"""How fast a lesion grows or a marker rises: doubling time with its interval, and when a size is reached, as a range.

Growth is taken as exponential: the logarithm of a size is a straight line in time, fitted by least squares. Every
measurement has the same relative error, so the interval comes from that error and the days, not from how well the
points happen to lie on a line; two points are enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from glisson.errors import InputError
from glisson.lesions.response.limits import surge_rules, variability

__all__ = [
    "Growth", "MarkerCourse", "Projection", "diameter_error", "growth_of", "marker_course", "project", "volume_error",
]  # fmt: skip

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""

DIMENSIONS = 3
"""The volume of a sphere goes with the third power of its diameter."""

MEASURES = {"diameters_mm": "diameter", "volumes_ml": "volume", "values": "marker"}


@dataclass(frozen=True)
class Growth:
    """Exponential growth through measured sizes.

    doubling_days: time in which the volume (or the marker) doubles; negative: it halves in that time. fastest_days,
    slowest_days: 95 % interval of it in days of doubling; None where the interval reaches no growth at all, so that no
    doubling time can be given on that side. growing: whether it grows (True), shrinks (False), or neither is certain
    (None); without a measuring error the sign of the slope alone. rate_per_day, rate_error: slope of the logarithm and
    its standard error. level, level_error: logarithm of the size `middle` days after `first`. points: how many sizes.
    measure: diameter, volume or marker.
    """

    doubling_days: float | None
    fastest_days: float | None
    slowest_days: float | None
    growing: bool | None
    rate_per_day: float
    rate_error: float
    level: float
    level_error: float
    middle: float
    first: date
    last: date
    points: int
    measure: str


@dataclass(frozen=True)
class Projection:
    """A projection, not a finding: when a size is reached if growth goes on as it was.

    earliest, expected, latest: days of the 95 % range; None where it is never reached on that side. already: it is that
    large now. text: the same in words.
    """

    size: float
    unit: str
    earliest: date | None
    expected: date | None
    latest: date | None
    already: bool
    text: str


@dataclass(frozen=True)
class MarkerCourse:
    """Course of a tumour marker under treatment.

    growth: through all values. surge: an early rise was followed by a fall below baseline (True), was not (False), or
    may yet be (None). text: in words.
    """

    growth: Growth
    surge: bool | None
    text: str


def diameter_error(one_reader: bool = True) -> float:
    """Relative standard deviation of one measured diameter, from the published limits of agreement of two.

    Two measurements differ by the square root of two more than each errs, and 95 % limits are 1.96 deviations wide.
    Source: the table `measurement-variability` (doi:10.1016/j.ejca.2015.10.014).
    """
    return _single_error("one diameter", one_reader)


def volume_error() -> float:
    """Relative standard deviation of one outlined volume (doi:10.1016/j.ejrad.2012.05.018)."""
    return _single_error("volume", True)


def _single_error(measured: str, one_reader: bool) -> float:
    low, high = variability(measured, one_reader)
    return (math.log1p(high / 100) - math.log1p(low / 100)) / (2 * Z95 * math.sqrt(2))


def growth_of(
    days: Sequence[date],
    *,
    volumes_ml: Sequence[float] | None = None,
    diameters_mm: Sequence[float] | None = None,
    values: Sequence[float] | None = None,
    relative_error: float | None = None,
) -> Growth:
    """Growth through two or more sizes of one lesion, or values of one marker.

    days: of the measurements, all different. volumes_ml, diameters_mm or values (of a marker): one of them, all above
    0. Doubling is of the volume; a diameter counts with its third power. relative_error: standard deviation of one
    measurement as a share of it; without it the published one, and for a marker none, so that no interval is given.
    Raises InputError for fewer than two days, equal days, sizes not above 0.
    """
    given = {"volumes_ml": volumes_ml, "diameters_mm": diameters_mm, "values": values}
    named = [(name, sizes) for name, sizes in given.items() if sizes is not None]
    if len(named) != 1:
        raise InputError("Growth needs one of volumes_ml, diameters_mm or values.")
    name, sizes = named[0]
    _check(days, sizes, name)
    power = DIMENSIONS if name == "diameters_mm" else 1
    if relative_error is None:
        relative_error = {"diameters_mm": diameter_error, "volumes_ml": volume_error}.get(name, lambda: 0.0)()
    if relative_error < 0:
        raise InputError(f"A relative error is 0 or more; given {relative_error:g}.")
    known_error = relative_error > 0 or name != "values"
    pairs = sorted(zip(days, sizes, strict=True))
    first = pairs[0][0]
    times = [float((day - first).days) for day, _ in pairs]
    logs = [power * math.log(size) for _, size in pairs]
    return _fit(times, logs, power * relative_error, pairs, known_error, MEASURES[name])


def _check(days: Sequence[date], sizes: Sequence[float], name: str) -> None:
    if len(days) != len(sizes):
        raise InputError(f"{len(days)} days and {len(sizes)} {name}; there must be one for each.")
    if len(days) < 2:
        raise InputError(f"Growth needs two measurements or more; given {len(days)}.")
    if len(set(days)) < len(days):
        twice = next(day for day in days if list(days).count(day) > 1)
        raise InputError(f"Two measurements are of {twice}. Give one a day.")
    for day, size in zip(days, sizes, strict=True):
        if not (math.isfinite(size) and size > 0):
            raise InputError(f"{name} of {day}: {size} is not above 0, so it has no growth rate. Leave that day out.")


def _fit(
    times: Sequence[float],
    logs: Sequence[float],
    error: float,
    pairs: Sequence[tuple[date, float]],
    known: bool,
    measure: str,
) -> Growth:
    middle, level = sum(times) / len(times), sum(logs) / len(logs)
    spread = sum((t - middle) ** 2 for t in times)
    rate = sum((t - middle) * (y - level) for t, y in zip(times, logs, strict=True)) / spread
    rate_error = error / math.sqrt(spread)
    low, high = rate - Z95 * rate_error, rate + Z95 * rate_error
    growing = None if low <= 0 <= high else rate > 0
    return Growth(
        doubling_days=math.log(2) / rate if rate else None,
        fastest_days=math.log(2) / high if known and high > 0 else None,
        slowest_days=math.log(2) / low if known and low > 0 else None,
        growing=growing,
        rate_per_day=rate,
        rate_error=rate_error,
        level=level,
        level_error=error / math.sqrt(len(times)),
        middle=middle,
        first=pairs[0][0],
        last=pairs[-1][0],
        points=len(pairs),
        measure=measure,
    )


def project(growth: Growth, *, diameter_mm: float | None = None, volume_ml: float | None = None) -> Projection:
    """When a lesion reaches a size if it grows on as it did: a range, named a projection.

    diameter_mm or volume_ml: the size, in the measure that `growth` was made from. The range is where the 95 % band of
    the fitted line meets the size (Fieller's interval). It knows measuring error alone: treatment, and growth that
    slows with size, it does not know. Raises InputError for a size not above 0 or in another measure.
    """
    if (diameter_mm is None) == (volume_ml is None):
        raise InputError("A projection needs a diameter_mm or a volume_ml.")
    size, unit = (diameter_mm, "mm") if diameter_mm is not None else (volume_ml, "mL")
    assert size is not None
    if not size > 0:
        raise InputError(f"A projected size is above 0; given {size:g}.")
    if {"mm": "diameter", "mL": "volume"}[unit] != growth.measure:
        raise InputError(f"The growth was made from a {growth.measure}; project the same measure, not {unit}.")
    aim = math.log(size) * (DIMENSIONS if unit == "mm" else 1)
    end = float((growth.last - growth.first).days)
    ahead = end - growth.middle
    now = growth.level + growth.rate_per_day * ahead
    if now >= aim:
        text = f"projection: {size:g} {unit} is reached already on {growth.last}"
        return Projection(size, unit, growth.last, growth.last, growth.last, True, text)
    rise = aim - growth.level
    expected = _day(growth, rise / growth.rate_per_day) if growth.rate_per_day > 0 else None
    earliest, latest = (_day(growth, step) for step in _band(growth, rise))
    if now + Z95 * math.hypot(growth.level_error, growth.rate_error * ahead) >= aim:
        earliest = growth.last
    return Projection(size, unit, earliest, expected, latest, False, _projected(size, unit, earliest, expected, latest))


def _band(growth: Growth, rise: float) -> tuple[float | None, float | None]:
    """Days after the middle at which the upper and the lower edge of the band reach `rise` above the level: the roots
    of (rise - rate t)^2 = Z^2 (level_error^2 + rate_error^2 t^2). None where an edge never does."""
    rate, slope, level = growth.rate_per_day, Z95 * growth.rate_error, Z95 * growth.level_error
    a, b, c = rate**2 - slope**2, -2 * rate * rise, rise**2 - level**2
    inside = b**2 - 4 * a * c
    if a == 0 or inside < 0:
        return None, None
    roots = sorted(((-b - math.sqrt(inside)) / (2 * a), (-b + math.sqrt(inside)) / (2 * a)))
    if a > 0:
        return (roots[0], roots[1]) if rate > 0 else (None, None)
    return max(roots), None


def _day(growth: Growth, after_middle: float | None) -> date | None:
    """The day so long after the middle, not before the last measurement; None beyond the calendar."""
    if after_middle is None:
        return None
    day = growth.first.toordinal() + max(growth.middle + after_middle, float((growth.last - growth.first).days))
    return date.fromordinal(round(day)) if day < date.max.toordinal() else None


def _projected(size: float, unit: str, earliest: date | None, expected: date | None, latest: date | None) -> str:
    if earliest is None and expected is None:
        return f"projection: {size:g} {unit} is not reached at this rate"
    until = f"and {latest}" if latest is not None else "and never"
    middle = f", expected {expected}" if expected is not None else ""
    return f"projection: {size:g} {unit} between {earliest} {until}{middle}, if it goes on as between the measurements"


def marker_course(
    days: Sequence[date], values: Sequence[float], *, relative_error: float | None = None
) -> MarkerCourse:
    """Doubling time of a marker and whether an early rise was a surge.

    days, values: from the start of treatment on, the first is the baseline. A surge is a rise of more than 20 % above
    baseline followed by a fall of more than 20 % below it; it is known only afterwards and lasted less than four months
    in its series. Source: Ailawadhi 2006 (doi:10.1159/000091184), of CEA in colorectal cancer. Raises InputError as
    `growth_of` does.
    """
    growth = growth_of(days, values=values, relative_error=relative_error)
    rules = surge_rules()
    pairs = sorted(zip(days, values, strict=True))
    start, baseline = pairs[0]
    risen = [day for day, value in pairs if value > baseline * (1 + rules.rise_percent / 100)]
    if not risen:
        return MarkerCourse(growth, False, "the marker did not rise above baseline by more than a surge does")
    fallen = [day for day, value in pairs if day > risen[0] and value < baseline * (1 - rules.fall_percent / 100)]
    if fallen:
        lasted = (fallen[0] - start).days
        return MarkerCourse(growth, True, f"surge: the marker rose and fell below baseline within {lasted} days")
    lasted = (pairs[-1][0] - start).days
    if lasted <= rules.longest_days:
        text = f"the marker has been up for {lasted} days; up to {rules.longest_days:g} days this may be a surge"
        return MarkerCourse(growth, None, text)
    return MarkerCourse(growth, False, f"the marker stays up after {lasted} days, longer than a surge lasts")
