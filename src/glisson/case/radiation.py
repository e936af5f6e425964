"""Courses of radiation with dose: what was planned or given, and the files that show it."""
# ruff: noqa: RUF009  (`fact` and `item` return dataclasses.field)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - fields are called date

from glisson.case.kinds import Choice, Day, Number, Text
from glisson.case.sections import ListOf, MapOf, Section, fact, item
from glisson.case.studies import FILE, MASK, MaskFile
from glisson.case.unknown import FrozenMap, Unknown

__all__ = ["ACTIVITY_UNITS", "PRODUCTS", "RADIATION_KINDS", "SETTINGS", "Radiation"]

RADIATION_KINDS = ("radioembolisation", "external")
PRODUCTS = ("resin", "glass", "holmium")
SETTINGS = ("segmentectomy", "lobectomy", "unilobar", "bilobar")
ACTIVITY_UNITS = ("Bq/mL", "kBq/mL", "MBq/mL", "GBq/mL", "Bq", "kBq", "MBq", "GBq", "counts")


@dataclass(frozen=True)
class Radiation:
    """One course of radiation of the liver, planned or given, on the frame of the scan that is planned on."""

    id: str = item(Text("a short name", example="y90-right"), "name of the course")
    kind: str = item(Choice(RADIATION_KINDS), "radioembolisation, or external beams")
    date: Date | Unknown = fact(Day(), "first day")
    dose: str | None = item(
        Text("a NIfTI or RT Dose file", example="dose.dcm"), "dose in Gy: NIfTI or RT Dose", default=None
    )
    structures: str | None = item(FILE, "RT Structure Set of that dose", default=None)
    organs: Mapping[str, str] = item(
        MapOf(Text("a name in the structure set", example="Stomach"), example_is=(("stomach", "Stomach"),)),
        "organ of the tables (stomach, heart, ...) to its name in the structure set",
        default=FrozenMap(),
    )
    fractions: int | Unknown = fact(Number(1, 60, whole=True, example=3), "number of fractions")
    activity: str | None = item(
        Text("a NIfTI file, or DICOM PET or SPECT", example="spect.nii.gz"), "activity or counts", default=None
    )
    activity_unit: str | Unknown = fact(Choice(ACTIVITY_UNITS, example_is="MBq/mL"), "unit of the activity file")
    hours_after: float | Unknown = fact(
        Number(-500, 500, "hours", example=20), "from giving the spheres to the time that the activity file shows"
    )
    injected_gbq: float | Unknown = fact(Number(0.001, 50, "GBq", example=2), "activity given; counts need it")
    product: str | Unknown = fact(Choice(PRODUCTS), "spheres")
    setting: str | Unknown = fact(Choice(SETTINGS), "what is perfused, as the tables of doses name it")
    target_gy: float | Unknown = fact(
        Number(1, 1000, "Gy", example=150), "dose aimed at: of tumour with tnr, else of all perfused tissue"
    )
    tnr: float | Unknown = fact(Number(0.01, 100, example=3), "activity per gram in tumour over that in normal liver")
    lung_shunt_percent: float | Unknown = fact(Number(0, 99.9, "%", example=5), "lung shunt")
    lung_kg: float | Unknown = fact(Number(0.2, 3, "kg", example=1), "mass of the lungs")
    residual_percent: float | Unknown = fact(Number(0, 99.9, "%", example=3), "stays in vial and tubing")
    earlier_lung_gy: float | Unknown = fact(Number(0, 200, "Gy", example=10), "lung dose of earlier treatments")
    perfused: Mapping[str, MaskFile] = item(
        MapOf(MASK, example_is=(("right", "perfused.nii.gz"),)),
        "volume that each catheter position perfuses, by name of the position",
        default=FrozenMap(),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "organs", FrozenMap(self.organs))
        object.__setattr__(self, "perfused", FrozenMap(self.perfused))


RADIATION = ListOf(Section(Radiation), unique="id")
