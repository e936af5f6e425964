"""From a case and a scene to an assessment: the list of named pure steps, and nothing of their insides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from glisson import __version__
from glisson.assessment.facts import all_facts, facts_of_lesions
from glisson.assessment.result import Assessment, TraceEntry
from glisson.assessment.steps import STEPS, Step
from glisson.case import Case
from glisson.knowledge import PriceList
from glisson.planning import Clearing, PlanSettings
from glisson.scene import Scene

__all__ = ["STEPS", "Assessment", "Step", "TraceEntry", "all_facts", "assess", "facts_of_lesions", "replan"]


def assess(
    case: Case,
    scene: Scene | None,
    *,
    prices: PriceList | None = None,
    settings: PlanSettings | None = None,
    steps: Sequence[Step] = STEPS,
    progress: Callable[[str, float], None] | None = None,
) -> Assessment:
    """Assess a case: run every step whose inputs are there, in order, and keep a trace of what was done and why not.

    case: the facts (glisson.case). scene: one scan and its structures in LPS mm, or None when there are no images.
    settings: margins and choices of the search for plans; by default those of the knowledge base.
    steps: those that are run, in order; by default all of them.
    prices: a local price list; it is shown beside the options and decides nothing.
    progress: called with the step in words and the share done, 0 to 1.
    Pure: the same case and scene give the same assessment. Raises SceneError when the masks cannot belong together.
    """
    result = Assessment(
        case=case,
        scene=scene,
        version=__version__,
        prices=prices,
        settings=settings,
        notices=scene.notices if scene else (),
    )
    for number, step in enumerate(steps):
        if progress:
            progress(step.words, number / len(steps))
        result = _run(step, result)
    return result


def replan(result: Assessment, settings: PlanSettings) -> Clearing | None:
    """The search for plans again, under other settings, on what an assessment already measured.

    None where the assessment had nothing to plan on. Raises InputError for settings that name a lesion it lacks.
    """
    if result.scene is None or result.whole_liver is None:
        return None
    step = next(step for step in STEPS if step.name == "plans")
    return step.run(replace(result, settings=settings, clearing=None))[0].clearing


def _run(step: Step, before: Assessment) -> Assessment:
    missing = [name for name in step.needs if getattr(before, name) is None]
    if missing:
        words = ", ".join(name.replace("_", " ") for name in missing)
        outcome = f"not assessed: no {words}"
        return replace(before, trace=(*before.trace, TraceEntry(step.name, outcome)))
    after, outcome = step.run(before)
    return replace(after, trace=(*before.trace, TraceEntry(step.name, outcome)))
