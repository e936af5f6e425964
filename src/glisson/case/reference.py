"""The reference page of the case file, from the same declarations as the loader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field
from typing import Any

from glisson.case.facts import fact_table
from glisson.case.labs import RESULTS, TESTS
from glisson.case.model import Case
from glisson.case.sections import ListOf, MapOf, Section, declared, key_of

__all__ = ["reference_page"]

INTRODUCTION = """\
# The case file

`case.yaml` holds the clinical facts of one patient and says where the scans and masks are. `glisson init` writes one
with every key explained; `glisson check` reads it and lists everything that is wrong at once.

- Unknown or repeated keys, words outside the closed lists, wrong units and impossible dates are errors.
- A fact that is left out is *unknown*, never a default. `{unknown: reason}` states why: `kras: {unknown: not tested}`.
- Days are `YYYY-MM-DD`. The unit of a number is in the name of its key, or beside it for laboratory results.
- A list left out is unknown; `[]` says that there is none.
- Files are relative to the case folder. Anchors, aliases and tags of YAML are refused.
- Ages ("days old", "months since") count to the day of the board (`board.date`), or to the last study without one.
  They are negative for what is dated after that study.

```yaml
id: patient-1
board:
  date: 2024-05-01
  question: Can all lesions be resected?
patient: {age_years: 63, sex: female, height_cm: 170, weight_kg: 70, ecog: 1}
primary: {site: colorectal, side: left, diagnosed: 2023-11-02, resected: 2023-11-20, in_place: false}
biomarkers: {kras: mutated, nras: wild-type, braf: {unknown: not tested}}
labs:
  - {test: bilirubin, value: 0.9, unit: mg/dL, date: 2024-04-25}
studies:
  - id: ct-1
    date: 2024-04-20
    modality: CT
    image: ct.nii.gz
    masks: {liver: liver.nii.gz, lesions: lesions.nii.gz, complete: true, reviewed_by: Dr A. Example}
```
"""


def reference_page() -> str:
    """The Markdown of docs/reference/case-file.md."""
    lines = [INTRODUCTION.rstrip("\n"), "", "## Keys", ""]
    top = [["Key", "Meaning", "Allowed"]]
    top += [[f"`{key_of(f)}`{_star(f)}", f.metadata["doc"], _allowed(f.metadata["kind"])] for f in declared(Case)]
    lines += [*_table(top), "", "Keys marked * are required.", ""]
    for path, cls in _sections(Case, ""):
        rows = [["Key", "Meaning", "Allowed"]]
        rows += [[f"`{key_of(f)}`{_star(f)}", f.metadata["doc"], _allowed(f.metadata["kind"])] for f in declared(cls)]
        lines += [f"### `{path}`", "", *_table(rows), ""]
    lines += [*_tests(), *_facts()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _star(f: Field[Any]) -> str:
    return "*" if f.metadata["required"] else ""


def _sections(cls: type, prefix: str) -> Iterator[tuple[str, type]]:
    """Every section below a dataclass with its path; a list's elements as name[]. A kind of file entry is told once."""
    for f in declared(cls):
        kind, path = f.metadata["kind"], f"{prefix}{key_of(f)}"
        if isinstance(kind, ListOf | MapOf):
            kind, path = kind.of, f"{path}[]"
        if isinstance(kind, Section) and not (
            prefix.endswith("masks.") and key_of(f) not in ("liver", "segments", "multilabel")
        ):
            yield path, kind.cls
            yield from _sections(kind.cls, f"{path}.")


def _allowed(kind: Any) -> str:
    """What is allowed, with a link in words to a section's own table."""
    if isinstance(kind, Section):
        return f"see below, or {kind.scalar} alone" if kind.scalar else "see below"
    if isinstance(kind, ListOf) and isinstance(kind.of, Section):
        return "a list, see below"
    if isinstance(kind, MapOf) and isinstance(kind.of, Section):
        return "a mapping from lower-case name to an entry as `liver`"
    return str(kind.words)


def _tests() -> list[str]:
    rows = [["`test`", "Meaning", "Units understood (the first is the internal one)"]]
    for name, test in TESTS.items():
        units = ", ".join(f"`{unit}`" for unit in (test.unit, *(u for u in test.units if u != test.unit)) if unit)
        rows.append([f"`{name}`", test.meaning, units or f"no unit; one of: {', '.join(RESULTS)}"])
    note = "Case, blanks, micro signs and the way powers are written do not matter: `10*9/L` and `x10⁹/l` are one unit."
    return ["## Laboratory tests", "", note, "", *_table(rows), ""]


def _facts() -> list[str]:
    rows = [["Path", "Type", "Unit", "Meaning"]]
    for row in fact_table():
        rows.append([f"`{row.path}`", row.type, row.unit, row.meaning])
    note = "Rules see the case only through these paths. A fact that cannot be had is unknown, with its reason."
    return ["## Facts", "", note, "", *_table(rows), ""]


def _table(rows: list[list[str]]) -> list[str]:
    safe = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    body = [f"| {' | '.join(row)} |" for row in safe]
    return [body[0], "|" + "---|" * len(rows[0]), *body[1:]]
