"""What jobs do, in a process of their own: they read an order's folders and write into its staging folder."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = [
    "WORK", "Order", "Progress", "check_files", "fetch_case", "import_case", "plan_case", "plan_settings",
    "prepare_case", "write_case_letter",
]  # fmt: skip

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Order:
    """What a job is told. staging: an empty folder, the only place it writes to beside the viewer's cache."""

    staging: Path
    case_id: str
    arguments: Mapping[str, Any]
    limits: Mapping[str, Any]
    upload: Path | None = None
    archive: Mapping[str, Any] | None = None
    case_folder: Path | None = None
    results_folder: Path | None = None
    prepared_folder: Path | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Order:
        """An order from the JSON that the server sends."""
        folders = ("upload", "case_folder", "results_folder", "prepared_folder")
        given = {name: Path(data[name]) if data.get(name) else None for name in folders}
        staging = Path(data["staging"])
        return cls(staging, data["case_id"], data["arguments"], data["limits"], archive=data.get("archive"), **given)


def import_case(order: Order, progress: Progress) -> dict[str, Any]:
    """A case folder from uploaded files, in staging/case."""
    from glisson.serve.importing import assemble

    assert order.upload is not None
    return {"what": assemble(order.upload, order.staging, order.case_id, order.limits, progress)}


def fetch_case(order: Order, progress: Progress) -> dict[str, Any]:
    """A case folder from a study of an archive, in staging/case."""
    from glisson.serve.importing import assemble_study
    from glisson.serve.pacs_file import PacsAt

    if order.archive is None:
        raise InputError("This archive is not known to the server any more.")
    node, study = PacsAt(**order.archive).node(), str(order.arguments["study"])
    return {"what": assemble_study(node, study, order.staging, order.case_id, progress)}


def plan_case(order: Order, progress: Progress) -> dict[str, Any]:
    """The dossier of a case, in staging/results."""
    from glisson.case import Unknown
    from glisson.exchange.dicom_results import dicom_folder
    from glisson.report import answer_in_one_sentence, write_dossier
    from glisson.serve.content import write_viewer_data

    assert order.case_folder is not None
    result = _assessed(order, lambda words, share: progress(words, 0.6 * share))
    out = order.staging / "results"
    stamped = datetime.now(UTC)
    dicom = dicom_folder(order.case_folder, result, stamped=stamped)
    write_dossier(
        result, out, stamped=stamped, extra=None if isinstance(dicom, Unknown) else dicom,
        progress=lambda words, share: progress(words, 0.6 + 0.35 * share),
    )  # fmt: skip
    write_viewer_data(result, out)
    return {"answer": answer_in_one_sentence(result)}


def _assessed(order: Order, progress: Progress) -> Assessment:
    from glisson.assessment import assess
    from glisson.imaging import read_case

    assert order.case_folder is not None
    progress("Reading the case", 0.0)
    case, scene = read_case(order.case_folder)
    settings = plan_settings(order.arguments.get("settings", {}))
    return assess(case, scene, settings=settings, progress=lambda words, share: progress(words, 0.2 + 0.8 * share))


def plan_settings(given: Mapping[str, Any]) -> Any:
    """The settings of a planning from plain data, over those of the rules. Raises InputError."""
    from glisson.planning import PlanSettings

    changes = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return PlanSettings.by_rules(**changes)


def write_case_letter(order: Order, progress: Progress) -> dict[str, Any]:
    """The patient's letter of a recorded decision, in staging/letter."""
    from dataclasses import replace

    from glisson.report.letter import plan_letter, write_letter
    from glisson.serve.deciding import decision_of

    result = _assessed(order, lambda words, share: progress(words, 0.9 * share))
    result = replace(result, case=replace(result.case, decision=decision_of(order.arguments["decision"])))
    today = date.fromisoformat(order.arguments["today"])
    progress("Writing the letter", 0.9)
    write_letter(plan_letter(result, today=today), order.staging / "letter", dated=today)
    return {}


def check_files(order: Order, progress: Progress) -> dict[str, Any]:
    """What is wrong, missing or notable in a case, as problems.json among what is prepared for the viewer."""
    from glisson.imaging import check_case

    assert order.case_folder is not None
    assert order.prepared_folder is not None
    progress("Checking the files", 0.0)
    found = [{"level": n.level, "about": n.about or "", "text": n.text} for n in check_case(order.case_folder)]
    _write(order.prepared_folder / "problems.json", json.dumps(found, ensure_ascii=False))
    return {}


def prepare_case(order: Order, progress: Progress) -> dict[str, Any]:
    """What the viewer is sent of a version, made ahead, and the check of its files."""
    from glisson.serve.content.prepare import prepare

    assert order.case_folder is not None
    assert order.prepared_folder is not None
    prepare(order.case_folder, order.results_folder, order.prepared_folder, lambda w, s: progress(w, 0.8 * s))
    return check_files(order, lambda words, share: progress(words, 0.8 + 0.2 * share))


def _write(file: Path, text: str) -> None:
    number, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    with os.fdopen(number, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(file)


WORK: Mapping[str, Callable[[Order, Progress], dict[str, Any]]] = {
    "import": import_case,
    "fetch": fetch_case,
    "plan": plan_case,
    "letter": write_case_letter,
    "check": check_files,
    "prepare": prepare_case,
}
"""By kind of job; each gives back plain data for the server."""
