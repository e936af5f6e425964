"""Stereotactic radiotherapy among the acts of a plan: courses of one to a few lesions, with their doses added up.

Everything here is an estimate before any treatment plan (see `irradiating`). A course claims no margin. Liver that is
expected to receive the isodose of `lost_isodose` or more counts as lost; what a plan leaves is then both working and
below the dose of the spared-liver rule, and its volume is held against that rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Mask
from glisson.knowledge import knowledge_base
from glisson.planning.act_rules import act_burden
from glisson.planning.acts import Shared
from glisson.planning.clearance import Candidate, IndexArray, Problem
from glisson.planning.dose import Check, half_dose_mm, outside_mm, same_effect_dose_gy
from glisson.planning.irradiating import (
    Threat,
    around,
    spared_rule,
    stereotactic_checks,
    stereotactic_schedule,
    threats_near,
    threats_together,
)

__all__ = [
    "MOST_TOGETHER", "BeamCourse", "BeamFields", "Isodose", "beam_courses", "beam_fields", "checks_in_plan",
    "lost_isodose", "most_irradiated", "why_no_beam",
]  # fmt: skip

MOST_TOGETHER = 8
"""Courses of several lesions are made of no more lesions than this; the first ones, as the caller orders them."""

FLOOR_SHARE = 0.2
"""Doses below this share of the isodose are not added to those of another target."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Isodose:
    """The dose in Gy from which liver counts as lost, in so many fractions, and in words why that one."""

    gy: float
    fractions: int
    words: str
    sources: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class BeamCourse:
    """One course of stereotactic radiotherapy, as an estimate.

    candidate: the act for the search. lost_ml, lost_low_ml, lost_high_ml: working liver that receives the isodose or
    more: expected, with the fastest fall-off that physics allows, with slow fall-off. mean_gy: expected mean dose of
    the liver without tumour, and the same two ends. checks: what tables say of the course on the whole liver. threats:
    organs near a target, each once, with the doses of all targets. sample, sample_gy: voxels of the liver without
    tumour, evenly spaced, and (3, n) their doses: slow, expected and fast fall-off.
    """

    candidate: Candidate
    lesions: tuple[str, ...]
    dose_gy: float
    margin_mm: float
    isodose: Isodose
    lost_ml: float
    lost_low_ml: float
    lost_high_ml: float
    mean_gy: tuple[float, float, float]
    checks: tuple[Check, ...]
    threats: tuple[Threat, ...]
    sample: IndexArray
    sample_gy: Floats

    def checks_with(self, gone: BoolArray, tumour: BoolArray, voxel_ml: float) -> tuple[Check, ...]:
        """The checks on the liver that the other acts of a plan leave, as if they came first; nothing is left: none.

        gone, tumour: of every liver voxel, whether another act takes it, and whether it is tumour.
        """
        stays = ~gone[self.sample]
        if not (gone & ~tumour).any() or not stays.any():
            return self.checks
        slow, mean, fast = (float(value) for value in self.sample_gy[:, stays].mean(axis=1))
        normal_ml = float(np.count_nonzero(~gone & ~tumour)) * voxel_ml
        measured = stereotactic_checks(None, None, normal_ml)
        again = {one.measure: replace(one, measure=f"{one.measure} that the other acts leave") for one in measured}
        kept = [again[one.measure] if one.unit == "mL" else one for one in self.checks if one.unit != "Gy"]
        where = " of the liver that the other acts leave"
        return (*kept, *_mean_check(self.isodose.fractions, (fast, mean, slow), where))

    def spared_check(self, stays_ml: float) -> Check:
        """The spared-liver rule for a plan that leaves so much working liver below the isodose (mL).

        Fails by the expected volume; passes when the slow fall-off reaches it too; else a treatment plan decides.
        """
        needed, source, status = spared_rule(self.isodose.fractions)[1]
        low, high = stays_ml - (self.lost_high_ml - self.lost_ml), stays_ml + (self.lost_ml - self.lost_low_ml)
        verdict = "fail" if stays_ml < needed else "pass" if low >= needed else "not checkable"
        why = f"between {low:.0f} and {high:.0f} mL; a treatment plan decides" if verdict[0] == "n" else ""
        words = f"working liver below {self.isodose.gy:.1f} Gy in {self.isodose.fractions} fractions (estimate)"
        return Check("liver", words, verdict, stays_ml, needed, "mL", source, status, why)


@dataclass(frozen=True, eq=False)
class _Field:
    """The dose around one target. numbers: the liver's voxels within reach; beyond_mm: their distance from the target's
    edge; core: those that alone, or with as many targets as a course may hold, can reach the isodose. halves_mm: over
    which the dose halves: slow, expected and fast. sample_gy: the three doses of the sample of `BeamFields`."""

    numbers: IndexArray
    beyond_mm: Floats
    core: IndexArray
    halves_mm: Floats
    sample_gy: Floats


@dataclass(frozen=True, eq=False)
class BeamFields:
    """What all courses on one liver share: lesion -> doses around it, and organs near it, in the caller's order.
    sample: voxels of the liver without tumour, evenly spaced, for mean doses."""

    shared: Shared
    isodose: Isodose
    sample: IndexArray
    fields: Mapping[str, _Field]
    threats: Mapping[str, tuple[Threat, ...]]


def lost_isodose(background: object) -> Isodose:
    """The dose from which liver counts as lost: that of the spared-liver rule, or that from which irradiated liver was
    seen to stop working (table dose-liver-reaction) where this is lower.

    background: of the liver, as the record says; for any other than a normal one, or none, the row of cirrhosis holds.
    """
    fractions = stereotactic_schedule()[1]
    spared_gy, (_, rule, _) = spared_rule(fractions)
    rows = {row["background"]: row for row in knowledge_base().table("dose-liver-reaction").rows}
    row = rows["normal" if background == "normal" else "cirrhosis"]
    effect, ratio = row.number("dose"), row.number("ratio")
    assert effect is not None  # columns of the table that are not optional
    assert ratio is not None
    stops_gy = same_effect_dose_gy(effect, fractions, ratio)
    liver = "a normal liver" if background == "normal" else "a liver that is injured or not known to be normal"
    if stops_gy < spared_gy:
        words = f"irradiated liver was seen to stop working from there on in {liver}"
        return Isodose(stops_gy, fractions, words, (row.source,))
    words = f"the rule on spared liver; in {liver} irradiated liver was seen to stop working from {stops_gy:.1f} Gy on"
    return Isodose(spared_gy, fractions, words, (rule, row.source))


def most_irradiated() -> int:
    """Lesions of one course at most (table stereotactic-measures)."""
    rows = knowledge_base().table("stereotactic-measures").rows
    return int(next(most for row in rows if (most := row.number("most")) is not None))


def why_no_beam(longest_mm: float | None, normal_ml: float) -> str:
    """Why the measures of the trial exclude a lesion; "" when none does, as where a limit is not confirmed."""
    checks = stereotactic_checks(longest_mm, 1, normal_ml)
    failed = [one for one in checks if one.verdict == "fail" and one.status == "verified"]
    return "; ".join(
        f"{one.measure} {one.value:.0f} {one.unit}, limit {one.limit:g} ({one.source})"
        for one in failed
        if one.value is not None
    )


def beam_fields(shared: Shared, names: Sequence[str], background: object) -> BeamFields:
    """The doses around some lesions, if irradiated, and the organs near. background: of the liver, by the record."""
    isodose, schedule = lost_isodose(background), stereotactic_schedule()
    sample, points = _sample(shared)
    return BeamFields(
        shared=shared,
        isodose=isodose,
        sample=sample,
        fields={name: _field(shared, shared.masks[name], isodose, points) for name in names},
        threats={name: threats_near(shared.masks[name], shared.scene.structures, schedule) for name in names},
    )


def beam_courses(
    around_them: BeamFields,
    most: int,
    longest_mm: Mapping[str, float],
    rules: Mapping[str, tuple[tuple[str, str], ...]],
    said: Mapping[str, str],
) -> tuple[BeamCourse, ...]:
    """Every course of up to `most` of the lesions; of several only among the first MOST_TOGETHER.

    longest_mm: longest axial diameters, where measured. rules: lesion -> (rule, verdict) pairs. said: lesion ->
    what the rules say of it, in words.
    """
    names = tuple(around_them.fields)
    groups: list[tuple[str, ...]] = [(name,) for name in names]
    for count in range(2, most + 1):
        groups += combinations(names[:MOST_TOGETHER], count)
    return tuple(_course(around_them, group, longest_mm, rules, said) for group in groups)


def checks_in_plan(course: BeamCourse, problem: Problem, chosen: Sequence[str]) -> tuple[Check, ...]:
    """The checks of a course on the liver that the other acts chosen leave. chosen: ids of candidates of the problem,
    the course's own among them; others that the problem does not know are passed over."""
    gone = np.zeros(problem.voxels, np.bool_)
    for one in problem.candidates:
        if one.id in chosen and one.id != course.candidate.id:
            gone[one.lost] = True
    return course.checks_with(gone, problem.tumour, problem.voxel_ml)


def _field(shared: Shared, lesion: Mask, isodose: Isodose, points: FloatArray) -> _Field:
    dose_gy, _, margin_mm = stereotactic_schedule()
    grid = shared.liver.grid
    near = around(lesion, margin_mm + max(grid.spacing_mm))
    target_ml = float(np.count_nonzero(outside_mm(lesion, near) <= margin_mm)) * grid.voxel_ml
    halves = np.array(half_dose_mm(target_ml))
    reach = margin_mm + float(halves[0] * np.log2(dose_gy / (FLOOR_SHARE * isodose.gy)))
    room = around(lesion, reach)
    away = outside_mm(lesion, room)
    region = shared.liver.on(room, "the liver") & (away <= reach)
    numbers = shared.voxels.of(Mask(region, room))
    beyond = np.maximum(away[region] - margin_mm, 0.0).astype(np.float32)
    core = numbers[beyond <= halves[0] * np.log2(dose_gy * most_irradiated() / isodose.gy)]
    doses = _doses_at(points, lesion, dose_gy, margin_mm, halves)
    return _Field(numbers, beyond, core, halves.astype(np.float32), doses)


COUNTED_OF_LIVER, COUNTED = "lesions in the liver", "lesions irradiated in one course"
"""How the measures name the number of lesions, and what is counted of a course."""

SAMPLE_MM = 6.0
"""Spacing at which the mean dose of the liver is sampled: half the distance over which dose halves, or finer."""


def _sample(shared: Shared) -> tuple[IndexArray, FloatArray]:
    """Voxels of the liver without tumour SAMPLE_MM apart: their numbers, and (n, 3) where they lie, LPS mm."""
    shape, voxels = shared.liver.data.shape, shared.voxels
    every = np.zeros(shape, np.bool_)
    every[tuple(slice(None, None, max(int(SAMPLE_MM / side), 1)) for side in shared.liver.grid.spacing_mm)] = True
    numbers = np.flatnonzero(every.ravel()[voxels.flat] & ~voxels.tumour).astype(np.int32)
    return numbers, shared.liver.grid.to_mm(np.stack(np.unravel_index(voxels.flat[numbers], shape), axis=-1))


def _doses_at(
    points: FloatArray, lesion: Mask, dose_gy: float, margin_mm: float, halves: npt.NDArray[np.float64]
) -> Floats:
    """(3, n) doses at points for slow, expected and fast fall-off, Gy."""
    from scipy.spatial import cKDTree

    edge = cKDTree(lesion.grid.to_mm(np.argwhere(lesion.data)), balanced_tree=False, compact_nodes=False)
    beyond = np.maximum(edge.query(points)[0] - margin_mm, 0.0)
    found: Floats = (dose_gy * np.exp2(-beyond / halves[:, None])).astype(np.float32)
    return found


def _course(
    given: BeamFields, group: tuple[str, ...], longest_mm: Mapping[str, float],
    rules: Mapping[str, tuple[tuple[str, str], ...]], said: Mapping[str, str],
) -> BeamCourse:  # fmt: skip
    shared, fields, isodose = given.shared, given.fields, given.isodose
    dose_gy, fractions, margin_mm = stereotactic_schedule()
    numbers, doses = _added([fields[name] for name in group], dose_gy, shared.voxels.tumour.size)
    working = ~shared.voxels.tumour[numbers]
    high, lost, low = (
        float(np.count_nonzero(working & (dose >= isodose.gy))) * shared.liver.grid.voxel_ml for dose in doses
    )
    sample_gy: Floats = np.sum([fields[name].sample_gy for name in group], axis=0)
    slow, mean, fast = (float(value) for value in sample_gy.mean(axis=1))
    sizes = [longest_mm[name] for name in group if name in longest_mm]
    normal_ml = float(np.count_nonzero(~shared.voxels.tumour)) * shared.liver.grid.voxel_ml
    measured = stereotactic_checks(max(sizes) if len(sizes) == len(group) else None, len(group), normal_ml)
    checks = (
        *(replace(one, measure=COUNTED) if one.measure == COUNTED_OF_LIVER else one for one in measured),
        *_mean_check(fractions, (fast, mean, slow)),
    )
    near = threats_together([given.threats[name] for name in group])
    candidate = Candidate(
        id=f"radiotherapy-{'+'.join(group)}",
        kind="radiotherapy",
        label="stereotactic radiotherapy",
        lesions=dict.fromkeys(group),
        costs={"irradiated": np.sort(numbers[doses[1] >= isodose.gy])},
        segments=shared.segments_of(shared.masks[group[0]]) if len(group) == 1 else (),
        burden=act_burden("stereotactic-radiotherapy") + (len(group) - 1) * act_burden("further target"),
        rules=tuple(dict.fromkeys(pair for name in group for pair in rules.get(name, ()))),
        spares_ml=spared_rule(fractions)[1][0],
        notes=(*_notes(dose_gy, margin_mm, isodose, (low, lost, high), near), *_said(group, said)),
    )
    return BeamCourse(
        candidate, group, dose_gy, margin_mm, isodose, lost, low, high, (mean, fast, slow), checks, near,
        given.sample, sample_gy,
    )  # fmt: skip


def _added(fields: Sequence[_Field], dose_gy: float, voxels: int) -> tuple[IndexArray, Floats]:
    """The voxels that can reach the isodose, sorted, and (3, k) the sum of the doses of all targets there, Gy."""
    held = np.zeros(voxels, np.bool_)
    for one in fields:
        held[one.core] = True
    numbers = np.flatnonzero(held).astype(np.int32)
    doses = np.zeros((3, numbers.size), np.float32)
    for one in fields:
        beyond = np.full(voxels, np.inf, np.float32)
        beyond[one.numbers] = one.beyond_mm
        doses += dose_gy * np.exp2(-beyond[numbers] / one.halves_mm[:, None])
    return numbers, doses


def _mean_check(fractions: int, means: tuple[float, float, float], where: str = "") -> tuple[Check, ...]:
    """The rule on the mean dose for so many fractions; none where the table has none. means: low, expected, high.
    where: of what the mean is, for the words."""
    low, mean, high = means
    found = []
    for row in knowledge_base().table("dose-spared-liver").rows:
        if row["what"] != "mean" or row.number("fractions") != fractions:
            continue
        limit = row.number("below")
        assert limit is not None  # a column of the table that is not optional
        verdict = "pass" if high < limit else "fail" if low >= limit else "not checkable"
        why = f"between {low:.1f} and {high:.1f} Gy; a treatment plan decides" if verdict[0] == "n" else ""
        words = f"mean dose{where} in {fractions} fractions (estimate)"
        found.append(Check("liver", words, verdict, mean, limit, "Gy", row.source, row.status, why))
    return tuple(found)


def _notes(
    dose_gy: float, margin_mm: float, isodose: Isodose, lost: tuple[float, float, float], near: Sequence[Threat]
) -> tuple[str, ...]:
    low, expected, high = lost
    said = [
        f"Stereotactic radiotherapy: {dose_gy:g} Gy in {isodose.fractions} fractions, {margin_mm:g} mm around each "
        "lesion. Local control is an estimate from published series: no margin is claimed and there is no pathology.",
        f"Liver expected to receive {isodose.gy:.1f} Gy or more counts as lost: {expected:.0f} mL ({low:.0f} to "
        f"{high:.0f}) by a dose fall-off model, no treatment plan; {isodose.words}.",
    ]
    if near:
        words = "; ".join(
            f"{one.organ.replace('_', ' ')} {one.distance_mm:.0f} mm, {one.estimate_gy:.0f} Gy ({one.low_gy:.0f} to "
            f"{one.high_gy:.0f}){' above its limit' if one.verdict == 'fail' else ''}" for one in near
        )  # fmt: skip
        said.append(f"Organs near a target, with the highest dose expected there: {words}.")
    return tuple(said)


def _said(group: Sequence[str], said: Mapping[str, str]) -> tuple[str, ...]:
    """What the rules say of the lesions, the same words once."""
    by_words: dict[str, list[str]] = {}
    for name in group:
        if said.get(name):
            by_words.setdefault(said[name], []).append(name)
    return tuple(f"Rules on radiotherapy of {', '.join(names)}: {words}" for words, names in by_words.items())
