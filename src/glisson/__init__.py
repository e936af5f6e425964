"""Glisson: from a patient's scans, masks and clinical facts to a tumour-board dossier for liver metastases.

    import glisson as g

    case, scene = g.read_case("CASE")
    result = g.assess(case, scene)
    g.write_dossier(result, "OUT")

Research software, not a medical device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glisson.errors import GlissonError

if TYPE_CHECKING:
    from glisson.assessment import assess
    from glisson.imaging import check_case, init_case, read_case
    from glisson.report import findings, write_dossier
    from glisson.simulate import virtual_patient

__version__ = "0.1.0"

_HOMES = {
    "assess": "glisson.assessment",
    "check_case": "glisson.imaging",
    "findings": "glisson.report",
    "init_case": "glisson.imaging",
    "read_case": "glisson.imaging",
    "virtual_patient": "glisson.simulate",
    "write_dossier": "glisson.report",
}

__all__ = [
    "GlissonError",
    "__version__",
    "assess",
    "check_case",
    "findings",
    "init_case",
    "read_case",
    "virtual_patient",
    "write_dossier",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import glisson` costs milliseconds."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'glisson' has no attribute {name!r}")
