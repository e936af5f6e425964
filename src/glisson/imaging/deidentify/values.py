"""New names, identifiers and dates: the same for the same person and the same key, and of no use without the key."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from glisson.errors import InputError, OutputError

__all__ = ["Key", "known_words", "read_key"]

LONGEST_SHIFT_DAYS = 3650
"""Dates go back by 1 to this many days."""

KEY_BYTES = 32


@dataclass(frozen=True)
class Key:
    """A secret from which new names follow. Whoever holds it can find out which old identifier became which new one."""

    secret: bytes = field(repr=False)

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.new(self.secret, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()

    def pseudonym(self, person: str) -> str:
        """Twelve letters and digits for a person."""
        return "P" + self._digest("person", person).hex()[:11].upper()

    def uid(self, old: str) -> str:
        """A unique identifier of the kind 2.25 in place of another."""
        return f"2.25.{int.from_bytes(self._digest('uid', old)[:16], 'big')}"

    def days(self, person: str) -> int:
        """By how many days the dates of a person go back."""
        return 1 + int.from_bytes(self._digest("days", person)[:8], "big") % LONGEST_SHIFT_DAYS

    def date(self, text: str, person: str) -> str:
        """A DICOM date or date with time, moved by the person's days; '' for what is no date."""
        match = re.fullmatch(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?", text.strip())
        try:
            day = datetime.strptime(match[1], "%Y%m%d") if match else None
            moved = None if day is None else day - timedelta(days=self.days(person))
        except (ValueError, OverflowError):
            moved = None
        if match is None or moved is None:
            return ""
        return f"{moved:%Y%m%d}{match[2] or ''}{match[3] or ''}"


@lru_cache(1)
def _words() -> frozenset[str]:
    """Words of a description that name anatomy, phase, sequence or reconstruction and never a person."""
    return frozenset(Path(__file__).with_name("words.txt").read_text(encoding="ascii").split())


def known_words(text: str) -> str:
    """The words of a description that are known to name no person, names of lesions such as L12, and single numbers.

    A number of up to three digits is kept, but no part of a date, a telephone number or a longer identifier.
    """
    found = re.findall(r"[^\W\d_]+\d*|\d[\d.,:/-]*", text)
    numbers = [word[0].isdigit() for word in found]
    kept = []
    for place, word in enumerate(found):
        if numbers[place]:
            alone = not any(numbers[max(place - 1, 0) : place] + numbers[place + 1 : place + 2])
            known = alone and bool(re.fullmatch(r"\d{1,3}(\.\d{1,3})?", word))
        else:
            known = word.lower() in _words() or bool(re.fullmatch(r"[Ll]\d{1,2}", word))
        if known:
            kept.append(word)
    return " ".join(kept)


def read_key(path: Path) -> Key:
    """The key in a file; a new one is made there when there is none, readable by its owner alone.

    Raises InputError for a file that holds no key and OutputError when a new one cannot be written.
    """
    if not path.exists():
        secret = secrets.token_bytes(KEY_BYTES)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(secret.hex() + "\n")
        except OSError as problem:
            raise OutputError(f"The key {path} could not be written: {problem.strerror}. Name another file.") from None
        return Key(secret)
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise InputError(f"{path} holds no key ({2 * KEY_BYTES} hexadecimal digits). Name a new file to have one made.")
    return Key(secret)
