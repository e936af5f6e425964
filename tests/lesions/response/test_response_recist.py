"""RECIST 1.1 from measured lesions: each rule and each trap by hand, and what must hold of every table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.lesions.response import Reading, respond, select_targets, timelines

START = date(2026, 1, 5)


def words(response) -> list[str]:
    return [row.overall for row in response.dates[1:]]


SUMS = [
    # sums, responses of the dates after baseline
    ("100 60 72", "PR PD", "nadir 60, +20 % and 12 mm, though 28 % below baseline"),
    ("25 20 24", "SD SD", "+20 % but 4 mm"),
    ("100 20 24", "PR PR", "+20 % but 4 mm, and 76 % below baseline"),
    ("100 20 25", "PR PD", "+25 % and 5 mm over the nadir comes before 75 % below baseline"),
    ("40 48", "PD", "the nadir includes the baseline"),
    ("40 47.9", "SD", "7.9 mm but 19.75 %"),
    ("24 29", "PD", "5 mm and 20.8 %"),
    ("24 28.9", "SD", "20.4 % but 4.9 mm"),
    ("90 63", "PR", "exactly 30 %, which floats miss"),
    ("90 63.1", "SD", "29.9 %"),
    ("30 21", "PR", "exactly 30 %"),
    ("1.1 0.77", "PR", "exactly 30 % of a fraction"),
    ("100 130 100 130", "PD SD PD", "the nadir is the smallest sum, not the last"),
    ("100 50 80 60", "PR PD PD", "60 is +20 % over the nadir 50 and 10 mm"),
    ("100 70 70 80 80", "PR PR SD SD", "EORTC's table writes PR for 80; by the numbers it is stable, the best PR"),
]


@pytest.mark.parametrize(("sums", "expected", "why"), SUMS)
def test_sums(follow, sums: str, expected: str, why: str) -> None:
    visits = [(56 * number, f"T1 {size}") for number, size in enumerate(sums.split())]
    response = respond(follow(*visits))
    assert words(response) == expected.split(), why
    assert [row.sum for row in response.dates] == [float(size) for size in sums.split()]


def test_partial_response_stays_the_best_when_the_sum_hovers(follow) -> None:
    """The EORTC's example for iRECIST and RECIST 1.1: 100, 70, 70, 80, 80, 80 has the best response PR."""
    sizes = (100, 70, 70, 80, 80, 80)
    best = respond(follow(*[(56 * n, f"T1 {size}, b present") for n, size in enumerate(sizes)])).best
    assert (best.best, best.best_confirmed) == ("PR", "PR")


def test_sum_adds_longest_diameters_and_short_axes_of_nodes(follow) -> None:
    response = respond(follow((0, "T1 40, T2 20, N1* 18"), (56, "T1 20, T2 10, N1* 8")))
    assert [row.sum for row in response.dates] == [78, 38]
    assert response.dates[1].baseline_percent == pytest.approx(-51.282, abs=1e-3)


def test_nodes_below_ten_millimetres_are_gone_though_the_sum_is_not_zero(follow) -> None:
    row = respond(follow((0, "T1 30, N1* 20"), (56, "T1 absent, N1* 9.9"))).dates[1]
    assert (row.target, row.overall, row.sum) == ("CR", "CR", 9.9)
    row = respond(follow((0, "T1 30, N1* 20"), (56, "T1 absent, N1* 10"))).dates[1]
    assert (row.target, row.overall) == ("PR", "PR")


def test_normal_nodes_that_vary_are_still_a_complete_response(follow) -> None:
    """4 and 9 mm are both normal; the sum more than doubled by 5 mm all the same."""
    response = respond(follow((0, "T1 30, N1* 20"), (56, "T1 absent, N1* 4"), (112, "T1 absent, N1* 9")))
    assert words(response) == ["CR", "CR"]


def test_too_small_to_measure_is_five_millimetres(follow) -> None:
    response = respond(follow((0, "T1 20, T2 20"), (56, "T1 too_small, T2 too_small")))
    assert response.dates[1].sum == 10
    assert words(response) == ["PR"]


def test_a_measure_below_five_millimetres_is_kept(follow) -> None:
    assert respond(follow((0, "T1 20"), (56, "T1 3"))).dates[1].sum == 3


def test_a_missing_target_is_not_evaluable_and_never_zero(follow) -> None:
    for missing in ("T2 -", "T2 not_evaluable", "T2 present", ""):
        row = respond(follow((0, "T1 50, T2 50"), (56, f"T1 10, {missing}"))).dates[1]
        assert (row.sum, row.target, row.overall) == (None, "NE", "NE"), missing
        assert "T2" in row.why[0]


def test_the_guideline_example_of_a_missing_target_that_cannot_matter(follow) -> None:
    """Baseline 50 mm of three lesions; two of them come to 80 mm: progression whatever the third is."""
    row = respond(follow((0, "T1 20, T2 20, L1 10"), (56, "T1 45, T2 35, L1 -"))).dates[1]
    assert (row.target, row.overall, row.sum) == ("PD", "PD", None)


def test_a_missed_date_does_not_lower_the_nadir(follow) -> None:
    response = respond(follow((0, "T1 50, T2 50"), (56, "T1 50, T2 -"), (112, "T1 50, T2 60")))
    assert words(response) == ["NE", "SD"]


@pytest.mark.parametrize("baseline", ["T2 -", "T2 ne", "T2 absent", "T2 too_small", "T2 0"])
def test_a_target_without_a_measure_at_baseline_cannot_respond(follow, baseline: str) -> None:
    response = respond(follow((0, f"T1 50, {baseline}"), (56, "T1 absent, T2 absent"), (112, "T1 80, T2 40")))
    assert words(response)[0] == "NE"
    assert "baseline" in " ".join(response.dates[1].why)
    assert any("not measurable" in note for note in response.notes)


def test_non_target_diameters_never_make_progression(follow) -> None:
    response = respond(follow((0, "T1 50, b1 20"), (56, "T1 50, b1 60")))
    assert words(response) == ["SD"]
    assert response.dates[1].non_target == "non-CR/non-PD"
    assert "grew" in " ".join(response.dates[1].why)


def test_non_target_nodes_are_gone_below_ten_millimetres(follow) -> None:
    row = respond(follow((0, "T1 50, n1* 12"), (56, "T1 absent, n1* 9"))).dates[1]
    assert (row.non_target, row.overall) == ("CR", "CR")


def test_raised_markers_forbid_a_complete_response(follow) -> None:
    columns = ("markers",)
    visits = ((0, "T1 50/raised, b present"), (56, "T1 absent/raised, b absent"), (112, "T1 absent/normal, b absent"))
    rows = respond(follow(*visits, columns=columns)).dates[1:]
    assert [(row.non_target, row.overall) for row in rows] == [("non-CR/non-PD", "PR"), ("CR", "CR")]
    row = respond(follow((0, "T1 50/raised"), (56, "T1 absent/raised"), columns=columns)).dates[1]
    assert (row.target, row.overall) == ("CR", "PR")


def test_a_new_lesion_is_progression_and_stays_until_it_is_recorded_absent(follow) -> None:
    response = respond(follow((0, "T1 50"), (56, "T1 30, +X 12"), (112, "T1 30"), (168, "T1 30, +X absent")))
    assert [row.new for row in response.dates] == [False, True, True, False]
    assert words(response) == ["PD", "PD", "PR"]
    assert response.best.best == "PD"


def test_a_doubtful_new_lesion_dates_back_once_it_is_certain(follow) -> None:
    doubtful = respond(follow((0, "T1 50"), (56, "T1 50, +X equivocal"), (112, "T1 50, +X equivocal")))
    assert words(doubtful) == ["SD", "SD"]
    assert "may be new" in " ".join(doubtful.dates[1].why)
    certain = respond(follow((0, "T1 50"), (56, "T1 50, +X equivocal"), (112, "T1 50, +X 15")))
    assert words(certain) == ["PD", "PD"]


def test_a_new_node_of_normal_size_is_not_a_new_lesion(follow) -> None:
    response = respond(follow((0, "T1 50"), (56, "T1 50, +N* 9"), (112, "T1 50, +N* 11")))
    assert [row.new for row in response.dates[1:]] == [False, True]


def test_disease_after_a_complete_response_is_progression(follow) -> None:
    response = respond(follow((0, "T1 40"), (56, "T1 absent"), (112, "T1 4")))
    assert words(response) == ["CR", "PD"]
    assert "came back" in " ".join(response.dates[2].why)
    assert "partial" in " ".join(response.dates[2].why)


def test_one_lesion_that_vanishes_and_returns_is_not_progression_by_itself(follow) -> None:
    visits = ((0, "T1 50, T2 15"), (56, "T1 30, T2 absent"), (112, "T1 30, T2 4"))
    assert words(respond(follow(*visits))) == ["PR", "PR"]


def test_pieces_of_a_split_lesion_add_up(follow) -> None:
    visits = ((0, "T1 50"), (56, "T1 20, T1b 15/T1"))
    response = respond(follow(*visits, columns=("part_of",)))
    assert response.dates[1].sum == 35


def test_merged_lesions_count_once_and_with_their_carrier(follow) -> None:
    columns = ("part_of",)
    both = respond(follow((0, "T1 50, T2 30"), (56, "T1 70, T2 merged/T1"), columns=columns)).dates[1]
    assert (both.sum, both.target) == (70, "SD")
    unseen = respond(follow((0, "T1 50, T2 30"), (56, "T1 -, T2 merged/T1"), columns=columns)).dates[1]
    assert unseen.target == "NE"
    visits = ((0, "T1 50, T2 30, b 20"), (56, "T1 50, T2 merged/b, b 60"))
    assert respond(follow(*visits, columns=columns)).dates[1].target == "NE"


def test_no_disease_at_baseline(follow) -> None:
    """Nothing to follow: only a new lesion says something."""
    response = respond(follow((0, "b absent"), (56, "b absent, +X 20")))
    assert words(response) == ["PD"]


def test_deviations_from_the_choice_of_targets_are_named(follow) -> None:
    notes = " ".join(respond(follow((0, "T1 30, T2 30, T3 30, N1* 14, L1 9, A1 12"), (56, "T1 30"))).notes)
    assert "6 targets" in notes
    assert "3 targets in one organ (liver)" in notes
    assert "N1 is not measurable" in notes
    assert "15 mm" in notes
    assert "L1 is not measurable" in notes
    assert "A1" not in notes
    assert respond(follow((0, "T1 10, N1* 15"), (56, "T1 10, N1* 15"))).notes == ()


def test_thick_slices_ask_for_larger_targets(follow) -> None:
    notes = respond(follow((0, "T1 15/8"), (56, "T1 15/8"), columns=("slice_mm",))).notes
    assert "slices of 8 mm" in notes[0]


def test_centimetres_are_suspected(follow) -> None:
    assert "centimetres" in " ".join(respond(follow((0, "T1 3.2, T2 2.1"), (56, "T1 3.2, T2 2.1"))).notes)


def reading(name: str, size: float, organ: str = "liver", node: bool = False, kind: str = "") -> Reading:
    return Reading(2, "P1", None, START, name, organ, kind, node, "measured", diameter_mm=size)


def test_targets_are_the_largest_two_of_an_organ_and_five_in_all() -> None:
    rows = [
        reading("A", 50), reading("B", 40), reading("C", 45), reading("D", 12, "lung"), reading("E", 9, "lung"),
        reading("F", 16, "neck", node=True), reading("G", 14, "groin", node=True), reading("H", 30, "groin", node=True),
        reading("I", 25, "neck", node=True), reading("J", 11, "adrenal"),
    ]  # fmt: skip
    assert sorted(select_targets(rows)) == ["A", "C", "D", "H", "J"]


def test_every_organ_is_represented_before_a_second_lesion_is_taken() -> None:
    organs = ("liver", "lung", "adrenal", "spleen")
    rows = [reading(f"{organ}{n}", 90 - n - 10 * i, organ) for i, organ in enumerate(organs) for n in (1, 2)]
    assert sorted(select_targets(rows)) == ["adrenal1", "liver1", "liver2", "lung1", "spleen1"]


def test_targets_are_selected_where_the_table_names_no_kind() -> None:
    rows = [
        Reading(n + 2, "P1", None, START + timedelta(days), name, "liver", "", False, "measured", diameter_mm=size)
        for n, (days, name, size) in enumerate(
            [(0, "A", 50.0), (0, "B", 40.0), (0, "C", 30.0), (56, "A", 30.0), (56, "B", 20.0), (56, "C", 30.0)]
        )
    ]
    response = respond(timelines(rows)[0])
    assert [row.sum for row in response.dates] == [90, 50]
    assert response.dates[1].non_target == "non-CR/non-PD"


def test_change_near_a_limit_is_said(follow) -> None:
    near = respond(follow((0, "T1 50, T2 50"), (56, "T1 60, T2 61"))).dates[1].near
    assert len(near) == 1
    assert "progression" in near[0]
    assert "+21.0 %" in near[0]
    clear = respond(follow((0, "T1 50, T2 50"), (56, "T1 80, T2 80"))).dates[1].near
    assert clear == ()


def test_the_readers_own_error_replaces_the_published_one(follow) -> None:
    line = follow((0, "T1 50, T2 50"), (56, "T1 62, T2 60"))
    assert respond(line, stated_percent=1.0).dates[1].near == ()
    (near,) = respond(line, stated_percent=3.0).dates[1].near
    assert "+18 and +26 %" in near
    with pytest.raises(InputError, match="from 0"):
        respond(line, stated_percent=-1.0)


SIZES = st.one_of(st.integers(0, 90).map(str), st.sampled_from(["absent", "too_small", "ne", "-", "present"]))


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[int, str]]:
    names = ["T1", "T2", "L1"][: draw(st.integers(1, 3))]
    first = ", ".join(f"{name} {draw(SIZES)}" for name in names)
    visits = [(0, first)]
    for number in range(draw(st.integers(1, 4))):
        seen = [f"{name} {draw(SIZES)}" for name in names if draw(st.booleans()) or name == names[0]]
        visits.append((56 * (number + 1), ", ".join(seen)))
    return visits


@given(courses())
def test_an_unmeasured_target_never_gives_a_response(follow, visits) -> None:
    """Neither does one without a measure at baseline; stable disease is not said either."""
    line = follow(*visits)
    response = respond(line)
    targets = line.of_kind("target")

    def measured(name: str, day: date) -> bool:
        rows = line.rows(name, day)
        allowed = ("measured",) if day == line.baseline else ("measured", "absent", "too small")
        return bool(rows) and all(row.state in allowed for row in rows)

    whole = all(measured(lesion.name, line.baseline) for lesion in targets)
    for row in response.dates[1:]:
        if not whole or not all(measured(lesion.name, row.date) for lesion in targets):
            assert row.overall in ("NE", "PD")
            assert row.sum is None or not whole
    if not whole:
        assert response.best.best in ("NE", "PD")


@given(courses(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(follow, visits, random) -> None:
    rows = [row for own in follow(*visits).readings.values() for row in own]
    mixed = list(rows)
    random.shuffle(mixed)
    first, second = (respond(timelines(own)[0]) for own in (rows, mixed))
    assert [(r.date, r.sum, r.overall) for r in first.dates] == [(r.date, r.sum, r.overall) for r in second.dates]
    assert first.best.best_confirmed == second.best.best_confirmed


@given(st.lists(st.integers(10, 200), min_size=2, max_size=6), st.integers(0, 5))
def test_larger_targets_are_never_a_better_response(follow, sizes: list[int], more: int) -> None:
    """On one date with the same past, a larger sum is the same response or a worse one."""
    order = ["CR", "PR", "SD", "PD"]
    visits = [(56 * n, f"T1 {size}") for n, size in enumerate(sizes)]
    larger = [*visits[:-1], (visits[-1][0], f"T1 {sizes[-1] + more}")]
    small, large = (respond(follow(*own)).dates[-1].target for own in (visits, larger))
    assert order.index(large) >= order.index(small)
