"""Which plans become possible when the remnant is first made to grow, for a liver on which no one-step plan holds.

Liver whose inflow is closed must be removed later, so every such plan holds one resection that takes all of it. What
lies in the rest is treated before the closure or with it (two stages). Growth is the same share for all of the rest,
so of all such plans that of least liver lost reaches the limit first: it alone is searched, once for each closure, and
each technique is then a question of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial

import numpy as np

from glisson.case import Unknown
from glisson.knowledge import knowledge_base
from glisson.planning.act_rules import act_burden
from glisson.planning.clearance import (
    Candidate,
    Effort,
    Plan,
    Problem,
    Relaxation,
    Search,
    Variant,
    evaluate,
    loss_map,
)
from glisson.planning.clearance.budget import Clock
from glisson.planning.clearance.candidate import FORBIDDING
from glisson.planning.clearance.pareto import Runner
from glisson.planning.enlarging import Closure, Enlargement, closures, enlargements
from glisson.planning.perfusing import lobe_checks
from glisson.planning.staging import Stage, StagedPlan, outcomes_of, remnant_over_weeks

__all__ = ["Staging", "StagingFacts", "search_stages", "with_growth"]

CLOSED = "liver that was closed"
"""Name of the target that the resection of the closed segments clears; it never leaves this module."""

GROWING = ("two-stage", "embolisation", "venous-deprivation", "alpps", "radioembolisation")
"""Relaxations that make the remnant grow."""

SHARE = 0.3
"""Share of the time left that the search for one closure may take."""

SPHERES = "radioembolisation"

SPHERES_NOTES = (
    "Radioembolisation of a lobe treats the lesions in it while the other lobe grows, more slowly than after closure "
    "of the portal vein; most patients of the series had hepatocellular carcinoma. Perfused volumes follow the "
    "segments; the artery decides.",
)

_RANK = {"eligible": 0, "relative": 1, "undetermined": 2}


@dataclass(frozen=True)
class StagingFacts:
    """What the record adds. facts: as the rules ask them. needed_decided: whether the limit for this liver is decided.
    procedure: recorded day of a closure still to come. anatomy: what is to be said of the closure of a part. spheres:
    whether radioembolisation of a lobe is offered beside closing its vein."""

    facts: Mapping[str, object]
    needed_decided: bool
    procedure: date | None = None
    anatomy: Callable[[Closure], tuple[str, ...]] | None = None
    spheres: bool = False


@dataclass(frozen=True, eq=False)
class Staging:
    """plans: those that are possible with growth, in the order in which they are put forward. refused: relaxation ->
    why each way that was looked at is none. undecided: relaxations whose search ended early. spheres: whether
    radioembolisation was among them."""

    plans: tuple[StagedPlan, ...] = ()
    refused: Mapping[str, tuple[str, ...]] | None = None
    undecided: frozenset[str] = frozenset()
    spheres: bool = False


@dataclass(frozen=True, eq=False)
class _Least:
    """The plan of least liver lost for a closure. plan: None where there is none; proven: whether that is certain."""

    plan: Plan | None
    proven: bool


def search_stages(problem: Problem, given: StagingFacts, effort: Effort) -> Staging:
    """Every closure and technique that lets a plan reach the limit by the expected growth, under the rules.

    problem: one on which no plan holds as it is; without a segment map or a limit nothing is searched. effort: for all
    of it.
    """
    if problem.segments is None or problem.threshold.percent <= 0:
        return Staging()
    clock = Clock.lasting(effort)
    plans: list[StagedPlan] = []
    refused: dict[str, tuple[str, ...]] = {}
    undecided: set[str] = set()
    for closure in closures(_present(problem)):
        ask = cache(partial(_least_lost, problem, closure, effort, clock))
        for one in enlargements(closure, spheres=given.spheres):
            for stages in (False, True):
                least, name = ask(stages), _eased_by(one, stages)
                undecided |= set() if least.proven else {name}
                staged = None if least.plan is None else _staged(problem, one, least.plan, given)
                if isinstance(staged, StagedPlan):
                    plans.append(staged)
                    break
                refused[name] = (*refused.get(name, ()), *(() if staged is None else (staged,)))
    best = [one for one in plans if not any(_is_better(other, one) for other in plans)]
    order = sorted(best, key=_order)
    return Staging(tuple(order), refused, frozenset(undecided), given.spheres)


def _order(one: StagedPlan) -> tuple[int, bool, float, tuple[int, int], str]:
    """What the rules allow first; of those alike, months of growth after radioembolisation behind weeks of it."""
    slow = one.enlargement.modality == SPHERES
    return _RANK[one.verdict], slow, one.plan.burden, one.wait_weeks, one.name


def _is_better(one: StagedPlan, other: StagedPlan) -> bool:
    """Whether a plan asks less than another of the same kind, leaves more and waits no longer."""
    same = one.enlargement.modality == other.enlargement.modality and one.relaxation == other.relaxation
    less, more = one.plan.burden <= other.plan.burden, one.now_percent >= other.now_percent
    equal = one.plan.burden == other.plan.burden and one.now_percent == other.now_percent
    return one is not other and same and less and more and one.wait_weeks[0] <= other.wait_weeks[0] and not equal


def with_growth(found: Search, staging: Staging) -> Search:
    """The search with what growth makes possible among the relaxations of its certificate."""
    if found.certificate is None:
        return found
    looked = set() if staging.refused is None else set(GROWING) - (set() if staging.spheres else {"radioembolisation"})
    eased = tuple(_relaxation(one, staging) if one.id in looked else one for one in found.certificate.relaxations)
    return replace(found, certificate=replace(found.certificate, relaxations=eased))


def _relaxation(plain: Relaxation, staging: Staging) -> Relaxation:
    staged = next((one for one in staging.plans if one.relaxation == plain.id), None)
    if staged is not None:
        text = f"{staged.name[0].upper()}{staged.name[1:]}. {staged.condition}"
        text += " Whether the rules allow it is not decided." if staged.verdict == "undetermined" else ""
        return replace(plain, outcome="possible", text=text, lesions=tuple(staged.plan.clears), plan=staged.plan)
    if plain.id in staging.undecided:
        return replace(plain, outcome="undecided", text="The search ended before this was decided.")
    if plain.id == "two-stage" and any(one.relaxation == "embolisation" for one in staging.plans):
        text = "Not needed: with embolisation first, nothing outside the resection has to be treated before it."
        return replace(plain, outcome="not assessed", text=text)
    why = " ".join(dict.fromkeys((staging.refused or {}).get(plain.id, ())))
    nothing = "No resection of liver that can be closed first treats every lesion"
    nothing += "." if plain.id == "embolisation" else ", alone or after other acts."
    return replace(plain, outcome="not possible", text=why or nothing)


def _present(problem: Problem) -> tuple[str, ...]:
    """Segments with working liver."""
    assert problem.segments is not None
    held = np.bincount(problem.segments.labels[~problem.tumour], minlength=len(problem.segments.names) + 1)
    return tuple(name for place, name in enumerate(problem.segments.names, 1) if held[place])


def _eased_by(one: Enlargement, stages: bool) -> str:
    """The relaxation that a way stands for, in one resection or in two stages."""
    return "two-stage" if stages and one.relaxation == "embolisation" else one.relaxation


def _least_lost(problem: Problem, closure: Closure, effort: Effort, clock: Clock, stages: bool) -> _Least:
    """The plan of least liver lost that removes all that is closed; stages: with other acts before it."""
    majors = {one.id for one in problem.candidates if _takes(one, closure)}
    kept = [one for one in problem.candidates if one.id in majors or (stages and _is_first_step(one))]
    if not majors:
        return _Least(None, True)
    ids = {one.id for one in kept}
    candidates = tuple(
        replace(
            one,
            excludes=one.excludes & ids,
            lesions={**one.lesions, CLOSED: None} if one.id in majors else one.lesions,
        )
        for one in kept
    )
    groups = tuple(part for group in problem.groups if len(part := group & ids) > 1)
    asked = replace(problem, targets=(*problem.targets, CLOSED), candidates=candidates, groups=groups, modifiers=())
    runner = Runner(asked, effort, clock)
    variant = Variant(allowed=problem.allowed, free=frozenset({"remnant"}))
    plan, found = runner.best(runner.solver(variant), "lost", clock.share(SHARE))
    return _Least(plan, found.impossible if plan is None else plan.search_complete)


def _takes(one: Candidate, closure: Closure) -> bool:
    return one.kind == "resection" and set(closure.closes) <= set(one.segments)


def _is_first_step(one: Candidate) -> bool:
    """Whether an act may stand before the closure: none that takes more than a segment."""
    return one.kind != "resection" or len(one.segments) == 1


def _staged(problem: Problem, one: Enlargement, least: Plan, given: StagingFacts) -> StagedPlan | str:
    """The staged plan, or in words why it is none."""
    denominator_ml = problem.needed_ml(problem.threshold) * 100.0 / problem.threshold.percent
    now = 100.0 * least.remnant_nontumour_ml / denominator_ml
    wait = one.forecast.weeks_to_wait(now, problem.threshold.percent) if now > 0 else None
    if wait is None:
        return _too_little(one, now, problem.threshold.percent)
    if reserve := _too_small_reserve(problem, one):
        return reserve
    by_id = problem.by_id()
    last = tuple(name for name in least.chosen if _takes(by_id[name], one.closure))
    first = tuple(name for name in least.chosen if name not in last)
    option, rules, why = _judged(problem, one, least, bool(first), given)
    if option in FORBIDDING:
        return f"{one.label[0].upper()}{one.label[1:]}: {why}"
    surgery = first and not one.splits and any(by_id[name].kind != "ablation" for name in first)
    modifier = one.modifier(act_burden("two-stage") if surgery else 0.0)
    variant = Variant(allowed=problem.allowed, modifier=modifier)
    plan = evaluate(problem, least.chosen, variant)
    relaxation = _eased_by(one, bool(first))
    grown = 1.0 + one.forecast.after(7.0 * wait[0]).expected / 100.0
    plan = replace(
        plan, name=_name(problem, one, first, last, wait), grown_ml=grown * plan.remnant_nontumour_ml,
        gap=least.gap, best_in=("lost",),
    )  # fmt: skip
    return StagedPlan(
        plan=plan,
        enlargement=one,
        relaxation=relaxation,
        first=first,
        last=last,
        stages=_stages(problem, one, first, last),
        denominator_ml=denominator_ml,
        needed_percent=problem.threshold.percent,
        over_weeks=remnant_over_weeks(one.forecast, plan.remnant_nontumour_ml, denominator_ml, one.forecast.weeks),
        days=one.forecast.days_until(now, problem.threshold.percent),
        wait_weeks=wait,
        verdict=option,
        why=why,
        rules=rules,
        outcomes=outcomes_of(tuple(dict.fromkeys((one.modality, relaxation)))),
        procedure=None if one.modality == SPHERES else given.procedure,
        notes=SPHERES_NOTES if one.modality == SPHERES else given.anatomy(one.closure) if given.anatomy else (),
    )


def _too_little(one: Enlargement, now: float, needed: float) -> str:
    """That the expected growth does not suffice, with the numbers."""
    grown = one.forecast.after(one.forecast.horizon_days)
    weeks = one.forecast.horizon_days / 7.0
    return (
        f"{one.label[0].upper()}{one.label[1:]}: from {now:.1f} % now to {now * (1 + grown.expected / 100):.1f} % "
        f"expected in week {weeks:.0f} ({one.forecast.source}); {needed:g} % are needed."
    )


def _too_small_reserve(problem: Problem, one: Enlargement) -> str:
    """Why a lobe is not radioembolised: less lies outside it than a confirmed limit asks; "" where enough does."""
    if one.modality != SPHERES:
        return ""
    assert problem.segments is not None
    closed = [place for place, name in enumerate(problem.segments.names, 1) if name in one.closes]
    outside = 100.0 * float((~np.isin(problem.segments.labels[~problem.tumour], closed)).mean())
    failed = [check for check in lobe_checks(outside) if check.verdict == "fail" and check.status == "verified"]
    words = "; ".join(f"more than {check.limit:g} % is asked ({check.source})" for check in failed)
    where = f"{one.label[0].upper()}{one.label[1:]}: {outside:.1f} % of the liver lies outside it"
    return f"{where}, {words}." if words else ""


def _name(problem: Problem, one: Enlargement, first: Sequence[str], last: Sequence[str], wait: tuple[int, int]) -> str:
    """The sequence in words, with the weeks to wait and the condition."""
    before = evaluate(problem, first).name if first else ""
    joint = " + " if one.splits else ", then "
    start = f"{before}{joint}{one.label}" if before else one.label
    weeks = f"{wait[0]} weeks" if wait[0] == wait[1] else f"{wait[0]} to {wait[1]} weeks"
    then = evaluate(problem, last).name
    return f"{start}, then {then} after {weeks} if the remnant then reaches {problem.threshold.percent:g} %"


def _stages(problem: Problem, one: Enlargement, first: Sequence[str], last: Sequence[str]) -> tuple[Stage, ...]:
    """Acts before, closure, resection, each with the voxels that it loses."""
    found: list[Stage] = []
    gone = np.zeros(problem.voxels, np.bool_)
    steps = [(evaluate(problem, first).name, first)] if first else []
    for what, acts in (*steps, (one.label, ()), (evaluate(problem, last).name, last)):
        done = tuple(name for stage in found for name in stage.candidates)
        now = (loss_map(problem, (*done, *acts)) > 0) | gone
        found.append(Stage(what, tuple(acts), int(np.count_nonzero(now & ~gone)), int(np.count_nonzero(~now))))
        gone = now
    return tuple(found)


def _judged(
    problem: Problem, one: Enlargement, least: Plan, first: bool, given: StagingFacts
) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Verdict, (rule, verdict) pairs and reason of the knowledge base on every treatment that the way holds."""
    limit = problem.threshold.percent
    standardised = least.remnant_percent_standardised
    asked: object = standardised
    if standardised is None:
        asked = Unknown("height and weight are needed")
    elif standardised >= limit:
        asked = Unknown("the share of non-tumour liver is the stricter one")
    facts = {
        **given.facts,
        "plan.exists": False,
        "remnant.percent_nontumour": least.remnant_percent_nontumour,
        "remnant.percent_standardised": asked,
    }
    if given.needed_decided:
        facts["remnant.needed_percent"] = limit
    asked_of = (one.modality, "two-stage-resection") if first and not one.splits else (one.modality,)
    options = [knowledge_base().option(name, facts)[0] for name in asked_of]
    rank = {**_RANK, "contraindicated": 3}
    worst = max(options, key=lambda option: rank[option.verdict])
    rules = tuple((reason.rule.id, reason.verdict) for option in options for reason in option.reasons)
    return worst.verdict, tuple(dict.fromkeys(rules)), worst.why
