"""The invented record of the virtual patient. Nothing in it is a real person's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from glisson.case import (
    Biomarkers,
    Board,
    Case,
    Extrahepatic,
    Lab,
    LesionFacts,
    LiverBackground,
    Masks,
    Patient,
    Preferences,
    Primary,
    Study,
    Treatment,
    Unknown,
)

__all__ = ["SCAN_DAY", "invent_case"]

SCAN_DAY = date(2024, 5, 2)
"""Day of every virtual scan: a fixed day, so that the same seed gives the same bytes."""
SMALL_MM = 10.0
"""Below this equivalent diameter the invented record calls a metastasis indeterminate: too small to characterise."""
FULL_LIVER_ML = 1500.0
"""Liver volume of the reference build, 172 cm and 73 kg; weight goes with the liver."""
LABS = (
    ("bilirubin", 11, "umol/L"), ("albumin", 41, "g/L"), ("inr", 1.0, "INR"), ("creatinine", 78, "umol/L"),
    ("sodium", 139, "mmol/L"), ("platelets", 214, "10*9/L"), ("haemoglobin", 128, "g/L"), ("ast", 31, "U/L"),
    ("alt", 28, "U/L"), ("alp", 96, "U/L"),
)  # fmt: skip


def invent_case(
    seed: int, primary: str, liver_ml: float, lesions: Sequence[tuple[str, str, float, str]], rng: np.random.Generator
) -> Case:
    """A record that fits the images. lesions: (id, true nature, equivalent diameter in mm, segment), largest first."""
    gut = primary == "colorectal"
    sex = "female" if rng.random() < 0.45 else "male"
    weight = float(np.clip(round(73 * liver_ml / FULL_LIVER_ML + rng.normal(0, 2)), 40, 160))
    day = SCAN_DAY
    labs = [Lab(test, value, unit, date=day) for test, value, unit in LABS]
    if gut:
        labs.append(Lab("cea", round(float(np.exp(rng.normal(3.0, 0.8))), 1), "ug/L", date=day))
    return Case(
        f"virtual-{seed}",
        board=Board(date=date(2024, 5, 13), question="Virtual patient: can every lesion be resected or ablated?"),
        patient=Patient(
            age_years=float(round(rng.normal(63, 6))), sex=sex, height_cm=172.0 if sex == "male" else
            167.0, weight_kg=weight,
            ecog=1, comorbidities=("hypertension",), allergies=(), anticoagulants=(), antiplatelets=(), pacemaker=False,
        ),
        primary=_primary(primary, gut),
        biomarkers=Biomarkers(kras="wild-type", nras="wild-type", braf="wild-type", mmr="proficient") if gut
        else Biomarkers(),
        labs=tuple(labs),
        liver=LiverBackground(
            background="chemotherapy", chemotherapy_months=4.0, last_chemotherapy=date(2024, 4, 4), ascites="none",
            metastases_found=date(2023, 11, 20), portal_hypertension=False, portal_vein_thrombosis=False,
            previous_hepatectomy=False, previous_embolisation=False, biliary=(),
            biliary_obstruction=False, cholangitis=False, varices=False,
        ),
        extrahepatic=Extrahepatic(status="none", chest_ct=day),
        treatments=(
            Treatment("systemic", name="FOLFOX" if gut else Unknown(), drugs=("fluorouracil",
            "oxaliplatin") if gut else Unknown(),
                      start=date(2023, 12, 4), stop=date(2024, 4, 4), cycles=8, response="partial"),
        ),
        preferences=Preferences(wish="Invented: wants every reasonable chance of cure and to stay active."),
        lesions=tuple(_lesion(*facts) for facts in lesions),
        studies=(
            Study("ct-1", date=day, modality="CT", phase="portal-venous",
                  masks=Masks(complete=True)),
        ),
    )  # fmt: skip


def _primary(site: str, gut: bool) -> Primary:
    if not gut:
        return Primary(site=site, diagnosed=date(2023, 11, 13))
    return Primary(
        site=site, histology="adenocarcinoma", side="left", differentiation="moderate", t="t3", n="n1", tnm_edition=8,
        diagnosed=date(2023, 11, 13), resected=date(2023, 11, 24), in_place=False, margin="r0", timing="synchronous",
    )  # fmt: skip


def _lesion(lesion_id: str, nature: str, diameter_mm: float, segment: str) -> LesionFacts:
    if nature == "cyst":
        held, reason, biopsied = "benign", "simple cyst: water density, no wall (virtual patient)", False
    elif lesion_id == "L1":
        held, reason, biopsied = "confirmed", "biopsy of this lesion (virtual patient)", True
    elif diameter_mm < SMALL_MM:
        held, reason, biopsied = "indeterminate", "too small to characterise (virtual patient)", False
    else:
        held, reason, biopsied = "probable", "typical of a metastasis on portal-venous CT (virtual patient)", False
    return LesionFacts(lesion_id, held, reason, segment=segment, seen_on=("CT",), biopsied=biopsied)
