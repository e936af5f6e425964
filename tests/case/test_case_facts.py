# ruff: noqa: E501  (one case file to a line)
"""The flat facts that rules see."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from glisson.case import Case, Unknown, fact_table, loads_case


def facts(text: str) -> dict[str, object]:
    return dict(loads_case("id: a\n" + text).facts())


def test_the_table_names_every_fact_once_in_lower_case():
    paths = [row.path for row in fact_table()]
    assert len(paths) == len(set(paths))
    assert set(paths) == set(Case("a").facts())
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)+", path) for path in paths)
    assert all(row.meaning and row.type for row in fact_table())
    for path in ("patient.ecog", "primary.site", "labs.bilirubin_umol_l", "labs.bilirubin_days_old", "liver.background",
                 "biomarkers.ras", "lesions.count_recorded", "liver.days_since_last_bevacizumab"):  # fmt: skip
        assert path in paths


def test_an_empty_case_is_unknown_everywhere():
    assert all(isinstance(value, Unknown) for value in Case("a").facts().values())


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("kras: mutated", "mutated"),
        ("nras: mutated, kras: wild-type", "mutated"),
        ("kras_g12c: true", "mutated"),
        ("kras: wild-type, nras: wild-type", "wild-type"),
        ("kras: wild-type", Unknown("NRAS not known")),
        ("ras: wild-type", "wild-type"),
    ],
)
def test_ras_is_wild_type_only_when_both_genes_are(given, answer):
    assert facts(f"biomarkers: {{{given}}}")["biomarkers.ras"] == answer


@pytest.mark.parametrize(
    ("primary", "found", "timing", "interval"),
    [
        ("diagnosed: 2023-01-10", "2023-01-10", "synchronous", 0.0),
        ("diagnosed: 2023-01-10, resected: 2023-02-01", "2024-02-01", "metachronous", 365 / 30.4375),
        ("diagnosed: 2023-01-10, resected: 2023-06-01", "2023-03-01", None, 0.0),
        ("timing: synchronous, diagnosed: 2023-01-10", "2023-03-01", "synchronous", 0.0),
    ],
)
def test_timing_and_disease_free_interval(primary, found, timing, interval):
    known = facts(f"primary: {{{primary}}}\nliver: {{metastases_found: {found}}}")
    assert known["primary.timing"] == timing if timing else isinstance(known["primary.timing"], Unknown)
    assert known["primary.disease_free_interval_months"] == pytest.approx(interval)


def test_ages_count_to_the_board_then_to_the_last_study_and_never_to_today():
    lab = "labs: [{test: inr, value: 1.1, unit: INR, date: 2024-04-21}]\n"
    assert facts(lab + "board: {date: 2024-05-01}")["labs.inr_days_old"] == 10
    assert facts(lab + "studies: [{id: s, date: 2024-04-28}]")["labs.inr_days_old"] == 7
    assert isinstance(facts(lab)["labs.inr_days_old"], Unknown)


def test_last_drugs_come_from_the_treatments_when_not_stated():
    text = (
        "board: {date: 2024-05-01}\ntreatments:\n"
        "- {kind: systemic, drugs: [fluorouracil, oxaliplatin, bevacizumab], start: 2023-10-01, stop: 2024-02-01, response: partial}\n"
        "- {kind: systemic, drugs: [fluorouracil, irinotecan], start: 2024-02-15, stop: 2024-04-01, response: progression}\n"
    )
    known = facts(text)
    assert known["liver.days_since_last_bevacizumab"] == 90  # 28 + 31 + 30 + 1
    assert known["liver.days_since_last_chemotherapy"] == 30
    assert known["treatments.progressing"] is True
    assert known["treatments.systemic_count"] == 2
    assert known["treatments.drug.oxaliplatin"] is True
    assert known["treatments.drug.cetuximab"] is False
    assert known["treatments.had.ablation"] is False
    assert facts(text + "liver: {last_bevacizumab: 2024-03-01}")["liver.days_since_last_bevacizumab"] == 61


def test_an_unnamed_regimen_leaves_the_drugs_unknown():
    known = facts("treatments: [{kind: systemic}]")
    assert isinstance(known["treatments.drug.bevacizumab"], Unknown)
    assert isinstance(known["liver.last_bevacizumab"], Unknown)
    assert known["treatments.had.systemic"] is True


def test_lists_left_out_are_unknown_and_empty_lists_are_none():
    left_out, empty = facts(""), facts("patient: {comorbidities: [], anticoagulants: []}\ntreatments: []")
    assert isinstance(left_out["patient.comorbidities.cirrhosis"], Unknown)
    assert empty["patient.comorbidities.cirrhosis"] is False
    assert isinstance(left_out["patient.anticoagulated"], Unknown)
    assert empty["patient.anticoagulated"] is False
    assert isinstance(left_out["treatments.had.hepatectomy"], Unknown)
    assert empty["treatments.had.hepatectomy"] is False


def test_signs_are_unknown_unless_asked():
    known = facts("signs: {present: [fatigue, {sign: itch, onset: 2024-01-01}], absent: [jaundice]}")
    assert (known["signs.fatigue"], known["signs.itch"], known["signs.jaundice"]) == (True, True, False)
    assert isinstance(known["signs.fever"], Unknown)
    assert facts("signs: {complete: true}")["signs.fever"] is False


def test_disease_outside_the_liver():
    none = facts("extrahepatic: {status: none}")
    assert (none["extrahepatic.site.lung"], none["extrahepatic.site_count"]) == (False, 0)
    assert none["extrahepatic.all_treatable_with_curative_intent"] is True
    lung = facts(
        "extrahepatic: {status: present, sites: [{site: lung, treatable_with_curative_intent: yes}, {site: bone}]}"
    )
    assert (lung["extrahepatic.site.lung"], lung["extrahepatic.site.brain"], lung["extrahepatic.site_count"]) == (
        True,
        False,
        2,
    )
    assert isinstance(lung["extrahepatic.all_treatable_with_curative_intent"], Unknown)
    unstaged = facts("extrahepatic: {status: not-staged}")
    assert isinstance(unstaged["extrahepatic.site.lung"], Unknown)


def test_lesions_of_the_record_are_counted():
    known = facts("lesions: [{id: L1, nature: confirmed, size_mm: 20}, {id: L2, nature: benign, size_mm: 40}]")
    assert (known["lesions.count_recorded"], known["lesions.confirmed_count"], known["lesions.benign_count"]) == (
        2,
        1,
        1,
    )
    assert known["lesions.largest_reported_mm"] == 20


def test_mismatch_repair_and_body_mass_index():
    assert facts("biomarkers: {msi: high}")["biomarkers.mismatch_repair_deficient"] is True
    assert facts("biomarkers: {mmr: proficient}")["biomarkers.mismatch_repair_deficient"] is False
    assert isinstance(
        facts("biomarkers: {msi: high, mmr: proficient}")["biomarkers.mismatch_repair_deficient"], Unknown
    )
    assert facts("patient: {height_cm: 200, weight_kg: 100}")["patient.bmi_kg_m2"] == 25


def test_the_room_never_imports_numpy():
    code = "import sys, glisson.case as c; c.loads_case('id: a').facts(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_a_board_date_nothing_newer_than_the_scan_is_overlooked():
    known = facts(
        "studies: [{id: s, date: 2024-04-01}]\n"
        "labs:\n- {test: cea, value: 3, unit: ug/L, date: 2024-03-01}\n- {test: cea, value: 30, unit: ug/L, date: 2024-04-10}\n"
        "treatments: [{kind: systemic, drugs: [bevacizumab], start: 2024-04-05, ongoing: true}]"
    )
    assert known["labs.cea_ug_l"] == 30
    assert known["labs.cea_days_old"] == -9
    assert known["treatments.had.systemic"] is True
    assert known["liver.days_since_last_bevacizumab"] == -4
