"""How commands print: a table for people, JSON for machines."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["print_json", "print_table"]


def print_json(value: Any) -> None:
    """Print a value as JSON; NaN is refused rather than written."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows as columns as wide as their longest entry."""
    if not rows:
        print("nothing")
        return
    keys = list(rows[0])
    widths = {key: max(len(key), *(len(str(row[key])) for row in rows)) for key in keys}
    for row in ({key: key for key in keys}, *rows):
        print("  ".join(str(row[key]).ljust(widths[key]) for key in keys).rstrip())
