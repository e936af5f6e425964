"""The answer of page one in each of the ways a case can go."""

from __future__ import annotations

from typing import Any

import pytest

from glisson.report import answer_in_one_sentence, dossier_view
from glisson.report.build import actions
from glisson.report.words import a_or_an, and_list, day, mm, percent, shorten, volume

UNRESECTABLE = "This is not a finding of unresectability; ask an expert liver panel."


def test_enough(fakes: Any) -> None:
    assert answer_in_one_sentence(fakes.result()) == (
        "A right hepatectomy would remove all 3 lesions that must be treated; "
        "remnant 38 % of non-tumour liver, 36 % standardised (limit 30 %)."
    )


def test_near_the_limit_a_decimal_is_shown(fakes: Any) -> None:
    said = answer_in_one_sentence(
        fakes.result(resections=(fakes.resection(remnant_percent_standardised=29.6, verdict="too little"),))
    )
    assert "29.6 % standardised (limit 30 %)" in said


def test_too_little_everywhere(fakes: Any) -> None:
    said = answer_in_one_sentence(fakes.result(resections=(fakes.resection(verdict="too little"),)))
    assert said.startswith("No single standard resection in this catalogue with these masks and margins ")
    assert UNRESECTABLE in said


def test_enough_goes_before_a_better_ranked_one_that_is_not(fakes: Any) -> None:
    poor = fakes.resection("Extended right hepatectomy", verdict="too little")
    assert "A right hepatectomy would remove" in answer_in_one_sentence(
        fakes.result(resections=(poor, fakes.resection()))
    )


def test_undetermined_says_why(fakes: Any) -> None:
    resection = fakes.resection(
        verdict="undetermined", remnant_percent_standardised=None, reasons=("Height and weight are not recorded.",)
    )
    said = answer_in_one_sentence(fakes.result("id: c\nliver: {background: normal}\n", resections=(resection,)))
    assert "standardised not assessed (limit 20 to 30 %, not decided); whether that is enough is undetermined" in said
    assert "(height and weight are not recorded)" in said


def test_none_removes_all(fakes: Any) -> None:
    said = answer_in_one_sentence(fakes.result(resections=(fakes.resection(clears=("L1",), leaves=("L2", "L3")),)))
    assert said == (
        "No single standard resection in this catalogue with these masks and margins removes every visible lesion. "
        f"{UNRESECTABLE} Combined plans (wedges, ablation) are not assessed yet."
    )


def test_indeterminate_lesions_give_two_answers(fakes: Any) -> None:
    lesions = (fakes.lesion(1), fakes.lesion(2), fakes.lesion(3, "indeterminate"))
    small = fakes.resection("Right posterior sectionectomy", clears=("L1", "L2"), leaves=("L3",))
    view = dossier_view(fakes.result(lesions=lesions, resections=(small, fakes.resection())))
    with_it, without = view.page_one.headline.lines
    assert with_it.label == "If L3 is a metastasis"
    assert "right hepatectomy would remove all 3" in with_it.text
    assert without.label == "If it is not"
    assert "right posterior sectionectomy would remove both lesions" in without.text


def test_all_indeterminate(fakes: Any) -> None:
    lesions = tuple(fakes.lesion(n, "indeterminate") for n in (1, 2, 3))
    lines = dossier_view(fakes.result(lesions=lesions)).page_one.headline.lines
    assert lines[0].label == "If L1, L2 and L3 are metastases"
    assert lines[1].text.startswith("Nothing in the liver has to be removed")


def test_two_answers_that_are_the_same_are_one(fakes: Any) -> None:
    lesions = (fakes.lesion(1), *(fakes.lesion(n, "indeterminate") for n in range(2, 8)))
    none = fakes.resection(clears=(), leaves=tuple(lesion.id for lesion in lesions))
    (line,) = dossier_view(fakes.result(lesions=lesions, resections=(none,))).page_one.headline.lines
    assert line.label == "With or without the 6\u00a0indeterminate lesions"


def test_many_removed_lesions_are_counted(fakes: Any) -> None:
    names = tuple(f"L{n}" for n in range(1, 13))
    resection = fakes.resection(clears=names, margins_mm={name: float(n) for n, name in enumerate(names, 1)})
    view = dossier_view(fakes.result(lesions=tuple(fakes.lesion(n) for n in range(1, 13)), resections=(resection,)))
    assert view.resections is not None
    assert "12 lesions; narrowest L1\u00a0(1.0), L2\u00a0(2.0), L3\u00a0(3.0)" in view.resections.rows[0]


def test_a_margin_below_the_planned_one_is_a_caution(fakes: Any) -> None:
    resection = fakes.resection(margins_mm={"L1": 4.9, "L2": 5.0, "L3": None})
    stops = {item.what: item.why for item in dossier_view(fakes.result(resections=(resection,))).page_one.stops}
    assert stops["Narrow margin"].endswith("the 5\u00a0mm to plan for: L1 4.9\u00a0mm")


def test_benign_lesions_are_never_planned(fakes: Any) -> None:
    lesions = (fakes.lesion(1), fakes.lesion(2, "benign"))
    result = fakes.result(lesions=lesions, resections=(fakes.resection(clears=("L1",), leaves=("L2",)),))
    assert "the one lesion that must be treated (L1)" in answer_in_one_sentence(result)
    assert actions(result) == {"L1": "X", "L2": "N"}
    only = fakes.result(lesions=(fakes.lesion(1, "benign"),))
    assert "1 lesion recorded as benign" in answer_in_one_sentence(only)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scene": None, "liver": None, "lesions": (), "resections": ()}, "no scan with a liver mask"),
        ({"lesions": ()}, "no lesion is outlined"),
        ({"segments": None, "resections": ()}, "no map of the liver segments"),
    ],
)
def test_not_assessed_because(fakes: Any, changes: dict[str, Any], reason: str) -> None:
    said = answer_in_one_sentence(fakes.result(**changes))
    assert said.startswith("Not assessed because ")
    assert reason in said


def test_disease_elsewhere_that_is_not_for_cure_holds_the_answer_back(fakes: Any) -> None:
    record = (
        "id: c\nextrahepatic: {status: present, sites: [{site: peritoneum, treatable_with_curative_intent: false}]}\n"
    )
    result = fakes.result(record)
    said = answer_in_one_sentence(result)
    assert said.startswith("No plan is put forward, because disease outside the liver (peritoneum)")
    assert "hepatectomy" not in said
    assert dossier_view(result).page_one.paths[0].text.startswith("Not put forward")
    assert set(actions(result).values()) == {"O"}


def test_progression_on_the_present_therapy_holds_it_back(fakes: Any) -> None:
    record = "id: c\ntreatments: [{kind: systemic, name: FOLFIRI, ongoing: true, response: progression}]\n"
    assert "progressing on the present therapy" in answer_in_one_sentence(fakes.result(record))


def test_gaps_are_shown_as_gaps(fakes: Any) -> None:
    one = dossier_view(fakes.result("id: bare\n")).page_one
    assert all(item.missing and item.value == "— not recorded" for item in one.who)
    assert one.question.missing
    assert one.wish.missing


def test_known_facts_are_shown(fakes: Any) -> None:
    who = {item.label: item.value for item in dossier_view(fakes.result()).page_one.who}
    assert who["Age"] == "63\u00a0years, female"
    assert who["Primary"].startswith("colorectal cancer, left; resected 12")
    assert who["Outside the liver"] == "none"
    assert who["Treatment"] == "FOLFOX; 4\u00a0months of chemotherapy"


def test_at_most_three_changes_and_palliative_care_in_every_row(fakes: Any) -> None:
    lesions = tuple(fakes.lesion(n, "indeterminate") for n in (1, 2, 3))
    one = dossier_view(fakes.result("id: bare\n", lesions=lesions)).page_one
    assert 1 <= len(one.changes) <= 3
    assert len(one.paths) == 3
    assert all("Palliative care" in path.care for path in one.paths)


def test_a_vanished_lesion_that_is_not_outlined_is_a_caution(fakes: Any) -> None:
    record = "id: c\nlesions: [{id: V1, nature: vanished}]\n"
    assert any("V1" in item.why for item in dossier_view(fakes.result(record)).page_one.stops)


def test_null_values_print_their_reason(fakes: Any) -> None:
    measures = {m.label: m for m in dossier_view(fakes.result()).cards[0].measures}
    assert measures["To the hepatic veins"].value == "not assessed: no hepatic vein mask was given"
    assert measures["To the portal vein"].value == "12.2\u00a0mm"


def test_words() -> None:
    assert [volume(v) for v in (1489.4, 99.96, 42.04, 0.314)] == [
        "1489\u00a0mL",
        "100\u00a0mL",
        "42.0\u00a0mL",
        "0.31\u00a0mL",
    ]
    assert mm(-0.0) == "0.0\u00a0mm"
    assert (percent(38.4), percent(29.6, 30.0)) == ("38\u00a0%", "29.6\u00a0%")
    assert (day("2024-05-03"), day("20240503"), day("spring")) == (
        "3\u00a0May\u00a02024",
        "3\u00a0May\u00a02024",
        "spring",
    )
    assert and_list(["a", "b", "c"]) == "a, b and c"
    assert (a_or_an("Extended right hepatectomy"), a_or_an("Right hepatectomy")) == (
        "An extended right hepatectomy",
        "A right hepatectomy",
    )
    assert shorten("one two three", 9) == "one two …"
