"""What the criteria of response speak of: one reading of one lesion on one date, the patient's timeline, the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

__all__ = [
    "KINDS", "STATES", "Best", "DateResponse", "Reading", "Response", "Timeline", "TrackedLesion", "exact", "percent",
]  # fmt: skip

KINDS = ("target", "non-target", "new")

STATES = (
    "measured", "absent", "too small", "merged", "present", "increased", "progression", "equivocal", "not evaluable",
)  # fmt: skip
"""What is said of a lesion on a date. measured: it has a diameter. merged: part of another lesion's diameter.
increased: grown since the last date, less than unequivocally. equivocal: it may not be a new lesion."""


@dataclass(frozen=True)
class Reading:
    """One row of the table: one lesion on one date by one reader.

    line: line of the file. diameter_mm: longest diameter, of a node its short axis. enhancing_mm: longest diameter that
    enhances in the arterial phase. suv: peak uptake by lean mass (SULpeak). hu: mean density in the portal phase.
    morphology: group 1 to 3. slice_mm: slice thickness of the scan. liver_suv, liver_suv_sd: mean and deviation of the
    liver's uptake. markers_raised: tumour markers above normal on this date. None: not given. reason: words of the
    status.
    """

    line: int
    patient: str
    reader: str | None
    date: date
    lesion: str
    organ: str
    kind: str
    node: bool
    state: str
    reason: str = ""
    diameter_mm: float | None = None
    part_of: str | None = None
    enhancing_mm: float | None = None
    suv: float | None = None
    hu: float | None = None
    volume_ml: float | None = None
    morphology: int | None = None
    slice_mm: float | None = None
    liver_suv: float | None = None
    liver_suv_sd: float | None = None
    markers_raised: bool | None = None


@dataclass(frozen=True)
class TrackedLesion:
    """A lesion over all dates; what does not change."""

    name: str
    organ: str
    kind: str
    node: bool


@dataclass(frozen=True)
class Timeline:
    """All readings of one patient by one reader. The first date is the baseline.

    readings: (lesion, date) -> rows, one for the lesion itself and one for each piece that split off it.
    """

    patient: str
    reader: str | None
    dates: tuple[date, ...]
    lesions: tuple[TrackedLesion, ...]
    readings: Mapping[tuple[str, date], tuple[Reading, ...]]

    @property
    def baseline(self) -> date:
        """The first date."""
        return self.dates[0]

    def of_kind(self, kind: str) -> tuple[TrackedLesion, ...]:
        """Lesions of a kind, in the order of the table."""
        return tuple(lesion for lesion in self.lesions if lesion.kind == kind)

    def rows(self, lesion: str, day: date) -> tuple[Reading, ...]:
        """The rows of a lesion and its pieces on a date; empty where nobody looked at it."""
        return self.readings.get((lesion, day), ())

    def on(self, day: date) -> Iterator[Reading]:
        """Every row of a date."""
        for lesion in self.lesions:
            yield from self.rows(lesion.name, day)


@dataclass(frozen=True)
class DateResponse:
    """The answer of one criterion on one date.

    sum: sum of the targets in `unit`; None where a target was not measured. target, non_target: None where the patient
    has no such disease. overall: "baseline" on the first date. baseline_percent, nadir_percent: change of the sum
    against baseline and against its smallest earlier value. why: what decided. near: limits within measuring error.
    """

    date: date
    sum: float | None
    unit: str
    target: str | None
    non_target: str | None
    new: bool
    overall: str
    baseline_percent: float | None
    nadir_percent: float | None
    why: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Best:
    """Best overall response: without and with confirmation of CR and PR, and why."""

    best: str
    best_confirmed: str
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Response:
    """The answer of one criterion for one patient and reader. notes: what departs from the criterion, and what it was
    not made for."""

    criterion: str
    patient: str
    reader: str | None
    dates: tuple[DateResponse, ...]
    best: Best
    notes: tuple[str, ...] = ()


def exact(value: float) -> Fraction:
    """A number as it was written, so that 63 mm is exactly 30 % below 90 mm."""
    return Fraction(repr(float(value)))


def percent(now: Fraction, reference: Fraction) -> float | None:
    """Change against a reference in percent; None against zero."""
    return float(100 * (now - reference) / reference) if reference else None
