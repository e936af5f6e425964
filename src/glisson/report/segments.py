"""The segments in the dossier: their volumes, IVa and IVb, how sure a computed map is, and what that makes of a
remnant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.report.view import Table
from glisson.report.words import volume

if TYPE_CHECKING:
    from glisson.anatomy import RemnantInterval
    from glisson.assessment import Assessment

__all__ = ["INTERVAL_NOTE", "interval_data", "interval_words", "segments_data", "segments_table"]

INTERVAL_NOTE = (
    "In brackets: what uncertain segment borders make of the remnant; in cross-validation {:.0f}\u00a0% of the "
    "remnants by a reader's segments lay within such limits, by readers with other habits fewer."
)


def segments_table(result: Assessment) -> Table | None:
    """Volume and share of each segment, of IVa and IVb, and for a computed map how sure it is."""
    found = result.segments
    if found is None:
        return None
    whole_ml, sure = sum(found.volumes_ml.values()), found.confidences
    rows = []
    for name, ml in found.volumes_ml.items():
        certainty = "given" if sure is None else f"{100 * sure[name]:.0f}\u00a0%" if ml else ""
        rows.append((name, volume(ml), f"{100 * ml / whole_ml:.1f}\u00a0%", certainty))
        for part, mask in _parts(result) if name == "IV" else ():
            rows.append((f"\u2003{part}", volume(mask.volume_ml), f"{100 * mask.volume_ml / whole_ml:.1f}\u00a0%", ""))
    notes = [*found.notes]
    if result.parts_of_four is not None:
        notes.append(result.parts_of_four.note)
    if found.mean_confidence is not None:
        notes.append(
            "Certainty: mean chance over its voxels that a reader gives the same label; over the liver "
            f"{100 * found.mean_confidence:.0f}\u00a0%."
        )
    columns = ("Segment", "Volume", "Share of the liver", "Certainty")
    return Table("segments", "Segments", columns, (False, True, True, True), tuple(rows), " ".join(notes))


def segments_data(result: Assessment) -> dict[str, Any] | None:
    """Method, volumes in mL, IVa and IVb, and certainty 0 to 1; None without a map."""
    from glisson.report.numbers import rounded

    found, four = result.segments, result.parts_of_four
    if found is None:
        return None
    sure = found.confidences
    parts = {f"{name}_ml": rounded(mask.volume_ml, 4) for name, mask in _parts(result)}
    return {
        "method": found.method,
        "given_percent": rounded(found.given_percent),
        "volumes_ml": {name: rounded(ml, 4) for name, ml in found.volumes_ml.items()},
        "parts_of_four": None
        if four is None
        else {**parts, "level_mm": rounded(four.level_mm), "basis": four.basis, "note": four.note},
        "certainty": None if sure is None else {name: rounded(value) for name, value in sure.items()},
        "mean_certainty": rounded(found.mean_confidence),
        "notes": list(found.notes),
    }


def interval_words(percent: str, interval: RemnantInterval | None) -> str:
    """A remnant's share with its limits in brackets, where there are any."""
    if interval is None:
        return percent
    return f"{percent} ({interval.low_percent:.0f}\u2013{interval.high_percent:.0f})"


def interval_data(interval: RemnantInterval | None) -> dict[str, Any] | None:
    """Limits in percent of non-tumour liver, and the share of cross-validated remnants that such limits held."""
    from glisson.report.numbers import rounded

    if interval is None:
        return None
    return {
        "low_percent": rounded(interval.low_percent),
        "high_percent": rounded(interval.high_percent),
        "coverage_percent": rounded(100.0 * interval.coverage),
    }


def _parts(result: Assessment) -> tuple[tuple[str, Any], ...]:
    four = result.parts_of_four
    return () if four is None else (("IVa", four.upper), ("IVb", four.lower))
