"""The examples of the format page are loaded and checked as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from glisson.knowledge import check_knowledge, load_knowledge
from glisson.knowledge.store import ROOT, TOP_FILES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "knowledge-format.md"
EXAMPLES = re.compile(r"```yaml\n# FILE: (\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    for name in TOP_FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    for name, text in EXAMPLES.findall(PAGE.read_text(encoding="utf-8")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_every_example_loads_and_is_whole(examples):
    kb = load_knowledge(examples)
    report = check_knowledge(kb)
    assert [str(finding) for finding in report.findings if finding.file != "formulas"] == []
    assert (report.rules, report.scores, report.tables, report.sources) == (2, 1, 1, 2)


def test_the_example_rules_make_options(examples):
    kb = load_knowledge(examples)
    lesions = {"L1": {"lesion.longest_axial_mm": 21.0}, "L2": {"lesion.longest_axial_mm": 60.0}}
    options = {option.scope: option.verdict for option in kb.option("cryoablation", {}, lesions)}
    assert options == {"patient": "eligible", "L1": "eligible", "L2": "contraindicated"}


def test_the_page_names_every_kind_of_source_and_effect():
    from glisson.knowledge.rules import EFFECTS, URGENCIES
    from glisson.knowledge.sources import KINDS, READ, STANDINGS

    page = PAGE.read_text(encoding="utf-8")
    assert [word for word in (*EFFECTS, *URGENCIES, *KINDS, *READ, *STANDINGS) if word not in page] == []
