"""Whether the liver that stays is enough: both shares of it against the threshold for this liver, the stricter one
rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glisson.knowledge import DEFAULT_VOLUME_FORMULA, Answer, remnant_threshold, stated_number, total_liver_volume

__all__ = ["RemnantRules", "remnant_rules"]


@dataclass(frozen=True)
class RemnantRules:
    """What the knowledge base says for this patient.

    needed: the answer of the threshold rule. segments_needed: adjoining segments that must stay. expected_ml: expected
    total liver volume, None when facts are missing; formula names it, missing says in words what it lacks.
    """

    needed: Answer
    segments_needed: int
    expected_ml: float | None
    formula: str
    missing: str

    @property
    def open_percents(self) -> tuple[float, ...]:
        """Every threshold still possible for this liver, ascending; one when the facts decide it."""
        return self.needed.possible_values

    def verdict(self, nontumour: float, standardised: float | None, group_size: int) -> tuple[str, tuple[str, ...]]:
        """("enough" | "too little" | "undetermined", reasons) for the two shares in percent and the largest adjoining
        group kept.

        A remnant is too little when either share is below every threshold still possible, and enough when both shares
        are known and reach every one. At the threshold is enough. A threshold that is not confirmed decides nothing.
        """
        if group_size < self.segments_needed:
            return "too little", (f"Only {group_size} adjoining segment stays; {self.segments_needed} are needed.",)
        known = [nontumour] if standardised is None else [nontumour, standardised]
        stricter = min(known)
        which = "of non-tumour liver" if stricter == nontumour else "standardised"
        lowest, highest = self.open_percents[0], self.open_percents[-1]
        of_this = "this liver" if lowest == highest else "any liver background"
        if stricter < lowest:
            reason = f"The remnant is {stricter:.1f} % {which}; {of_this} needs at least {lowest:g} %."
            return self._if_confirmed(lowest, "too little", reason)
        if standardised is None:
            return "undetermined", (
                f"The standardised remnant is not known: {self.missing}.",
                self._met(nontumour, "of non-tumour liver"),
            )
        if stricter >= highest:
            reason = f"The remnant is {stricter:.1f} % {which}; {of_this} needs no more than {highest:g} %."
            return self._if_confirmed(highest, "enough", reason)
        return "undetermined", (self.needed.text, self._met(stricter, which))

    def _if_confirmed(self, threshold: float, verdict: str, reason: str) -> tuple[str, tuple[str, ...]]:
        """The verdict where a verified row of the rule states this threshold, else undetermined."""
        rows = [row for row in self.needed.possible if row is not None and row.value == threshold]
        if any(row.status == "verified" for row in rows):
            return verdict, (reason,)
        return "undetermined", (f"{reason} That limit is not yet confirmed.",)

    def _met(self, percent: float, which: str) -> str:
        met = [f"{value:g}" for value in self.open_percents if percent >= value]
        missed = [f"{value:g}" for value in self.open_percents if percent < value]
        words = [f"reaches {' and '.join(met)} %"] if met else []
        words += [f"is below {' and '.join(missed)} %"] if missed else []
        return f"The remnant, {percent:.1f} % {which}, {' and '.join(words)}."


_WORDS = {"height_cm": "height", "weight_kg": "weight"}


def remnant_rules(facts: Mapping[str, object]) -> RemnantRules:
    """The thresholds and the expected liver volume for these facts (as `Case.facts()` gives them)."""
    volume = total_liver_volume(DEFAULT_VOLUME_FORMULA, facts)
    expected = volume.value if volume.value is not None and volume.value > 0 else None
    lacking = [word for name, word in _WORDS.items() if not _is_number(facts.get(f"patient.{name}"))]
    if expected is not None:
        missing = ""
    elif lacking:
        missing = f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not recorded"
    else:
        missing = "the formula gives no volume for this height and weight"
    return RemnantRules(
        needed=remnant_threshold(facts),
        segments_needed=int(stated_number("remnant-segments-needed")),
        expected_ml=expected,
        formula=f"{volume.variant} with body surface area by Mosteller",
        missing=missing,
    )


def _is_number(fact: object) -> bool:
    return isinstance(fact, int | float) and not isinstance(fact, bool)
