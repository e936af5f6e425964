"""The local price list: read strictly, refused with file and line."""

from __future__ import annotations

from datetime import date

import pytest

from glisson.errors import InputError, KnowledgeError
from glisson.knowledge import Price, knowledge_base, read_prices

LIST = """date: 2026-01-15
place: Example hospital
currency: EUR
prices:
  microwave-ablation: {amount: 3500, covers: one session}
  resection: {from: 12000, to: 21000}
"""
TREATMENTS = tuple(knowledge_base().modalities)


def test_amounts_and_ranges(tmp_path):
    (tmp_path / "prices.yaml").write_text(LIST)
    found = read_prices(tmp_path / "prices.yaml", TREATMENTS)
    assert (found.date, found.place, found.currency, found.note) == (date(2026, 1, 15), "Example hospital", "EUR", "")
    assert found.prices == {
        "microwave-ablation": Price(3500, 3500, "one session"),
        "resection": Price(12000, 21000, ""),
    }


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("microwave-ablation", "microwaves", r"prices.yaml:5.*no treatment is called 'microwaves'"),
        ("2026-01-15", "15.1.2026", r"prices.yaml:1.*YYYY-MM-DD"),
        ("amount: 3500", "amount: -1", r"prices.yaml:5.*from 0 upwards"),
        ("from: 12000", "from: 30000", r"prices.yaml:6.*the lower one first"),
        ("currency: EUR\n", "", "currency"),
        ("place:", "where:", "place"),
        ("covers: one session", "coverage: one session", "coverage"),
        ("amount: 3500", "amount: cheap", "cheap"),
    ],
)
def test_what_is_not_in_the_format_is_refused(tmp_path, was, now, words):
    (tmp_path / "prices.yaml").write_text(LIST.replace(was, now))
    with pytest.raises(KnowledgeError, match=words):
        read_prices(tmp_path / "prices.yaml", TREATMENTS)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml cannot be read"):
        read_prices(tmp_path / "none.yaml", TREATMENTS)
