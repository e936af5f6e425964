"""The contrast phase, from explicit words only, in the vocabulary of the case file."""

from __future__ import annotations

import re

__all__ = ["phase_of"]

_WORDS = (
    ("portal-venous", r"porto?[ _-]?v\w*|portal\w*|\bpvp?\b|venous|ven[oö]s\w*"),
    ("arterial", r"arteri\w*|\bart\b"),
    ("hepatobiliary", r"hepato[ _-]?bil\w*|\bhbp\b"),
    ("delayed", r"delay\w*|\blate\b|sp[aä]t\w*|equilib\w*"),
    ("native", r"\bnativ\w*|non[ _-]?contrast|unenhanced|without contrast"),
)


def phase_of(text: str | None) -> str | None:
    """The phase that a description names in words, or None when it names none or several."""
    found = {phase for phase, words in _WORDS if text and re.search(words, text, re.IGNORECASE)}
    return found.pop() if len(found) == 1 else None
