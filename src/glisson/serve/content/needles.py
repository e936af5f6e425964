"""The needles of the planned ablations, for the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.report.plan_acts import planned_ablation

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning.ablation import Ablation
    from glisson.planning.needle import NeedlePath

__all__ = ["needles_data"]


def needles_data(result: Assessment) -> list[dict[str, Any]]:
    """Every way of every ablation among the candidates, LPS mm; none where no plan was searched.

    lesion; candidate: its id in plans.json, None for a further way that no plan uses; plans: numbers of the plans that
    use it; entry_lps, tip_lps; the ellipsoid that is destroyed (centre, axis, diameters), None for a further way; text.
    """
    clearing = result.clearing
    if clearing is None:
        return []
    found = []
    for name in (one.id for one in clearing.problem.candidates if one.kind == "ablation"):
        planned = planned_ablation(clearing, name)
        if planned is None:
            continue
        users = [n for n, plan in enumerate(clearing.found.plans, 1) if name in plan.chosen]
        for number, path in enumerate(planned.paths):
            found.append(
                _way(planned.lesion, path) | {"candidate": name, "plans": users, "zone": _zone(planned, number)}
            )
    for lesion, search in clearing.needles.items():
        found += [_way(lesion, path) | {"candidate": None, "plans": [], "zone": None} for path in search.paths]
    return found


def _way(lesion: str, path: NeedlePath) -> dict[str, Any]:
    limit = path.limiting
    room = f"; nearest: {limit.replace('_', ' ')} {path.clearance_mm[limit]:.0f} mm" if limit else ""
    notes = "".join(f" {note}" for note in path.notes)
    return {
        "lesion": lesion,
        "entry_lps": _point(path.entry_mm),
        "tip_lps": _point(path.tip_mm),
        "target_lps": _point(path.target_mm),
        "length_mm": round(float(path.length_mm), 1),
        "tract_mm": round(float(path.tract_mm), 1),
        "capsule_degrees": round(float(path.capsule_degrees), 1),
        "tilt_degrees": round(float(path.tilt_degrees), 1),
        "vessel_mm": None if path.vessel_mm is None else round(float(path.vessel_mm), 1),
        "clearance_mm": {name: round(float(mm), 1) for name, mm in sorted(path.clearance_mm.items())},
        "limiting": limit or None,
        "side": path.side,
        "text": (
            f"To {lesion}, {path.side}: {path.length_mm:.0f} mm long, {path.tract_mm:.0f} mm through liver, "
            f"{path.tilt_degrees:.0f}\u00b0 out of the axial plane{room}.{notes}"
        ),
    }


def _zone(planned: Ablation, number: int) -> dict[str, Any] | None:
    zone = planned.zones[number]
    return {
        "centre_lps": _point(zone.centre_mm),
        "axis_lps": _point(zone.axis, 6),
        "transverse_mm": float(zone.transverse_mm),
        "length_mm": float(zone.length_mm),
        "setting": planned.setting.label,
    }


def _point(values: Any, decimals: int = 2) -> list[float]:
    return [round(float(value), decimals) + 0.0 for value in values]
