"""What a plan does, line by line: acts, volumes, vessels, ducts, rules, and what was not checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from glisson.case import Unknown
from glisson.knowledge import knowledge_base
from glisson.report.plan_acts import ShownPlan, candidates_of, planned_ablation, treated_by
from glisson.report.plan_radiation import irradiated_lesions, radiation_facts
from glisson.report.view import Fact, Gap
from glisson.report.words import ids, mm, number_of, percent, upper_first, volume

if TYPE_CHECKING:
    from glisson.anatomy import VesselSystem
    from glisson.assessment import Assessment
    from glisson.geometry import BoolArray, FloatArray, Mask
    from glisson.planning import Clearing

__all__ = ["plan_facts", "plan_rules", "plan_unchecked"]

DUCTS_WITHIN_MM = 10.0
"""Named portal branches farther from an act than this are left out of the line on ducts."""

MOST_NAMED = 4
"""Branches named in one line."""

WHOLE = 0.95
"""A branch with more of its length inside is cut whole."""

ACT_ORDER = ("resection", "wedge", "ablation", "radiotherapy", "radioembolisation")


def plan_facts(result: Assessment, shown: ShownPlan) -> tuple[Fact, ...]:
    """The lines of a plan's card, in the order in which a board asks for them; a plan with large pictures has more."""
    clearing = result.clearing
    assert clearing is not None
    facts = [
        _kept(clearing, shown),
        *_lost(shown),
        *radiation_facts(clearing, shown.plan),
        _vessels(result, shown),
        _ducts(result, shown),
        _segments(clearing, shown) if shown.large else None,
        _reruns(clearing, shown),
        _search(shown),
    ]
    return tuple(fact for fact in ([_acts(shown)] if shown.large else []) + facts if fact is not None)


def _acts(shown: ShownPlan) -> Fact:
    """Each act with its lesions; ablations of one kind together."""
    found: dict[tuple[str, str], list[str]] = {}
    zones = 0
    for one in candidates_of(shown):
        found.setdefault((one.kind, one.label), []).extend(treated_by(shown, one))
        zones += len(one.zones)
    order = sorted(found, key=lambda key: ACT_ORDER.index(key[0]) if key[0] in ACT_ORDER else len(ACT_ORDER))
    said = [
        f"{upper_first(key[1])} of {ids(found[key])}"
        if key[0] not in ("resection", "wedge")
        else f"{upper_first(key[1])} ({ids(found[key])})"
        for key in order
    ]
    if zones:
        said.append(f"{number_of(zones, 'ablation zone')} in all")
    first = f"First: {shown.plan.modifier.replace('-', ' ')}. " if shown.plan.modifier else ""
    return Fact("Acts", first + "; ".join(said) or "none")


def _kept(clearing: Clearing, shown: ShownPlan) -> Fact:
    plan, limit = shown.plan, clearing.threshold.percent
    standardised = plan.remnant_percent_standardised
    second = "standardised not assessed" if standardised is None else f"{percent(standardised, limit)} standardised"
    grown = "" if plan.grown_ml is None else f"; {volume(plan.grown_ml)} expected after growth"
    return Fact(
        "Working liver that stays",
        f"{volume(plan.remnant_nontumour_ml)}, {percent(plan.remnant_percent_nontumour, limit)} of non-tumour liver, "
        f"{second}; limit {limit:g}\u00a0%{grown}",
    )


LOST_WORDS = {
    "removed": "Removed",
    "destroyed": "Destroyed by ablation",
    "irradiated": "Irradiated beyond working",
    "devascularised": "Loses its inflow",
    "congested": "Loses its outflow",
}


def _lost(shown: ShownPlan) -> Iterator[Fact]:
    """The ways in which liver is lost, in mL and percent of the whole liver with its lesions."""
    plan = shown.plan
    for cause, words in LOST_WORDS.items():
        count = plan.voxels[cause]
        if isinstance(count, Unknown):
            yield Fact(words, f"not assessed: {count.reason}", True)
        elif count or cause != "irradiated":
            yield Fact(
                words,
                "none"
                if not count
                else f"{volume(count * plan.voxel_ml)} ({100 * count / plan.liver_voxels:.0f}\u00a0% of the liver)",
            )


def _segments(clearing: Clearing, shown: ShownPlan) -> Fact:
    if clearing.problem.segments is None:
        return Fact("Segments with inflow and outflow", "not assessed: no segment map", True)
    return Fact("Segments with inflow and outflow", ", ".join(shown.plan.kept_segments) or "none")


def _vessels(result: Assessment, shown: ShownPlan) -> Fact:
    """Named branches inside what is removed, and whether all of their stem is."""
    label = "Vessels cut"
    if result.vessels is None or not result.vessels.systems:
        return Fact(label, "not assessed: no vessels were followed", True)
    removed = _region(result, shown, "removed")
    said = []
    for kind, system in result.vessels.systems.items():
        said += [_cut_words(name, share) for name, share in _cut_branches(system, removed)]
        unnamed = _unnamed_cut(system, removed)
        if unnamed:
            words = {"portal": "portal", "hepatic": "hepatic venous"}.get(kind, kind)
            said.append(f"{unnamed} unnamed {words} branch{'es' if unnamed > 1 else ''}")
    return Fact(label, "; ".join(said) or "none that is outlined")


def _cut_words(name: str, share: float) -> str:
    return f"{name} (whole)" if share > WHOLE else f"{name} ({100 * share:.0f}\u00a0% of its length)"


def _cut_branches(system: VesselSystem, removed: BoolArray) -> Iterator[tuple[str, float]]:
    """Named branches with points inside a region, and the share of their points there."""
    tree = system.territories.tree
    inside = _held(removed, system, tree.nodes_mm)
    for named in system.names.named:
        own = np.isin(tree.branch, named.branches)
        share = float(inside[own].mean()) if own.any() else 0.0
        if share > 0:
            yield named.name, share


def _unnamed_cut(system: VesselSystem, removed: BoolArray) -> int:
    tree = system.territories.tree
    named = {branch for one in system.names.named for branch in one.branches}
    return len(set(np.unique(tree.branch[_held(removed, system, tree.nodes_mm)]).tolist()) - named)


def _held(region: BoolArray, system: VesselSystem, points: FloatArray) -> BoolArray:
    """Which points lie in a region of the liver's box."""
    index = np.rint(system.territories.labels.grid.to_index(points)).astype(np.int64)
    inside = ((index >= 0) & (index < region.shape)).all(axis=1)
    found = np.zeros(len(points), np.bool_)
    found[inside] = region[tuple(index[inside].T)]
    return found


def _region(result: Assessment, shown: ShownPlan, *causes: str) -> BoolArray:
    """What the acts of a plan take by some causes, over the liver's box."""
    clearing = result.clearing
    assert clearing is not None
    voxels = clearing.voxels
    data = np.zeros(voxels.liver.data.size, np.bool_)
    for one in candidates_of(shown):
        for cause in causes:
            if cause in one.costs:
                data[voxels.flat[one.costs[cause]]] = True
    return data.reshape(voxels.liver.data.shape)


def _ducts(result: Assessment, shown: ShownPlan) -> Fact:
    """Ducts run beside the portal branches: which named ones come near a zone or a cut, and how near."""
    label = "Bile ducts at risk, running beside"
    outlined = result.scene.structures.get("bile_ducts") if result.scene is not None else None
    near = list(_near_ducts(result, shown, outlined))
    if near:
        return Fact(label, "; ".join(near))
    if (result.vessels is None or "portal" not in result.vessels.systems) and outlined is None:
        return Fact(label, "not assessed: neither ducts nor portal branches are outlined", True)
    return Fact(
        label, f"none named within {DUCTS_WITHIN_MM:g}\u00a0mm" + ("" if outlined else "; ducts are not outlined")
    )


def _near_ducts(result: Assessment, shown: ShownPlan, outlined: Mask | None) -> Iterator[str]:
    from glisson.geometry import distance_to

    lost = _region(result, shown, "removed", "destroyed")
    if not lost.any():
        return
    clearing = result.clearing
    assert clearing is not None
    grid = clearing.voxels.grid
    away = distance_to(lost, grid.spacing_mm)
    if outlined is not None and not outlined.is_empty:
        least = float(away[outlined.on(grid) & clearing.voxels.liver.data].min(initial=np.inf))
        if least <= DUCTS_WITHIN_MM:
            yield f"the outlined ducts ({mm(least)})"
    system = result.vessels.systems.get("portal") if result.vessels is not None else None
    if system is None:
        return
    tree = system.territories.tree
    index = np.rint(grid.to_index(tree.nodes_mm)).astype(np.int64)
    held = ((index >= 0) & (index < grid.shape)).all(axis=1)
    distance = np.full(len(index), np.inf)
    distance[held] = away[tuple(index[held].T)] - tree.radius_mm[held]
    found = []
    for named in system.names.named:
        own = np.isin(tree.branch, named.branches)
        if own.any() and distance[own].min() <= DUCTS_WITHIN_MM:
            found.append((max(float(distance[own].min()), 0.0), named.name))
    for least, name in sorted(found)[:MOST_NAMED]:
        yield f"{name} ({mm(least)})"


def _reruns(clearing: Clearing, shown: ShownPlan) -> Fact | None:
    held = clearing.robustness.get(shown.plan.name)
    if held is None:
        return None
    return Fact("Geometric re-runs", held.text + (f" Weakest: {held.weakest}." if held.weakest else ""))


def _search(shown: ShownPlan) -> Fact:
    plan = shown.plan
    words = "search complete" if plan.search_complete else f"within {100 * plan.gap:.0f}\u00a0% of what is possible"
    spare = (
        ""
        if plan.spare_mm is None or irradiated_lesions(plan)
        else f"; spare margin {plan.spare_mm:+.1f}\u00a0mm at its narrowest"
    )
    return Fact("Burden and search", f"{plan.burden:g} wedge equivalents; {words}{spare}")


def plan_unchecked(result: Assessment, shown: ShownPlan) -> str:
    """What nobody looked at, in one line."""
    clearing = result.clearing
    assert clearing is not None
    said = list(clearing.notes)
    missing: dict[str, None] = {}
    for one in candidates_of(shown):
        planned = planned_ablation(clearing, one.id)
        if planned is not None and planned.lesion in clearing.needles:
            missing |= dict.fromkeys(clearing.needles[planned.lesion].not_checked)
        if planned is not None and not planned.paths:
            said.append(f"No needle path was looked for to {planned.lesion}.")
    if missing:
        said.append(f"Beside the needles, not outlined: {', '.join(name.replace('_', ' ') for name in missing)}.")
    said.append("Breathing, position, adhesions and access.")
    return " ".join(dict.fromkeys(said))


def plan_rules(result: Assessment, shown: ShownPlan) -> tuple[Gap, ...]:
    """The rules that speak of the acts of a plan, by id, with what they say; stops first."""
    verdicts = {pair: None for one in candidates_of(shown) for pair in one.rules}
    texts = {reason.rule.id: reason.text for option in result.options for reason in option.reasons}
    texts |= {answer.rule.id: answer.text for answer in result.answers}
    order = sorted(verdicts, key=lambda pair: (pair[1] != "contraindicated", pair[0]))
    found = []
    for rule, verdict in order:
        text = texts.get(rule) or knowledge_base().rule(rule).title
        word = {"contraindicated": "stop", "relative": "caution"}.get(verdict, verdict)
        found.append(Gap(f"{rule} ({word})", text))
    source = shown.problem.threshold.source
    if source in texts:
        found.append(Gap(f"{source} (limit)", texts[source]))
    return tuple(found)
