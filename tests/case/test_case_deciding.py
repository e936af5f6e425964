"""Recording a decision: the rest of the file keeps its bytes, and a decision is named, dated and whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.case import Decision, is_named_person, load_case, loads_case, record_decision
from glisson.errors import CaseError, InputError, OutputError

TODAY = date(2026, 3, 20)
DECISION = Decision(
    by="Dr A. Name", role="consultant surgeon", date=date(2026, 3, 3), text="Resection: at once",
    treatment=("resection",), intent="control", reason="It is small. 'Small' is good: yes.", next_by=date(2026, 3, 10),
)  # fmt: skip
BODY = "# a patient\nid: a   # the name\n\nboard:\n  date: 2026-03-02  # a Monday\n# the end"


def write(folder: Path, text: str) -> Path:
    file = folder / "case.yaml"
    with file.open("w", encoding="utf-8", newline="") as handle:
        handle.write(text)
    return file


@pytest.mark.parametrize("text", [BODY, BODY + "\n", BODY + "\n\n", "\ufeff" + BODY, BODY.replace("\n", "\r\n")])
def test_the_rest_of_the_file_keeps_its_bytes(tmp_path, text):
    file = write(tmp_path, text)
    before = file.read_bytes()
    file.chmod(0o640)
    assert record_decision(tmp_path, DECISION, today=TODAY) == file.resolve()
    assert file.read_bytes().startswith(before)
    assert load_case(file) == replace(loads_case(BODY), decision=DECISION)
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["case.yaml"]


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("id: a\n", ""),
        ("id: a\n", "\n# of the patient\npatient: {ecog: 1}\n"),
        ("# first\n", "id: a\n"),
        ("", "id: a # z\n"),
    ],
)
def test_an_earlier_decision_is_replaced_only_on_request_and_alone(tmp_path, head, tail):
    old = "decision:\n  by: Dr B. Other\n  date: 2026-03-01\n  # inside\n  text: |\n    first line\n\n    second line\n"
    file = write(tmp_path, head + old + tail)
    with pytest.raises(InputError, match=r"Dr B. Other, 2026-03-01.*--replace"):
        record_decision(tmp_path, DECISION, today=TODAY)
    record_decision(tmp_path, DECISION, today=TODAY, overwrite=True)
    text = file.read_text(encoding="utf-8")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert "Other" not in text
    assert load_case(file).decision == DECISION


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), min_size=1).filter(str.strip))
def test_any_reason_comes_back_as_it_was_given(tmp_path_factory, reason):
    folder = tmp_path_factory.mktemp("case")
    write(folder, "id: a\n")
    decision = replace(DECISION, reason=reason)
    try:
        record_decision(folder, decision, today=TODAY)
    except (InputError, CaseError):  # text that YAML or the case file does not allow
        assert load_case(folder).decision is None
        return
    assert load_case(folder).decision == decision


@pytest.mark.parametrize(
    ("text", "wrong", "message"),
    [
        ("id: a\n", {"by": "The tumour board"}, "names nobody"),
        ("id: a\n", {"by": "anonymous"}, "names nobody"),
        ("id: a\n", {"date": date(2026, 3, 21)}, "after today"),
        ("id: a\nboard: {date: 2026-03-04}\n", {}, "does not fit the case.*2026-03-04"),
        ("id: a\n", {"next_by": date(2026, 3, 2)}, "does not fit the case"),
        ("id: a\n", {"intent": "hope"}, "does not fit the case"),
        ("{id: a}\n", {}, "does not fit|laid out"),
        ("id: a\n...\n", {}, "does not fit|laid out"),
    ],
)
def test_what_cannot_be_recorded_leaves_the_file_as_it_was(tmp_path, text, wrong, message):
    file = write(tmp_path, text)
    with pytest.raises(InputError, match=message):
        record_decision(tmp_path, replace(DECISION, **wrong), today=TODAY)
    assert file.read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["case.yaml"]


def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    file = write(tmp_path, "id: a\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match=r"No space left.*as it was"):
        record_decision(tmp_path, DECISION, today=TODAY)
    assert file.read_text(encoding="utf-8") == "id: a\n"
    assert [path.name for path in tmp_path.iterdir()] == ["case.yaml"]


def test_who_is_named():
    named = ["Dr A. Name", "Ann-Marie O’Neil", "Dr. Müller", "李 小龍", "Dr Will Board", "Prof. E. de la Cruz"]
    nobody = ["", " ", "Dr", "Prof. X.", "Dr Anonymous", "n/a", "42", "the surgeon", "Tumour Board", "AI", "Dr A."]
    assert [name for name in named if not is_named_person(name)] == []
    assert [name for name in nobody if is_named_person(name)] == []
