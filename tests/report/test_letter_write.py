"""The letter on disk: HTML and PDF hold every sentence, the same letter gives the same bytes, whole or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pypdfium2
import pytest

import glisson as g
from glisson.case import Decision
from glisson.errors import OutputError
from glisson.report.letter import Addressing, Letter, letter_html, letter_pdf, plan_letter, write_letter

CASE = Path(__file__).parents[1] / "vignettes" / "pancreas-cholangitis"
TODAY = date(2026, 3, 4)


@pytest.fixture(scope="module")
def letter() -> Letter:
    case, scene = g.read_case(CASE)
    decision = Decision(
        by="Dr A. Name", role="Surgeon", date=date(2026, 3, 3), text="-",
        treatment=("biliary-drainage", "palliative-care"), intent="comfort",
        reason="Your bile duct is blocked & needs <help>.",
    )  # fmt: skip
    return plan_letter(
        g.assess(replace(case, decision=decision), scene),
        today=TODAY,
        addressing=Addressing("Mr O'Neil", "St. Example & Sons", "Ward 5, day and night"),
    )


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00ad\ufffe-]+", "", text)


def test_the_pdf_holds_every_sentence_on_a4(letter):
    document = pypdfium2.PdfDocument(letter_pdf(letter, dated=TODAY))
    assert 3 <= len(document) <= 6
    assert document[0].get_size() == pytest.approx((595.3, 841.9), abs=0.5)
    text = squeezed("".join(page.get_textpage().get_text_range() for page in document))
    for item in letter.paragraphs():
        for part in item.parts:
            for word in part.split():
                assert squeezed(word) in text, part
    for part in (*letter.signed, letter.greeting, letter.title, letter.dated, letter.reading.text, "Ward 5"):
        assert squeezed(part) in text


def test_the_page_holds_every_sentence_escaped_and_asks_nothing_of_the_network(letter):
    from html import unescape

    page = letter_html(letter)
    assert "blocked &amp; needs &lt;help&gt;" in page
    shown = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page.split("<body>")[1])))
    for item in letter.paragraphs():
        assert all(re.sub(r"\s+", " ", part) in shown for part in item.parts if "<" not in part)
    assert letter.reading.text in page
    assert not re.search(r"https?://|src=|<script|@import", page)


def test_the_same_letter_gives_the_same_bytes(letter):
    assert letter_pdf(letter, dated=TODAY) == letter_pdf(letter, dated=TODAY)
    assert letter_html(letter) == letter_html(letter)


def test_names_left_out_become_lines(letter):
    page = letter_html(replace(letter, addressing=Addressing()))
    assert page.count('class="blank"') == 4
    assert b"%PDF" in letter_pdf(replace(letter, addressing=Addressing()), dated=TODAY)[:8]


def test_a_folder_or_one_file_and_an_earlier_letter_is_replaced(letter, tmp_path):
    first = write_letter(letter, tmp_path / "out", dated=TODAY)
    assert [path.name for path in first] == ["letter.html", "letter.pdf"]
    again = write_letter(replace(letter, title="Another"), tmp_path / "out", dated=TODAY)
    assert "Another" in again[0].read_text(encoding="utf-8")
    (single,) = write_letter(letter, tmp_path / "a.pdf", dated=TODAY)
    assert single.read_bytes().startswith(b"%PDF")
    (page,) = write_letter(letter, tmp_path / "new" / "a.html", dated=TODAY)
    assert page.read_text(encoding="utf-8") == letter_html(letter)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "new", "out"]


def test_a_foreign_folder_and_a_full_disk_leave_everything_as_it_was(letter, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(OutputError, match="holds no earlier letter"):
        write_letter(letter, tmp_path / "mine", dated=TODAY)
    (tmp_path / "folder.pdf").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_letter(letter, tmp_path / "folder.pdf", dated=TODAY)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for name in ("out", "b.pdf"):
        with pytest.raises(OutputError, match=r"full|No space left"):
            write_letter(letter, tmp_path / name, dated=TODAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.pdf", "mine"]
