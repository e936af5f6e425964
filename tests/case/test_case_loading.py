# ruff: noqa: E501  (one bad file to a line)
"""case.yaml is strict: every error kind with its exact line, all problems at once."""

from __future__ import annotations

import pickle
import re
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest

from glisson.case import CaseFileError, LesionFacts, MaskFile, Unknown, is_known, load_case, loads_case
from glisson.errors import CaseError

FULL = """\
id: patient-1
board: {date: 2024-05-01, question: "Can all be resected?", presents: Dr B}
patient:
  age_years: 63
  sex: female
  ecog: 1
  comorbidities: []
  anticoagulants: [{drug: apixaban, last_dose: 2024-04-29}]
primary: {site: colorectal, side: left, diagnosed: 2023-01-10, resected: 2023-02-01, in_place: no}
biomarkers: {kras: mutated, braf: {unknown: not tested}}
labs:
  - {test: bilirubin, value: 1.0, unit: mg/dL, date: 2024-04-25, upper_limit_normal: 1.2}
  - {test: bilirubin, value: 12, unit: µmol/l, date: 2024-03-01}
  - {test: hbsag, value: negative}
lesions:
  - {id: L1, nature: confirmed}
  - {id: L2}
studies:
  - id: ct-1
    date: 2024-04-20
    modality: CT
    image: ct.nii.gz
    masks:
      liver: liver.nii.gz
      lesions: [a.nii.gz, {file: b.nii.gz, label: 3, resample: true}]
      segments: {file: s.nii.gz, values: {1: I, 4: IVa}}
      organs: {spleen: spleen.nii.gz}
      multilabel: {file: m.nii.gz, names: totalsegmentator}
      complete: true
      reviewed_by: Dr A
"""


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(CaseFileError) as caught:
        loads_case(text)
    assert isinstance(caught.value, CaseError)
    return [(problem.line, problem.key) for problem in caught.value.problems]


def message(text: str) -> str:
    with pytest.raises(CaseFileError) as caught:
        loads_case(text)
    return str(caught.value)


def test_a_full_case_is_read():
    case = loads_case(FULL)
    assert (case.id, case.patient.age_years, case.patient.sex, case.patient.ecog) == ("patient-1", 63, "female", 1)
    assert case.patient.comorbidities == ()
    assert case.primary.in_place is False
    assert case.primary.resected == date(2023, 2, 1)
    assert case.biomarkers.braf == Unknown("not tested")
    assert case.biomarkers.nras == Unknown("not recorded")
    assert case.question == "Can all be resected?"
    assert case.wish == Unknown("not recorded")
    masks = case.studies[0].masks
    assert masks.liver == MaskFile("liver.nii.gz")
    assert masks.lesions == (MaskFile("a.nii.gz"), MaskFile("b.nii.gz", label=3, resample=True))
    assert masks.segments is not None
    assert masks.segments.values == {1: "I", 4: "IVa"}
    assert masks.organs == {"spleen": MaskFile("spleen.nii.gz")}
    assert masks.multilabel is not None
    assert masks.multilabel.names == "totalsegmentator"
    assert masks.complete is True


def test_one_lesion_file_may_stand_alone():
    case = loads_case("id: a\nstudies: [{id: s, masks: {lesions: l.nii.gz}}]")
    assert case.studies[0].masks.lesions == (MaskFile("l.nii.gz"),)


def test_a_lesion_the_record_does_not_mention_is_indeterminate():
    case = loads_case(FULL)
    assert case.lesion("L9") == LesionFacts("L9", "indeterminate", "the record does not say what it is")
    assert case.lesion("L1").reason == "stated in the record"
    assert case.lesion("L2").nature == "indeterminate"


def test_unknown_has_no_truth_value_and_compares_by_reason():
    with pytest.raises(TypeError, match="not negative"):
        bool(Unknown("not tested"))
    assert Unknown("a") == Unknown("a") != Unknown("b")
    assert not is_known(Unknown())
    assert is_known(False)
    assert is_known(0)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("id: a\npatient:\n  ages: 3", (3, "patient.ages"), "Did you mean 'age_years'|allowed keys here: age_years"),
        ("id: a\nhospital: x", (2, "hospital"), "allowed keys here: id, board"),
        ("id: a\nid: b", (2, "id"), "stands already on line 1"),
        ("id: a\npatient:\n  ecog: 1\n  ecog: 2", (4, "patient.ecog"), "stands already on line 3"),
        ("id: a\npatient: {ecog: 6}", (2, "patient.ecog"), "whole number from 0 to 5"),
        ("id: a\npatient: {ecog: 1.5}", (2, "patient.ecog"), "whole number"),
        ("id: a\npatient: {height_cm: 1.70}", (2, "patient.height_cm"), "from 50 to 250 cm"),
        ("id: a\npatient: {height_cm: '170'}", (2, "patient.height_cm"), "without quotes"),
        ("id: a\npatient: {height_cm: 170 cm}", (2, "patient.height_cm"), "given '170 cm'"),
        ("id: a\npatient: {weight_kg: .nan}", (2, "patient.weight_kg"), "a number"),
        ("id: a\npatient: {pacemaker: maybe}", (2, "patient.pacemaker"), "true or false"),
        ("id: a\npatient:\n  ecog:\n  sex: male", (3, "patient.ecog"), "unknown: why"),
        ("id: a\npatient: [1]", (2, "patient"), "a mapping with the keys"),
        ("id: a\npatient: {comorbidities: none}", (2, "patient.comorbidities"), "a list"),
        ("id: a\npatient:\n  comorbidities:\n  - asthma\n  - asthma", (5, "patient.comorbidities[1]"), "line 4"),
        ("id: a\nprimary:\n  site: colon", (3, "primary.site"), "Did you mean 'colorectal'"),
        ("id: a\nprimary:\n  site: brest", (3, "primary.site"), "Did you mean 'breast'"),
        ("id: a\nprimary: {diagnosed: 2023-02-30}", (2, "primary.diagnosed"), "not in the calendar"),
        ("id: a\nprimary: {diagnosed: 30.1.2023}", (2, "primary.diagnosed"), "YYYY-MM-DD"),
        ("id: a\nprimary: {diagnosed: 0023-01-01}", (2, "primary.diagnosed"), "before 1900"),
        ("id: a\nprimary:\n  diagnosed: 2023-02-02\n  resected: 2023-02-01", (4, "primary.resected"), "2023-02-02.*or later"),
        ("id: a\nprimary:\n  resected: 2023-02-01\n  in_place: true", (4, "primary.in_place"), "keep one"),
        ("id: a\nprimary: {positive_nodes: 3, examined_nodes: 2}", (2, "primary.positive_nodes"), "at most"),
        ("id: a\nprimary: {site: breast, side: rectum}", (2, "primary.side"), "colorectal"),
        ("id: a\nboard: {date: 2024-01-01}\nextrahepatic:\n  pet: 2024-01-02", (4, "extrahepatic.pet"), "2024-01-01"),
        ("id: a\ntreatments:\n- kind: systemic\n  start: 2024-02-02\n  stop: 2024-02-01", (5, "treatments[0].stop"), "or later"),
        ("id: a\ntreatments:\n- {kind: systemic, stop: 2024-02-02, ongoing: yes}", (3, "treatments[0].ongoing"), "stopped"),
        ("id: a\ntreatments:\n- {name: x}", (3, "treatments[0].kind"), "required"),
        ("id: a\nbiomarkers:\n  kras: mutated\n  ras: wild-type", (4, "biomarkers.ras"), "leave ras out"),
        ("id: a\nbiomarkers: {kras: wild-type, nras: wild-type, ras: mutated}", (2, "biomarkers.ras"), "both"),
        ("id: a\nbiomarkers: {kras: wild-type, kras_g12c: true}", (2, "biomarkers.kras_g12c"), "wild-type"),
        ("id: a\nextrahepatic:\n  status: none\n  sites: [{site: lung}]", (3, "extrahepatic.status"), "present"),
        ("id: a\nextrahepatic: {status: present, sites: []}", (2, "extrahepatic.sites"), "name its sites"),
        ("id: a\nlesions:\n- {id: L1}\n- {id: L1}", (4, "lesions[1].id"), "line 3"),
        ("id: a\nlesions:\n- {id: L1, vanished_on: 2024-01-01}", (3, "lesions[0].nature"), "vanished"),
        ("id: a\nlesions: [{id: {unknown: x}}]", (2, "lesions[0].id"), "cannot be unknown"),
        ("id: a\nstudies:\n- {id: s}\n- {id: s}", (4, "studies[1].id"), "once"),
        ("id: a\nstudies: [{id: s, masks: {segments: {file: f, values: {x: I}}}}]", (2, "studies[0].masks.segments.values.x"), "label number"),
        ("id: a\nstudies: [{id: s, masks: {organs: {Spleen: f}}}]", (2, "studies[0].masks.organs.Spleen"), "lower-case"),
        ("id: a\nsigns: {present: [jaundice], absent: [jaundice]}", (2, "signs.absent"), "keep one"),
        ("id: a\npatient: {sex: male, pregnancy: true}", (2, "patient.pregnancy"), "male"),
        (
            "id: a\nliver: {previous_hepatectomy: false}\ntreatments: [{kind: hepatectomy, start: 2024-01-02}]",
            (2, "liver.previous_hepatectomy"),
            "2024-01-02",
        ),
        ("id: a\npatient: {sex: {unknown: }}", (2, "patient.sex.unknown"), "reason"),
        ("id: a\nlabs:\n- {test: bilirubin,\n   value: 1,\n   unit: g/L}", (5, "labs[0].unit"), "allowed units: umol/L, mg/dL"),
        ("id: a\nlabs:\n- {test: bilirubin, value: 1}", (3, "labs[0].unit"), "needs a unit"),
        ("id: a\nlabs:\n- test: albumin\n  value: 4.2\n  unit: g/L", (4, "labs[0].value"), "Check the unit"),
        ("id: a\nlabs: [{test: hbsag, value: 3}]", (2, "labs[0].value"), "positive, negative"),
        ("id: a\nlabs: [{test: hbsag, value: negative, unit: U/L}]", (2, "labs[0].unit"), "leave unit"),
        ("id: a\nlabs: [{test: sodium, value: positive, unit: mmol/L}]", (2, "labs[0].value"), "expected a number"),
        ("id: a\nlabs: [{test: hb, value: 12, unit: g/dL}]", (2, "labs[0].test"), "Did you mean 'haemoglobin'"),
        ("id: a\ndecision: {by: Dr A, date: 2024-01-01}", (2, "decision.text"), "required"),
        ("patient: {ecog: 1}", (1, "id"), "required"),
        ("id: ' '", (1, "id"), "short name"),
        ('id: a\nboard: {question: "a\\x07b"}', (2, "board.question"), "control character"),
        ("id: a\n? [x]\n: 3", (2, ""), "a word as the key"),
        ("[1, 2]", (1, ""), "a mapping"),
        ("", (1, ""), "empty file"),
        ("id: a\npatient: &p {ecog: 1}", (2, ""), "anchor"),
        ("id: a\nboard: {question: *p}", (2, ""), "anchor or alias"),
        ("id: !!python/object:os.system a", (1, ""), "tag"),
        ("id: a\n---\nid: b", (2, ""), "second document"),
        ("id: a\nlabs: " + "[" * 30 + "]" * 30, (2, ""), "levels of nesting"),
        ("id: a\npatient:\n\tecog: 1", (3, ""), "not YAML"),
        ("id: a\npatient: {ecog: 1", (2, ""), "not YAML"),
        ("id: a\nid2: \x07", (2, ""), "does not allow"),
        ("id: " + "a" * 1_000_001, (1, ""), "at most"),
        ("id: " + "a" * 4001, (1, "id"), "at most 4000"),
    ],
)  # fmt: skip
def test_each_error_names_its_line_and_key(text, where, words):
    found = problems(text)
    assert found == [where]
    assert re.search(words, message(text)), message(text)


def test_all_problems_come_at_once_in_the_order_of_lines():
    text = "id: a\npatient: {ecog: 9, sexx: male}\nprimary:\n  diagnosed: 2024-03-01\n  resected: 2024-01-01\nlabs:\n- {test: inr, value: x}"
    assert problems(text) == [(2, "patient.ecog"), (2, "patient.sexx"), (5, "primary.resected"), (7, "labs[0].value")]
    assert message(text).startswith("case.yaml has 4 problems.")


def test_the_message_says_file_line_key_given_and_allowed():
    line = message("id: a\npatient:\n  sex: femal").splitlines()[1]
    assert (
        line == "  case.yaml, line 3: patient.sex: given 'femal'; expected one of: female, male. Did you mean 'female'?"
    )


def test_alias_bombs_are_refused_before_they_grow():
    bomb = "a: &a [x]\n" + "\n".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)
    )
    assert problems(bomb) == [(1, "")]


def test_decision_may_follow_the_board_and_not_precede_it():
    decided = "id: a\nboard: {date: 2024-05-01}\ndecision: {by: Dr A, date: 2024-05-0%d, text: x}"
    assert loads_case(decided % 3).decision is not None
    assert problems("id: a\nboard: {date: 2024-05-02}\ndecision: {by: Dr A, date: 2024-05-01, text: x}") == [
        (3, "decision.date")
    ]


def test_folder_file_encoding_and_size(tmp_path: Path):
    (tmp_path / "case.yaml").write_text("\ufeffid: a\nboard: {question: Größe}", encoding="utf-8")
    assert load_case(tmp_path) == load_case(tmp_path / "case.yaml")
    with pytest.raises(CaseFileError, match="cannot be read"):
        load_case(tmp_path / "nowhere")
    (tmp_path / "latin.yaml").write_bytes(b"id: a\nboard: {question: Gr\xf6\xdfe}")
    with pytest.raises(CaseFileError, match="line 2: given the byte 0xf6"):
        load_case(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(CaseFileError, match="1000001 bytes"):
        load_case(tmp_path / "big.yaml")


def test_timeline_is_ordered():
    events = loads_case(FULL).timeline()
    assert [event.date for event in events] == sorted(event.date for event in events)
    assert events[0].path == "primary.diagnosed"
    assert ("labs[1].date", "bilirubin: day the sample was taken") in {(event.path, event.what) for event in events}
    assert events[-1].path == "board.date"


def test_a_case_is_frozen_through_and_through():
    case = loads_case(FULL)
    assert hash(case) == hash(loads_case(FULL))
    assert pickle.loads(pickle.dumps(case)) == case
    with pytest.raises(FrozenInstanceError):
        case.patient.ecog = 0  # type: ignore[misc]
