"""What the vessels say, in words and data: what a lesion lies against, what clearing it cuts, what branches serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.report.view import Measure, Table
from glisson.report.words import and_list, mm, upper_first, volume

if TYPE_CHECKING:
    from glisson.anatomy import Relations
    from glisson.assessment import Assessment

__all__ = ["branches_table", "lesion_measures", "relations_data", "vessels_data"]

NEAR_MM = 20.0
"""Branches farther away than this are left out of a lesion's card; findings.json has them all."""

MOST_BRANCHES = 4


def _of(result: Assessment, lesion: str) -> Relations | None:
    found = result.vessels.relations if result.vessels else ()
    return next((item for item in found if item.lesion == lesion), None)


def lesion_measures(result: Assessment, lesion: str) -> tuple[Measure, ...]:
    """The lines of a lesion's card about the vessels around it."""
    relations = _of(result, lesion)
    if relations is None or result.vessels is None:
        return ()
    return (_central(relations), _against(relations), _cut(result, lesion))


def _central(relations: Relations) -> Measure:
    if relations.central is None or relations.central_mm is None:
        return Measure("Central or peripheral", "not assessed: no portal branch was named", "", True)
    return Measure("Central or peripheral", f"{'central' if relations.central else 'peripheral'}, "
                   f"{mm(relations.central_mm)} to the central portal vein", "")  # fmt: skip


def _against(relations: Relations) -> Measure:
    near = [item for item in relations.structures if item.distance_mm <= NEAR_MM][:MOST_BRANCHES]
    if not near:
        return Measure("Lies against", f"nothing named within {NEAR_MM:g}\u00a0mm", "")
    words = [
        f"{item.structure} {mm(item.distance_mm)}"
        + (f" (contact {item.contact_degrees:.0f}°)" if item.touches and item.contact_degrees else "")
        for item in near
    ]
    return Measure("Lies against", "; ".join(words), "")


def _cut(result: Assessment, lesion: str) -> Measure:
    assert result.vessels is not None
    label = f"Cut by {result.vessels.margin_mm:g}\u00a0mm around it"
    said = []
    for cut in result.vessels.cuts.get(lesion, ()):
        if cut.loss is None:
            continue
        what = "without inflow" if cut.kind == "portal" else "without outflow"
        said.append(f"{and_list(dict.fromkeys(cut.named))} ({volume(cut.loss.volume_ml)} {what} at most)")
    return Measure(label, "; ".join(said) or "no branch of the outlined vessels", "")


def relations_data(result: Assessment, lesion: str) -> dict[str, Any] | None:
    """What a lesion lies against, as plain data; None where vessels were not followed."""
    relations = _of(result, lesion)
    if relations is None or result.vessels is None:
        return None
    return {
        "central": relations.central,
        "central_mm": _rounded(relations.central_mm),
        "structures": [
            {
                "name": item.structure,
                "distance_mm": _rounded(item.distance_mm),
                "touches": item.touches,
                "contact_degrees": _rounded(item.contact_degrees),
            }
            for item in relations.structures
        ],
        "cuts": [
            {
                "system": cut.kind,
                "branches": list(cut.named),
                "lost_ml": None if cut.loss is None else _rounded(cut.loss.volume_ml),
                "lost_percent": None if cut.loss is None else _rounded(cut.loss.share_percent),
            }
            for cut in result.vessels.cuts.get(lesion, ())
        ],
    }


def branches_table(result: Assessment) -> Table | None:
    """Every named branch with what it serves."""
    if result.vessels is None:
        return None
    rows = []
    for kind, system in result.vessels.systems.items():
        whole = float(system.territories.volumes_ml.sum())
        for named in system.names.named:
            served = sum(float(system.territories.subtree_ml[branch]) for branch in named.branches[:1])
            verb = "drains" if kind == "hepatic" else "feeds"
            rows.append(
                (upper_first(named.name), f"{verb} {volume(served)}", f"{100 * served / whole:.0f}\u00a0%",
                 f"{100 * named.confidence:.0f}\u00a0%")
            )  # fmt: skip
    columns = ("Branch", "With all that comes from it", "Of the liver", "Confidence of the name")
    note = "Each voxel belongs to its nearest branch, thick branches first; what no mask shows may differ."
    return Table("branches", "Vessels", columns, (False, False, True, True), tuple(rows), note) if rows else None


def vessels_data(result: Assessment) -> dict[str, Any] | None:
    """Named branches and variants by system, as plain data; None where vessels were not followed."""
    if result.vessels is None:
        return None
    return {
        kind: {
            "branches": len(system.territories.tree.branches),
            "named": [
                {
                    "name": named.name,
                    "confidence": _rounded(named.confidence),
                    "served_ml": _rounded(float(system.territories.subtree_ml[named.branches[0]])),
                }
                for named in system.names.named
            ],
            "variants": list(system.names.variants),
        }
        for kind, system in result.vessels.systems.items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3) + 0.0
