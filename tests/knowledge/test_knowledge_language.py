"""Reading conditions, and the message for everything that is not in the language."""

from __future__ import annotations

import pytest

from glisson.errors import KnowledgeError


@pytest.mark.parametrize(
    ("when", "facts", "expected"),
    [
        ("p.size <= 30 mm", {"p.size": 30}, True),
        ("p.size <= 3 cm", {"p.size": 30}, True),
        ("p.size between [10, 30) mm", {"p.size": 30}, False),
        ("p.size <= p.limit", {"p.size": 30, "p.limit": 29}, False),
        ("p.liver is scarred", {"p.liver": "scarred"}, True),
        ("p.liver is not scarred", {"p.liver": "scarred"}, False),
        ("p.liver in {normal, fatty}", {"p.liver": "fatty"}, True),
        ("p.liver not in {normal, fatty}", {"p.liver": "scarred"}, True),
        ("p.a is yes", {"p.a": False}, False),
        ("p.sites contains lung", {"p.sites": ("lung",)}, True),
        ("p.sites contains all {lung, bone}", {"p.sites": ("lung",)}, False),
        ("p.gene is unknown", {}, True),
        ("p.gene is known", {}, False),
        ("labs.bilirubin_umol_l <= 2 mg/dL", {"labs.bilirubin_umol_l": 34.2}, True),
        ("labs.bilirubin_umol_l <= 2 mg/dL", {"labs.bilirubin_umol_l": 34.21}, False),
        ("{all: [p.a is yes, {not: p.b is yes}]}", {"p.a": True, "p.b": False}, True),
        ("{any: [p.a is yes, p.b is yes]}", {"p.a": False}, None),
        ("always", {}, True),
    ],
)
def test_forms(shelf, when, facts, expected):
    when = f'"{when}"' if not when.startswith("{") else when
    shelf.rule("r", f"effect: info\nwhen: {when}")
    assert shelf.load().rule("r").rows[0].when.truth(facts) is expected


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("p.size <= 30", "p.size is in mm; given no unit"),
        ("p.size <= 30 kg", "p.size is in mm; given kg"),
        ("p.count <= 3 mm", "p.count is in no unit; given mm"),
        ("p.size < = 30 mm", "not in the language"),
        ("p.siez <= 30 mm", "there is no fact 'p.siez'. Similar: p.size"),
        ("p.liver <= 3", "p.liver is a choice, not a number"),
        ("p.liver is green", "'green' is not a value of p.liver; its values: normal, fatty, scarred"),
        ("p.liver in {normal, normal}", "a value is named twice"),
        ("p.size is big", "p.size is a number; this form is for a choice or flag"),
        ("p.a is maybe", "its values: yes, no"),
        ("p.liver contains normal", "this form is for a set"),
        ("p.size between [30, 10] mm", "the interval is empty: 30 is not below 10"),
        ("p.size <= p.count", "p.size is in mm, p.count in no unit"),
        ("{all: []}", "'all' needs a list of one or more conditions"),
        ("{none: [p.a is yes]}", "not in the language"),
        ("{all: [p.a is yes], any: [p.b is yes]}", "not in the language"),
        ("3", "not in the language"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_file_and_line(shelf, when, message):
    when = f'"{when}"' if not when.startswith("{") and not when.isdigit() else when
    shelf.rule("r", f"effect: info\nwhen: {when}")
    with pytest.raises(KnowledgeError) as caught:
        shelf.load()
    assert message in str(caught.value)
    assert str(caught.value).startswith("library/t/r.yaml:7: when")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "f.yaml:2: the key 'a' is given twice (first in line 1)"),
        ("a: {b: 1, b: 2}\n", "f.yaml:1: the key 'b' is given twice"),
        ("- 1\n", "f.yaml:1: expected one mapping of keys and values, found a list"),
        ("", "f.yaml:1: expected one mapping of keys and values, found nothing"),
        ("a: [1\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML: but found another document"),
        ("a: &x 1\nb: *x\n", "f.yaml:1: anchors and aliases are not allowed"),
        ("a: !!python/object 1\n", "the tag tag:yaml.org,2002:python/object"),
        ("a: !thing 1\n", "f.yaml:1: the tag !thing is not allowed"),
        ("? [1, 2]\n: 3\n", "f.yaml:1: a key must be one word of text"),
        ("<<: {a: 1}\n", "f.yaml:1: a key must be one word of text"),
    ],
)
def test_yaml_that_is_not_strict_is_refused(text, message):
    from glisson.knowledge.strict_yaml import parse_yaml

    with pytest.raises(KnowledgeError) as caught:
        parse_yaml(text, "f.yaml")
    assert message in str(caught.value)


def test_scalars_keep_what_was_written():
    from glisson.knowledge.strict_yaml import parse_yaml

    data, lines = parse_yaml("a: no\nb: 2026-01-02\nc: '3'\nd: 3\ne: 3.10\nf: true\ng: 1e3\nh: 007\ni: .5\n", "f.yaml")
    assert data == {
        "a": "no",
        "b": "2026-01-02",
        "c": "3",
        "d": 3,
        "e": 3.1,
        "f": True,
        "g": 1000.0,
        "h": "007",
        "i": ".5",
    }
    assert isinstance(data["d"], int)
    assert lines[("i",)] == 9


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("effect: maybe\nwhen: always", "effect: 'maybe' is not allowed here"),
        ("effect: info\nwhen: always\ncolour: red", "library/t/r.yaml:8: colour: unknown key; known here:"),
        ("effect: info", "the key 'when' is missing"),
        ("effect: info\nwhen:", "when: has no value"),
        ("effect: value\nwhen: always\nvalue: much", "expected a number with its unit, such as 20 %; given 'much'"),
        ("effect: eligible\nwhen: always", "a verdict names its modality"),
        (
            "effect: info\nwhen: always\napplies_to: {modality: cut}",
            "a verdict names its modality, and only a verdict does",
        ),
        ("effect: eligible\nwhen: always\napplies_to: {modality: saw}", "unknown modality 'saw'; known: cut, burn"),
        (
            "effect: alert\nwhen: always\nurgency: soon",
            "'soon' is not allowed here; one of: today, days, weeks, routine",
        ),
        ("effect: info\nwhen: always\nconflicts_with: [other]", "names the rule 'other', which does not exist"),
        ("effect: value\ntable: []", "a table needs at least one row"),
        (
            "effect: value\ntable:\n  - {when: always, value: 3, text: x}\n  - {when: p.a is yes, value: 5, text: y}",
            "can never match",
        ),
        ("effect: verdict\nwhen: always", "the effect 'verdict' is for a table"),
    ],
)
def test_rules_out_of_format(shelf, body, message):
    shelf.rule("r", body)
    with pytest.raises(KnowledgeError) as caught:
        shelf.load()
    assert message in str(caught.value)


def test_names_and_folders_must_agree(shelf):
    shelf.rule("r", "effect: info\nwhen: always")
    (shelf.root / "library/t/r.yaml").rename(shelf.root / "library/t/s.yaml")
    with pytest.raises(KnowledgeError, match="the id is 'r'; it must be the name of the file, 's'"):
        shelf.load()


def test_a_placeholder_must_be_a_fact(shelf):
    shelf.rule("r", "effect: info\nwhen: always", text="size {p.siez} mm")
    with pytest.raises(KnowledgeError, match=r"\{p.siez\} is not a fact. Similar: p.size"):
        shelf.load()


def test_a_source_that_was_not_read_cannot_be_verified(shelf):
    text = (shelf.root / "sources/doe.yaml").read_text()
    shelf.file("sources/doe.yaml", text.replace("read: abstract", "read: not read"))
    with pytest.raises(KnowledgeError, match="state what was read"):
        shelf.load()


def test_a_rule_needs_its_source(shelf):
    shelf.rule("r", "effect: info\nwhen: always", source="roe")
    with pytest.raises(KnowledgeError, match=r"there is no source 'roe'; write sources/roe\.yaml"):
        shelf.load()
