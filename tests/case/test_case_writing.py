# ruff: noqa: E501  (one case file to a line)
"""Writing a case and reading it back; schema, starter file and reference page in step with the loader."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glisson.case import (
    TESTS,
    Case,
    CaseFileError,
    Lab,
    MaskFile,
    Masks,
    Patient,
    Study,
    Unknown,
    case_as_plain,
    case_schema,
    dump_case,
    loads_case,
    reference_page,
    starter_yaml,
)
from glisson.case.checks import check_consistency
from glisson.case.kinds import Choice, Day, Flag, Number, Text
from glisson.case.labs import RESULTS
from glisson.case.reader import Reader
from glisson.case.sections import ListOf, MapOf, Section, declared

VALIDATOR = jsonschema.Draft202012Validator(case_schema())
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "case-file.md"
texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=30).filter(
    lambda text: text.strip() and not re.search("[\ufeff\ufffe\uffff]", text)
)


@st.composite
def labs(draw: st.DrawFn) -> Lab:
    name = draw(st.sampled_from(sorted(TESTS)))
    test, day = TESTS[name], draw(st.one_of(st.just(Unknown()), st.dates(date(2000, 1, 1), date(2030, 1, 1))))
    if test.qualitative:
        return Lab(name, draw(st.sampled_from(RESULTS)), None, day)
    high = min(test.high, 1e5)
    value = draw(st.floats(test.low, high))
    limit = draw(st.one_of(st.just(Unknown("not printed")), st.floats(0, 1e6)))
    return Lab(name, value, test.unit, day, limit)


def values(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, Number):
        return st.integers(int(kind.low), int(kind.high)) if kind.whole else st.floats(kind.low, kind.high)
    if isinstance(kind, Choice):
        return st.sampled_from(kind.options)
    if isinstance(kind, Flag):
        return st.booleans()
    if isinstance(kind, Day):
        return st.dates(date(1900, 1, 1), date(2100, 1, 1))
    if isinstance(kind, Text):
        return texts
    if isinstance(kind, ListOf):
        key = (lambda element: getattr(element, kind.unique)) if kind.unique else None
        unique = {"unique_by": key} if key else {"unique": isinstance(kind.of, Choice)}
        return st.lists(values(kind.of), max_size=2, **unique).map(tuple)
    if isinstance(kind, MapOf):
        keys = st.integers(1, 99999) if kind.labels else st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
        return st.dictionaries(keys, values(kind.of), max_size=2).map(_frozen)
    assert isinstance(kind, Section)
    return labs() if kind.cls is Lab else instances(kind.cls)


def _frozen(pairs: dict[Any, Any]) -> Any:
    from glisson.case import FrozenMap

    return FrozenMap(pairs)


@st.composite
def instances(draw: st.DrawFn, cls: type) -> Any:
    chosen: dict[str, Any] = {}
    for f in declared(cls):
        if f.metadata["required"] or draw(st.integers(0, 3)) == 0:
            options = [values(f.metadata["kind"])]
            if f.metadata["fact"]:
                options.append(texts.map(Unknown))
            chosen[f.name] = draw(st.one_of(options))
    return cls(**chosen)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(instances(Case))
def test_round_trip(case: Case):
    reader = Reader("drawn")
    check_consistency(case, reader)
    text = dump_case(case)
    if reader.problems:
        with pytest.raises(CaseFileError) as caught:
            loads_case(text)
        assert sorted(p.key for p in caught.value.problems) == sorted(p.key for p in reader.problems)
        return
    assert loads_case(text) == case
    assert dump_case(loads_case(text)) == text
    VALIDATOR.validate(_with_text_keys(case_as_plain(case)))
    assert set(case.facts()) == set(Case("a").facts())


def _with_text_keys(plain: Any) -> Any:
    """As JSON has it: keys are text."""
    if isinstance(plain, dict):
        return {str(key): _with_text_keys(value) for key, value in plain.items()}
    return [_with_text_keys(value) for value in plain] if isinstance(plain, list) else plain


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(case_schema())


@pytest.mark.parametrize(
    "text",
    ["id: a\nhospital: x", "id: a\npatient: {ecog: 6}", "id: a\npatient: {ecog: 1.5}", "id: a\nprimary: {site: colon}", "{}",
     "id: a\npatient: {pacemaker: maybe}", "id: a\nlesions: [{id: L1, nature: bad}]", "id: a\npatient: {sex: {unknown: 3}}",
     "id: a\nstudies: [{id: s, masks: {liver: {path: x}}}]", "id: a\nlabs: [{value: 3}]", "id: a\nsigns: {present: fatigue}"],
)  # fmt: skip
def test_schema_and_loader_refuse_the_same(text):
    if "unknown: 3" not in text:  # the loader takes a bare 3 as text
        with pytest.raises(CaseFileError):
            loads_case(text)
    assert not VALIDATOR.is_valid(yaml.load(text, Loader=yaml.SafeLoader))


def test_every_field_of_the_facts_is_declared_or_computed():
    def check(cls: type) -> None:
        for f in fields(cls):
            assert "kind" in f.metadata or not f.init, f"{cls.__name__}.{f.name}"
            kind = f.metadata.get("kind")
            kind = kind.of if isinstance(kind, ListOf | MapOf) else kind
            if isinstance(kind, Section):
                check(kind.cls)

    check(Case)
    assert all(f.default is not MISSING for f in fields(Patient))


STUDY = Study("ct-1", image="ct.nii.gz", masks=Masks(liver=MaskFile("liver.nii.gz"), lesions=(MaskFile("l.nii.gz"),)))


def test_the_starter_file_loads_as_it_stands_and_holds_the_studies():
    case = loads_case(starter_yaml("p1", [STUDY]))
    assert case == Case("p1", studies=(STUDY,))


def test_the_starter_files_examples_all_load_when_uncommented():
    text = starter_yaml("p1", [STUDY])
    bare = "\n".join(re.sub(r"^# ", "", line) for line in text.splitlines())
    case = loads_case(bare)
    assert case.patient.age_years == 63
    assert len(case.lesions) == len(case.labs) == 1
    keys = {line.strip("# ").split(":")[0] for line in text.splitlines()}
    assert {f.name for f in declared(Patient)} <= keys


def test_days_are_written_without_quotes():
    text = dump_case(Case("a", labs=(Lab("inr", 1.1, "INR", date(2024, 5, 1)),)))
    assert "date: 2024-05-01\n" in text


def test_the_example_of_the_reference_page_loads():
    example = reference_page().split("```yaml\n")[1].split("```")[0]
    assert loads_case(example).labs[0].value == pytest.approx(15.39)


def test_the_reference_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "write it anew: python -c \"import glisson.case as c; open('docs/reference/case-file.md', 'w').write(c.reference_page())\""
    )
