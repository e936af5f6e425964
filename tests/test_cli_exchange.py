"""`glisson import` and `glisson export` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from glisson.cli.exchange import export, import_
from glisson.errors import InputError, OutputError

app = typer.Typer()
app.command("import")(import_)
app.command("export")(export)

BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "p", "gender": "male"}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "e",
                "status": "final",
                "subject": {"reference": "Patient/p"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]},
                "valueInteger": 1,
            }
        },
    ],
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(BUNDLE))
    return file


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_many_resources_that_are_not_used_for_one_reason_are_counted(tmp_path: Path):
    drafts = [
        {"resource": {**BUNDLE["entry"][1]["resource"], "id": f"e{n}", "status": "preliminary"}} for n in range(7)
    ]
    file = tmp_path / "drafts.json"
    file.write_text(json.dumps({**BUNDLE, "entry": [BUNDLE["entry"][0], *drafts]}))
    said = run("import", file, tmp_path / "case")
    assert "not used   7 of Observation: its status is preliminary" in said
    assert said.count("status is preliminary") == 1


def test_import_then_check(bundle: Path, tmp_path: Path):
    case = tmp_path / "case"
    said = run("import", bundle, case)
    assert "written: 2 entries" in said
    assert "not used   Patient/p (no code): age unknown: no day of birth is given" in said
    assert (case / "case.yaml").read_text() == "id: case\npatient:\n  sex: male\n  ecog: 1\n"
    told = json.loads(run("import", bundle, case, "--json"))
    assert (told["new"], told["changed"]) == (False, [])


def test_import_says_what_differed(bundle: Path, tmp_path: Path):
    case = tmp_path / "case"
    case.mkdir()
    (case / "case.yaml").write_text("id: x\npatient: {ecog: 3}\n")
    with pytest.raises(InputError, match="the case says 3, the bundle 1"):
        run("import", bundle, case)
    assert "differed   patient.ecog: the case says 3, the bundle 1" in run("import", bundle, case, "--prefer", "case")
    with pytest.raises(InputError, match="--as-of needs a day"):
        run("import", bundle, case, "--as-of", "today")


def test_export(bundle: Path, tmp_path: Path):
    from glisson.assessment import assess
    from glisson.case import load_case
    from glisson.report.numbers import findings_json

    run("import", bundle, tmp_path / "case")
    out = tmp_path / "out"
    out.mkdir()
    (out / "findings.json").write_text(findings_json(assess(load_case(tmp_path / "case"), None)))
    said = run("export", out, "--fhir", tmp_path / "x.json", "--case", tmp_path / "case")
    made = json.loads((tmp_path / "x.json").read_text())
    assert f"{len(made['entry'])} resources" in said
    again = run("import", tmp_path / "x.json", tmp_path / "again")
    assert "written: 2 entries" in again
    with pytest.raises(OutputError, match="could not be written"):
        run("export", out, "--fhir", tmp_path / "none" / "x.json")
