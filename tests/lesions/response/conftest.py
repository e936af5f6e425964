"""Short notation for tables over time.

    follow((0, "T1 60, T2 40, N1* 20, b1 present"), (56, "T1 30, T2 too_small, N1* 9, b1 absent, +X 12"))

Each visit: days after baseline, then lesion and value. A name with + is new, one that begins with a small letter
non-target, else a target; * marks a node. A value is a diameter or, in words, a status (`-` leaves both empty).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from glisson.lesions.response import Timeline, read_response_table, timelines

START = date(2026, 1, 5)
HEADER = "patient,reader,date,lesion,organ,kind,node,diameter_mm,status"


def table_of(*visits: tuple[int, str], reader: str = "R1", columns: tuple[str, ...] = ()) -> str:
    """CSV text of the notation. columns: names of further columns, whose values follow after slashes: `T1 30/45/2`."""
    lines = [",".join((HEADER, *columns))]
    for days, text in visits:
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, value = part.split()
            value, *more = value.split("/")
            kind = "new" if name.startswith("+") else "non-target" if name[0].islower() else "target"
            node = "yes" if name.endswith("*") else "no"
            number = value.replace(".", "", 1).isdigit()
            organ = {"L": "lung", "A": "adrenal"}.get(name[0], "liver")
            cells = ["P1", reader, str(START + timedelta(days)), name.strip("+*"), organ, kind, node]
            cells += [value, ""] if number else ["", "" if value == "-" else value.replace("_", " ")]
            lines.append(",".join(cells + more + [""] * (len(columns) - len(more))))
    return "\n".join(lines)


@pytest.fixture(scope="session")
def follow() -> Callable[..., Timeline]:
    def make(*visits: tuple[int, str], reader: str = "R1", columns: tuple[str, ...] = ()) -> Timeline:
        (line,) = timelines(read_response_table(table_of(*visits, reader=reader, columns=columns)))
        return line

    return make
