"""Corrections of lesions: by hand-made balls whose sizes are known, on folders that are copies by hard link."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.case import load_case, loads_case
from glisson.case.reader import CaseFileError
from glisson.errors import InputError
from glisson.imaging import read_case
from glisson.serve.content.case_edit import Names
from glisson.serve.content.case_text import with_items, with_section
from glisson.serve.content.edits import add_lesion, delete_lesion, paint, regrow, resize, state_facts
from glisson.serve.content.prepare import Prepared, prepare
from glisson.serve.files import link_tree

from .content_cases import CENTRE_RAS, COMMENT, LESION_MM, LESIONS_RAS, affine_of, lps, plain_case, write_case

FIRST, SECOND = LESIONS_RAS.values()


@pytest.fixture(scope="module", params=["files", "one", "labels"])
def kinds(request, tmp_path_factory):
    """Cases that hold their lesions as files, as one binary file and in a file of many structures."""
    return plain_case(tmp_path_factory.mktemp("kinds") / request.param, lesions=request.param)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return plain_case(tmp_path_factory.mktemp("original") / "case")


@pytest.fixture
def copy(original, tmp_path):
    link_tree(original, tmp_path / "copy")
    return tmp_path / "copy"


def masks_of(folder: Path) -> dict[str, np.ndarray]:
    scene = read_case(folder)[1]
    assert scene is not None
    return {one.id: one.mask.on(scene.grid) for one in scene.lesions}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_first_edit_keeps_every_name_and_voxel(kinds, tmp_path):
    link_tree(kinds, tmp_path / "copy")
    before = masks_of(kinds)
    state_facts(tmp_path / "copy", "L1", {"nature": "benign", "reason": "cyst on ultrasound"})
    after = masks_of(tmp_path / "copy")
    assert sorted(after) == sorted(before) == ["L1", "L2"]
    for name, mask in before.items():
        np.testing.assert_array_equal(after[name], mask)
    case = load_case(tmp_path / "copy")
    assert case.lesion("L1").nature == "benign"
    assert case.lesion("L2").nature == "confirmed"


def test_earlier_versions_never_change(original, copy):
    before = bytes_of(original)
    resize(copy, "L1", 3.0)
    paint(copy, "L1", [lps(FIRST)], 3.0, add=False)
    delete_lesion(copy, "L2", "artefact")
    assert bytes_of(original) == before


def test_comments_and_other_sections_stay(original, copy):
    resize(copy, "L1", 4.0)
    text = (copy / "case.yaml").read_text()
    assert COMMENT in text
    assert "age_years: 61  # told by the patient" in text
    assert "# what the board said of them" in text
    assert "reason: biopsied" in text


@pytest.mark.parametrize("by_mm", [3.0, 6.0, -3.0, -6.0])
def test_grown_and_shrunk_balls_have_the_radius_that_was_asked(copy, by_mm):
    before = masks_of(copy)
    shown = resize(copy, "L1", by_mm).shown
    after = masks_of(copy)
    assert shown["id"] == "L1"
    radius = (3 * 27.0 * after["L1"].sum() / (4 * np.pi)) ** (1 / 3)
    assert radius == pytest.approx(LESION_MM + by_mm, abs=1.0)
    assert (after["L1"] >= before["L1"]).all() if by_mm > 0 else (after["L1"] <= before["L1"]).all()
    np.testing.assert_array_equal(after["L2"], before["L2"])
    assert shown["volume_ml"] == pytest.approx(after["L1"].sum() * 27.0 / 1000, abs=1e-3)


def test_growth_ends_at_the_liver_and_at_other_lesions(copy):
    for _ in range(2):
        resize(copy, "L1", 25.0)
    resize(copy, "L2", 25.0)
    masks = masks_of(copy)
    liver = nibabel.load(copy / "liver.nii.gz").get_fdata() > 0
    assert not (masks["L1"] & masks["L2"]).any()
    assert not (masks["L1"] & ~liver).any()


def test_a_click_outlines_a_missed_lesion_under_the_next_name(copy):
    delete_lesion(copy, "L1", "to be found again")
    with pytest.raises(InputError, match="lies outside the liver"):
        add_lesion(copy, lps(CENTRE_RAS + np.array([0, 0, 100.0])))
    edited = add_lesion(copy, lps(FIRST))
    assert edited.lesion == "L3"
    assert "nobody has reviewed" in edited.shown["reason"]
    assert edited.shown["volume_ml"] == pytest.approx(4.19, rel=0.35)
    np.testing.assert_allclose(edited.shown["centre_lps"], lps(FIRST), atol=2.5)
    assert sorted(masks_of(copy)) == ["L2", "L3"]
    assert json.loads((copy / "lesions/deleted.json").read_text())[0]["why"] == "to be found again"


def test_the_hint_of_a_size_is_used(copy):
    delete_lesion(copy, "L2", "to be found again")
    edited = add_lesion(copy, lps(SECOND), diameter_mm=2 * LESION_MM)
    assert edited.shown["long_mm"] == pytest.approx(2 * LESION_MM, abs=6.0)


def test_a_click_into_a_known_lesion_is_refused(copy):
    with pytest.raises(InputError, match="lies in L1"):
        add_lesion(copy, lps(FIRST))


def test_regrowing_keeps_the_name_and_refuses_another_place(copy):
    resize(copy, "L1", -6.0)
    edited = regrow(copy, "L1", lps(FIRST))
    assert edited.lesion == "L1"
    assert edited.shown["volume_ml"] == pytest.approx(4.19, rel=0.35)
    with pytest.raises(InputError, match="lies in L2, not in L1"):
        regrow(copy, "L1", lps(SECOND))


def test_painting_adds_and_erases_balls(copy):
    beside = FIRST + np.array([0.0, LESION_MM + 6.0, 0.0])
    before = masks_of(copy)["L1"]
    paint(copy, "L1", [lps(beside)], 6.0, add=True)
    more = masks_of(copy)["L1"]
    points = np.argwhere(more & ~before) @ np.diag([-3.0, -3.0, 3.0])
    assert len(points) * 27.0 == pytest.approx(4 / 3 * np.pi * 6.0**3, rel=0.25)
    paint(copy, "L1", [lps(beside)], 6.0, add=False)
    np.testing.assert_array_equal(masks_of(copy)["L1"], before)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda f: resize(f, "L1", -25.0), "would be left"),
        (lambda f: resize(f, "L1", 0.01), "changes no voxel"),
        (lambda f: resize(f, "L1", 0.0), "more than 0"),
        (lambda f: resize(f, "L1", 31.0), "at most 30"),
        (lambda f: resize(f, "L9", 3.0), "There is no lesion 'L9'. Lesions: L1, L2"),
        (lambda f: paint(f, "L1", [lps(FIRST)], 40.0, add=False), "would be left"),
        (lambda f: paint(f, "L1", [lps(FIRST + np.array([0, 30.0, 0]))], 3.0, add=False), "changes no voxel"),
        (lambda f: paint(f, "L1", [[9e4, 0.0, 0.0]], 3.0, add=True), "leaves the scan"),
        (lambda f: paint(f, "L1", [], 3.0, add=True), "1 to 2000 points"),
        (lambda f: paint(f, "L1", [[0.0, float("nan"), 0.0]], 3.0, add=True), "finite"),
        (lambda f: paint(f, "L1", [lps(FIRST)], -1.0, add=True), "radius"),
        (lambda f: delete_lesion(f, "L1", "  "), "Say why"),
        (lambda f: add_lesion(f, [0.0, 0.0]), "three finite numbers"),
        (lambda f: add_lesion(f, lps(CENTRE_RAS + np.array([0, -30.0, 0]))), "no lesion to be seen"),
        (lambda f: state_facts(f, "L1", {"mask": "/etc/passwd"}), "not changed as a fact"),
        (lambda f: state_facts(f, "L1", {"id": "L7"}), "not changed as a fact"),
    ],
)
def test_refusals_change_nothing(copy, work, words):
    before = (copy / "case.yaml").read_bytes()
    with pytest.raises(InputError, match=re.escape(words)):
        work(copy)
    assert (copy / "case.yaml").read_bytes() == before


def test_facts_outside_the_schema_are_refused_with_their_line(copy):
    before = (copy / "case.yaml").read_bytes()
    with pytest.raises(CaseFileError) as refusal:
        state_facts(copy, "L1", {"nature": "evil", "reason": "x"})
    assert "evil" in refusal.value.problems[0].given
    assert (copy / "case.yaml").read_bytes() == before


def test_a_fact_is_taken_out_with_none(copy):
    state_facts(copy, "L2", {"size_mm": 12})
    assert load_case(copy).lesion("L2").size_mm == 12
    state_facts(copy, "L2", {"size_mm": None, "nature": None, "reason": None})
    assert load_case(copy).lesion("L2").nature == "indeterminate"


def test_names_for_life_are_kept_and_pinned(original, tmp_path):
    """Of a case with an earlier scan the lesions take the names that following the scans gave them."""
    folder = tmp_path / "copy"
    link_tree(original, folder)
    text = (folder / "case.yaml").read_text()
    masks = "masks: {liver: liver.nii.gz, lesions: one.nii.gz}"
    old = f"studies:\n- id: ct-0\n  date: 2024-01-01\n  image: ct.nii.gz\n  {masks}\n"
    text = text.replace("studies:\n", old).replace("- id: ct-1\n", "- id: ct-1\n  date: 2024-06-01\n")
    (folder / "case.yaml").write_text(text)
    with pytest.raises(InputError, match="several scans"):
        resize(folder, "L1", 3.0)
    resize(folder, "L1", 3.0, Names({"L1": "L5", "L2": "L2"}, known=True))
    case = load_case(folder)
    assert sorted(masks_of(folder)) == ["L2", "L5"]
    assert [(k.study, k.lesion) for k in case.lesion("L5").known_as] == [("ct-1", "L5")]


def test_what_is_prepared_after_an_edit_is_what_would_be_prepared_anew(original, copy, tmp_path):
    first, linked, anew = (tmp_path / name for name in ("first", "linked", "anew"))
    for folder in (first, linked, anew):
        folder.mkdir()
    prepare(original, None, first)
    edited = resize(copy, "L1", 4.0)
    Prepared(copy, None, linked).after_edit(first, edited.case, edited.scene, edited.lesion)
    prepare(copy, None, anew)
    assert bytes_of(linked).keys() == bytes_of(anew).keys()
    for name, content in bytes_of(anew).items():
        if name != "scene.json":
            assert bytes_of(linked)[name] == content, name
    told, fresh = (json.loads((folder / "scene.json").read_text()) for folder in (linked, anew))
    assert told == fresh
    assert (linked / "fine.nii.gz").stat().st_ino == (first / "fine.nii.gz").stat().st_ino


def test_oblique_scans_are_painted_where_the_finger_was(tmp_path):
    shape = (50, 48, 44)
    folder = write_case(tmp_path / "case", affine_of((3.4, 3.0, 3.8), (1, 0, 2), (1, -1, -1), 14.0, shape), shape)
    edited = paint(folder, "L2", [lps(SECOND + np.array([12.0, 0.0, 0.0]))], 8.0, add=True)
    assert edited.shown["centre_lps"][0] < lps(SECOND)[0] - 2.0


# ---- the text of case.yaml

TEXT = """\
# head
id: a   # name
lesions:
# about L1
- id: L1
  nature: confirmed
  reason: said
# about L2
- id: L2
  reason: 'a: b'
# end
treatments: []
# tail
"""


def test_only_the_entry_that_changed_is_written_anew():
    items = [{"id": "L1", "nature": "confirmed", "reason": "said"}, {"id": "L2", "reason": "c"}, {"id": "L3"}]
    assert with_items(TEXT, "lesions", items) == TEXT.replace("  reason: 'a: b'\n", "  reason: c\n- id: L3\n")


def test_an_entry_goes_with_its_own_lines_only():
    found = with_items(TEXT, "lesions", [{"id": "L2", "reason": "a: b"}])
    assert found == TEXT.replace("- id: L1\n  nature: confirmed\n  reason: said\n", "")
    assert "lesions" not in with_items(TEXT, "lesions", [])
    assert "# tail" in with_items(TEXT, "lesions", [])


def test_a_section_that_is_missing_is_put_at_the_end():
    found = with_section("id: a  # no end of line", "lesions", [{"id": "L1"}])
    assert found == "id: a  # no end of line\n\nlesions:\n- id: L1\n"


@pytest.mark.parametrize(
    "lesions",
    ["[]", "[{id: L1}]", "[{id: L1},\n  {id: L2}]", "\n  - {id: L1}\n  - id: L2\n    reason: >\n      one\n      two"],
)
def test_every_way_of_writing_a_list_is_taken(lesions):
    text = f"id: a\nlesions: {lesions}\ntreatments: []\n"
    case = loads_case(with_items(text, "lesions", [{"id": "L1"}, {"id": "L4", "reason": "new"}]))
    assert [one.id for one in case.lesions] == ["L1", "L4"]
    assert case.lesions[1].reason == "new"


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    str.strip
)


@given(st.dictionaries(st.from_regex(r"L[1-9]", fullmatch=True), WORDS, max_size=5), st.lists(WORDS, max_size=3))
def test_any_words_come_back(reasons, more):
    items = [{"id": name, "reason": reason.strip()} for name, reason in reasons.items()]
    text = with_items(TEXT, "lesions", items)
    for extra in more:
        items = [*items, {"id": f"M{len(items)}", "reason": extra.strip()}]
        text = with_items(text, "lesions", items)
    assert {one.id: one.reason for one in loads_case(text).lesions} == {one["id"]: one["reason"] for one in items}
    assert text.startswith("# head\nid: a   # name\n")
    assert "# end\ntreatments: []\n# tail\n" in text
