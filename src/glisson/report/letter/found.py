"""What was found, for the patient: where the cancer began, where it is, how many spots, what was done so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from glisson.case import Case, Unknown, is_known
from glisson.report.letter.model import Paragraph
from glisson.report.letter.words import letter_words
from glisson.report.record import reviewed_by, scan_date
from glisson.report.words import and_list, day, number_of

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["Spots", "found", "in_liver", "means", "spots_of"]


@dataclass(frozen=True)
class Spots:
    """How many spots there are by nature, and the longest in whole mm (None: not known).

    cancer: confirmed or probable; sure: all of these are confirmed. unsure: indeterminate. harmless: benign.
    """

    cancer: int
    sure: bool
    unsure: int
    harmless: int
    largest_mm: float | None


def spots_of(result: Assessment) -> Spots | None:
    """Spots as measured where a person reviewed the outlines, else as the record lists them; None where neither."""
    case = result.case
    if case.liver.infiltrative is True:
        return None
    if result.lesions and reviewed_by(case):
        natures = Counter(lesion.nature for lesion in result.lesions)
        sizes = [item.longest_axial_mm for item in result.lesions if item.nature in ("confirmed", "probable")]
    elif case.lesions:
        natures = Counter(lesion.nature for lesion in case.lesions)
        recorded = [item.size_mm for item in case.lesions if item.nature in ("confirmed", "probable")]
        sizes = [size for size in recorded if not isinstance(size, Unknown)] if all(map(is_known, recorded)) else []
    else:
        return None
    return Spots(
        natures["confirmed"] + natures["probable"], not natures["probable"], natures["indeterminate"],
        natures["benign"],
        float(f"{max(sizes):.0f}") if sizes else None,
    )  # fmt: skip


def found(result: Assessment) -> tuple[Paragraph, ...]:
    """The paragraphs of what was found."""
    case = result.case
    texts = [_began(result), _spots(result), *_elsewhere(case), *_had(case)]
    parts = [*(Paragraph(text) for text in texts), *_wish(case)]
    heard = {answer.rule.id: answer for answer in result.answers if answer.plain and answer.status == "verified"}
    for rule in ("vanished-lesion", "unknown-primary-work-up", "fnh-like-after-oxaliplatin"):
        if rule in heard:
            parts.append(Paragraph(heard[rule].plain, rules=(rule,)))
    return tuple(parts)


def in_liver(result: Assessment) -> bool:
    """Whether the record or the reviewed scan says that cancer is in the liver: a spot that is or looks like it."""
    spots = spots_of(result)
    return result.case.liver.infiltrative is True or (spots is not None and spots.cancer > 0)


def _began(result: Assessment) -> str:
    site, removed = result.case.primary.site, result.case.primary.resected
    where = None if isinstance(site, Unknown) else letter_words().by_key["sites"].get(site)
    said = []
    if where:
        said.append(f"Your cancer began in {where}.")
        if isinstance(removed, date):
            said.append(f"The first tumour was taken out on {day(removed)}.")
    if in_liver(result):
        spots = spots_of(result)
        sure = spots is None or spots.sure
        name = "The cancer" if where else "A cancer"
        said.append(f"{name} has come to the liver." if sure else f"{name} seems to have come to the liver.")
    return " ".join(said) or "The team talked about your liver."


def _spots(result: Assessment) -> str:
    spots, scan = spots_of(result), scan_date(result)
    if result.case.liver.infiltrative is True:
        return "It has spread through the liver, so that spots cannot be counted."
    if spots is None or not (spots.cancer or spots.unsure):
        return "This letter holds no count of the spots in your liver. Ask us what the scans show."
    measured = scan and result.lesions and reviewed_by(result.case)
    lead = f"The scan of {scan} shows" if measured else "Your scans show"
    said = []
    if spots.cancer:
        kind = ("spot of cancer" if spots.cancer == 1 else "spots of cancer") if spots.sure else (
            "spot that looks like cancer" if spots.cancer == 1 else "spots that look like cancer")  # fmt: skip
        said.append(f"{lead} {spots.cancer} {kind} in the liver.")
        if spots.largest_mm is not None:
            it = "It is" if spots.cancer == 1 else "The largest is"
            said.append(f"{it} about {spots.largest_mm:g}\u00a0mm wide.")
    if spots.unsure:
        more = number_of(spots.unsure, "more spot" if spots.cancer else "spot")
        said.append(f"{'They also show' if spots.cancer else lead} {more}{'' if spots.cancer else ' in the liver'}.")
        said.append(f"It is not yet certain what {'it is' if spots.unsure == 1 else 'they are'}.")
    if spots.harmless:
        said.append(f"There {'is' if spots.harmless == 1 else 'are'} {number_of(spots.harmless, 'harmless spot')} too.")
    return " ".join(said)


def _elsewhere(case: Case) -> list[str]:
    sites = case.extrahepatic.sites
    if case.extrahepatic.status == "none":
        return ["We found no cancer outside the liver."]
    if not isinstance(sites, Unknown) and sites:
        names = letter_words().by_key["elsewhere"]
        active = [names[site.site] for site in sites if site.treated is not True]
        if active:
            return [f"There is cancer in other places too: {and_list(active)}."]
    return []


def _had(case: Case) -> list[str]:
    if isinstance(case.treatments, Unknown) or not case.treatments:
        return []
    names = letter_words().by_key["had"]
    done = list(dict.fromkeys(names[item.kind] for item in case.treatments if item.kind in names))
    said = [f"So far you have had {and_list(done)}."] if done else []
    drugs = [item for item in case.treatments if item.kind == "systemic"]
    last = drugs[-1].response if drugs else Unknown()
    if last in ("partial", "complete"):
        said.append("The last medicine made the cancer smaller.")
    elif last == "stable":
        said.append("With the last medicine the cancer did not grow.")
    elif last == "progression":
        said.append("The cancer has grown in spite of the last medicine.")
    return [" ".join(said)] if said else []


def _wish(case: Case) -> list[Paragraph]:
    said = []
    if not isinstance(case.preferences.goals, Unknown):
        names = letter_words().by_key["goals"]
        goals = [names[goal] for goal in case.preferences.goals if goal in names]
        if goals:
            said.append(Paragraph(f"We kept in mind what you told us. You want {and_list(goals)}."))
    wish = case.wish
    if not isinstance(wish, Unknown) and not any(item.pattern.search(wish) for item in letter_words().forbidden):
        said.append(Paragraph(f"Your wish stands in our notes: “{wish.strip()}”", own=True))
    return said


def means(result: Assessment) -> tuple[Paragraph, ...]:
    """The paragraphs of what it means."""
    site = result.case.primary.site
    where = None if isinstance(site, Unknown) else letter_words().by_key["sites"].get(site)
    if not in_liver(result):
        return (Paragraph("It is not yet certain that there is cancer in your liver. More tests can show it."),)
    called = Paragraph("Doctors call the spots in your liver metastases.")
    if not where or site in ("neuroendocrine", "sarcoma", "gist"):
        return (called,)
    cells = f"The cells in the liver come from {where}. So we choose treatment that fits that kind of cancer."
    return called, Paragraph(cells)
