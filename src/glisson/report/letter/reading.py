"""How hard a text is to read, by two published formulas that count different things."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["AIM_GRADE", "HIGHEST_GRADE", "Reading", "reading_level", "syllables"]

AIM_GRADE = 6.0
"""School grade a letter aims at: a child of about twelve years can read it."""

HIGHEST_GRADE = 8.0
"""Above this grade, by either formula, a letter is not written."""

_WORD = re.compile(r"[^\W_]+(?:['’\-.][^\W_]+)*")
_END = re.compile(r"[.!?]+(?=[\s\"”’)]|$)")
_VOWELS = re.compile(r"[aeiouyäöüéèáóí]+")
_SPLIT_VOWELS = re.compile(
    r"(?<![ctg])ia|(?<=[td])ia(?=t)|(?<![ctgxs])io(?!n)|iu|(?<![pg])eo(?!u)|(?<![qg])ua|[dr]ea$|(?<!fr)(?<![ct])ie[nt]|"
    r"quiet|ying|eing"
)


@dataclass(frozen=True)
class Reading:
    """Reading level of a text as school grades of the United States. hardest: its hardest sentences, hardest first."""

    flesch_kincaid: float
    coleman_liau: float
    words: int
    sentences: int
    hardest: tuple[str, ...] = ()

    @property
    def grade(self) -> float:
        """The higher of the two grades."""
        return max(self.flesch_kincaid, self.coleman_liau)

    @property
    def text(self) -> str:
        """Both grades in one line."""
        return f"Flesch-Kincaid grade {self.flesch_kincaid:.1f}, Coleman-Liau grade {self.coleman_liau:.1f}"


def reading_level(texts: Iterable[str]) -> Reading:
    """The reading level of paragraphs and list items; each ends a sentence.

    Flesch-Kincaid grade = 0.39 words/sentence + 11.8 syllables/word - 15.59 (Kincaid 1975, 10.21236/ADA006655).
    Coleman-Liau = 0.0588 letters/100 words - 0.296 sentences/100 words - 15.8 (1975, 10.1037/h0076540). Syllables are
    estimated from the spelling, digits count one each; letters and digits are counted exactly. A text without words has
    grade 0.
    """
    sentences = [part for text in texts for part in _sentences(text)]
    if not sentences:
        return Reading(0.0, 0.0, 0, 0)
    kincaid, liau = _grades(sentences)
    ranked = sorted(sentences, key=lambda sentence: -_grades([sentence])[0])
    return Reading(kincaid, liau, sum(len(_words(s)) for s in sentences), len(sentences), tuple(ranked[:3]))


def _grades(sentences: list[str]) -> tuple[float, float]:
    words = [word for sentence in sentences for word in _words(sentence)]
    letters = sum(character.isalnum() for word in words for character in word)
    spoken = sum(syllables(word) for word in words)
    kincaid = 0.39 * len(words) / len(sentences) + 11.8 * spoken / len(words) - 15.59
    liau = 0.0588 * 100 * letters / len(words) - 0.296 * 100 * len(sentences) / len(words) - 15.8
    return kincaid, liau


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _END.split(text) if _words(part)]


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


@lru_cache(4096)
def syllables(word: str) -> int:
    """Syllables of an English word, estimated from its vowels; a digit counts as one, a word has at least one."""
    digits = sum(character.isdigit() for character in word)
    parts = [part for part in re.split(r"[^a-zäöüéèáóí]+", word.lower().replace("’", "'")) if part]
    return max(digits + sum(_part(part) for part in parts if part not in ("s", "t")), 1)


def _part(part: str) -> int:
    count = len(_VOWELS.findall(part)) + len(_SPLIT_VOWELS.findall(part))
    silent_e = part.endswith("e") and not re.search(r"[^aeiouy]le$|[aeiouy]e$", part)
    silent_es = re.search(r"[^aeiouysxz]es$|ves$", part) and not re.search(r"(?:ch|sh|[cg]|[^aeiouy]l)es$", part)
    silent_ed = re.search(r"[^aeiouytd]ed$", part)
    if (silent_e or silent_es or silent_ed) and count > 1:
        count -= 1
    return max(count, 1)
