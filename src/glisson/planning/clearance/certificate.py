"""Why there is no plan: what binds, and which single thing, when eased, makes one possible.

A certificate speaks of one catalogue of candidates under given masks and margins. It is no finding of unresectability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from glisson.planning.clearance.budget import Clock
from glisson.planning.clearance.candidate import RELAXATIONS, Modifier
from glisson.planning.clearance.pareto import Runner
from glisson.planning.clearance.plan import Plan
from glisson.planning.clearance.program import FREEABLE, Variant, offered
from glisson.planning.clearance.solve import Solution

__all__ = ["WORDS", "Certificate", "Relaxation", "certify"]

WORDS = (
    "No plan in this catalogue with these masks and margins treats every visible lesion. This is not a finding of "
    "unresectability; ask an expert liver panel."
)
"""What a page says when a certificate stands."""

REFERRALS = ("transplant", "ex-situ")
"""Relaxations that are questions to an expert panel unless the catalogue holds candidates for them."""

PART = 0.08
"""Share of the time left that one question of the certificate may take."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """One thing eased. outcome: "possible", "not possible" (proven), "undecided" (the search ended first) or "not
    assessed". text: in words, with the numbers. value: how much had to be eased (mm, percent of non-tumour liver,
    lesions left), None where that has no number. lesions: those that it concerns. plan: one that it makes possible."""

    id: str
    label: str
    outcome: str
    text: str
    value: float | None = None
    lesions: tuple[str, ...] = ()
    plan: Plan | None = None

    def to_dict(self) -> dict[str, Any]:
        """The piece of `plans.json`."""
        return {
            "id": self.id,
            "label": self.label,
            "outcome": self.outcome,
            "text": self.text,
            "value": self.value,
            "lesions": list(self.lesions),
            "plan": None if self.plan is None else self.plan.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Certificate:
    """Proof that no combination of the candidates keeps every limit.

    reason: WORDS. binding: which limits bind: "cover" (some target has no candidate of its own, see `untreated`), or
    those of FREEABLE without any one of which there would be a plan; empty when several bind together. binding_text:
    the same in words. relaxations: in the order of RELAXATIONS.
    """

    reason: str
    binding: tuple[str, ...]
    binding_text: str
    untreated: tuple[str, ...]
    relaxations: tuple[Relaxation, ...]

    def to_dict(self) -> dict[str, Any]:
        """The piece of `plans.json`."""
        return {
            "reason": self.reason,
            "binding": list(self.binding),
            "binding_text": self.binding_text,
            "untreated": list(self.untreated),
            "relaxations": [one.to_dict() for one in self.relaxations],
        }


def certify(runner: Runner) -> Certificate:
    """The certificate of a problem whose every base variant is proven to have no plan."""
    untreated = _untreated(runner)
    binding = ("cover",) if untreated else tuple(name for name in FREEABLE if _would_do(runner, name))
    if untreated:
        text = f"No candidate treats {', '.join(untreated)} with the accepted margin."
    elif binding:
        text = f"What binds: {'; '.join(FREEABLE[name] for name in binding)}."
    else:
        text = "Several limits bind together; no plan follows from leaving out any one of them."
    relaxations = [_relaxation(runner, name) for name in RELAXATIONS if name not in runner.problem.allowed]
    return Certificate(WORDS, binding, text, untreated, tuple(relaxations))


def _share(runner: Runner) -> Clock:
    return runner.clock.share(PART)


def _untreated(runner: Runner) -> tuple[str, ...]:
    problem = runner.problem
    variants = runner.bases()
    spare = [problem.spare_mm(problem.candidates[place]) for variant in variants for place in offered(problem, variant)]
    return tuple(t for t in sorted(problem.targets) if not any(one.get(t, -math.inf) >= 0 for one in spare))


def _would_do(runner: Runner, name: str) -> bool:
    return any(runner.feasible(replace(base, free=frozenset({name})), _share(runner)).found for base in runner.bases())


def _relaxation(runner: Runner, name: str) -> Relaxation:
    if name == "second-look":
        return _second_look(runner)
    if name == "margin":
        return _narrower(runner)
    if name == "threshold":
        return _smaller_remnant(runner)
    modifiers = [one for one in runner.problem.modifiers if one.relaxation == name]
    needing = [one for one in runner.problem.candidates if one.needs == name and not one.is_forbidden]
    if not modifiers and not needing:
        ask = "A question for an expert panel." if name in REFERRALS else "The catalogue holds nothing of this kind."
        return Relaxation(name, RELAXATIONS[name], "not assessed", ask)
    tries = [replace(base, allowed=base.allowed | {name}) for base in runner.bases()] if needing else []
    return _tried(runner, name, tries, modifiers)


def _tried(runner: Runner, name: str, tries: Sequence[Variant], modifiers: Sequence[Modifier]) -> Relaxation:
    plain = runner.bases()[0]
    undecided = False
    for variant in [*tries, *(replace(plain, modifier=one) for one in modifiers)]:
        plan, found = _plan(runner, variant)
        if plan is not None:
            forecast = f" {variant.modifier.forecast}" if variant.modifier and variant.modifier.forecast else ""
            text = f"With {RELAXATIONS[name]}: {plan.name}.{forecast}"
            return Relaxation(name, RELAXATIONS[name], "possible", text, lesions=tuple(plan.clears), plan=plan)
        undecided |= not found.impossible
    return _failed(name, undecided)


def _plan(runner: Runner, variant: Variant) -> tuple[Plan | None, Solution]:
    """The plan of least liver lost under a variant, and what the search for it proved."""
    return runner.best(runner.solver(variant), "lost", _share(runner))


def _failed(name: str, undecided: bool, text: str = "") -> Relaxation:
    if undecided:
        return Relaxation(name, RELAXATIONS[name], "undecided", "The search ended before this was decided.")
    return Relaxation(name, RELAXATIONS[name], "not possible", text or f"Not with {RELAXATIONS[name]} alone.")


def _second_look(runner: Runner) -> Relaxation:
    """Which single target, left to systemic therapy, makes a plan of the rest possible; else how many it takes."""
    name, alone, undecided = "second-look", set[str](), False
    for base in runner.bases():
        while True:
            found = runner.feasible(replace(base, leave=1, must=frozenset(alone)), _share(runner))
            if not found.found:
                undecided |= not found.impossible
                break
            alone |= set(found.left)
    if not alone:
        return _failed(name, True) if undecided else _how_many(runner)
    plan = next((plan for base in runner.bases() if (plan := _plan(runner, replace(base, leave=1))[0])), None)
    rest = " The search for others ended early." if undecided else ""
    text = f"If one lesion is left to systemic therapy ({' or '.join(sorted(alone))}), the others can be treated.{rest}"
    return Relaxation(name, RELAXATIONS[name], "possible", text, 1.0, tuple(sorted(alone)), plan)


def _how_many(runner: Runner) -> Relaxation:
    name, base, count = "second-look", runner.bases()[0], len(runner.problem.targets)
    if not runner.feasible(replace(base, leave=count), _share(runner)).found:
        return _failed(name, False, "The liver as it is breaks a limit, whatever is left untreated.")
    low, high, proven = 1, count, True
    while high - low > 1:
        middle = (low + high) // 2
        found = runner.feasible(replace(base, leave=middle), _share(runner))
        proven &= found.found or found.impossible
        low, high = (low, middle) if found.found else (middle, high)
    least = "at least" if proven else "no more than"
    text = f"No single lesion suffices; {least} {high} of {count} would have to be left."
    return Relaxation(name, RELAXATIONS[name], "not possible", text, float(high))


def _narrower(runner: Runner) -> Relaxation:
    """The widest margin below the accepted one, the same for every target, at which there is a plan."""
    name, problem = "margin", runner.problem
    best: tuple[float, Variant] | None = None
    undecided = False
    for base in runner.bases():
        spare = [problem.spare_mm(problem.candidates[place]) for place in offered(problem, base)]
        levels = sorted({mm for one in spare for mm in one.values() if mm < 0}, reverse=True)
        low, high = -1, len(levels)
        while high - low > 1:
            middle = (low + high) // 2 if high < len(levels) else len(levels) - 1
            found = runner.feasible(replace(base, spare_mm=levels[middle]), _share(runner))
            undecided |= not (found.found or found.impossible)
            low, high = (low, middle) if found.found else (middle, high)
        if high < len(levels) and (best is None or levels[high] > best[0]):
            best = levels[high], replace(base, spare_mm=levels[high])
    if best is None:
        return _failed(name, undecided)
    plan, _ = _plan(runner, best[1])
    if plan is None:
        return _failed(name, True)
    narrow = {t: one for t, one in plan.clears.items() if _is_narrow(one.margin_mm, problem.accept_mm.get(one.kind))}
    said = ", ".join(f"{t} {one.margin_mm:.1f} mm ({one.label})" for t, one in narrow.items())
    text = f"With a margin narrower than accepted by {-best[0]:.1f} mm: {said}."
    return Relaxation(name, RELAXATIONS[name], "possible", text, -best[0], tuple(narrow), plan)


def _is_narrow(margin_mm: float | None, accepted_mm: float | None) -> bool:
    return margin_mm is not None and accepted_mm is not None and margin_mm < accepted_mm


def _smaller_remnant(runner: Runner) -> Relaxation:
    """The largest remnant that a plan leaves when none is demanded."""
    name, problem = "threshold", runner.problem
    plan, found = _plan(runner, replace(runner.bases()[0], free=frozenset({"remnant"})))
    if plan is None:
        return _failed(name, not found.impossible)
    shares = {"nontumour": plan.remnant_percent_nontumour, "standardised": plan.remnant_percent_standardised}
    words = {"nontumour": "of non-tumour liver", "standardised": "standardised"}
    said = " and ".join(f"{shares[one]:.1f} % {words[one]}" for one in problem.threshold.of)
    most = "The largest remnant that a plan leaves is" if plan.search_complete else "The largest remnant found is"
    text = f"{most} {said}; {problem.threshold.percent:g} % are needed ({problem.threshold.source})."
    value = min(share for one in problem.threshold.of if (share := shares[one]) is not None)
    return Relaxation(name, RELAXATIONS[name], "possible", text, value, tuple(plan.clears), plan)
