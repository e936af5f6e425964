"""Which lesions are targets: selection by the rules of RECIST 1.1, and what of a given choice departs from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from glisson.lesions.response.limits import Targets, target_rules
from glisson.lesions.response.types import Reading, Timeline, exact

__all__ = ["NODES", "is_measurable", "select_targets", "target_notes"]

NODES = "lymph nodes"
"""The one organ that all nodes are together."""


def organ_of(row: Reading) -> str:
    """The organ a lesion counts for; all nodes are one."""
    return NODES if row.node else row.organ


def is_measurable(row: Reading, rules: Targets | None = None) -> bool:
    """Whether a lesion may be a target: at least 10 mm (a node 15 mm in the short axis) and, with thick slices, twice
    their thickness."""
    return not _why_not(row, rules or target_rules())


def _why_not(row: Reading, rules: Targets) -> str:
    if row.state != "measured" or not row.diameter_mm:
        return "it has no diameter at baseline"
    least = rules.least_node_mm if row.node else rules.least_mm
    size = exact(row.diameter_mm)
    if size < least:
        return f"{row.diameter_mm:g} mm at baseline is below {float(least):g} mm"
    if row.slice_mm and size < rules.slices * exact(row.slice_mm):
        return f"{row.diameter_mm:g} mm at baseline is below {float(rules.slices):g} slices of {row.slice_mm:g} mm"
    return ""


def select_targets(baseline: Sequence[Reading]) -> tuple[str, ...]:
    """Names of the targets among the lesions of a baseline, by RECIST 1.1: measurable, the largest, at most two in an
    organ and five in all, every organ represented first. Lesions that have a kind already keep it and count.

    Source: Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026.
    """
    rules = target_rules()
    chosen = [row for row in baseline if row.kind == "target"]
    free = [row for row in baseline if not row.kind and is_measurable(row, rules)]
    free.sort(key=lambda row: (-_size(row), row.lesion))
    for in_organ in range(rules.most_in_organ):
        for row in list(free):
            held = Counter(map(organ_of, chosen))[organ_of(row)]
            if len(chosen) < rules.most and held <= in_organ:
                chosen.append(row)
                free.remove(row)
    return tuple(row.lesion for row in chosen)


def _size(row: Reading) -> Fraction:
    return exact(row.diameter_mm or 0.0)


def target_notes(line: Timeline) -> tuple[str, ...]:
    """What in the choice of targets departs from RECIST 1.1; empty where nothing does."""
    rules = target_rules()
    rows = [row for lesion in line.of_kind("target") for row in line.rows(lesion.name, line.baseline)]
    found = []
    if len(rows) > rules.most:
        found.append(f"{len(rows)} targets; RECIST 1.1 allows {rules.most}. All of them are summed.")
    found += _crowded(rows, rules)
    for row in rows:
        if why := _why_not(row, rules):
            found.append(f"target {row.lesion} is not measurable by RECIST 1.1: {why} (row {row.line}).")
    if rows and all(row.diameter_mm is not None and row.diameter_mm < rules.least_mm for row in rows):
        found.append("every target is below the least size: are the diameters in centimetres?")
    return tuple(found)


def _crowded(rows: Iterable[Reading], rules: Targets) -> list[str]:
    count = Counter(map(organ_of, rows))
    return [
        f"{number} targets in one organ ({organ}); RECIST 1.1 allows {rules.most_in_organ}. All of them are summed."
        for organ, number in sorted(count.items())
        if number > rules.most_in_organ
    ]
