"""The reading level against counts made by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.report.letter import reading_level, syllables

BY_HAND = {
    1: "the spots choice team cells once size sure cure ease tired scan heat care died eased used closed leave lives "
    "read breathe helped gives stage years friend",
    2: "liver cancer treatment removed wanted little people doctors places needed table tables suggest disease sizes "
    "surgeon bowel able question patient special trial social being dying",
    3: "medicine idea area decided artery diseases various previous biopsy hospital family serious usual quality",
    4: "operation radiation antibody situation palliative",
    5: "chemotherapy",
}


@pytest.mark.parametrize(("count", "word"), [(n, word) for n, words in BY_HAND.items() for word in words.split()])
def test_syllables_of_common_words(count, word):
    assert syllables(word) == count
    assert syllables(word.capitalize()) == count


def test_digits_count_one_each_and_hyphens_part_a_word():
    assert syllables("38") == 2
    assert syllables("well-known") == 2
    assert syllables("doctor's") == 2


def test_a_sentence_counted_by_hand():
    """Six words, six syllables, seventeen letters, one sentence."""
    found = reading_level(["The cat sat on the mat."])
    assert (found.words, found.sentences) == (6, 1)
    assert found.flesch_kincaid == pytest.approx(0.39 * 6 + 11.8 - 15.59)
    assert found.coleman_liau == pytest.approx(5.88 * 17 / 6 - 29.6 / 6 - 15.8)
    assert found.grade == found.flesch_kincaid


def test_two_sentences_counted_by_hand_and_the_harder_one_is_named():
    """Words 3 + 5, syllables 3 + 14, letters 9 + 38."""
    texts = ["You can ask. Palliative medicine precedes the operation"]
    found = reading_level(texts)
    spoken = 3 + (4 + 3 + 2 + 1 + 4)
    letters = 9 + (10 + 8 + 8 + 3 + 9)
    assert (found.words, found.sentences) == (8, 2)
    assert found.flesch_kincaid == pytest.approx(0.39 * 4 + 11.8 * spoken / 8 - 15.59)
    assert found.coleman_liau == pytest.approx(5.88 * letters / 8 - 29.6 * 2 / 8 - 15.8)
    assert found.hardest[0].startswith("Palliative")


def test_a_number_with_a_point_does_not_end_a_sentence():
    assert reading_level(["It is 3.5 mm wide."]).sentences == 1
    assert reading_level(["One item", "another item", "", "–"]).sentences == 2


def test_nothing_to_read():
    assert reading_level([]).grade == 0
    assert reading_level(["", "..."]).words == 0


@given(st.text())
def test_any_text_has_a_level(text):
    found = reading_level([text])
    assert found.words >= found.sentences >= 0
    assert found.grade == found.grade


@given(st.text(), st.text())
def test_every_word_has_a_syllable(one, other):
    assert syllables(one) >= 1
    assert syllables(f"{one}-{other}") >= 1
