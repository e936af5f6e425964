"""Assessments made by hand: every number is chosen, so that the pages can be checked word for word."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from glisson.anatomy import SEGMENT_NAMES, SegmentMap
from glisson.case import Case, loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.knowledge import Answer, knowledge_base
from glisson.lesions import Burden, LesionFinding, LiverFinding
from glisson.planning import Resection
from glisson.report.view import Figure
from glisson.scene import ImageFacts, LesionMask, Notice, Scene, SourceFile

RECORD = """\
id: case-17
board:
  question: Is an operation possible after four months of FOLFOX?
patient: {age_years: 63, sex: female, ecog: 1, height_cm: 168, weight_kg: 70}
primary: {site: colorectal, side: left, resected: 2024-02-12, timing: synchronous}
biomarkers: {kras: wild-type, nras: wild-type, braf: wild-type, msi: stable}
liver: {background: chemotherapy, chemotherapy_months: 4, last_chemotherapy: 2024-04-20}
extrahepatic: {status: none}
treatments: [{kind: systemic, name: FOLFOX}]
preferences: {wish: Wants to be at her daughter's wedding in September}
studies: [{id: ct-1, date: 2024-05-03, modality: CT, masks: {reviewed_by: Dr A. Example}}]
"""


def png(width: int = 8, height: int = 6, grey: int = 120) -> bytes:
    """A plain grey PNG, written by the format's definition."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes([grey]) * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def a_scene(lesions: int = 3) -> Scene:
    """A box liver on a small grid with cubes as lesions; the measurements of the fakes do not come from it."""
    grid = Grid.axial((40, 40, 30), (5.0, 5.0, 5.0))
    liver = np.zeros(grid.shape, bool)
    liver[5:35, 5:35, 5:25] = True
    masks = []
    for number in range(lesions):
        cube = np.zeros(grid.shape, bool)
        at = 6 + (number * 4) % 24
        cube[at : at + 2, 10:12, 8:10] = True
        masks.append(LesionMask(f"L{number + 1}", Mask(cube, grid).trimmed(), "lesions.nii.gz"))
    return Scene(
        grid=grid,
        structures={"liver": Mask(liver, grid)},
        lesions=tuple(masks),
        facts=ImageFacts(
            modality="CT", date="2024-05-03", phase="portal-venous", slice_thickness_mm=5.0, description="ABD VEN"
        ),
        sources=(SourceFile("image", "ct.nii.gz", "ab" * 32), SourceFile("liver", "liver.nii.gz", "cd" * 32)),
    )


def a_lesion(number: int, nature: str = "confirmed", **changes: Any) -> LesionFinding:
    values = {
        "id": f"L{number}",
        "nature": nature,
        "nature_reason": "stated in the record",
        "volume_ml": 4.25 + number,
        "longest_axial_mm": 21.0 + number,
        "longest_axial_ends_mm": np.array([[0.0, 0, 0], [21.0 + number, 0, 0]]),
        "perpendicular_mm": 15.5,
        "perpendicular_ends_mm": np.array([[5.0, 0, 0], [5.0, 15.5, 0]]),
        "axial_slice": 8,
        "max3d_mm": 24.0 + number,
        "max3d_ends_mm": np.zeros((2, 3)),
        "centroid_mm": np.array([10.0, 20.0, 30.0]),
        "segments": MappingProxyType({"VI": 7.9, "VII": 92.1}),
        "lobe": "right",
        "distance_mm": MappingProxyType({"capsule": 0.0, "portal": 12.25, "hepatic": None, "cava": 31.0}),
        "touches": MappingProxyType({"capsule": True, "portal": False, "hepatic": None, "cava": False}),
        "inside_liver_percent": 100.0,
        "share_of_liver_percent": 0.31,
        "touches_border": False,
        "notes": MappingProxyType({"distance_mm.hepatic": "no hepatic vein mask was given"}),
    }
    return LesionFinding(**{**values, **changes})


@dataclass(frozen=True, eq=False)
class RemovedGiven(Resection):
    """A resection whose removed region is given instead of following from a segment map."""

    given: Mask | None = None

    @property
    def removed(self) -> Mask | None:
        return self.given


def a_resection(name: str = "Right hepatectomy", **changes: Any) -> Resection:
    values = {
        "name": name,
        "segments": ("V", "VI", "VII", "VIII"),
        "removed_ml": 930.0,
        "remnant_ml": 570.0,
        "remnant_nontumour_ml": 565.0,
        "remnant_percent_nontumour": 38.4,
        "remnant_percent_standardised": 36.2,
        "clears": ("L1", "L2", "L3"),
        "leaves": (),
        "margins_mm": MappingProxyType({"L1": 14.2, "L2": 8.0, "L3": 22.5}),
        "verdict": "enough",
        "reasons": (),
        "notes": MappingProxyType({}),
    }
    return RemovedGiven(**{**values, **changes})


def answers_for(case: Case) -> tuple[Answer, ...]:
    """What the shipped rules on remnant and margin say of the case."""
    base = knowledge_base()
    return tuple(base.evaluate(rule, case.facts()) for rule in ("remnant-needed", "resection-margin-planned"))


def a_result(record: str = RECORD, **changes: Any) -> SimpleNamespace:
    """An assessment with three confirmed lesions, a right hepatectomy that is enough, and whatever is changed."""
    case = loads_case(record)
    values: dict[str, Any] = {
        "case": case,
        "version": "0.1.0",
        "scans": (),
        "follow": None,
        "serial": None,
        "radiation": None,
        "ablated": {},
        "at_rim": {},
        "resected": (),
        "zones": {},
        "whole_liver": None,
        "cava": None,
        "liver": LiverFinding(
            volume_ml=1500.0,
            tumour_ml=18.8,
            nontumour_ml=1481.2,
            spleen_ml=None,
            touches_border=False,
            notes={"spleen_ml": "no spleen mask was given"},
        ),
        "lesions": (a_lesion(1), a_lesion(2), a_lesion(3)),
        "burden": Burden(
            count=3,
            counts={"confirmed": 3},
            bilobar=False,
            total_ml=18.8,
            share_percent=1.25,
            largest_mm=24.0,
            tumour_burden_score=3.84,
            notes={},
        ),
        "segments": SegmentMap(
            Labels(np.full((2, 2, 2), 5, np.uint8), Grid.axial((2, 2, 2)), dict(SEGMENT_NAMES)), given_percent=100.0
        ),
        "parts_of_four": None,
        "resections": (
            a_resection(),
            a_resection("Extended right hepatectomy", remnant_percent_nontumour=22.0, verdict="too little"),
        ),
        "answers": answers_for(case),
        "notices": (Notice("warning", "slice-spacing", "Slices are 5 mm apart; small lesions are coarse.", "image"),),
        "options": (),
        "scores": (),
        "missing": (),
        "changes": {},
        "facts": case.facts(),
        "prices": None,
        "vessels": None,
        "clearing": None,
        "trace": (SimpleNamespace(step="liver volume", outcome="1500 mL"),),
        "scene": a_scene(len(changes.get("lesions", (1, 2, 3)))),
    }
    return SimpleNamespace(**{**values, **changes})


@pytest.fixture
def fakes() -> SimpleNamespace:
    """The makers of this file, for tests: result, lesion, resection, answer, scene, png, and the record's text."""
    return SimpleNamespace(
        result=a_result, lesion=a_lesion, resection=a_resection, scene=a_scene, png=png, record=RECORD
    )


@pytest.fixture
def figures() -> tuple[dict[str, Figure], dict[str, bytes]]:
    """Plain pictures in place of drawn ones: the view's figures by key, and their bytes by file name."""
    keys = ("axial", "overview", "resections", "remnant", "montage-1", "lesion-L1", "lesion-L2", "lesion-L3")
    held = {key: Figure(f"figures/{key}.png", f"Title of {key}", f"What {key} shows") for key in keys}
    return held, {figure.file: png() for figure in held.values()}
