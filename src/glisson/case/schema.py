"""The JSON Schema of case.yaml, from the same declarations as the loader."""

from __future__ import annotations

from typing import Any

from glisson.case.model import Case
from glisson.case.sections import Section

__all__ = ["case_schema"]


def case_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a case file.

    What spans several keys (the order of dates, the units of a test) only the loader checks.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Glisson case file",
        "description": "The clinical facts of one patient with liver metastases, and where the scans and masks are.",
        **Section(Case).schema(),
        "$defs": {
            "unknown": {
                "type": "object",
                "properties": {
                    "unknown": {"type": "string", "pattern": r"\S", "description": "why the fact is not known"}
                },
                "required": ["unknown"],
                "additionalProperties": False,
            }
        },
    }
