"""A list that may lack entries says yes to what it names and nothing of the rest; a complete one says no."""

from __future__ import annotations

import pytest

from glisson.case import Unknown, loads_case

LISTS = """
patient:
  comorbidities: [diabetes]
  allergies: []
  anticoagulants: []
treatments:
  - {kind: systemic, drugs: [capecitabine], start: 2024-01-01, line: 1}
extrahepatic:
  status: present
  sites: [{site: lung, treatable_with_curative_intent: true}]
"""
ALL = "incomplete: [patient.comorbidities, patient.allergies, patient.anticoagulants, treatments, extrahepatic.sites]\n"
NAMED = {
    "patient.comorbidities.diabetes": True,
    "treatments.had.systemic": True,
    "treatments.drug.capecitabine": True,
    "extrahepatic.site.lung": True,
}
ABSENT = {
    "patient.comorbidities.heart_failure": False,
    "patient.allergies.latex": False,
    "patient.anticoagulated": False,
    "treatments.had.ablation": False,
    "treatments.drug.oxaliplatin": False,
    "treatments.operated": False,
    "treatments.anti_vegf_antibody": False,
    "treatments.systemic_count": 1,
    "extrahepatic.site.bone": False,
    "extrahepatic.all_treatable_with_curative_intent": True,
    "extrahepatic.site_count": 1,
}


@pytest.mark.parametrize("path", [*NAMED, *ABSENT])
def test_what_is_not_named_is_unknown_only_where_the_list_may_lack_entries(path: str) -> None:
    complete = loads_case(f"id: a\n{LISTS}").facts()
    lacking = loads_case(f"id: a\n{ALL}{LISTS}").facts()
    if path in NAMED:
        assert complete[path] is lacking[path] is NAMED[path]
    else:
        assert complete[path] == ABSENT[path]
        unknown = lacking[path]
        assert isinstance(unknown, Unknown)
        assert "may lack entries" in unknown.reason


def test_a_list_that_does_not_exist_cannot_lack_entries() -> None:
    with pytest.raises(Exception, match=r"patient\.age"):
        loads_case("id: a\nincomplete: [patient.age]\n")
