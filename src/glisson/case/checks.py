"""Facts that contradict each other, found across the whole case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from glisson.case.model import Case
from glisson.case.reader import Reader
from glisson.case.timeline import dated_paths
from glisson.case.unknown import Unknown

__all__ = ["check_consistency"]

MAY_FOLLOW_THE_BOARD = ("board.date", "board.next_step_by", "decision.date", "decision.next_by")


def check_consistency(case: Case, reader: Reader) -> None:
    """Record every contradiction at the line of the fact that is most likely wrong."""
    for path, what, expected in _contradictions(case):
        reader.fail(path, path, what, expected)


def _contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    yield from _order(case)
    yield from _after_the_board(case)
    yield from _primary(case)
    yield from _genes(case)
    yield from _elsewhere(case)
    yield from _lesions(case)


def _ordered_pairs(case: Case) -> Iterator[tuple[str, object, str, object]]:
    """(earlier path, its day, later path, its day) of every pair whose order is fixed."""
    yield "primary.diagnosed", case.primary.diagnosed, "primary.resected", case.primary.resected
    if case.decision is not None:
        yield "board.date", case.board.date, "decision.date", case.decision.date
        yield "decision.date", case.decision.date, "decision.next_by", case.decision.next_by
    yield "board.date", case.board.date, "board.next_step_by", case.board.next_step_by
    if not isinstance(case.treatments, Unknown):
        for index, treatment in enumerate(case.treatments):
            yield f"treatments[{index}].start", treatment.start, f"treatments[{index}].stop", treatment.stop
    for index, lesion in enumerate(case.lesions):
        yield f"lesions[{index}].first_seen", lesion.first_seen, f"lesions[{index}].vanished_on", lesion.vanished_on


def _order(case: Case) -> Iterator[tuple[str, str, str]]:
    for earlier_path, earlier, later_path, later in _ordered_pairs(case):
        if isinstance(earlier, date) and isinstance(later, date) and later < earlier:
            yield later_path, later.isoformat(), f"expected {earlier_path} ({earlier.isoformat()}) or later."


def _after_the_board(case: Case) -> Iterator[tuple[str, str, str]]:
    board = case.board.date
    if isinstance(board, Unknown):
        return
    for path, day in dated_paths(case):
        if day > board and path not in MAY_FOLLOW_THE_BOARD:
            expected = (
                f"expected {board.isoformat()} (board.date, the day of the board) or earlier; or move board.date."
            )
            yield path, day.isoformat(), expected


def _primary(case: Case) -> Iterator[tuple[str, str, str]]:
    primary = case.primary
    if isinstance(primary.resected, date) and primary.in_place is True:
        yield (
            "primary.in_place",
            "true",
            f"it was resected on {primary.resected.isoformat()} (primary.resected); keep one of the two.",
        )
    if not isinstance(primary.positive_nodes, Unknown) and not isinstance(primary.examined_nodes, Unknown):
        positive, examined = primary.positive_nodes, primary.examined_nodes
        if positive > examined:
            yield "primary.positive_nodes", str(positive), f"expected at most primary.examined_nodes ({examined})."
    if primary.site == "colorectal" and primary.side == "bilateral":
        yield "primary.side", "'bilateral'", "expected left, right or rectum for a colorectal primary."
    if (
        primary.side == "rectum"
        and primary.site not in ("colorectal", "neuroendocrine")
        and not isinstance(primary.site, Unknown)
    ):
        yield "primary.side", "'rectum'", f"it fits a colorectal primary, and primary.site is {primary.site}."


def _genes(case: Case) -> Iterator[tuple[str, str, str]]:
    genes = case.biomarkers
    known = {gene: state for gene in ("kras", "nras") if not isinstance(state := getattr(genes, gene), Unknown)}
    if genes.ras == "wild-type" and "mutated" in known.values():
        yield "biomarkers.ras", "'wild-type'", "KRAS or NRAS is given as mutated; leave ras out, or correct one."
    if genes.ras == "mutated" and list(known.values()) == ["wild-type", "wild-type"]:
        yield "biomarkers.ras", "'mutated'", "KRAS and NRAS are both given as wild-type; leave ras out, or correct one."
    if genes.kras_g12c is True and genes.kras == "wild-type":
        yield "biomarkers.kras_g12c", "true", "KRAS is given as wild-type; correct one."
    if genes.kras_g12c is True and genes.ras == "wild-type":
        yield "biomarkers.kras_g12c", "true", "RAS is given as wild-type; correct one."


def _elsewhere(case: Case) -> Iterator[tuple[str, str, str]]:
    outside = case.extrahepatic
    sites = () if isinstance(outside.sites, Unknown) else outside.sites
    if outside.status == "none" and any(site.treated is not True for site in sites):
        yield (
            "extrahepatic.status",
            "'none'",
            "sites are listed that were not treated; write present, or remove them.",
        )
    if outside.status == "present" and outside.sites == ():
        yield "extrahepatic.sites", "[]", "disease is given as present; name its sites, or leave sites out."
    if not isinstance(case.treatments, Unknown):
        for index, treatment in enumerate(case.treatments):
            if treatment.ongoing is True and isinstance(treatment.stop, date):
                yield (
                    f"treatments[{index}].ongoing",
                    "true",
                    f"it stopped on {treatment.stop.isoformat()}; keep one of the two.",
                )
    both = sorted({sign.sign for sign in case.signs.present} & set(case.signs.absent))
    if both:
        yield "signs.absent", ", ".join(both), "listed as present too; keep one of the two."
    yield from _operated(case)
    if case.patient.sex == "male" and case.patient.pregnancy is True:
        yield "patient.pregnancy", "true", "patient.sex is male; correct one."


def _operated(case: Case) -> Iterator[tuple[str, str, str]]:
    """A resection of liver that is listed with its day and denied elsewhere."""
    treatments = () if isinstance(case.treatments, Unknown) else case.treatments
    day = next((t.start for t in treatments if t.kind == "hepatectomy" and isinstance(t.start, date)), None)
    if case.liver.previous_hepatectomy is False and day is not None:
        yield "liver.previous_hepatectomy", "false", f"treatments list a hepatectomy of {day.isoformat()}; correct one."


def _lesions(case: Case) -> Iterator[tuple[str, str, str]]:
    for index, lesion in enumerate(case.lesions):
        if isinstance(lesion.vanished_on, date) and lesion.nature not in ("vanished", "treated"):
            yield (
                f"lesions[{index}].nature",
                repr(lesion.nature),
                "a lesion with vanished_on has the nature vanished or treated.",
            )
    studies = [study.id for study in case.studies]
    for index, lesion in enumerate(case.lesions):
        for place, known in enumerate(lesion.known_as):
            if known.study not in studies:
                yield (
                    f"lesions[{index}].known_as[{place}].study",
                    repr(known.study),
                    f"no study has this name; the studies are {', '.join(studies) or 'none'}.",
                )
