"""The ledger of claims: read strictly, whole, and honest about what was read."""

from __future__ import annotations

import pytest

from glisson.errors import KnowledgeError
from glisson.knowledge import check_knowledge, knowledge_base

DOCUMENTS = """
D1: {title: A page, about: a page for patients, year: 2018, url: "https://example.org"}
D2: {title: Another page, about: an encyclopedia}
"""
CLAIM = """
id: heat
number: 1
kind: contradiction
topic: treatment
title: Does heat work?
said:
  - {text: never, by: [D1], standing: contradicted}
  - {text: often, by: [D1, D2], standing: supported}
evidence:
  - {text: it did in a study, source: doe, locator: abstract, status: verified}
means: Heat is a choice.
plain: Heat can help.
when: p.a is yes
"""


@pytest.fixture
def ledger(shelf):
    (shelf.root / "claims").mkdir()
    shelf.file("claims/documents.yaml", DOCUMENTS)
    shelf.file("claims/heat.yaml", CLAIM)
    return shelf


def findings(shelf) -> list[str]:
    return [str(finding) for finding in check_knowledge(shelf.load()).findings if finding.file != "formulas"]


def test_a_claim_keeps_every_side(ledger):
    claim = ledger.load().claim("heat")
    assert [(side.by, side.standing) for side in claim.said] == [(("D1",), "contradicted"), (("D1", "D2"), "supported")]
    assert claim.sources == ("doe",)
    assert ledger.load().documents["D2"].year is None
    assert findings(ledger) == []


def test_a_claim_is_for_those_it_concerns(ledger):
    claim = ledger.load().claim("heat")
    assert [claim.concerns(facts) for facts in ({"p.a": True}, {"p.a": False}, {})] == [True, False, False]
    ledger.file("claims/heat.yaml", CLAIM.replace("when: p.a is yes\n", ""))
    assert ledger.load().claim("heat").concerns({})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("standing: supported", "standing: true-ish", "not allowed here"),
        ("by: [D1, D2]", "by: [D9]", "no document 'D9'"),
        ("by: [D1, D2]", "by: []", "name the documents"),
        ("means: Heat is a choice.", "", "'means' is missing"),
        ("plain: Heat can help.", "colour: red", "unknown key"),
        ("source: doe", "source: nobody", "no source 'nobody'"),
        ("kind: contradiction", "kind: controversy", "both sides"),
        ("p.a is yes", "p.z is yes", "p.z"),
        ("id: heat", "id: cold", "name of the file"),
    ],
)
def test_a_malformed_claim_is_refused(ledger, old, new, message):
    ledger.file("claims/heat.yaml", CLAIM.replace(old, new))
    with pytest.raises(KnowledgeError, match=message):
        ledger.load()


@pytest.mark.parametrize(("key", "message"), [("said", "a document takes"), ("evidence", "needs evidence")])
def test_a_contradiction_needs_both_parts(ledger, key, message):
    lines = CLAIM.splitlines()
    start = lines.index(f"{key}:")
    end = next(i for i in range(start + 1, len(lines)) if not lines[i].startswith(" "))
    ledger.file("claims/heat.yaml", "\n".join(lines[:start] + lines[end:]))
    with pytest.raises(KnowledgeError, match=message):
        ledger.load()


def test_the_check_finds_a_claim_on_an_unread_source_and_a_number_given_twice(ledger):
    text = (ledger.root / "sources" / "doe.yaml").read_text(encoding="utf-8")
    ledger.file("sources/doe.yaml", text.replace("read: abstract\nverified: 2026-01-01\n", "read: not read\n"))
    ledger.file("claims/cold.yaml", CLAIM.replace("id: heat", "id: cold"))
    found = findings(ledger)
    assert len([line for line in found if "says verified" in line]) == 2
    assert len([line for line in found if "given to another claim" in line]) == 2


def test_the_shipped_ledger_is_whole():
    kb = knowledge_base()
    contradictions = [claim for claim in kb.claims.values() if claim.kind == "contradiction"]
    assert [claim.number for claim in kb.claims.values()] == list(range(1, len(kb.claims) + 1))
    assert [claim.number for claim in contradictions] == list(range(1, 37))
    assert {name for claim in contradictions for side in claim.said for name in side.by} == set(kb.documents)
    assert {side.standing for claim in contradictions for side in claim.said} == {
        "supported", "contradicted", "superseded", "unsupported",
    }  # fmt: skip


def test_a_guarantee_is_never_supported():
    sides = knowledge_base().claim("guarantees").said
    assert [side.standing for side in sides if "guarantee" in side.text] == ["unsupported"]
