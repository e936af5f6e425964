"""What treatments cost in one place on one day: an optional local list, never part of the package and never a reason.

date: 2026-01-15
place: Example hospital
currency: EUR
note: list prices without tax
prices:
  microwave-ablation: {amount: 3500, covers: one session with one night}
  resection: {from: 12000, to: 21000, covers: operation and a week in hospital}
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from glisson.errors import InputError, KnowledgeError
from glisson.knowledge.strict_yaml import Section, parse_yaml

__all__ = ["Price", "PriceList", "read_prices"]


@dataclass(frozen=True, slots=True)
class Price:
    """What one treatment costs: lowest and highest amount in the currency of the list, and what they cover."""

    low: float
    high: float
    covers: str


@dataclass(frozen=True)
class PriceList:
    """Prices by modality, of one place, in one currency, as they were on one day."""

    date: date
    place: str
    currency: str
    note: str
    prices: dict[str, Price]


def read_prices(path: Path, modalities: Collection[str]) -> PriceList:
    """The price list of a YAML file. modalities: ids of the treatments it may name.

    Raises InputError for a file that cannot be read, KnowledgeError with file and line for whatever is not in the
    format: an unknown treatment, a negative or reversed amount, a missing date, place or currency.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"The price list {path} cannot be read: {problem}. Give a YAML file of prices.") from problem
    data, lines = parse_yaml(text, str(path))
    section = Section(data, str(path), lines)
    prices: dict[str, Price] = {}
    entries = section.section("prices")
    for name, entry in entries.named_sections():
        if name not in modalities:
            raise entries.wrong(f"no treatment is called '{name}'; treatments: {', '.join(modalities)}.", name)
        prices[name] = _price(entry)
    found = PriceList(_day(section), section.text("place"), section.text("currency"), section.text("note", ""), prices)
    section.done()
    return found


def _day(section: Section) -> date:
    told = section.text("date")
    try:
        return date.fromisoformat(told)
    except ValueError as problem:
        raise section.wrong(f"'{told}' is not a day; write YYYY-MM-DD.", "date") from problem


def _price(entry: Section) -> Price:
    if entry.has("amount"):
        low = high = entry.number("amount")
    else:
        low, high = entry.number("from"), entry.number("to")
    if not 0 <= low <= high:
        raise _wrong_amount(entry, low, high)
    price = Price(low, high, entry.text("covers", ""))
    entry.done()
    return price


def _wrong_amount(entry: Section, low: float, high: float) -> KnowledgeError:
    return entry.wrong(f"amounts run from 0 upwards, the lower one first; given {low:g} to {high:g}.")
