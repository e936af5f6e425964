"""HTML and PDF: self-contained, well-formed, accessible, in the words of a board, page one on one page, the same
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from typing import Any

import pypdfium2
import pytest

from glisson.report import dossier_view
from glisson.report.html import html
from glisson.report.pdf import pdf
from glisson.report.view import Figure

STAMP = datetime(2024, 5, 6, 7, 8, tzinfo=UTC)
FORBIDDEN = ("cleared", "optimal", "proof", "certificate", "safe", "curable", "fails")
VOID = {"meta", "img", "br", "link", "hr"}
Drawn = tuple[dict[str, Figure], dict[str, bytes]]
CASES: Mapping[str, dict[str, Any]] = {
    "whole": {},
    "bare": {"record": "id: bare\n"},
    "no images": {
        "record": "id: n\n",
        "scene": None,
        "liver": None,
        "lesions": (),
        "burden": None,
        "segments": None,
        "resections": (),
        "notices": (),
        "trace": (),
    },
    "no segments": {"segments": None, "resections": ()},
    "no lesions": {"lesions": (), "resections": ()},
}


class Page(HTMLParser):
    """Reads a page the slow way: open tags, headings in order, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.words.append(data)


def pdf_pages(data: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(BytesIO(data))
    try:
        return [document[index].get_textpage().get_text_bounded() for index in range(len(document))]
    finally:
        document.close()


def drawn_for(fakes: Any, figures: Drawn, name: str) -> tuple[Any, Drawn]:
    result = fakes.result(**CASES[name])
    return result, figures if result.scene and result.lesions else ({}, {})


@pytest.mark.parametrize("name", CASES)
def test_html_is_well_formed_and_needs_nothing_else(fakes: Any, figures: Drawn, name: str) -> None:
    result, (held, pictures) = drawn_for(fakes, figures, name)
    text = html(dossier_view(result, held, stamped=STAMP), pictures)
    page = Page(text)
    assert page.stack == []
    tags = [tag for tag, _ in page.seen]
    assert not {"script", "link", "iframe", "object", "form"} & set(tags)
    assert not re.findall(r"""(?:src|href)=(?!["'](?:data:|#))""", text)
    assert "@import" not in text
    assert "url(" not in text
    csp = next(
        attrs["content"]
        for tag, attrs in page.seen
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert csp is not None
    assert csp.startswith("default-src 'none'")


@pytest.mark.parametrize("name", CASES)
def test_html_can_be_heard(fakes: Any, figures: Drawn, name: str) -> None:
    result, (held, pictures) = drawn_for(fakes, figures, name)
    page = Page(html(dossier_view(result, held), pictures))
    levels = [int(tag[1]) for tag, _ in page.seen if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attrs.get("alt") for tag, attrs in page.seen if tag == "img")
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.seen if tag == "th")
    assert dict(page.seen)["html"]["lang"] == "en"
    identities = [attrs["id"] for _, attrs in page.seen if "id" in attrs]
    assert len(identities) == len(set(identities))
    targets = {attrs["href"] for tag, attrs in page.seen if tag == "a"}
    assert targets <= {f"#{name}" for name in identities}


@pytest.mark.parametrize("name", CASES)
def test_only_the_words_of_a_board(fakes: Any, figures: Drawn, name: str) -> None:
    result, (held, pictures) = drawn_for(fakes, figures, name)
    view = dossier_view(result, held)
    texts = " ".join([*Page(html(view, pictures)).words, *pdf_pages(pdf(view, pictures))]).lower()
    assert [word for word in FORBIDDEN if re.search(rf"\b{word}\b", texts)] == []


def test_page_one_stands_in_its_order(fakes: Any, figures: Drawn) -> None:
    view = dossier_view(fakes.result(), figures[0], stamped=STAMP)
    order = (
        "Research software, not a medical device",
        "ECOG",
        "Question to the board",
        "The patient's wish",
        "would remove all",
        "Stops and cautions",
        "Not assessed",
        "Local treatment now",
        "Systemic first",
        "No local treatment",
        "Rule set",
        "Decision",
        "Dissent",
        "Who presents",
        "Who tells the patient",
        "By when",
    )
    for text in (" ".join(Page(html(view, figures[1])).words), pdf_pages(pdf(view, figures[1], stamped=STAMP))[0]):
        plain = " ".join(text.replace("\u00a0", " ").split()).lower()
        places = [plain.find(words.lower()) for words in order]
        assert -1 not in places
        assert places == sorted(places)


def test_the_red_strip_only_for_an_alert(fakes: Any, figures: Drawn) -> None:
    view = dossier_view(fakes.result(), figures[0])
    assert "ACT TODAY" not in html(view, figures[1])


def test_html_escapes_what_the_record_says(fakes: Any, figures: Drawn) -> None:
    record = "id: x\nboard: {question: '<script>alert(1)</script> & more'}\n"
    view = dossier_view(fakes.result(record), figures[0])
    text = html(view, figures[1])
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<script>alert(1)</script> & more" in pdf_pages(pdf(view, figures[1]))[0]


def test_page_one_is_one_page_with_the_longest_record(fakes: Any, figures: Drawn) -> None:
    words = "a long question about everything " * 100
    record = f"id: {'very-long-name-' * 4}\nboard: {{question: '{words}'}}\npreferences: {{wish: '{words}'}}\n"
    lesions = tuple(fakes.lesion(n, "indeterminate" if n % 2 else "confirmed") for n in range(1, 41))
    view = dossier_view(fakes.result(record, lesions=lesions, notices=()), figures[0])
    pages = pdf_pages(pdf(view, figures[1]))
    assert "By when" in pages[0]
    assert "By when" not in "".join(pages[1:])
    assert "Lesions" in pages[1] or "LESIONS" in pages[1]
    assert "in full" in "".join(pages[1:])
    assert len(pages) <= 30


def test_every_pdf_page_says_whose_it_is_and_what(fakes: Any, figures: Drawn) -> None:
    pages = pdf_pages(pdf(dossier_view(fakes.result("id: bare\n"), figures[0]), figures[1]))
    for number, text in enumerate(pages, 1):
        assert "Case bare" in text
        assert f"page {number} of {len(pages)}" in text
        assert "research software, not reviewed" in text


def test_pdf_is_tagged_titled_and_always_the_same(fakes: Any, figures: Drawn) -> None:
    def make() -> bytes:
        return pdf(dossier_view(fakes.result(), figures[0], stamped=STAMP), figures[1], stamped=STAMP)

    data = make()
    assert data == make()
    assert b"/MarkInfo" in data
    document = pypdfium2.PdfDocument(BytesIO(data))
    assert "case-17" in document.get_metadata_dict()["Title"]
    assert {round(page.get_width()) for page in document} == {595}
    document.close()


def test_html_is_always_the_same(fakes: Any, figures: Drawn) -> None:
    assert html(dossier_view(fakes.result(), figures[0]), figures[1]) == html(
        dossier_view(fakes.result(), figures[0]), figures[1]
    )
