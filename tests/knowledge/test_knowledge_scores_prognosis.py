"""Prognostic scores and grades: published points, what is not known stays open, figures are shown as they were printed.

Oracles: the definitions in the abstracts, applied by hand, and properties of counting.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.case import Unknown, loads_case
from glisson.knowledge import knowledge_base, score

VERIFIED = {
    "cheng-yip", "child-pugh", "fib-4", "fong", "game", "kanesada", "konopke", "leeds", "meld", "meld-3.0",
    "meld-3.0-dialysis", "meld-na-2008", "meld-na-optn-2016", "net-grade", "net-grade-ki67", "phlf-50-50",
    "phlf-isgls", "phlf-peak-bilirubin", "west-haven",
}  # fmt: skip
"""Scores whose definition was read in a source."""

UNVERIFIED = {
    "albi", "apri", "child-pugh-cholestatic", "fong-before-transplantation", "helsinki", "icg-makuuchi", "iwatsuki",
    "m-cs", "malbi", "meld-3.0-survival-90", "nagashima", "nagashima-grade", "nordlinger", "oslo",
}  # fmt: skip
"""Scores with a part of the definition that was not."""

TOPICS = ("liver-function", "prognosis", "grading")

CASE = """
id: a
patient: {age_years: 62, sex: male, dialysis: false}
primary: {site: colorectal, t: t3, n: NODES, timing: synchronous}
biomarkers: {GENES}
extrahepatic: {status: EXTRAHEPATIC}
"""


def facts(nodes: str = "n1", genes: str = "kras: wild-type, nras: mutated", extrahepatic: str = "none", **more: object):
    text = CASE.replace("NODES", nodes).replace("GENES", genes).replace("EXTRAHEPATIC", extrahepatic)
    measured = {"burden.count": 4.0, "burden.largest_mm": 60.0, "burden.bilobar": True, "labs.cea_ug_l": 250.0}
    return {**loads_case(text).facts(), **measured, **more}


def test_what_was_read_and_what_was_not():
    specs = [spec for spec in knowledge_base().scores.values() if spec.topic in TOPICS]
    assert {spec.id for spec in specs if spec.status == "verified"} == VERIFIED
    assert {spec.id for spec in specs if spec.status == "unverified"} == UNVERIFIED


def test_every_score_names_population_and_limits():
    for spec in knowledge_base().scores.values():
        if spec.topic in TOPICS:
            assert spec.population
            assert spec.limits or spec.topic == "grading"


@pytest.mark.parametrize("name", sorted(VERIFIED | UNVERIFIED))
def test_nothing_given_gives_nothing(name):
    result = score(name, {})
    inputs = tuple(item.name for item in knowledge_base().scores[name].inputs)
    assert (result.value, result.printed, result.group, result.reported) == (None, "", None, ())
    assert result.missing == inputs


def test_scores_from_the_record():
    kb, known = knowledge_base(), facts()
    fong = kb.score_from_facts("fong", known)
    assert (fong.value, fong.group, fong.group_text) == (5, "5", "high risk (3 to 5)")
    assert kb.score_from_facts("konopke", known).group == "high"
    assert kb.score_from_facts("cheng-yip", known).value == 2
    assert kb.score_from_facts("kanesada", known).group == "high"
    assert kb.score_from_facts("nagashima", known).value == pytest.approx(0.60034 + 1.35657 + 0.67838 + 0.85412)
    assert kb.score_from_facts("nagashima-grade", known).group == "B"


def test_game_counts_kras_and_not_nras():
    kb, known = knowledge_base(), facts()
    game, m_cs = kb.score_from_facts("game", known), kb.score_from_facts("m-cs", known)
    assert (game.inputs["kras"], game.value, game.group) == ("wild-type", 3, "moderate")
    assert (m_cs.inputs["ras"], m_cs.value) == ("mutated", 3)
    without = kb.score_from_facts("game", facts(genes="nras: mutated"))
    assert (without.value, without.missing) == (None, ("kras",))


def test_nodes_that_were_not_assessed_leave_a_score_open():
    kb, known = knowledge_base(), facts(nodes="nx")
    assert isinstance(known["primary.node_positive"], Unknown)
    for name in ("fong", "game", "m-cs", "nordlinger", "nagashima", "cheng-yip", "helsinki"):
        result = kb.score_from_facts(name, known)
        assert result.value is None
        assert "nodes" in result.missing
    assert kb.score_from_facts("fong", facts(nodes="n0")).value == 4


def test_nodes_by_their_number():
    def positive(primary: str) -> object:
        return loads_case(f"id: a\nprimary: {{{primary}}}").facts()["primary.node_positive"]

    assert positive("positive_nodes: 2, examined_nodes: 14") is True
    assert positive("positive_nodes: 0, examined_nodes: 14") is False
    assert positive("n: nx, positive_nodes: 1, examined_nodes: 3") is True
    assert positive("n: n1c, positive_nodes: 0, examined_nodes: 14") is True
    assert isinstance(positive("n: n0, positive_nodes: 1, examined_nodes: 3"), Unknown)
    assert isinstance(positive("t: t3"), Unknown)


@pytest.mark.parametrize(("category", "level"), [("tis", 0), ("t1b", 1), ("t3", 3), ("t4a", 4), ("tx", None)])
def test_the_level_of_t(category, level):
    found = loads_case(f"id: a\nprimary: {{t: {category}}}").facts()["primary.t_level"]
    assert isinstance(found, Unknown) if level is None else found == level


def test_staging_that_is_not_complete_leaves_a_score_open():
    result = knowledge_base().score_from_facts("game", facts(extrahepatic="not-staged"))
    assert (result.value, result.missing) == (None, ("extrahepatic",))


def test_every_score_can_be_asked_of_any_record():
    kb = knowledge_base()
    for known in ({}, facts(), facts(nodes="nx", extrahepatic="not-staged", genes="")):
        extended = kb.with_scores(known)
        assert all(f"score.{name}" in extended for name in VERIFIED | UNVERIFIED)


def table_of_fong(endpoint: str, at: str) -> list[float]:
    rows = knowledge_base().scores["fong"].reported
    return [row.value[0] for row in rows if row.endpoint.startswith(endpoint) and row.at == at]


def test_survival_by_fong_score_is_not_smoothed():
    assert table_of_fong("overall survival", "5 years") == [60, 44, 40, 20, 25, 14]
    assert table_of_fong("overall survival", "1 year") == [93, 91, 89, 86, 70, 71]
    assert table_of_fong("median overall survival", "") == [74, 51, 47, 33, 20, 22]


def test_both_statements_on_a_fong_score_of_five_are_shown():
    five = {"primary": "colorectal", "nodes": True, "interval": 0, "number": 3, "cea": 300, "largest": 60}
    rows = {(row.endpoint, row.status): row.value[0] for row in score("fong", five).reported}
    assert rows["overall survival (table)", "unverified"] == 14
    assert rows["long-term survivors (abstract)", "verified"] == 0
    assert any("disagree" in note for note in score("fong", five).notes)


def test_a_figure_that_was_not_confirmed_says_so():
    none = {"kras": "wild-type", "cea": 1, "nodes": False, "tumour_burden": 2, "extrahepatic": 0}
    low = score("game", {**none, "primary": "colorectal"})
    found = {(row.endpoint, row.source, row.status, row.value) for row in low.reported}
    assert found == {
        ("median overall survival", "bolhuis-2022", "verified", (68.1, "months")),
        ("overall survival", "margonis-2018", "unverified", (73.4, "%")),
    }


def test_figures_after_transplantation_are_not_those_after_resection():
    kb = knowledge_base()
    after = {row.endpoint for row in kb.scores["fong-before-transplantation"].reported}
    assert after == {"overall survival after transplantation"}
    assert "transplantation" in kb.scores["fong-before-transplantation"].population
    assert {spec.id for spec in kb.variants("fong")} == {"fong", "fong-before-transplantation"}


def test_the_oslo_note_on_size_is_for_large_tumours_only():
    at = {"primary": "colorectal", "cea": 5, "progressing": False, "months_since_primary": 30}
    small, large = (score("oslo", {**at, "largest": size}) for size in ("5.5 cm", "5.6 cm"))
    assert len(large.notes) == len(small.notes) + 1


def test_a_low_risk_of_konopke_has_no_factor():
    at = {"primary": "colorectal", "number": 1, "cea": 5, "timing": "metachronous"}
    assert score("konopke", at).group == "low"
    assert score("konopke", {**at, "number": 4}).group == "intermediate"


def test_scores_that_are_not_computed_are_named():
    rows = knowledge_base().table("prognosis-caveats").rows
    said = {str(row["subject"]): str(row["says"]) for row in rows}
    assert said["Basingstoke predictive index"].startswith("Not computed")
    assert said["CERR score"].startswith("Not computed")


def test_outside_its_population_a_score_has_a_warning_and_no_figures():
    kb = knowledge_base()
    breast = {**facts(), "primary.site": "breast"}
    for name in ("fong", "game", "m-cs", "konopke", "kanesada", "nagashima-grade", "fong-before-transplantation"):
        result = kb.score_from_facts(name, breast)
        assert (result.group, result.reported) == ("outside the population", ())
        assert result.notes[0].startswith("Outside its population")
        inside = kb.score_from_facts(name, facts())
        assert inside.value == result.value
        assert not any(note.startswith("Outside") for note in inside.notes)
    breast_ki67 = {**breast, "primary.ki67_percent": 30.0, "primary.differentiation": "moderate"}
    assert kb.score_from_facts("net-grade-ki67", breast_ki67).group == "outside the population"


def test_every_primary_is_known_to_every_score_that_asks_for_it():
    kb = knowledge_base()
    asking = [item for spec in kb.scores.values() for item in spec.inputs if item.fact == "primary.site"]
    assert len(asking) == 16
    assert {item.values for item in asking} == {kb.facts["primary.site"].values}


def test_every_word_of_the_record_is_known_to_the_scores():
    """A word that a score does not know would stop it, so each lists all of them."""
    kb = knowledge_base()
    for spec in kb.scores.values():
        for item in spec.inputs:
            if item.kind == "choice" and item.fact:
                assert set(item.values) == set(kb.facts[item.fact].values), (spec.id, item.name)


COUNT = st.integers(1, 30)
SIZE = st.floats(1, 250)
CEA = st.floats(0, 5000)
MONTHS = st.floats(0, 200)


@given(st.booleans(), MONTHS, COUNT, CEA, SIZE, st.floats(1, 5))
def test_a_fong_score_is_a_count_that_more_disease_never_lowers(nodes, interval, number, cea, largest, more):
    at = {
        "primary": "colorectal",
        "nodes": nodes,
        "interval": interval,
        "number": number,
        "cea": cea,
        "largest": largest,
    }
    before = score("fong", at).value
    assert before in range(6)
    worse = {"nodes": True, "interval": interval / more, "number": number + 1, "cea": cea * more}
    for name, value in {**worse, "largest": largest * more}.items():
        assert score("fong", {**at, name: value}).value >= before


@given(st.sampled_from(["wild-type", "mutated"]), CEA, st.booleans(), COUNT, SIZE, st.integers(0, 4))
def test_a_game_score_lies_between_0_and_7_with_one_group(kras, cea, nodes, number, largest, sites):
    burden = score("tumour-burden-score", {"largest": largest, "number": number}).value
    at = {"kras": kras, "cea": cea, "nodes": nodes, "tumour_burden": burden, "extrahepatic": sites}
    result = score("game", {**at, "primary": "colorectal"})
    assert result.value in range(8)
    assert result.group == ("low" if result.value <= 1 else "moderate" if result.value <= 3 else "high")


@given(COUNT, SIZE, MONTHS, st.booleans(), st.booleans(), st.integers(0, 3))
def test_an_iwatsuki_grade_is_6_with_a_lethal_factor_and_1_to_5_without(
    number, largest, interval, bilobar, margin, sites
):
    at = {"number": number, "largest": largest, "interval": interval, "bilobar": bilobar, "primary": "colorectal"}
    grade = score("iwatsuki", {**at, "margin": margin, "extrahepatic": sites}).value
    assert grade == 6 if margin or sites else grade in range(1, 6)


@given(st.floats(0, 100), st.floats(0, 100))
def test_the_higher_index_decides_the_grade_of_a_neuroendocrine_tumour(ki67, mitoses):
    at = {"ki67": ki67, "differentiation": "well", "primary": "neuroendocrine"}
    both, alone = score("net-grade", {**at, "mitoses": mitoses}).value, score("net-grade-ki67", at).value
    assert both in (1, 2, 3)
    assert both >= alone
    assert score("net-grade", {**at, "mitoses": 0}).value == alone


@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["poor", "undifferentiated"]))
def test_a_poorly_differentiated_carcinoma_has_no_grade(ki67, mitoses, differentiation):
    at = {"ki67": ki67, "mitoses": mitoses, "differentiation": differentiation}
    assert score("net-grade", {**at, "primary": "neuroendocrine"}).group == "carcinoma"
