"""The tables of the pages behind page one: liver, resections, methods, rules, inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glisson.report.answer import held_back, limit_words
from glisson.report.methods import METHODS
from glisson.report.segments import INTERVAL_NOTE, interval_words
from glisson.report.view import Table
from glisson.report.words import NOT_ASSESSED, and_list, ids, lower_first, mm, volume

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.lesions import Burden
    from glisson.planning import Resection

__all__ = [
    "inputs_table",
    "liver_table",
    "methods_table",
    "resection_table",
    "resections_note",
    "rules_table",
    "steps_table",
]


def liver_table(result: Assessment) -> Table | None:
    """Liver, tumour and burden, each with its method or the reason why it is missing."""
    liver = result.liver
    if liver is None:
        return None
    rows = [
        _row("liver.volume_ml", liver.volume_ml, liver.notes.get("volume_ml", ""), at_least=liver.touches_border),
        _row("liver.tumour_ml", liver.tumour_ml, liver.notes.get("tumour_ml", "")),
        _row(
            "liver.nontumour_ml", liver.nontumour_ml, liver.notes.get("nontumour_ml", ""), at_least=liver.touches_border
        ),
        _row("liver.spleen_ml", liver.spleen_ml, liver.notes.get("spleen_ml", "")),
    ]
    if result.burden is not None:
        rows += _burden_rows(result.burden)
    return Table("liver", "Liver and tumour burden", ("Quantity", "Value", "How"), (False, True, False), tuple(rows))


def _row(field: str, value: float | None, note: str, at_least: bool = False) -> tuple[str, str, str]:
    method = METHODS[field]
    if value is None:
        return (method.label, NOT_ASSESSED, note or "no mask was given")
    text = volume(value)
    return (method.label, f"at least {text}" if at_least else text, note or method.method)


def _burden_rows(burden: Burden) -> list[tuple[str, str, str]]:
    natures = and_list(f"{count} {nature}" for nature, count in burden.counts.items() if count)
    bilobar = None if burden.bilobar is None else "yes" if burden.bilobar else "no"
    share, largest, score = burden.share_percent, burden.largest_mm, burden.tumour_burden_score
    values = {
        "count": str(burden.count),
        "bilobar": bilobar,
        "total_ml": volume(burden.total_ml),
        "share_percent": None if share is None else f"{share:.2f}\u00a0%",
        "largest_mm": None if largest is None else mm(largest),
        "tumour_burden_score": None if score is None else f"{score:.2f}",
    }
    rows = []
    for field, value in values.items():
        method = METHODS[f"burden.{field}"]
        how = natures if field == "count" and natures != "none" else burden.notes.get(field) or method.method
        rows.append((method.label, NOT_ASSESSED if value is None else value, how))
    return rows


def resection_table(result: Assessment, named: tuple[str, ...]) -> Table | None:
    """The standard resections that remove a lesion, in the order of planning; those the answer names are emphasised."""
    if not result.resections:
        return None
    shown = [item for item in result.resections if item.clears or item.name in named]
    idle = [item.name for item in result.resections if item not in shown]
    columns = (
        "Resection", "Segments", "Removed", "Remnant", "of non-tumour", "standardised", "Enough?",
        "Removes (margin, mm)", "Leaves",
    )  # fmt: skip
    emphasis = tuple(index for index, item in enumerate(shown) if item.name in named)
    note = f"Remnant: {limit_words(result)}; the stricter of the two shares rules."
    coverages = {item.interval.coverage for item in shown if item.interval is not None}
    note += "".join(f" {INTERVAL_NOTE.format(100 * coverage)}" for coverage in sorted(coverages))
    if idle:
        note += f" No lesion is removed whole with the accepted margin by: {', '.join(idle)}."
    numeric = (False, False, True, True, True, True, False, False, False)
    rows = tuple(_resection_row(item) for item in shown)
    title = "Appendix: standard resections, not put forward" if held_back(result) else "Standard resections"
    return Table("resections", title, columns, numeric, rows, note, emphasis)


def _resection_row(item: Resection) -> tuple[str, ...]:
    standardised = item.remnant_percent_standardised
    return (
        item.name,
        ", ".join(item.segments),
        volume(item.removed_ml),
        volume(item.remnant_ml),
        interval_words(f"{item.remnant_percent_nontumour:.1f}\u00a0%", item.interval),
        NOT_ASSESSED if standardised is None else f"{standardised:.1f}\u00a0%",
        item.verdict,
        _removes(item),
        ids(item.leaves, MOST_IN_A_CELL) if item.leaves else "none",
    )


def _removes(item: Resection) -> str:
    """The lesions removed, each with its margin; of many, their number and the narrowest."""
    margins = [(name, item.margins_mm.get(name)) for name in item.clears]
    if len(margins) <= MOST_IN_A_CELL:
        return ", ".join(_with_margin(name, margin) for name, margin in margins) or "none"
    narrow = sorted((margin, name) for name, margin in margins if margin is not None)[:MOST_NARROW]
    return f"{len(margins)} lesions; narrowest {', '.join(_with_margin(name, margin) for margin, name in narrow)}"


def _with_margin(name: str, margin: float | None) -> str:
    return name if margin is None else f"{name}\u00a0({margin:.1f})"


MOST_IN_A_CELL = 8
MOST_NARROW = 3


def resections_note(result: Assessment) -> str:
    """What the resections have in common: how they were measured, and why some verdicts are open; each said once."""
    said = [f"{NOTED.get(key, key)}: {lower_first(text)}" for item in result.resections for key, text in _notes(item)]
    known = [item for item in result.resections if item.remnant_percent_standardised is not None]
    said += [f"Enough? {item.reasons[0]}" for item in known if item.verdict == "undetermined" and item.reasons]
    return " ".join(dict.fromkeys(said))


NOTED = {
    "margins_mm": "Margin",
    "vessels": "Vessels",
    "remnant_percent_standardised": "Standardised remnant",
    "remnant_ml": "Volumes",
}


def _notes(item: Resection) -> list[tuple[str, str]]:
    return [(key, text) for key, text in item.notes.items() if key != "kept_groups"]


def methods_table() -> Table:
    """How every number was measured."""
    rows = tuple((method.label, method.unit or "–", method.method) for method in METHODS.values())
    return Table("methods", "How it was measured", ("Quantity", "Unit", "Method"), (False, False, False), rows)


def rules_table(result: Assessment) -> Table | None:
    """Every rule that was asked, what it said and whether its source has been confirmed."""
    if not result.answers:
        return None
    rows = tuple(
        (
            answer.text,
            answer.verdict,
            answer.status,
            f"{answer.rule.id} (version {answer.rule.version})",
            f"{answer.source.id}, {answer.locator}",
        )
        for answer in result.answers
    )
    columns = ("What it says", "Verdict", "Status", "Rule", "Source")
    note = "An unverified rule has not been confirmed in its source; it never speaks for an option."
    return Table("rules", "Rules asked", columns, (False,) * 5, rows, note)


def inputs_table(result: Assessment) -> Table | None:
    """The files that were read, with their fingerprints."""
    if result.scene is None or not result.scene.sources:
        return None
    rows = tuple((item.role, item.path, item.sha256) for item in result.scene.sources)
    return Table("inputs", "Inputs", ("Role", "File", "SHA-256"), (False,) * 3, rows)


def steps_table(result: Assessment) -> Table | None:
    """What was done, step by step."""
    if not result.trace:
        return None
    return Table(
        "steps",
        "Steps taken",
        ("Step", "Outcome"),
        (False, False),
        tuple((entry.step, entry.outcome) for entry in result.trace),
    )
