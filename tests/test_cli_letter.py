"""`glisson decide` and `glisson letter` as a person types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from glisson.case import load_case
from glisson.cli.letter import decide, letter
from glisson.errors import GlissonError

VIGNETTE = Path(__file__).parent / "vignettes" / "colorectal-ras-mutant"

app = typer.Typer()
app.command()(decide)
app.command()(letter)


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return Path(shutil.copytree(VIGNETTE, tmp_path / "case"))


def decision(case: Path, **changes: str) -> list[str]:
    options = {
        "by": "Dr A. Name",
        "role": "Consultant surgeon",
        "date": "2026-03-03",
        "treatment": "resection",
        **changes,
    }
    return ["decide", str(case), *(part for key, value in options.items() for part in (f"--{key}", value) if value)]


def test_first_the_decision_then_the_letter(case, tmp_path):
    refused = run("letter", str(case), "-o", str(tmp_path / "out"))
    assert isinstance(refused.exception, GlissonError)
    assert "holds no decision" in str(refused.exception)
    assert not (tmp_path / "out").exists()

    before = (case / "case.yaml").read_text(encoding="utf-8")
    done = run(
        *decision(case, intent="cure", reason="The spots got smaller.", next="We see you.", **{"next-by": "2026-03-12"})
    )
    assert done.exit_code == 0, done.output
    assert "Liver resection (aim: cure)" in done.output
    assert "resection is undetermined by the rules" in done.stderr
    assert (case / "case.yaml").read_text(encoding="utf-8").startswith(before)
    held = load_case(case).decision
    assert held is not None
    assert (held.by, held.treatment, held.intent, held.next_step) == (
        "Dr A. Name",
        ("resection",),
        "cure",
        "We see you.",
    )

    made = run("letter", str(case), "-o", str(tmp_path / "out"), "--patient", "Ms Example")
    assert made.exit_code == 0, made.output
    assert "Flesch-Kincaid grade" in made.output
    page = (tmp_path / "out" / "letter.html").read_text(encoding="utf-8")
    assert "Dear Ms Example," in page
    assert "12\u00a0March\u00a02026" in page
    assert (tmp_path / "out" / "letter.pdf").read_bytes().startswith(b"%PDF")


def test_a_treatment_against_the_rules_needs_a_reason(case, tmp_path):
    refused = run(*decision(case, treatment="anti-egfr"))
    assert "contraindicated" in str(refused.exception)
    assert "--despite REASON" in str(refused.exception)
    assert load_case(case).decision is None
    done = run(*decision(case, treatment="anti-egfr", despite="You know this and want to try it."))
    assert done.exit_code == 0
    assert "anti-egfr is contraindicated by the rules" in done.stderr
    assert "Recorded despite that" in done.stderr
    assert run("letter", str(case), "-o", str(tmp_path / "a.html")).exit_code == 0
    assert "speaks against it" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"by": "anonymous"}, "names nobody"),
        ({"date": "2999-01-01"}, "after today"),
        ({"date": "yesterday"}, "YYYY-MM-DD"),
        ({"date": "2026-03-01"}, "does not fit the case"),
        ({"next-by": "soon"}, "--next-by"),
        ({"treatment": "surgery"}, "microwave-ablation, radiofrequency-ablation"),
        ({"intent": "hope"}, "cure, control or comfort"),
        ({"despite": "because"}, "contraindicated"),
    ],
)
def test_what_is_refused_changes_nothing(case, changes, message):
    before = (case / "case.yaml").read_bytes()
    refused = run(*decision(case, **changes))
    assert isinstance(refused.exception, GlissonError)
    assert message in str(refused.exception)
    assert (case / "case.yaml").read_bytes() == before


def test_a_second_decision_needs_replace(case):
    assert run(*decision(case)).exit_code == 0
    assert "--replace" in str(run(*decision(case, by="Dr B. Other")).exception)
    assert run(*decision(case, by="Dr B. Other"), "--replace").exit_code == 0
    held = load_case(case).decision
    assert held is not None
    assert held.by == "Dr B. Other"


def test_name_role_date_and_treatment_are_asked_for(case):
    for missing in ("by", "role", "date", "treatment"):
        assert run(*decision(case, **{missing: ""})).exit_code == 2
