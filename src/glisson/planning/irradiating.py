"""Stereotactic radiotherapy before any plan of it exists: which lesion it treats, what it threatens and spares.

Estimates, named as such, with their intervals; limits come from the knowledge base and each check names its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glisson.errors import InputError
from glisson.geometry import BoolArray, Grid, Mask
from glisson.knowledge import knowledge_base
from glisson.planning.dose import Check, SparedLiver, Target, half_dose_mm, outside_mm, spared_liver

__all__ = [
    "BeamAct", "Threat", "around", "beam_act", "beams_together", "failed_rules", "normal_liver", "spared_rule",
    "stereotactic_checks", "stereotactic_schedule", "threats_near", "threats_together",
]  # fmt: skip

NEAR_MM = 60.0
"""Organs further from a target than this are not looked at: the estimated dose there is a few per cent."""


@dataclass(frozen=True)
class Threat:
    """An organ beside a target: distance from the lesion in mm, and the estimated highest dose there in Gy.

    low_gy, high_gy: least and slow fall-off (see `spared_liver`). limit_gy: the table's limit for the same number of
    fractions, None where it has none; verdict: pass, fail or not checkable, by the estimate.
    """

    organ: str
    distance_mm: float
    estimate_gy: float
    low_gy: float
    high_gy: float
    limit_gy: float | None
    verdict: str
    source: str
    status: str


@dataclass(frozen=True, eq=False)
class BeamAct:
    """Stereotactic radiotherapy of one lesion, as an estimate.

    spared: liver without tumour that stays below `below_gy`, of the whole liver, by this lesion alone. checks:
    eligibility by measures and spared liver. threats: organs near the target, nearest first. method tells every reader
    that no plan was made.
    """

    lesion: str
    dose_gy: float
    fractions: int
    margin_mm: float
    below_gy: float
    spared: SparedLiver
    checks: tuple[Check, ...]
    threats: tuple[Threat, ...] = ()
    method: str = "estimate from a dose fall-off model, not a treatment plan"

    @property
    def allowed(self) -> bool:
        """True when no check fails, by the estimate."""
        return all(check.verdict != "fail" for check in self.checks)


def stereotactic_schedule() -> tuple[float, int, float]:
    """Dose in Gy, fractions and margin in mm of the estimate: the confirmed schedule with most dose of the table
    dose-stereotactic, and the table dose-target-margin.
    """
    rows = [row for row in knowledge_base().table("dose-stereotactic").rows if row.status == "verified"]
    best = max(rows, key=lambda row: row.needed("dose"))
    margin = knowledge_base().table("dose-target-margin").rows[0].number("margin")
    dose, fractions = best.number("dose"), best.number("fractions")
    assert dose is not None  # columns of the tables that are not optional
    assert fractions is not None
    assert margin is not None
    return dose, int(fractions), margin


def stereotactic_checks(longest_mm: float | None, lesions: int | None, normal_ml: float | None) -> tuple[Check, ...]:
    """What the masks say of eligibility (table stereotactic-measures): diameter of the lesion, number of lesions, liver
    without tumour. None is not checkable.
    """
    measured = {"diameter": longest_mm, "lesions": lesions, "normal-liver": normal_ml}
    words = {"diameter": "longest diameter", "lesions": "lesions in the liver", "normal-liver": "liver without tumour"}
    units = {"diameter": "mm", "lesions": "", "normal-liver": "mL"}
    found = []
    for row in knowledge_base().table("stereotactic-measures").rows:
        what = str(row["what"])
        below, most, above = (row.number(column) for column in ("below", "most", "above"))
        limit = 10.0 * below if below is not None else most if most is not None else above
        assert limit is not None  # each row has one of the three
        value = measured[what]
        if value is None:
            verdict, why = "not checkable", f"the {words[what]} is not known"
        else:
            good = value < limit if below is not None else value <= limit if most is not None else value > limit
            verdict, why = "pass" if good else "fail", ""
        number = None if value is None else float(value)
        found.append(Check("liver", words[what], verdict, number, limit, units[what], row.source, row.status, why))
    return tuple(found)


def beam_act(
    liver: Mask, lesions: Mapping[str, Mask], name: str, *, longest_mm: float | None = None,
    organs: Mapping[str, Mask] | None = None, schedule: tuple[float, int, float] | None = None,
) -> BeamAct:  # fmt: skip
    """Stereotactic radiotherapy of one lesion.

    liver: the whole liver. lesions: every lesion, on its lattice (boxes may differ); all are taken for tumour. organs:
    by their names in the scene. schedule: dose in Gy, fractions, margin in mm; by default `stereotactic_schedule`.
    Raises InputError for a lesion that is not there.
    """
    if name not in lesions:
        raise InputError(f"There is no lesion {name!r}. There are: {', '.join(lesions) or 'none'}.")
    dose_gy, fractions, margin_mm = schedule or stereotactic_schedule()
    below_gy, needed = spared_rule(fractions)
    target = Target(lesions[name], margin_mm, dose_gy)
    spared = spared_liver(normal_liver(liver, lesions), [target], below_gy)
    checks = stereotactic_checks(longest_mm, len(lesions), spared.normal_ml) + _spared_check(spared, needed, fractions)
    return BeamAct(
        name, dose_gy, fractions, margin_mm, below_gy, spared, checks,
        threats_near(lesions[name], organs or {}, (dose_gy, fractions, margin_mm)),
    )  # fmt: skip


def beams_together(
    liver: Mask, lesions: Mapping[str, Mask], names: Sequence[str], stays: Mask | None = None,
    schedule: tuple[float, int, float] | None = None,
) -> tuple[SparedLiver, Check]:  # fmt: skip
    """Liver spared when several lesions are irradiated in one course, and whether that is enough.

    stays: the liver that a resection leaves, where one is done too; what goes does not count as spared. Doses of the
    targets add up. Raises InputError like `spared_liver`.
    """
    dose_gy, fractions, margin_mm = schedule or stereotactic_schedule()
    below_gy, needed = spared_rule(fractions)
    whole = normal_liver(liver, lesions)
    if stays is not None:
        whole = Mask(whole.data & stays.on(whole.grid, "the liver that stays"), whole.grid)
    targets = [Target(lesions[name], margin_mm, dose_gy) for name in names]
    found = spared_liver(whole, targets, below_gy)
    return found, _spared_check(found, needed, fractions)[0]


def spared_rule(fractions: int) -> tuple[float, tuple[float, str, str]]:
    """The strictest volume rule for that number of fractions: the dose to stay below; mL, source and status.

    Raises InputError where the table dose-spared-liver has none.
    """
    rows = [
        (dose, volume, row)
        for row in knowledge_base().table("dose-spared-liver").rows
        if row.number("fractions") == fractions
        and (dose := row.number("below")) is not None
        and (volume := row.number("spared")) is not None
    ]
    if not rows:
        raise InputError(f"The table dose-spared-liver has no volume of liver to spare for {fractions} fractions.")
    dose, volume, row = min(rows, key=lambda item: item[0])
    return dose, (volume, row.source, row.status)


def _spared_check(spared: SparedLiver, needed: tuple[float, str, str], fractions: int) -> tuple[Check, ...]:
    """Pass when the low end reaches the volume, fail when the high end does not, else not checkable before a plan."""
    volume, source, status = needed
    words = f"volume below {spared.below_gy:g} Gy in {fractions} fractions (estimate)"
    verdict = "pass" if spared.low_ml >= volume else "fail" if spared.high_ml < volume else "not checkable"
    why = f"between {spared.low_ml:.0f} and {spared.high_ml:.0f} mL; a plan decides" if verdict[0] == "n" else ""
    return (Check("liver", words, verdict, spared.estimate_ml, volume, "mL", source, status, why),)


def failed_rules(checks: Sequence[Check], table: str) -> tuple[tuple[str, str], ...]:
    """Failed checks of a table as (table, verdict): a confirmed one forbids, an unconfirmed one is a caution."""
    failed = [check for check in checks if check.verdict == "fail"]
    return tuple((table, "contraindicated" if check.status == "verified" else "relative") for check in failed)


def _tumour(lesions: Mapping[str, Mask], grid: Grid) -> BoolArray:
    whole = np.zeros(grid.shape, np.bool_)
    for mask in lesions.values():
        whole |= mask.on(grid, "a lesion")
    return whole


def normal_liver(liver: Mask, lesions: Mapping[str, Mask]) -> Mask:
    """Liver without any lesion, on the liver's own box."""
    return Mask(liver.data & ~_tumour(lesions, liver.grid), liver.grid)


def around(lesion: Mask, reach_mm: float) -> Grid:
    """The lesion's lattice on its box with so many mm of room."""
    tight = lesion.trimmed()
    pad = [int(np.ceil(reach_mm / side)) + 1 for side in lesion.grid.spacing_mm]
    i, j, k = (slice(-p, n + p) for p, n in zip(pad, tight.grid.shape, strict=True))
    return tight.grid.crop((i, j, k))


ORGAN_OF: Mapping[str, str] = {
    "stomach": "stomach", "duodenum": "bowel", "small_bowel": "bowel", "colon": "bowel", "heart": "heart",
    "oesophagus": "oesophagus", "spinal_cord": "spinal_cord",
}  # fmt: skip
"""Name of a structure in the scene -> organ of the table dose-organ-limits whose limit is a highest dose."""


def threats_near(lesion: Mask, organs: Mapping[str, Mask], schedule: tuple[float, int, float]) -> tuple[Threat, ...]:
    """Organs within NEAR_MM of a lesion that is irradiated, nearest first.

    organs: by their names in the scene. schedule: dose in Gy, fractions and margin in mm.
    """
    dose_gy, fractions, margin_mm = schedule
    room = around(lesion, NEAR_MM)
    held = {name: organs[name].on(room, f"the {name}") for name in sorted(set(organs) & set(ORGAN_OF))}
    if not any(near.any() for near in held.values()):
        return ()
    away = outside_mm(lesion, room)
    halves = half_dose_mm(float(np.count_nonzero(away <= margin_mm)) * room.voxel_ml)
    found = []
    for name, near in held.items():
        if not near.any():
            continue
        distance = float(away[near].min())
        beyond = max(distance - margin_mm, 0.0)
        high, estimate, low = (dose_gy * float(np.exp2(-beyond / half)) for half in halves)
        limit, source, status = _organ_limit(ORGAN_OF[name], fractions)
        verdict = _threat_verdict(low, high, limit)
        found.append(Threat(name, distance, estimate, low, high, limit, verdict, source, status))
    return tuple(sorted(found, key=lambda threat: (threat.distance_mm, threat.organ)))


def threats_together(near: Sequence[tuple[Threat, ...]]) -> tuple[Threat, ...]:
    """The organs near several targets of one course, each once, nearest first. near: those of each target.

    Doses of the targets add up where they meet: the highest dose is at least the largest of one target and at most the
    sum of all; that sum is taken for what is expected, too, as where they meet is not looked at.
    """
    by_organ: dict[str, list[Threat]] = {}
    for one in (threat for threats in near for threat in threats):
        by_organ.setdefault(one.organ, []).append(one)
    found = []
    for own in by_organ.values():
        low, high = max(one.low_gy for one in own), sum(one.high_gy for one in own)
        found.append(replace(
            min(own, key=lambda one: one.distance_mm), estimate_gy=sum(one.estimate_gy for one in own), low_gy=low,
            high_gy=high, verdict=_threat_verdict(low, high, own[0].limit_gy),
        ))  # fmt: skip
    return tuple(sorted(found, key=lambda threat: (threat.distance_mm, threat.organ)))


def _threat_verdict(low_gy: float, high_gy: float, limit_gy: float | None) -> str:
    if limit_gy is None or low_gy <= limit_gy < high_gy:
        return "not checkable"
    return "pass" if high_gy <= limit_gy else "fail"


def _organ_limit(organ: str, fractions: int) -> tuple[float | None, str, str]:
    """The highest dose an organ may receive in that number of fractions, with source and status."""
    for row in knowledge_base().table("dose-organ-limits").rows:
        if row["organ"] == organ and row.number("fractions") == fractions and row["measure"] != "mean":
            return row.number("dose"), row.source, row.status
    return None, "", ""
