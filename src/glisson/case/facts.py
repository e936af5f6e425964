"""The case as flat facts: dotted path -> value. This is all that rules see, so every path is in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from glisson.case import derived, kidney
from glisson.case import vocabulary as v
from glisson.case.given import not_listed
from glisson.case.kinds import Choice, Flag, Kind, Number
from glisson.case.labs import RESULTS, TESTS, Lab
from glisson.case.model import Biomarkers, Case, Extrahepatic, LiverBackground, Patient, Preferences, Primary
from glisson.case.sections import ListOf, declared
from glisson.case.unknown import Unknown

__all__ = ["Fact", "FactRow", "fact_table", "facts_of"]

Fact = str | int | float | bool | date | tuple[str, ...] | Unknown
"""What a fact may be."""


@dataclass(frozen=True)
class FactRow:
    """One fact that rules may name.

    type: "number", "true/false", "one of", "list", "date" or "text". options: the words of "one of" and "list".
    """

    path: str
    type: str
    unit: str
    meaning: str
    options: tuple[str, ...] = ()


ESTIMATED = {"egfr": "; where none is reported, by CKD-EPI 2021 from creatinine, age and sex (adults)"}
"""Tests that are estimated from others where they are not reported, and what is said of it."""

Row = tuple[FactRow, Callable[[Case], Fact]]
SECTIONS: Mapping[str, type] = {
    "patient": Patient, "primary": Primary, "biomarkers": Biomarkers, "liver": LiverBackground,
    "extrahepatic": Extrahepatic, "preferences": Preferences,
}  # fmt: skip
LISTS_OF_SECTIONS = ("patient.anticoagulants", "patient.antiplatelets", "liver.volumetries", "extrahepatic.sites")


def facts_of(case: Case) -> dict[str, Fact]:
    """Every fact of a case; the keys are exactly the paths of `fact_table`."""
    return {row.path: read(case) for row, read in _rows()}


def fact_table() -> tuple[FactRow, ...]:
    """Every fact that exists: path, type, unit, meaning and allowed words."""
    return tuple(row for row, _ in _rows())


@cache
def _rows() -> tuple[Row, ...]:
    return (*_declared_rows(), *_derived_rows(), *_lab_rows(), *_member_rows(), *_sign_rows())


def _row(path: str, kind: Kind, meaning: str) -> FactRow:
    options = kind.options if isinstance(kind, Choice) else ()
    if isinstance(kind, ListOf) and isinstance(kind.of, Choice):
        options = kind.of.options
    return FactRow(path, kind.type_name, kind.unit, meaning, options)


def _declared_rows() -> Iterator[Row]:
    """Facts that stand in the file as they are. Those that are also derived are left to `derived`."""
    own = {path for path, *_ in derived.DERIVED}
    for section, cls in SECTIONS.items():
        for f in declared(cls):
            path = f"{section}.{f.name}"
            if path not in LISTS_OF_SECTIONS and path not in own:
                yield _row(path, f.metadata["kind"], f.metadata["doc"]), _getter(section, f.name)


def _getter(section: str, name: str) -> Callable[[Case], Any]:
    return lambda case: getattr(getattr(case, section), name)


def _derived_rows() -> Iterator[Row]:
    for path, kind, meaning, function in derived.DERIVED:
        yield _row(path, kind, meaning), function


def _lab_rows() -> Iterator[Row]:
    for name, test in TESTS.items():
        kind: Kind = Choice(RESULTS) if test.qualitative else Number(unit=test.unit)
        meaning = f"latest {test.meaning}{ESTIMATED.get(name, '')}"
        yield _row(f"labs.{test.fact}", kind, meaning), _of_lab(name, lambda lab, _: lab.value)
        days = Number(unit="days")
        yield (
            _row(f"labs.{name}_days_old", days, f"age of the latest {test.meaning} on the day the case is looked at"),
            _of_lab(name, _days_old),
        )
        if not test.qualitative:
            times = Number(unit="times the upper limit of normal")
            yield (
                _row(f"labs.{name}_times_uln", times, f"latest {test.meaning} over that laboratory's limit"),
                _of_lab(name, _times_uln),
            )


def _of_lab(name: str, read: Callable[[Lab, Case], Any]) -> Callable[[Case], Any]:
    def value(case: Case) -> Any:
        lab = kidney.filtration(case) if name in ESTIMATED else case.lab(name)
        return lab if isinstance(lab, Unknown) else read(lab, case)

    return value


def _days_old(lab: Lab, case: Case) -> Fact:
    return derived.days_between(lab.date, case.as_of)


def _times_uln(lab: Lab, _: Case) -> Fact:
    limit = lab.upper_limit_normal
    if isinstance(limit, Unknown) or isinstance(lab.value, str):
        return Unknown("the laboratory's upper limit of normal is not recorded")
    return lab.value / limit if limit > 0 else Unknown("the upper limit of normal is zero")


def _member_rows() -> Iterator[Row]:
    """For each list of words one true/false fact per word."""
    for section, cls in SECTIONS.items():
        for f in declared(cls):
            kind = f.metadata["kind"]
            if isinstance(kind, ListOf) and isinstance(kind.of, Choice):
                for word in kind.of.options:
                    path = f"{section}.{f.name}.{word.replace('-', '_')}"
                    yield _row(path, Flag(), f"{word} is among {f.metadata['doc']}"), _member(section, f.name, word)
    for site in v.EXTRAHEPATIC_SITES:
        yield (
            _row(f"extrahepatic.site.{site.replace('-', '_')}", Flag(), f"untreated disease: {site}"),
            derived.has_site(site),
        )
    for kind_of in v.TREATMENTS:
        path = f"treatments.had.{kind_of.replace('-', '_')}"
        yield _row(path, Flag(), f"had {kind_of}"), derived.had(kind_of)
    for drug in v.DRUGS:
        yield _row(f"treatments.drug.{drug.replace('-', '_')}", Flag(), f"was given {drug}"), derived.had_drug(drug)


def _member(section: str, name: str, word: str) -> Callable[[Case], Fact]:
    def read(case: Case) -> Fact:
        words = getattr(getattr(case, section), name)
        if isinstance(words, Unknown):
            return words
        return word in words or not_listed(case, f"{section}.{name}")

    return read


def _sign_rows() -> Iterator[Row]:
    for sign in v.SIGNS:
        yield _row(f"signs.{sign.replace('-', '_')}", Flag(), f"symptom or sign: {sign}"), derived.has_sign(sign)
