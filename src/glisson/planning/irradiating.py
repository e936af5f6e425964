"""Stereotactic radiotherapy before any plan of it exists: which lesion it treats, what it threatens and spares.

Estimates, named as such, with their intervals; limits come from the knowledge base and each check names its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glisson.errors import InputError
from glisson.geometry import BoolArray, Grid, Mask
from glisson.knowledge import knowledge_base
from glisson.planning.clearance import Candidate
from glisson.planning.dose import Check, SparedLiver, Target, half_dose_mm, number_in, outside_mm, spared_liver
from glisson.planning.liver_voxels import LiverVoxels

__all__ = [
    "BeamAct", "Threat", "beam_act", "beam_candidate", "beams_together", "failed_rules", "normal_liver",
    "stereotactic_checks", "stereotactic_schedule",
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

    target: lesion and margin. unspared: liver without tumour that is expected to receive `below_gy` or more, on the
    liver's lattice. spared: of the whole liver, by this lesion alone. checks: eligibility by measures and spared liver.
    threats: organs near the target, nearest first. method tells every reader that no plan was made.
    """

    lesion: str
    dose_gy: float
    fractions: int
    margin_mm: float
    below_gy: float
    target: Mask
    unspared: Mask
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
    best = max(rows, key=lambda row: number_in(row, "dose") or 0.0)
    margin = number_in(knowledge_base().table("dose-target-margin").rows[0], "margin")
    dose, fractions = number_in(best, "dose"), number_in(best, "fractions")
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
        below, most, above = (number_in(row, column) for column in ("below", "most", "above"))
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
    below_gy, needed = _spared_rule(fractions)
    target = Target(lesions[name], margin_mm, dose_gy)
    spared = spared_liver(normal_liver(liver, lesions), [target], below_gy)
    halves = half_dose_mm(spared.target_ml[0])
    reach_mm = margin_mm + halves[1] * max(float(np.log2(dose_gy / below_gy)), 0.0)
    room = _around(lesions[name], reach_mm)
    away = outside_mm(lesions[name], room)
    normal = liver.on(room, "the liver") & ~_tumour(lesions, room)
    checks = stereotactic_checks(longest_mm, len(lesions), spared.normal_ml) + _spared_check(spared, needed, fractions)
    return BeamAct(
        name, dose_gy, fractions, margin_mm, below_gy, Mask(away <= margin_mm, room).trimmed(),
        Mask(normal & (away <= reach_mm), room).trimmed(), spared, checks,
        _threats(lesions[name], organs or {}, (dose_gy, fractions, margin_mm), halves),
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
    below_gy, needed = _spared_rule(fractions)
    whole = normal_liver(liver, lesions)
    if stays is not None:
        whole = Mask(whole.data & stays.on(whole.grid, "the liver that stays"), whole.grid)
    targets = [Target(lesions[name], margin_mm, dose_gy) for name in names]
    found = spared_liver(whole, targets, below_gy)
    return found, _spared_check(found, needed, fractions)[0]


def beam_candidate(
    act: BeamAct, voxels: LiverVoxels, burden: float, rules: tuple[tuple[str, str], ...] = (),
    segments: tuple[str, ...] = (),
) -> Candidate:  # fmt: skip
    """The act for the search. Lesion, margin and the liver that is not spared count as destroyed: what remains works.

    A failed check of confirmed standing takes it out; an unconfirmed one is a caution. No geometric margin is claimed.
    """
    numbers = np.union1d(voxels.of(act.target), voxels.of(act.unspared)).astype(np.int32)
    return Candidate(
        id=f"stereotactic radiotherapy {act.lesion}",
        kind="radiotherapy",
        label="stereotactic radiotherapy",
        lesions={act.lesion: None},
        costs={"destroyed": numbers},
        segments=segments,
        burden=burden,
        rules=(
            *rules,
            *failed_rules(act.checks[:-1], "stereotactic-measures"),
            *failed_rules(act.checks[-1:], "dose-spared-liver"),
        ),
        notes=(
            f"{act.dose_gy:g} Gy in {act.fractions} fractions with {act.margin_mm:g} mm around the lesion; liver that "
            f"is expected to receive {act.below_gy:g} Gy or more counts as lost. An {act.method}.",
            *_threat_words(act.threats),
        ),
    )


def _spared_rule(fractions: int) -> tuple[float, tuple[float, str, str]]:
    """The strictest volume rule for that number of fractions: the dose to stay below; mL, source and status."""
    rows = [
        (dose, volume, row)
        for row in knowledge_base().table("dose-spared-liver").rows
        if number_in(row, "fractions") == fractions
        and (dose := number_in(row, "below")) is not None
        and (volume := number_in(row, "spared")) is not None
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


def _around(lesion: Mask, reach_mm: float) -> Grid:
    tight = lesion.trimmed()
    pad = [int(np.ceil(reach_mm / side)) + 1 for side in lesion.grid.spacing_mm]
    i, j, k = (slice(-p, n + p) for p, n in zip(pad, tight.grid.shape, strict=True))
    return tight.grid.crop((i, j, k))


ORGAN_OF: Mapping[str, str] = {
    "stomach": "stomach", "duodenum": "bowel", "small_bowel": "bowel", "colon": "bowel", "heart": "heart",
    "oesophagus": "oesophagus", "spinal_cord": "spinal_cord",
}  # fmt: skip
"""Name of a structure in the scene -> organ of the table dose-organ-limits whose limit is a highest dose."""


def _threats(
    lesion: Mask, organs: Mapping[str, Mask], schedule: tuple[float, int, float], halves: tuple[float, float, float]
) -> tuple[Threat, ...]:
    dose_gy, fractions, margin_mm = schedule
    room = _around(lesion, NEAR_MM)
    away = None
    found = []
    for name in sorted(set(organs) & set(ORGAN_OF)):
        near = organs[name].on(room, f"the {name}")
        if not near.any():
            continue
        away = outside_mm(lesion, room) if away is None else away
        distance = float(away[near].min())
        beyond = max(distance - margin_mm, 0.0)
        high, estimate, low = (dose_gy * float(np.exp2(-beyond / half)) for half in halves)
        limit, source, status = _organ_limit(ORGAN_OF[name], fractions)
        sure = limit is not None and (high <= limit or low > limit)
        verdict = ("pass" if high <= limit else "fail") if sure and limit is not None else "not checkable"
        found.append(Threat(name, distance, estimate, low, high, limit, verdict, source, status))
    return tuple(sorted(found, key=lambda threat: (threat.distance_mm, threat.organ)))


def _organ_limit(organ: str, fractions: int) -> tuple[float | None, str, str]:
    """The highest dose an organ may receive in that number of fractions, with source and status."""
    for row in knowledge_base().table("dose-organ-limits").rows:
        if row["organ"] == organ and number_in(row, "fractions") == fractions and row["measure"] != "mean":
            return number_in(row, "dose"), row.source, row.status
    return None, "", ""


def _threat_words(threats: Sequence[Threat]) -> tuple[str, ...]:
    if not threats:
        return ()
    near = "; ".join(
        f"{t.organ.replace('_', ' ')} {t.distance_mm:.0f} mm, {t.estimate_gy:.0f} Gy ({t.low_gy:.0f} to "
        f"{t.high_gy:.0f})" for t in threats
    )  # fmt: skip
    return (f"Organs near it, with the highest dose expected there: {near}.",)
