"""When radiation enters a plan, and which plans it makes possible.

Resection and ablation have margins; radiation has none. So the search is first put without it, and its plans stay as
they are. Where there are none, stereotactic radiotherapy is offered for every lesion that the rules do not exclude, and
as few of them as a plan needs are irradiated; where there are plans, only for lesions that nothing less than a major
resection treats, and what that adds stands behind. Radioembolisation of a segment or two (radiation segmentectomy) is
offered last, where nothing else holds and a rule makes it eligible; it is control, no removal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from glisson.knowledge import Option
from glisson.planning.act_rules import act_burden
from glisson.planning.acts import Shared
from glisson.planning.beams import (
    MOST_TOGETHER,
    BeamCourse,
    BeamFields,
    beam_courses,
    beam_fields,
    most_irradiated,
    why_no_beam,
)
from glisson.planning.clearance import Candidate, Plan, Problem, Search, prove, thinned
from glisson.planning.perfusing import SphereAct, sphere_acts, sphere_candidate

__all__ = [
    "MAJOR_SEGMENTS", "RadiationOffer", "RadiationRules", "Radiator", "holds_radiation", "is_small", "search_widely",
]  # fmt: skip

MAJOR_SEGMENTS = 3
"""A resection of this many segments is a major one."""

MOST_BEHIND = 3
"""Plans with radiation that stand behind those without, at most."""

RADIATION = ("radiotherapy", "radioembolisation")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RadiationRules:
    """What the knowledge base and the masks say. options: "radiotherapy" and "radioembolisation", each alone for the
    patient or with a lesion ("radiotherapy L2"). longest_mm: lesion -> longest axial diameter, where measured."""

    options: Mapping[str, Option] = field(default_factory=dict)
    longest_mm: Mapping[str, float] = field(default_factory=dict)

    def of(self, kind: str, lesion: str = "") -> Option | None:
        """The option of a kind for a lesion, else for the patient; None where it was not asked."""
        return self.options.get(f"{kind} {lesion}") or self.options.get(kind)


@dataclass(frozen=True, eq=False)
class RadiationOffer:
    """What was offered of radiation to one search.

    courses: id of the candidate -> what stands behind it; spheres: likewise. refused: lesion -> why it gets no beam.
    words: whether radiotherapy was considered, in a sentence; "" where it was not. needed: no plan holds without it.
    """

    courses: Mapping[str, BeamCourse] = field(default_factory=dict)
    spheres: Mapping[str, SphereAct] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    needed: bool = False


@dataclass(frozen=True, eq=False)
class Radiator:
    """Makes the candidates of radiation for one liver. background: of the liver, as the record says."""

    shared: Shared
    rules: RadiationRules
    background: object

    def refused(self, targets: Sequence[str]) -> dict[str, str]:
        """Lesion -> why it gets no beam: a firm stop, or a confirmed limit of the measures."""
        voxels = self.shared.voxels
        normal_ml = float(np.count_nonzero(~voxels.tumour)) * voxels.grid.voxel_ml
        found = {}
        for name in targets:
            option = self.rules.of("radiotherapy", name)
            stop = option.why if option is not None and option.verdict == "contraindicated" else ""
            if why := stop or why_no_beam(self.rules.longest_mm.get(name), normal_ml):
                found[name] = why
        return found

    def fields(self, names: Sequence[str]) -> BeamFields:
        """The doses around some lesions, if irradiated."""
        return beam_fields(self.shared, names, self.background)

    def courses(self, fields: BeamFields, most: int) -> tuple[BeamCourse, ...]:
        """The courses of up to `most` lesions, with what the rules say of each."""
        options = {name: self.rules.of("radiotherapy", name) for name in fields.fields}
        return beam_courses(
            fields, most, self.rules.longest_mm,
            {name: _pairs(option) for name, option in options.items()},
            {name: _verdict_words(option) for name, option in options.items()},
        )  # fmt: skip

    def spheres(self, targets: Sequence[str]) -> tuple[tuple[Candidate, SphereAct], ...]:
        """Radiation segmentectomies that treat a target whole, where a rule makes radioembolisation eligible."""
        option, shared = self.rules.of("radioembolisation"), self.shared
        if option is None or option.verdict != "eligible" or shared.segments is None:
            return ()
        masks = {name: shared.masks[name] for name in targets}
        acts = [one for one in sphere_acts(shared.liver, shared.segments, masks) if one.kind == "segmental"]
        burden, said = act_burden("radioembolisation"), _verdict_words(option)
        made = [(sphere_candidate(one, shared.voxels, burden, _pairs(option)), one) for one in acts]
        words = f"Rules on radioembolisation: {said}"
        return tuple((replace(one, notes=(*one.notes, words)), act) for one, act in made)


def search_widely(
    problem: Problem, radiator: Radiator | None, ask: Callable[[Problem, bool], Search]
) -> tuple[Problem, Search, Search, RadiationOffer]:
    """Put the search without radiation, then with as much of it as `Radiator` allows and the plans leave room for.

    ask: searches a problem; its flag says whether a proof that there is none is worked out into a certificate. Returns
    the problem with all candidates, the plans (those with radiation behind), the search without radiation, the offer.
    """
    allow = () if radiator is None else radiator.shared.settings.allow
    if radiator is None or not set(allow) & set(RADIATION):
        found = ask(problem, True)
        return problem, found, found, RadiationOffer()
    first = ask(problem, False)
    beams = "radiotherapy" in allow
    refused = radiator.refused(problem.targets) if beams else {}
    names = [name for name in problem.targets if beams and name not in refused]
    if first.plans:
        names = [name for name in names if not any(is_small(problem, one, name) for one in problem.candidates)]
    names.sort(key=lambda name: (_ways(problem, name), problem.targets.index(name)))
    wide, found, courses = _with_beams(problem, first, radiator, names, ask)
    spheres: tuple[tuple[Candidate, SphereAct], ...] = ()
    if found.outcome == "none" and "radioembolisation" in allow:
        spheres = radiator.spheres(problem.targets)
    if spheres:
        wide = _with(wide, tuple(one for one, _ in spheres))
        found = ask(wide, False)
    offer = RadiationOffer(
        courses=MappingProxyType({one.candidate.id: one for one in courses}),
        spheres=MappingProxyType({one.id: act for one, act in spheres}),
        refused=MappingProxyType(refused),
        words=_words(first, names, refused, bool(spheres)) if beams else "",
        needed=first.outcome == "none",
    )
    return wide, _proved(wide, found, radiator, offer), first, offer


def _with_beams(
    problem: Problem, first: Search, radiator: Radiator, names: Sequence[str], ask: Callable[[Problem, bool], Search]
) -> tuple[Problem, Search, tuple[BeamCourse, ...]]:
    """The problem with courses of radiotherapy, its plans, the courses.

    Where there are plans without, courses of as many lesions as one may hold; where there are none, of as few as a plan
    needs: who can be resected or ablated is not irradiated because it asks less.
    """
    if not names:
        return problem, first, ()
    fields, most = radiator.fields(names), min(most_irradiated(), len(names))
    for count in range(most if first.plans else 1, most + 1):
        courses = radiator.courses(fields, count)
        wide = _with(problem, tuple(one.candidate for one in courses))
        found = _joined(first, ask(wide, False))
        if found.plans:
            break
    return wide, found, courses


def is_small(problem: Problem, one: Candidate, lesion: str) -> bool:
    """Whether an act treats a lesion with the accepted margin and is no major resection."""
    if one.is_forbidden or one.needs or problem.spare_mm(one).get(lesion, -1.0) < 0:
        return False
    return one.kind not in RADIATION and not (one.kind == "resection" and len(one.segments) >= MAJOR_SEGMENTS)


def holds_radiation(plan: Plan) -> bool:
    """Whether a plan holds an act of radiation."""
    return any(action["kind"] in RADIATION for action in plan.actions)


def _with(problem: Problem, more: tuple[Candidate, ...]) -> Problem:
    """The problem with further candidates; of courses of radiotherapy only one is chosen."""
    courses = frozenset(one.id for one in more if one.kind == "radiotherapy")
    groups = (*problem.groups, courses) if len(courses) > 1 else problem.groups
    return replace(problem, candidates=(*problem.candidates, *more), groups=groups)


def _ways(problem: Problem, lesion: str) -> int:
    """How many candidates treat a lesion with the accepted margin."""
    return sum(problem.spare_mm(one).get(lesion, -1.0) >= 0 for one in problem.candidates if not one.is_forbidden)


def _joined(first: Search, wide: Search) -> Search:
    """The plans without radiation, then the best of those with it that none of the first equals or betters."""
    if not first.plans:
        return wide
    new = [plan for plan in wide.plans if holds_radiation(plan)]
    best = {plan.name for plan in thinned([*first.plans, *new], len(first.plans) + len(new))}
    behind = tuple(plan for plan in new if plan.name in best)[:MOST_BEHIND]
    return replace(
        first, plans=(*first.plans, *behind), gap=max(first.gap, *(plan.gap for plan in behind), 0.0),
        by_clock=first.by_clock or wide.by_clock, candidates=wide.candidates, atoms=wide.atoms,
    )  # fmt: skip


def _proved(problem: Problem, found: Search, radiator: Radiator, offer: RadiationOffer) -> Search:
    """Where nothing holds, the certificate, which says whether radiotherapy was considered."""
    if found.outcome != "none":
        return found
    proved = prove(problem, found, radiator.shared.settings.seconds)
    if proved.certificate is None or not offer.words:
        return proved
    reason = f"{proved.certificate.reason} {offer.words}"
    return replace(proved, certificate=replace(proved.certificate, reason=reason))


def _words(first: Search, names: Sequence[str], refused: Mapping[str, str], spheres: bool) -> str:
    """Whether radiotherapy was considered, for a certificate and for notes."""
    if first.plans and not names:
        return ""
    if not names:
        why = "; ".join(dict.fromkeys(refused.values()))
        return f"Stereotactic radiotherapy was also considered; it is open to no lesion here ({why})."
    many = " (courses of several lesions: of the first ones only)" if len(names) > MOST_TOGETHER else ""
    more = ", and radioembolisation of segments" if spheres else ""
    return f"Stereotactic radiotherapy was also considered for {', '.join(names)}{many}{more}."


def _pairs(option: Option | None) -> Pairs:
    """(rule, verdict) of an option that is not contraindicated; a stop that is not confirmed leaves it undetermined."""
    if option is None:
        return ()
    word = {"contraindicated": "undetermined"}
    return tuple(dict.fromkeys((one.rule.id, word.get(one.verdict, one.verdict)) for one in option.reasons))


def _verdict_words(option: Option | None) -> str:
    return "undetermined: they were not asked." if option is None else f"{option.verdict}: {option.why}"
