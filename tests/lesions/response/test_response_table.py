"""Reading the table: good ones in their variants, and bad ones with errors that name row and column."""

from __future__ import annotations

import pytest

from glisson.errors import InputError
from glisson.lesions.response import read_response_table, respond, timelines

HEAD = "patient,reader,date,lesion,organ,kind,node,diameter_mm,status"
GOOD = "P1,R1,2026-01-05,T1,liver,target,no,50,"


def table(*rows: str, head: str = HEAD) -> str:
    return "\n".join((head, *rows))


def refused(text: str, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        timelines(read_response_table(text, "t.csv"), "t.csv")
    for word in ("t.csv", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("column", ["patient", "date", "lesion", "organ", "kind", "node"])
def test_missing_column(column: str) -> None:
    names = HEAD.split(",")
    at = names.index(column)
    cut = [",".join(cells[:at] + cells[at + 1 :]) for cells in (names, GOOD.split(","))]
    refused("\n".join(cut), f"lacks the column {column}")


def test_neither_diameter_nor_status() -> None:
    refused(table("P1,R1,2026-01-05,T1,liver,target,no", head=HEAD.rsplit(",", 2)[0]), "diameter_mm nor status")


def test_empty_and_headless() -> None:
    refused("", "is empty")
    refused("\n \n", "is empty")
    refused(HEAD, "no rows")


BAD_CELLS = [
    # column, value, words of the message
    ("date", "05.01.2026", "not a day"),
    ("date", "2026-02-30", "not a day"),
    ("date", "2026-1-5", "not a day"),
    ("date", "", "not a day"),
    ("kind", "lesion", "target, non-target, new"),
    ("node", "maybe", "yes or no"),
    ("node", "", "yes or no"),
    ("diameter_mm", "5 cm", "without a unit"),
    ("diameter_mm", "50mm", "without a unit"),
    ("diameter_mm", "12;5", "not a number"),
    ("diameter_mm", "-3", "cannot be"),
    ("diameter_mm", "nan", "cannot be"),
    ("diameter_mm", "inf", "cannot be"),
    ("diameter_mm", "<5", "not a number"),
    ("status", "smallish", "'smallish' is not known"),
    ("status", "absent", "contradicts a diameter of 50 mm"),
    ("status", "ne", "contradicts a diameter"),
    ("status", "progression", "progresses by its diameter"),
    ("patient", "", "is empty"),
    ("lesion", "", "is empty"),
    ("organ", "", "is empty"),
]


@pytest.mark.parametrize(("column", "value", "words"), BAD_CELLS)
def test_bad_cell(column: str, value: str, words: str) -> None:
    cells = GOOD.split(",")
    cells[HEAD.split(",").index(column)] = value
    refused(table(GOOD.replace("T1", "T0"), ",".join(cells)), "row 3", f"column {column}", words)


def test_decimal_comma_in_a_semicolon_table() -> None:
    refused(table(GOOD.replace("50", "12,5").replace(",", ";").replace("12;5", "12,5"), head=HEAD.replace(",", ";")),
            "row 2", "diameter_mm", "with a point, not a comma")  # fmt: skip


@pytest.mark.parametrize("column", ["diameter_cm", "size_cm", "diameter (cm)".replace(" ", "_"), "cm"])
def test_sizes_in_another_unit(column: str) -> None:
    refused(table(GOOD, head=HEAD.replace("diameter_mm", column)), column, "not in millimetres")


def test_two_rows_for_one_lesion_and_date() -> None:
    refused(table(GOOD, GOOD.replace("50", "40")), "row 3", "column lesion", "T1", "P1", "2026-01-05", "row 2")


def test_the_same_lesion_by_two_readers_is_two_timelines() -> None:
    lines = timelines(read_response_table(table(GOOD, GOOD.replace("R1", "R2").replace("50", "48"))))
    assert [(line.reader, respond(line).dates[0].sum) for line in lines] == [("R1", 50), ("R2", 48)]


CHANGES = [
    ("P1,R1,2026-03-02,T1,liver,non-target,no,30,", "column kind"),
    ("P1,R1,2026-03-02,T1,lung,target,no,30,", "column organ"),
    ("P1,R1,2026-03-02,T1,liver,target,yes,30,", "column node"),
]


@pytest.mark.parametrize(("row", "column"), CHANGES)
def test_a_lesion_that_changes_what_it_is(row: str, column: str) -> None:
    refused(table(GOOD, row), "row 3", column, "T1", "row 2")


def test_a_new_lesion_at_baseline() -> None:
    refused(table(GOOD, "P1,R1,2026-01-05,X,liver,new,no,12,"), "row 3", "column kind", "nothing is new")


def test_a_target_first_seen_later() -> None:
    refused(table(GOOD, "P1,R1,2026-03-02,T2,liver,target,no,12,"), "row 3", "column kind", "first date 2026-01-05")


def test_a_lesion_without_kind_first_seen_later() -> None:
    refused(table(GOOD, "P1,R1,2026-03-02,T2,liver,,no,12,"), "row 3", "column kind", "after baseline")


def test_parts_of_what_is_not_there() -> None:
    head = HEAD + ",part_of"
    refused(table(GOOD + ",", "P1,R1,2026-03-02,T1b,liver,target,no,12,,T9", head=head), "row 3", "part_of", "T9")
    refused(table(GOOD + ",", "P1,R1,2026-03-02,T1,liver,target,no,,merged,", head=head), "row 3", "part_of")


def test_other_columns_are_checked_too() -> None:
    for column, value in (("morphology", "4"), ("markers", "high"), ("suv", "hot"), ("volume_ml", "-1")):
        refused(table(f"{GOOD},{value}", head=f"{HEAD},{column}"), "row 2", f"column {column}")
    assert read_response_table(table(f"{GOOD},-40", head=f"{HEAD},hu"))[0].hu == -40


def test_rows_of_the_wrong_length_and_doubled_columns() -> None:
    refused(table(GOOD + ",more"), "row 2", "10 cells under 9 columns")
    refused(table(GOOD + ",", head=HEAD + ",status"), "'status' stands twice")


def test_variants_that_are_read() -> None:
    rows = read_response_table(
        "\ufeff"
        + table(
            "P1,,2026-01-05,T1,Liver,TARGET,No,50.0,measured", "", "P1,,2026-01-05,b,bone,Non Target,no,,Non-CR/Non-PD"
        )
    )
    assert [(row.reader, row.kind, row.state, row.organ) for row in rows] == [
        (None, "target", "measured", "liver"), (None, "non-target", "present", "bone"),
    ]  # fmt: skip
    (row,) = read_response_table(table(GOOD.replace(",", ";"), head=HEAD.replace(",", ";")))
    assert row.diameter_mm == 50
    (row,) = read_response_table(
        table("P1,2026-01-05,T1,liver,target,no,50", head="patient,date,lesion,organ,kind,node,diameter_mm")
    )
    assert row.reader is None
    (row,) = read_response_table(
        table("P1,2026-01-05,b,liver,non-target,no,absent", head="patient,date,lesion,organ,kind,node,status")
    )
    assert row.state == "absent"


def test_dates_are_sorted_whatever_the_order_of_rows() -> None:
    later = GOOD.replace("2026-01-05", "2026-03-02").replace("50", "30")
    (line,) = timelines(read_response_table(table(later, GOOD)))
    assert [row.sum for row in respond(line).dates] == [50, 30]


def test_rows_of_a_later_line_break_are_numbered_as_in_the_file() -> None:
    refused(table(GOOD, "", "", GOOD.replace("T1", "T2").replace("50", "x")), "row 5")
