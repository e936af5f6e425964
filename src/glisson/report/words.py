"""How numbers, names and missing facts are written on the pages, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from glisson.case import Unknown

__all__ = [
    "GAP",
    "NOT_ASSESSED",
    "a_or_an",
    "and_list",
    "day",
    "fact",
    "lower_first",
    "upper_first",
    "mm",
    "months",
    "number_of",
    "percent",
    "shorten",
    "slug",
    "spoken",
    "volume",
]

GAP = "— not recorded"
"""Stands on a page where the record is silent."""

NOT_ASSESSED = "not assessed"

SPACE = "\u00a0"
"""Between a number and its unit: never broken across lines."""

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Written out, so that no machine's language changes the page."""

_SPOKEN = {
    "colorectal": "colorectal cancer",
    "unknown-primary": "unknown primary",
    "gist": "GIST",
    "melanoma-skin": "skin melanoma",
    "melanoma-uveal": "uveal melanoma",
    "melanoma-mucosal": "mucosal melanoma",
    "v600e": "V600E",
    "v600k": "V600K",
    "non-v600": "non-V600",
    "not-staged": "not staged",
    "r0": "R0",
    "r1": "R1",
    "r2": "R2",
}


def volume(ml: float) -> str:
    """A volume in mL: whole from 100 mL on, one decimal from 1 mL, two below."""
    decimals = 0 if ml >= 99.95 else 1 if ml >= 0.995 else 2
    return f"{ml:.{decimals}f}{SPACE}mL"


def mm(value: float) -> str:
    """A length in mm, one decimal."""
    return f"{value + 0.0:.1f}{SPACE}mm"


def percent(value: float, near: float | None = None) -> str:
    """A share in percent: whole, but with one decimal when it lies within one point of the limit `near`."""
    close = near is not None and abs(value - near) < 1.0
    return f"{value:.{1 if close else 0}f}{SPACE}%"


def day(value: date | str) -> str:
    """A date as 3 May 2024; text that is not an ISO or DICOM date stays as it is."""
    try:
        when = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return f"{when.day}{SPACE}{MONTHS[when.month - 1]}{SPACE}{when.year}"


def months(value: float) -> str:
    """Months in words, without needless decimals."""
    return f"{value:g}{SPACE}month{'' if value == 1 else 's'}"


def spoken(word: Any) -> str:
    """A word of the case file as people write it: yes, no, colorectal cancer, wild type."""
    if isinstance(word, bool):
        return "yes" if word else "no"
    if isinstance(word, date):
        return day(word)
    if isinstance(word, float):
        return f"{word:g}"
    text = str(word)
    return _SPOKEN.get(text, text.replace("-", " "))


def fact(value: Any) -> str | None:
    """A fact of the record as text; None where it is missing."""
    return None if isinstance(value, Unknown) else spoken(value)


def and_list(items: Iterable[str]) -> str:
    """One, two and three."""
    words = list(items)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}" if words else "none"


def number_of(count: int, noun: str) -> str:
    """1 lesion, 2 lesions."""
    return f"{count}{SPACE}{noun}{'' if count == 1 else 's'}"


def lower_first(name: str) -> str:
    """A name inside a sentence: right hepatectomy, but IVb and ALPPS as they are."""
    return name if len(name) < 2 or name[1].isupper() else name[0].lower() + name[1:]


def upper_first(text: str) -> str:
    """A text at the head of a sentence."""
    return text[:1].upper() + text[1:]


def a_or_an(name: str) -> str:
    """The name with its article, at the head of a sentence."""
    return f"{'An' if name[:1].lower() in 'aeiou' else 'A'} {lower_first(name)}"


def ids(names: Sequence[str], most: int = 8) -> str:
    """Lesion ids, the first of many."""
    if len(names) <= most:
        return and_list(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def shorten(text: str, most: int) -> str:
    """The text, cut at a word with an ellipsis when it is longer than `most` characters."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(",;.") + " …"


def slug(name: str) -> str:
    """A name as part of a file name: lower case, hyphens, plain letters."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
