"""Tables: facts that are looked up and shown rather than decided (frequencies, detection limits, schedules, claims,
prices).

Every row names its own source and locator, so figures of different populations stand side by side and are never merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glisson.errors import KnowledgeError
from glisson.knowledge.conditions import Condition
from glisson.knowledge.facts import FactTable
from glisson.knowledge.language import parse_condition
from glisson.knowledge.rules import STATUSES
from glisson.knowledge.sources import Quantity, parse_quantity
from glisson.knowledge.strict_yaml import Section

__all__ = ["Column", "Table", "TableRow", "read_table"]

Cell = str | Quantity | tuple[Quantity, ...] | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its kind (text, number, range of two numbers, choice), unit of its numbers, allowed words, whether it
    may be empty.
    """

    name: str
    kind: str
    title: str
    unit: str | None
    values: tuple[str, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its cells by column name, who says so, whether it was confirmed, and for whom it is shown (None: for
    all).
    """

    cells: Mapping[str, Cell]
    source: str
    locator: str
    status: str
    when: Condition | None

    def __getitem__(self, column: str) -> Cell:
        return self.cells[column]

    def number(self, column: str) -> float | None:
        """The number in a cell, without its unit; None where the cell is empty or holds words."""
        cell = self.cells[column]
        return float(cell[0]) if isinstance(cell, tuple) and isinstance(cell[0], int | float) else None

    def needed(self, column: str) -> float:
        """The number in a cell that must hold one. Raises KnowledgeError where it does not."""
        found = self.number(column)
        if found is None:
            raise KnowledgeError(f"A row of a table by {self.source} holds no number in its column {column!r}.")
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the library."""

    id: str
    version: int
    topic: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    file: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of every source it leans on."""
        return tuple(dict.fromkeys(row.source for row in self.rows))

    def numbers(self) -> list[tuple[str, Quantity]]:
        """Every number with the id of the source that must hold it."""
        found: list[tuple[str, Quantity]] = []
        for row in self.rows:
            for cell in row.cells.values():
                if isinstance(cell, tuple):
                    found += [(row.source, q) for q in (cell if isinstance(cell[0], tuple) else (cell,))]
        return found

    def select(self, facts: Mapping[str, object]) -> tuple[TableRow, ...]:
        """The rows for a patient: those whose condition is true, and those without one."""
        return tuple(row for row in self.rows if row.when is None or row.when.truth(facts) is True)


def read_table(section: Section, facts: FactTable) -> Table:
    """A table from its file. Raises KnowledgeError with file and line for whatever is not in the format."""
    columns = tuple(_read_column(name, entry) for name, entry in section.section("columns").named_sections())
    if not columns:
        raise section.wrong("a table needs columns.", "columns")
    table = Table(
        id=section.text("id"),
        version=section.integer("version"),
        topic=section.text("topic"),
        title=section.text("title"),
        about=section.text("about"),
        columns=columns,
        rows=tuple(_read_row(entry, columns, facts) for entry in section.sections("rows")),
        file=section.file,
    )
    section.done()
    return table


def _read_column(name: str, entry: Section) -> Column:
    column = Column(
        name,
        entry.choice("kind", ("text", "number", "range", "choice")),
        entry.text("title"),
        entry.text("unit", "") or None,
        entry.texts("values"),
        entry.flag("optional", False),
    )
    entry.done()
    if (column.kind == "choice") != bool(column.values):
        raise entry.wrong("a choice lists its values, and nothing else does.", "values")
    return column


def _read_row(entry: Section, columns: tuple[Column, ...], facts: FactTable) -> TableRow:
    cells = {column.name: _read_cell(entry, column) for column in columns}
    row = TableRow(
        cells,
        entry.text("source"),
        entry.text("locator"),
        entry.choice("status", STATUSES),
        parse_condition(entry, "when", facts) if entry.has("when") else None,
    )
    entry.done()
    return row


def _read_cell(entry: Section, column: Column) -> Cell:
    name = column.name
    if not entry.has(name) and column.optional:
        entry.asked.add(name)
        return None
    if column.kind == "text":
        return entry.text(name)
    if column.kind == "choice":
        return entry.choice(name, column.values)
    if column.kind == "number":
        return _number(entry.raw(name), entry, column, name)
    items = entry.raw(name)
    if not isinstance(items, list) or len(items) != 2:
        raise entry.wrong(f"a range is two numbers; given {items!r}.", name)
    low, high = (_number(item, entry, column, name, index) for index, item in enumerate(items))
    if low[0] > high[0]:
        raise entry.wrong(f"the range runs backwards: {low[0]:g} to {high[0]:g}.", name)
    return low, high


def _number(raw: object, entry: Section, column: Column, *at: str | int) -> Quantity:
    value, unit = parse_quantity(raw, entry, *at)
    if unit is not None and unit != column.unit:
        raise entry.wrong(f"the column is in {column.unit or 'no unit'}; given {unit}.", *at)
    return value, column.unit
