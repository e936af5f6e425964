"""Imported facts in a case file: added, the same, different; what stands in the file stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.case import load_case
from glisson.errors import CaseError, InputError, OutputError
from glisson.exchange.fhir_import_merge import merge
from glisson.exchange.fhir_import_write import apply, import_fhir

LOINC = "http://loinc.org"


def observation(loinc: str, key: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "effectiveDateTime": "2024-05-02",
        **more,
    }


ECOG = observation("89247-1", "e", valueInteger=1)
CEA = observation("2039-6", "l", valueQuantity={"value": 9, "unit": "ng/mL"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "bundle.json"
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Anyperson"}], "gender": "male"}
    entries = [{"resource": one} for one in (patient, ECOG, CEA)]
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return file


def test_a_new_case_is_complete_and_named_after_its_folder(source: Path, tmp_path: Path):
    done = import_fhir(source, tmp_path / "case-7")
    case = load_case(tmp_path / "case-7")
    assert (done.new, case.id, case.patient.ecog, case.labs[0].value) == (True, "case-7", 1, 9)
    report = json.loads((tmp_path / "case-7" / "import-report.json").read_text())
    assert report["understood"]["patient.ecog"] == "Observation/e"
    assert report["not_understood"][0]["why"].startswith("age unknown")


def test_a_folder_named_after_the_patient_does_not_name_the_case(source: Path, tmp_path: Path):
    import_fhir(source, tmp_path / "Anyperson-2024")
    assert load_case(tmp_path / "Anyperson-2024").id == "case"


def test_importing_twice_changes_nothing(source: Path, tmp_path: Path):
    import_fhir(source, tmp_path / "c")
    before = (tmp_path / "c" / "case.yaml").read_bytes()
    again = import_fhir(source, tmp_path / "c")
    assert (again.new, again.merge.put) == (False, ())
    assert (tmp_path / "c" / "case.yaml").read_bytes() == before


OLD = """\
## Facts of one patient
id: mine   # my own
patient: {height_cm: 170}  # measured
labs:
# first the markers
- {test: cea, value: 9, unit: ug/L, date: 2024-05-02}   # the same, in another unit
liver:
  ascites: none

  # nothing else is known
biomarkers:
  kras: {unknown: not tested}
"""


def test_comments_and_layout_stay(source: Path, tmp_path: Path):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "case.yaml").write_text(OLD)
    import_fhir(source, folder)
    text = (folder / "case.yaml").read_text()
    assert text == OLD.replace("{height_cm: 170}", "{height_cm: 170, sex: male, ecog: 1}")


def test_a_differing_fact_is_refused_and_named(source: Path, tmp_path: Path):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "case.yaml").write_text("id: x\npatient: {ecog: 3}\n")
    with pytest.raises(InputError, match=r"patient\.ecog: the case says 3, the bundle 1"):
        import_fhir(source, folder)
    assert (folder / "case.yaml").read_text() == "id: x\npatient: {ecog: 3}\n"
    assert not (folder / "import-report.json").exists()
    kept = import_fhir(source, folder, prefer="case")
    assert (load_case(folder).patient.ecog, str(kept.merge.conflicts[0])) == (
        3,
        "patient.ecog: the case says 3, the bundle 1",
    )
    import_fhir(source, folder, prefer="bundle")
    assert load_case(folder).patient.ecog == 1
    with pytest.raises(InputError, match="--prefer is bundle or case"):
        import_fhir(source, folder, prefer="mine")


def test_what_is_newer_than_the_board_is_refused_and_the_case_stays(source: Path, tmp_path: Path):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "case.yaml").write_text("id: x\nboard: {date: 2024-01-01}\n")
    with pytest.raises(CaseError, match=r"or move board\.date"):
        import_fhir(source, folder)
    assert (folder / "case.yaml").read_text() == "id: x\nboard: {date: 2024-01-01}\n"


def test_a_disk_that_refuses_leaves_the_case(source: Path, tmp_path: Path):
    (tmp_path / "c").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="could not be written"):
        import_fhir(source, tmp_path / "c")


def test_differences_of_lists():
    case = {
        "patient": {"comorbidities": ["asthma"], "allergies": [], "anticoagulants": [{"drug": "apixaban"}]},
        "treatments": [{"kind": "systemic", "start": "2024-01-01", "drugs": ["oxaliplatin"], "cycles": 4}],
        "labs": [{"test": "cea", "value": 5, "unit": "ug/L", "date": "2024-01-01"}],
        "extrahepatic": {"sites": [{"site": "lung"}]},
    }
    bundle = {
        "patient": {
            "comorbidities": ["asthma", "obesity"],
            "allergies": ["latex"],
            "anticoagulants": [{"drug": "heparin"}],
        },
        "treatments": [
            {"kind": "systemic", "start": "2024-01-01", "drugs": ["oxaliplatin"], "stop": "2024-03-01"},
            {"kind": "ablation", "start": "2024-04-01"},
        ],
        "labs": [
            {"test": "cea", "value": 5, "unit": "ng/mL", "date": "2024-01-01"},
            {"test": "cea", "value": 7, "unit": "ng/mL", "date": "2024-02-01"},
        ],
        "extrahepatic": {"sites": [{"site": "lung", "found": "2024-01-01"}]},
    }
    found = merge(case, bundle)
    assert found.put == (
        (("patient", "comorbidities", 1), "obesity"),
        (("patient", "anticoagulants", 1), {"drug": "heparin"}),
        (("treatments", 0, "stop"), "2024-03-01"),
        (("treatments", 1), {"kind": "ablation", "start": "2024-04-01"}),
        (("labs", 1), {"test": "cea", "value": 7, "unit": "ng/mL", "date": "2024-02-01"}),
        (("extrahepatic", "sites", 0, "found"), "2024-01-01"),
    )
    assert [str(one) for one in found.conflicts] == ["patient.allergies: the case says none, the bundle latex"]


def test_another_result_of_the_same_day_is_a_conflict():
    case = {"labs": [{"test": "cea", "value": 5, "unit": "ug/L", "date": "2024-01-01"}]}
    bundle = {"labs": [{"test": "cea", "value": 50, "unit": "ug/L", "date": "2024-01-01"}]}
    assert merge(case, bundle).conflicts[0].path == "labs.0"


LAYOUTS = (
    "id: x\n", "id: x", "{id: x, patient: {age_years: 60}}", "id: x\r\npatient:\r\n  age_years: 60\r\n",
    "id: x\npatient:\n    age_years: 60  # years\n\n# the end",
    'id: x\nboard:\n  question: |\n    Two\n    lines\n\nlabs: []\n',
    "labs:\n  - test: cea\n    value: 5\n    unit: ug/L\nid: x\n", "patient: {}\nid: x\n",
)  # fmt: skip
VALUES = st.fixed_dictionaries(
    {},
    optional={
        ("patient", "ecog"): st.integers(0, 4),
        ("patient", "sex"): st.sampled_from(["male", "female"]),
        ("patient", "comorbidities"): st.lists(st.sampled_from(["asthma", "obesity", "other"]), unique=True),
        ("liver", "ascites"): st.just("none"),
        ("board", "presents"): st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1).filter(
            str.strip
        ),
        ("treatments",): st.just([{"kind": "ablation", "start": "2024-01-01"}]),
    },
)


@given(st.sampled_from(LAYOUTS), VALUES)
def test_values_go_into_any_layout(text: str, values: dict[tuple[str, ...], Any]):
    from glisson.case import case_as_plain, loads_case

    new = apply(text, tuple(values.items()))
    plain = case_as_plain(loads_case(new))
    for steps, value in values.items():
        node: Any = plain
        for step in steps:
            node = node[step]
        assert node == value
    for word in ("# years", "# the end", "Two"):
        assert (word in new) == (word in text)
