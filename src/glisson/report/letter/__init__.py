"""The patient's letter: planned as data from an assessment and the board's decision, checked, then laid out."""

from glisson.report.letter.check import forbidden_words, strange_numbers
from glisson.report.letter.model import Addressing, Letter, LetterSection, Paragraph, Said
from glisson.report.letter.plan import plan_letter
from glisson.report.letter.reading import AIM_GRADE, HIGHEST_GRADE, Reading, reading_level, syllables
from glisson.report.letter.verdicts import refuse_disagreement
from glisson.report.letter.words import letter_words
from glisson.report.letter.write import letter_html, letter_pdf, write_letter

__all__ = [
    "AIM_GRADE", "HIGHEST_GRADE", "Addressing", "Letter", "LetterSection", "Paragraph", "Reading", "Said",
    "forbidden_words", "letter_html", "letter_pdf", "letter_words", "plan_letter", "reading_level",
    "refuse_disagreement", "strange_numbers", "syllables", "write_letter",
]  # fmt: skip
